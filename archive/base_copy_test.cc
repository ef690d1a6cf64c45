#include "archive/base_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "archive/segment_store.h"
#include "archive/tar.h"
#include "archive/zstd_file.h"
#include "base/bytes.h"
#include "base/file.h"

namespace berth::archive {
namespace {

class ArchiveTest : public testing::Test {
 protected:
  ArchiveTest() {
    char name[] = "/tmp/berth-archive-XXXXXX";
    folder_ = ::mkdtemp(name);
    for (const char* part : {"/archive/wal", "/archive/objects", "/archive/base", "/pg_wal/archive_status"})
      BERTH_CHECK(make_directories(folder_ + part).has_value());
  }
  ~ArchiveTest() override { (void)remove_tree(folder_); }
  std::string archive() const { return folder_ + "/archive"; }
  void write(const std::string& path, std::string_view content, bool old = true) {
    const std::string full = folder_ + "/" + path;
    BERTH_CHECK(make_directories(full.substr(0, full.rfind('/'))).has_value());
    BERTH_CHECK(write_file_durably(full, content).has_value());
    const timespec times[2] = {{1'700'000'000, 5}, {1'700'000'000, 5}};
    if (old) ::utimensat(AT_FDCWD, full.c_str(), times, 0);
  }
  std::string read(const std::string& path) { return read_file(folder_ + "/" + path).value_or("(none)"); }
  std::uint64_t blocks(const std::string& path) {
    struct stat info{};
    return ::stat((folder_ + "/" + path).c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks)
                                                              : 0;
  }
  // A cluster with two databases of customers and one of the system.
  void make_cluster() {
    write("data/PG_VERSION", "15\n");
    write("data/postgresql.conf", "listen_addresses = '*'\n");
    write("data/postmaster.pid", "1\n");
    write("data/global/pg_control", "control");
    write("data/global/1262", "databases");
    write("data/pg_wal/000000010000000000000001", "log");
    write("data/pg_xact/0000", "transactions");
    write("data/base/5/1259", "system");
    write("data/base/16390/1259", "one");
    write("data/base/16390/t3_16400", "of a session");
    write("data/base/16391/1259", "two");
    write("data/base/16391/16500", std::string(3 << 20, 'x'));
    BERTH_CHECK(make_directories(folder_ + "/data/pg_tblspc").has_value());
  }
  CopiedFiles copy(const std::string& id, const Manifest* previous = nullptr) {
    return copy_cluster(archive(), folder_ + "/data", id, previous, [](auto, auto) {});
  }
  void extract(const CopiedFiles& files, std::vector<std::uint32_t> databases) {
    BERTH_CHECK(remove_tree(folder_ + "/scratch").has_value());
    Manifest manifest;
    manifest.id = "x";
    manifest.label = "START\n";
    manifest.files = files;
    extract_cluster(archive(), manifest, databases, folder_ + "/scratch", [](auto, auto) {});
  }
  std::string folder_;
};

TEST_F(ArchiveTest, BringsBackOneDatabaseAndOfTheOthersOnlyWhatTheyTakeUp) {
  make_cluster();
  extract(copy("a"), {16390});
  EXPECT_EQ(read("scratch/base/16390/1259"), "one");
  EXPECT_EQ(read("scratch/base/5/1259"), "system");
  EXPECT_EQ(read("scratch/global/pg_control"), "control");
  EXPECT_EQ(read("scratch/pg_xact/0000"), "transactions");
  EXPECT_EQ(read("scratch/backup_label"), "START\n");
  EXPECT_EQ(read("scratch/recovery.signal"), "");
  for (const char* path : {"postgresql.conf", "postmaster.pid", "base/16390/t3_16400", "base/16391/1259",
                           "pg_wal/000000010000000000000001"})
    EXPECT_FALSE(path_exists(folder_ + "/scratch/" + path)) << path;
  EXPECT_EQ(read("scratch/base/16391/16500"), std::string(3 << 20, '\0')) << "a hole of the same size";
  EXPECT_EQ(blocks("scratch/base/16391/16500"), 0u);
}

TEST_F(ArchiveTest, AnUnchangedDatabaseIsTakenOverFromTheLastBackup) {
  make_cluster();
  Manifest first;
  first.files = copy("a");
  write("data/base/16390/1259", "new", false);
  const auto second = copy("b", &first);
  for (const auto& group : second.groups) {
    const bool is_taken_over = group.database == 5 || group.database == 16391;
    EXPECT_EQ(group.object.starts_with("a-"), is_taken_over) << group.object;
  }
  EXPECT_LT(second.new_bytes, first.files.new_bytes);
  extract(second, {16390, 16391});
  EXPECT_EQ(read("scratch/base/16390/1259"), "new");
  EXPECT_EQ(read("scratch/base/16391/16500"), std::string(3 << 20, 'x'));

  // A file that was just written may be written again within the same tick of its time: never taken over.
  Manifest both;
  both.files = second;
  const auto third = copy("c", &both);
  for (const auto& group : third.groups)
    if (group.database == 16390) EXPECT_TRUE(group.object.starts_with("c-"));
  // And an object that is gone is made again.
  for (const auto& group : second.groups)
    if (group.database == 16391) ::unlink((archive() + "/objects/" + group.object).c_str());
  for (const auto& group : copy("d", &both).groups)
    if (group.database == 16391) EXPECT_TRUE(group.object.starts_with("d-"));
}

TEST_F(ArchiveTest, AFlippedByteOrAMissingEndIsFound) {
  make_cluster();
  const auto files = copy("a");
  const auto object = [&] {
    for (const auto& group : files.groups)
      if (group.database == 16391) return archive() + "/objects/" + group.object;
    return std::string();
  }();
  const auto good = read_file(object).value();
  for (const std::size_t at : {good.size() / 2, good.size() - 1}) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    BERTH_CHECK(write_file_durably(object, bad).has_value());
    EXPECT_THROW(extract(files, {16391}), Failure) << at;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, good.size() / 2, good.size() - 1}) {
    BERTH_CHECK(write_file_durably(object, good.substr(0, size)).has_value());
    EXPECT_THROW(extract(files, {16391}), Failure) << size;
  }
  ::unlink(object.c_str());
  EXPECT_THROW(extract(files, {16391}), Failure);
  EXPECT_NO_THROW(extract(files, {16390})) << "the others do not need it";
}

TEST_F(ArchiveTest, AnObjectIsATarThatTarReads) {
  make_cluster();
  for (const auto& group : copy("a").groups) {
    if (group.database != 16391) continue;
    const std::string command = "mkdir " + folder_ + "/by-hand && tar --zstd -C " + folder_ +
                                "/by-hand -xf " + archive() + "/objects/" + group.object;
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  EXPECT_EQ(read("by-hand/base/16391/1259"), "two");
  EXPECT_EQ(read("by-hand/base/16391/16500").size(), 3u << 20);
}

TEST_F(ArchiveTest, TablespacesAreRefused) {
  make_cluster();
  ASSERT_EQ(::symlink("/tmp", (folder_ + "/data/pg_tblspc/16400").c_str()), 0);
  EXPECT_THROW(copy("a"), Failure);
}

TEST(Tar, RefusesOtherThanPlainFilesInside) {
  const auto with = [](const std::string& path) { return format_tar_header({path, 5, 7}).value(); };
  const auto read = parse_tar_header(with("base/1/2")).value();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->path, "base/1/2");
  EXPECT_EQ(read->bytes, 5u);
  EXPECT_EQ(read->modified, 7);
  for (const char* path : {"../x", "/etc/passwd", "base/../../x", "base//x", "base/"})
    EXPECT_FALSE(parse_tar_header(with(path))) << path;
  EXPECT_FALSE(format_tar_header({std::string(100, 'x'), 0, 0}));
  EXPECT_FALSE(format_tar_header({"x", std::uint64_t{1} << 33, 0}));
  auto link = with("x");
  link[156] = '2';
  EXPECT_FALSE(parse_tar_header(link)) << "and its sum does not fit";
  EXPECT_EQ(parse_tar_header(std::array<char, kTarBlock>{}).value(), std::nullopt);
}

const std::string kSegment = "000000010000000000000005";

TEST_F(ArchiveTest, ASegmentComesBackAsItWasAndTheSameAgainIsFine) {
  const std::string content = std::string(1 << 20, 'a') + random_hex(1000) + std::string(15 << 20, '\0');
  write("pg_wal/" + kSegment, content);
  EXPECT_EQ(push_segment(archive(), folder_ + "/pg_wal/" + kSegment, {}), Pushed::kStored);
  EXPECT_EQ(push_segment(archive(), folder_ + "/pg_wal/" + kSegment, {}), Pushed::kThereAlready);
  EXPECT_TRUE(fetch_segment(archive(), folder_ + "/none", kSegment, folder_ + "/got"));
  EXPECT_EQ(read("got"), content);
  EXPECT_FALSE(fetch_segment(archive(), folder_ + "/none", "000000010000000000000006", folder_ + "/got"));
  write("pg_wal/" + kSegment, "other");
  EXPECT_THROW(push_segment(archive(), folder_ + "/pg_wal/" + kSegment, {}), Failure);
  EXPECT_THROW(push_segment(archive(), folder_ + "/pg_wal/passwd", {}), Failure);
}

TEST_F(ArchiveTest, WhatIsNotArchivedYetComesFromTheLiveLog) {
  write("pg_wal/" + kSegment, "live");
  EXPECT_TRUE(fetch_segment(archive(), folder_ + "/pg_wal", kSegment, folder_ + "/got"));
  EXPECT_EQ(read("got"), "live");
}

TEST_F(ArchiveTest, ADamagedSegmentIsNoEndOfTheLog) {
  write("pg_wal/" + kSegment, random_hex(100'000));
  push_segment(archive(), folder_ + "/pg_wal/" + kSegment, {});
  const std::string stored = archive() + "/wal/" + kSegment + ".zst";
  auto bytes = read_file(stored).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  ASSERT_TRUE(write_file_durably(stored, bytes));
  EXPECT_THROW(fetch_segment(archive(), folder_ + "/none", kSegment, folder_ + "/got"), Failure);
}

TEST_F(ArchiveTest, AFullDiskMakesSegmentsWaitAndTooManyAreGivenUp) {
  write("pg_wal/" + kSegment, "log");
  const std::uint64_t more_than_any_disk = std::uint64_t{1} << 62;
  const PushLimits limits{.reserve_bytes = more_than_any_disk, .pending = 3};
  const auto push = [&] { return push_segment(archive(), folder_ + "/pg_wal/" + kSegment, limits); };
  for (int i = 0; i < 3; ++i) {
    write(fmt::format("pg_wal/archive_status/{}.ready", i), "");
    EXPECT_THROW(push(), Failure);
  }
  write("pg_wal/archive_status/3.ready", "");
  EXPECT_EQ(push(), Pushed::kGivenUp);
  EXPECT_TRUE(list_segments(archive()).empty());
  // There is room again.
  EXPECT_EQ(push_segment(archive(), folder_ + "/pg_wal/" + kSegment, {.pending = 3}), Pushed::kStored);
}

TEST_F(ArchiveTest, OldSegmentsGoAndHistoriesStay) {
  for (const char* name :
       {"000000010000000000000005", "000000010000000000000006", "000000020000000000000006",
        "000000020000000000000007", "00000002.history", "000000010000000000000005.00000028.backup"}) {
    write(fmt::format("pg_wal/{}", name), name);
    push_segment(archive(), folder_ + "/pg_wal/" + name, {});
  }
  auto all = list_segments(archive());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].name, (SegmentName{2, 6})) << "the newest timeline of a number";
  remove_segments_before(archive(), 6);
  all = list_segments(archive());
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(path_exists(archive() + "/wal/00000002.history.zst"));
  EXPECT_FALSE(path_exists(archive() + "/wal/000000010000000000000005.00000028.backup.zst"));
}

}  // namespace
}  // namespace berth::archive
