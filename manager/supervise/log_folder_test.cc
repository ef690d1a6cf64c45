#include "manager/supervise/log_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"

namespace berth::manager {
namespace {

class LogFolder : public ::testing::Test {
 protected:
  LogFolder() {
    char pattern[] = "/tmp/berth-log-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~LogFolder() override { std::filesystem::remove_all(path_); }
  // `age`: seconds since it was written last.
  void write(const std::string& name, const std::string& text, int age) {
    ASSERT_TRUE(write_file_durably(path_ + "/" + name, text));
    const timespec times[2] = {{1'800'000'000 - age, 0}, {1'800'000'000 - age, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (path_ + "/" + name).c_str(), times, 0), 0);
  }
  std::string path_;
};

TEST_F(LogFolder, AnEmptyOneHasNoLog) { EXPECT_EQ(newest_log(path_), ""); }

TEST_F(LogFolder, TheServicesOwnLogComesBeforeWhatItPrints) {
  write("output.log", "last words\n", 0);
  write("notes.log", "11-22 10:00:00.000 team@example.com running\n", 60);
  EXPECT_EQ(newest_log(path_), path_ + "/notes.log");
}

TEST_F(LogFolder, WhatAProgramPrintsIsItsLogIfItHasNoOther) {
  write("output.log", "ready\n", 0);
  EXPECT_EQ(newest_log(path_), path_ + "/output.log");
}

TEST_F(LogFolder, TheTailGoesOnIntoTheFileBefore) {
  write("notes.log.1", "one\ntwo\n", 60);
  write("notes.log", "three\n", 0);
  EXPECT_EQ(read_tail(path_, 2, "").lines, (std::vector<std::string>{"two", "three"}));
}

TEST_F(LogFolder, TheTailOfOneInstanceLeavesTheOthersOut) {
  write("notes.log", "t1 team@example.com a\nt2 other@example.com b\nt3 team@example.com c\n", 0);
  EXPECT_EQ(read_tail(path_, 10, "team@example.com").lines,
            (std::vector<std::string>{"t1 team@example.com a", "t3 team@example.com c"}));
}

TEST_F(LogFolder, TheEndOfALargeFileBeginsWithAWholeLine) {
  write("notes.log", "first line\nsecond line\nthird\n", 0);
  const auto end = read_file_end(path_ + "/notes.log", 14);
  EXPECT_EQ(end.text, "third\n");
  EXPECT_TRUE(end.is_cut);
}

TEST_F(LogFolder, APipeInTheLogsPlaceIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((path_ + "/notes.log").c_str(), 0600), 0);
  EXPECT_EQ(read_file_end(path_ + "/notes.log", 100).text, "");
}

}  // namespace
}  // namespace berth::manager
