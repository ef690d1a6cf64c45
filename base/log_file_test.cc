#include "base/log_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace berth {
namespace {

using ::testing::HasSubstr;

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() {
    char pattern[] = "/tmp/berth-log-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(LogFileTest, RotatesAtItsSizeAndKeepsAsManyFilesAsAskedFor) {
  const auto file = or_throw(LogFile::open(folder_, "notes", 4096, 3));
  for (int i = 0; i < 1000; ++i) file->write("line " + std::to_string(i) + std::string(20, '.'));
  const std::string path = folder_ + "/notes.log";
  for (const char* suffix : {"", ".1", ".2"}) {
    const auto text = or_throw(read_file(path + suffix));
    EXPECT_LE(text.size(), 4096u) << suffix;
    EXPECT_TRUE(text.ends_with('\n')) << suffix;
  }
  EXPECT_FALSE(path_exists(path + ".3"));
  EXPECT_THAT(or_throw(read_file(path)), HasSubstr("line 999."));
}

TEST_F(LogFileTest, GoesOnWhereItsPredecessorEnded) {
  or_throw(LogFile::open(folder_, "notes", 4096, 3))->write("before");
  or_throw(LogFile::open(folder_, "notes", 4096, 3))->write("after");
  EXPECT_THAT(or_throw(read_file(folder_ + "/notes.log")),
              ::testing::AllOf(HasSubstr("before"), HasSubstr("after")));
}

TEST_F(LogFileTest, MakesItsFolderAndSaysWhyItCannotBeOpened) {
  EXPECT_TRUE(LogFile::open(folder_ + "/a/b", "manager", 4096, 2).has_value());
  EXPECT_TRUE(path_exists(folder_ + "/a/b/manager.log"));
  EXPECT_FALSE(LogFile::open(folder_ + "/a/b/manager.log", "x", 4096, 2).has_value());
}

}  // namespace
}  // namespace berth
