#include "manager/supervise/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

namespace fs = std::filesystem;

class OutputFile : public testing::Test {
 protected:
  OutputFile() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-output-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    fs::create_directory(folder_ + "/logs");
    path_ = folder_ + "/logs/output.log";
  }
  ~OutputFile() override {
    set_log_sink(nullptr);
    fs::remove_all(folder_);
  }
  void open_and_print(const std::string& text) {
    const auto fd = open_output(path_, ::geteuid());
    ASSERT_TRUE(fd) << fd.error().detail;
    ASSERT_TRUE(write_all(fd->get(), text));
  }
  std::string folder_, path_;
};

TEST_F(OutputFile, IsAppendedToAndPutAsideWhenItIsLarge) {
  open_and_print("one\n");
  open_and_print("two\n");
  EXPECT_EQ(*read_file(path_), "one\ntwo\n");
  open_and_print(std::string(kOutputBytes, 'x'));
  open_and_print("three\n");
  EXPECT_EQ(*read_file(path_), "three\n");
  EXPECT_EQ(fs::file_size(path_ + ".1"), kOutputBytes + 8);
}

// The manager is root and gives the file to the service: what a link leads to would be the service's then.
TEST_F(OutputFile, ALinkInItsPlaceIsNotFollowedAndWhatItLeadsToStaysAsItWas) {
  const std::string secret = folder_ + "/secret";
  std::ofstream(secret) << "of root";
  fs::create_symlink(secret, path_);
  open_and_print("printed\n");
  EXPECT_EQ(*read_file(secret), "of root");
  EXPECT_EQ(*read_file(path_), "printed\n");
  EXPECT_FALSE(fs::is_symlink(path_));
}

TEST_F(OutputFile, ASecondNameOfAnotherFileIsRemovedAndThatFileStaysAsItWas) {
  const std::string other = folder_ + "/other";
  std::ofstream(other) << "of another";
  fs::create_hard_link(other, path_);
  open_and_print("printed\n");
  EXPECT_EQ(*read_file(other), "of another");
  EXPECT_EQ(*read_file(path_), "printed\n");
}

TEST_F(OutputFile, APipeOrAFolderInItsPlaceHoldsNobodyUp) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  open_and_print("printed\n");
  EXPECT_EQ(*read_file(path_), "printed\n");
  fs::remove(path_);
  fs::create_directory(path_);
  open_and_print("again\n");
  EXPECT_EQ(*read_file(path_), "again\n");
}

TEST_F(OutputFile, IsShortenedWhileItIsWrittenAndItsEndIsKept) {
  const auto fd = open_output(path_, std::nullopt);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(write_all(fd->get(), "small\n"));
  EXPECT_FALSE(shorten_output(path_).value());
  ASSERT_TRUE(write_all(fd->get(), std::string(3 * kOutputBytes, 'x') + "the end\n"));
  EXPECT_TRUE(shorten_output(path_).value());
  EXPECT_EQ(output_size(path_), 0u);
  const auto kept = read_file(path_ + ".1");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), kOutputBytes);
  EXPECT_TRUE(kept->ends_with("xthe end\n"));
  // Its writer goes on at the beginning and leaves no hole.
  ASSERT_TRUE(write_all(fd->get(), "after\n"));
  EXPECT_EQ(*read_file(path_), "after\n");
}

TEST_F(OutputFile, NothingIsShortenedThroughALink) {
  const std::string other = folder_ + "/other";
  std::ofstream(other) << std::string(2 * kOutputBytes, 'o');
  fs::create_symlink(other, path_);
  EXPECT_EQ(output_size(path_), std::nullopt);
  EXPECT_FALSE(shorten_output(path_).value());
  fs::remove(path_);
  fs::create_hard_link(other, path_);
  EXPECT_FALSE(shorten_output(path_).value());
  EXPECT_EQ(fs::file_size(other), 2 * kOutputBytes);
}

}  // namespace
}  // namespace berth::manager
