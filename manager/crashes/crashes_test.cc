// Where core dumps lie, what the kernel's log says, and reports as files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/zstd_file.h"
#include "base/file.h"
#include "base/text.h"
#include "manager/crashes/core_place.h"
#include "manager/crashes/crash_reports.h"
#include "manager/crashes/kernel_log.h"
#include "manager/crashes/report_store.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    char name[] = "/tmp/berth-crashes-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryFolder() { EXPECT_TRUE(remove_tree(path)); }
  void write(const std::string& name, std::string_view text) const {
    or_throw(make_directories((path + "/" + name).substr(0, (path + "/" + name).rfind('/'))));
    or_throw(write_file_durably(path + "/" + name, text));
  }
  bool has(const std::string& name) const { return path_exists(path + "/" + name); }
};

// The front of an ELF file of type 4, a core dump (elf(5)).
std::string core_file(std::string_view text) {
  return "\177ELF" + std::string(12, '\0') + std::string("\4\0", 2) + std::string(text);
}

// core(5): a name beside the process, a program, a place of its own.
TEST(CorePlace, IsBesideTheProcessOnlyForAPlainName) {
  for (const std::string_view pattern : {"core", "core.%p\n", "core_%e"})
    EXPECT_TRUE(parse_core_pattern(pattern).is_beside);
  EXPECT_EQ(parse_core_pattern("core.%p").prefix, "core.");
  EXPECT_THAT(parse_core_pattern("|/usr/lib/systemd/systemd-coredump %P %u").why,
              HasSubstr("hands core dumps to /usr/lib/systemd/systemd-coredump (kernel.core_pattern)"));
  EXPECT_THAT(parse_core_pattern("/var/crash/core.%p").why, HasSubstr("to /var/crash/core.%p"));
  EXPECT_FALSE(parse_core_pattern("").is_beside);
  EXPECT_FALSE(parse_core_pattern("%e.core").is_beside);
}

TEST(TakeCore, TakesTheNewestAndLeavesWhatIsNone) {
  const TemporaryFolder folder;
  folder.write("core.1", core_file("the older"));
  folder.write("core.2", core_file("the newer"));
  folder.write("core.so",
               "\177ELF" + std::string(12, '\0') + std::string("\3\0", 2) + "a library of the app");
  folder.write("corelation.txt", "an app's own file");
  folder.write("notes.core", core_file("of another name"));
  const timespec old[2] = {{1'000'000, 0}, {1'000'000, 0}};
  ::utimensat(AT_FDCWD, (folder.path + "/core.1").c_str(), old, 0);
  const auto core = take_core(folder.path, "core", ::geteuid());
  ASSERT_TRUE(core) << core.error().detail;
  char text[64] = {};
  EXPECT_GT(::pread(core->get(), text, sizeof text, 18), 0);
  EXPECT_STREQ(text, "the newer");
  EXPECT_FALSE(folder.has("core.1"));
  EXPECT_FALSE(folder.has("core.2"));
  EXPECT_TRUE(folder.has("corelation.txt"));
  EXPECT_TRUE(folder.has("notes.core"));
  EXPECT_TRUE(folder.has("core.so"));
  EXPECT_EQ(take_core(folder.path, "core", ::geteuid()).error().code, Errc::kNotFound);
}

// What an app may put into its own folder to have the manager open it.
TEST(TakeCore, FollowsNoLinksAndWaitsForNoPipe) {
  const TemporaryFolder folder;
  folder.write("elsewhere/secret", core_file("somebody else's"));
  ASSERT_EQ(::symlink((folder.path + "/elsewhere/secret").c_str(), (folder.path + "/core").c_str()), 0);
  ASSERT_EQ(::link((folder.path + "/elsewhere/secret").c_str(), (folder.path + "/core.1").c_str()), 0);
  ASSERT_EQ(::mkfifo((folder.path + "/core.2").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir((folder.path + "/core.3").c_str(), 0700), 0);
  EXPECT_EQ(take_core(folder.path, "core", ::geteuid()).error().code, Errc::kNotFound);
  EXPECT_TRUE(folder.has("elsewhere/secret"));
}

// Lines of Linux 6.1.
TEST(KernelLog, TellsWhomItEndedForWantOfMemory) {
  const std::string_view log =
      "6,1200,9000,-;notes invoked oom-killer: gfp_mask=0x1100cca(GFP_HIGHUSER_MOVABLE), order=0\n"
      "3,1201,9001,-;Out of memory: Killed process 4711 (notes) total-vm:812kB, anon-rss:512kB\n"
      "3,1202,9002,-;Memory cgroup out of memory: Killed process 4712 (echo) total-vm:812kB\n";
  EXPECT_THAT(find_oom_kill(log, 4711), testing::StartsWith("Out of memory: Killed process 4711 (notes)"));
  EXPECT_THAT(find_oom_kill(log, 4712), testing::StartsWith("Memory cgroup out of memory"));
  EXPECT_EQ(find_oom_kill(log, 471), "");
  EXPECT_EQ(find_oom_kill("", 1), "");
}

TEST(ReportId, NamesItsServiceAndIsAFileName) {
  const auto at = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(22);
  EXPECT_EQ(make_report_id("my-app", at, 4711), "my-app-20261122-220000-4711");
  EXPECT_EQ(service_of_report("my-app-20261122-220000-4711"), "my-app");
  EXPECT_TRUE(is_report_id("my-app-20261122-220000-4711"));
  for (const std::string_view id :
       {"", "a", "../../etc/passwd", "..-1-2-3", "/a-1-2-3", "a/b-1-2-3", ".a-1-2-3", "a b-1-2-3"})
    EXPECT_FALSE(is_report_id(id)) << id;
}

class ReportStoreTest : public testing::Test {
 protected:
  api::CrashReport report(const std::string& service, int number, std::string build = "100") {
    api::CrashReport one;
    one.id = fmt::format("{}-20261122-2200{:02}-{}", service, number % 60, number);
    one.service = service;
    one.build = std::move(build);
    one.at = fmt::format("2026-11-22T22:00:{:02}Z", number % 60);
    one.text = "signal 11 (Segmentation fault)";
    one.group = "0123456789abcdef";
    one.stack = {{"notes::save", "notes.cc:10", "notes", "0x100"}};
    return one;
  }
  TemporaryFolder folder_;
  ReportStore store_{folder_.path + "/core_dumps"};
  ReportLimits limits_;
};

TEST_F(ReportStoreTest, GivesBackWhatWasPut) {
  auto one = report("notes", 1);
  one.core_note = "the kernel wrote no core dump";
  ASSERT_TRUE(store_.put(one, {"first line", "last line"}, limits_));
  const auto got = or_throw(store_.get(one.id));
  EXPECT_EQ(got.text, one.text);
  ASSERT_EQ(got.stack.size(), 1u);
  EXPECT_EQ(got.stack[0].function, "notes::save");
  EXPECT_THAT(store_.trace(one.id), ElementsAre("first line", "last line"));
  EXPECT_EQ(store_.get("notes-20261122-220099-9").error().code, Errc::kNotFound);
  EXPECT_EQ(store_.get("../../etc/passwd").error().code, Errc::kNotFound);
  struct stat info{};
  ASSERT_EQ(::stat((folder_.path + "/core_dumps/notes").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(ReportStoreTest, CountsTheSameCrashOverBuildsAlsoWhenItsReportsAreGone) {
  limits_.reports = 2;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_.put(report("notes", i, i < 3 ? "100" : "101"), {}, limits_));
  const auto groups = store_.groups();
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].count, 5u);
  EXPECT_THAT(groups[0].builds, ElementsAre("100", "101"));
  EXPECT_EQ(groups[0].first_at, "2026-11-22T22:00:00Z");
  EXPECT_EQ(groups[0].last_at, "2026-11-22T22:00:04Z");
  EXPECT_EQ(store_.list().size(), 2u);
  EXPECT_EQ(store_.remove_group("0123456789abcdef"), 2u);
  EXPECT_TRUE(store_.groups().empty());
  EXPECT_TRUE(store_.list().empty());
}

TEST_F(ReportStoreTest, KeepsWithinItsLimitsWhateverLiesThere) {
  ASSERT_TRUE(store_.put(report("notes", 1), {"a line"}, limits_));
  // Of an earlier system: a thousand dumps, and a folder that is none of ours.
  for (int i = 0; i < 1000; ++i) folder_.write(fmt::format("core_dumps/notes/core.{}", i), "\177ELF old");
  folder_.write("core_dumps/other/core", "\177ELF old");
  folder_.write("core_dumps/loose", "not in a folder");
  store_.prune(limits_);
  int left = 0;
  for (int i = 0; i < 1000; ++i) left += folder_.has(fmt::format("core_dumps/notes/core.{}", i));
  EXPECT_EQ(left, 5);
  EXPECT_TRUE(store_.get("notes-20261122-220001-1"));
  EXPECT_THAT(store_.trace("notes-20261122-220001-1"), ElementsAre("a line"));
  EXPECT_EQ(store_.list().size(), 1u);
}

TEST_F(ReportStoreTest, RemovesTheOldestDumpsFirstWhenAllTogetherAreTooMuch) {
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 3; ++i) {
    auto one = report("notes", i);
    one.core_bytes = megabyte.size();
    folder_.write(fmt::format("core_dumps/notes/{}.core.zst", one.id), megabyte);
    const timespec when[2] = {{1'000'000 + i, 0}, {1'000'000 + i, 0}};
    ::utimensat(AT_FDCWD, fmt::format("{}/core_dumps/notes/{}.core.zst", folder_.path, one.id).c_str(), when,
                0);
    ASSERT_TRUE(store_.put(one, {}, limits_));
  }
  limits_.bytes = 2'200'000;
  EXPECT_LE(store_.prune(limits_), limits_.bytes);
  const auto oldest = or_throw(store_.get(report("notes", 0).id));
  EXPECT_EQ(oldest.core_bytes, 0u);
  EXPECT_THAT(oldest.core_note, HasSubstr("to make room"));
  EXPECT_GT(or_throw(store_.get(report("notes", 2).id)).core_bytes, 0u);
}

TEST(CoreWords, BecomePartsOfTheReport) {
  api::CrashReport report;
  report.text = "signal 11 (Segmentation fault)";
  take_core_words(
      "{\"notes\":{\"signal\":11,\"code\":1,\"threads\":2,\"address\":\"0x10\"}}\n"
      "{\"coreBytes\":1234,\"rawBytes\":99999}\n"
      "no JSON at all\n{\"new\":1}\n"
      "{\"stack\":[{\"function\":\"f\",\"place\":\"a.cc:1\",\"module\":\"m\",\"address\":\"0x1\"},7],"
      "\"threads\":2}\n",
      report);
  EXPECT_EQ(report.text, "signal 11 (Segmentation fault) at address 0x10");
  EXPECT_EQ(report.threads, 2u);
  EXPECT_EQ(report.core_bytes, 1234u);
  ASSERT_EQ(report.stack.size(), 1u);
  EXPECT_EQ(report.stack[0].place, "a.cc:1");
}

}  // namespace
}  // namespace berth::manager
