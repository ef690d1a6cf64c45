#include "manager/store/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/result.h"
#include "loop/sync.h"

namespace berth::manager {
namespace {

namespace fs = std::filesystem;

struct Member {
  std::string name;
  unsigned type = AE_IFREG;
  std::string content = {};
};

class Unpack : public ::testing::Test {
 protected:
  Unpack() {
    char name[] = "/tmp/archive_test.XXXXXX";
    BERTH_CHECK(::mkdtemp(name));
    top_ = name;
  }
  ~Unpack() override { fs::remove_all(top_); }

  void unpack(const std::vector<Member>& members, ArchiveLimits limits = {}) {
    auto* writer = ::archive_write_new();
    ::archive_write_set_format_ustar(writer);
    ::archive_write_add_filter_by_name(writer, filter_.c_str());
    ::archive_write_open_filename(writer, (top_ + "/package.tar").c_str());
    for (const auto& member : members) {
      auto* entry = ::archive_entry_new();
      ::archive_entry_set_pathname(entry, member.name.c_str());
      ::archive_entry_set_filetype(entry, member.type);
      ::archive_entry_set_perm(entry, 0777);
      ::archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
      if (member.type == AE_IFLNK) ::archive_entry_set_symlink(entry, "/etc/passwd");
      ::archive_write_header(writer, entry);
      ::archive_write_data(writer, member.content.data(), member.content.size());
      ::archive_entry_free(entry);
    }
    ::archive_write_free(writer);
    loop::run_task(loop_, unpack_archive(loop_, top_ + "/package.tar", folder(), limits));
  }
  Errc refusal(const std::vector<Member>& members, ArchiveLimits limits = {}) {
    try {
      unpack(members, limits);
    } catch (const Failure& failure) {
      EXPECT_FALSE(fs::exists(folder()));
      return failure.error().code;
    }
    ADD_FAILURE() << "it was taken";
    return Errc::kNotFound;
  }
  std::string folder() const { return top_ + "/unpacked"; }

  loop::Loop loop_;
  std::string top_, filter_ = "gzip";
};

TEST_F(Unpack, TakesPlainFilesAndFolders) {
  unpack({{"./a/", AE_IFDIR}, {"./a/b", AE_IFREG, "hello"}, {"c", AE_IFREG, ""}});
  EXPECT_EQ(or_throw(read_file(folder() + "/a/b")), "hello");
  EXPECT_TRUE(fs::is_regular_file(folder() + "/c"));
}

// libarchive knows more, and starts programs for some of it.
TEST_F(Unpack, ReadsTheCompressionsThatAreToldOnly) {
  for (const auto* filter : {"gzip", "zstd", "xz"}) {
    filter_ = filter;
    unpack({{"a", AE_IFREG, "hello"}});
    fs::remove_all(folder());
  }
  filter_ = "uuencode";
  EXPECT_EQ(refusal({{"a", AE_IFREG, "hello"}}), Errc::kMalformed);
}

TEST_F(Unpack, RefusesWhatLeavesTheFolderOrIsNoFile) {
  for (const auto* name : {"../x", "a/../../x", "/x", "a/.."})
    EXPECT_EQ(refusal({{name, AE_IFREG, "x"}}), Errc::kMalformed) << name;
  EXPECT_EQ(refusal({{"x", AE_IFLNK}}), Errc::kMalformed);
  EXPECT_EQ(refusal({{"x", AE_IFIFO}}), Errc::kMalformed);
  EXPECT_EQ(refusal({}), Errc::kMalformed);
}

TEST_F(Unpack, CountsBytesFilesAndFolders) {
  constexpr ArchiveLimits kLimits{.file_bytes = 10, .all_bytes = 15, .files = 3};
  EXPECT_EQ(refusal({{"x", AE_IFREG, "12345678901"}}, kLimits), Errc::kTooLarge);
  EXPECT_EQ(refusal({{"x", AE_IFREG, "1234567890"}, {"y", AE_IFREG, "123456"}}, kLimits), Errc::kTooLarge);
  EXPECT_EQ(refusal({{"1"}, {"2"}, {"3"}, {"4"}}, kLimits), Errc::kTooLarge);
  for (const auto* name : {"./", "a/", "b/c/"}) {
    std::vector<Member> members(6, {name, AE_IFDIR});
    members.push_back({"file"});
    EXPECT_EQ(refusal(members, kLimits), Errc::kTooLarge) << name;
  }
  EXPECT_EQ(refusal({{"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}}), Errc::kTooLarge);
}

}  // namespace
}  // namespace berth::manager
