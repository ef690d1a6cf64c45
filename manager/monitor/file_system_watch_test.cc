#include "manager/monitor/file_system_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// What Linux writes (fs/ext4/super.c, fs/jbd2/journal.c), as /dev/kmsg gives it.
TEST(KernelRecord, TellsTheDeviceOfABrokenFileSystem) {
  const auto error = parse_kernel_record(
      "3,1217,84927562,-;EXT4-fs error (device sda2): ext4_find_entry:1463: inode #131077: comm postgres: "
      "reading "
      "directory lblock 0\n SUBSYSTEM=block\n");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->device, "sda2");
  EXPECT_THAT(error->text, HasSubstr("reading directory lblock 0"));
  EXPECT_EQ(parse_kernel_record("2,9,1,-;EXT4-fs (dm-0): Remounting filesystem read-only")->device, "dm-0");
  EXPECT_EQ(parse_kernel_record("3,9,1,-;Aborting journal on device sda2-8.")->device, "sda2");
}

TEST(KernelRecord, IsSilentAboutAllElse) {
  for (const char* record :
       {"6,9,1,-;EXT4-fs (vda1): mounted filesystem 4af2 r/w with ordered data mode. Quota mode: none.",
        "6,9,1,-;EXT4-fs (vda1): re-mounted 4af2 r/w.",
        "4,9,1,-;usb 1-1: device descriptor read/64, error -71", "EXT4-fs error (device sda2)", "",
        "3,1,1,-;EXT4-fs error (device"})
    EXPECT_FALSE(parse_kernel_record(record)) << record;
}

TEST(FileSystems, OnlyMountedExt4IsLookedAtEachDeviceOnce) {
  const auto found = find_ext4(
      "27 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"
      "30 27 254:1 /var /mnt/bind\\040here rw shared:1 - ext4 /dev/vda1 rw\n"
      "31 27 0:25 / /tmp rw - tmpfs tmpfs rw\n"
      "32 27 8:2 / /srv/my\\040data rw shared:3 - ext4 /dev/sda2 rw\n",
      [](std::string_view number) { return number == "254:1" ? "vda1" : "sda2"; });
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].device, "vda1");
  EXPECT_EQ(found[0].mounted, "/");
  EXPECT_EQ(found[1].source, "/dev/sda2");
  EXPECT_EQ(found[1].mounted, "/srv/my data");
}

class FileSystemWatchTest : public testing::Test {
 protected:
  FileSystemWatchTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-ext4-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    for (const char* name : {"/sys", "/sys/sda2", "/dev", "/block"})
      std::filesystem::create_directory(folder_ + name);
    std::filesystem::create_symlink("../../sda/sda2", folder_ + "/block/8:2");
    write("/mountinfo", "32 27 8:2 / /data rw - ext4 /dev/sda2 rw\n");
    write("/sys/sda2/errors_count", "0\n");
    ::mkfifo((folder_ + "/kmsg").c_str(), 0600);
    start();
  }
  ~FileSystemWatchTest() override {
    watch_.reset();
    std::filesystem::remove_all(folder_);
    set_log_sink(nullptr);
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ + name, std::ios::trunc) << text;
  }
  void start() {
    FileSystemSources sources;
    sources.mountinfo = folder_ + "/mountinfo";
    sources.devices = folder_ + "/block";
    sources.ext4 = folder_ + "/sys";
    sources.kernel_log = folder_ + "/kmsg";
    sources.memory = folder_ + "/monitor/file_systems.json";
    sources.tell = [this](Condition condition) { told_.push_back(std::move(condition)); };
    watch_ = std::make_unique<FileSystemWatch>(loop_, std::move(sources));
  }
  // As the kernel would, one record a read.
  void say(std::string_view record) {
    watch_->look();  // opens it
    const UniqueFd fd(::open((folder_ + "/kmsg").c_str(), O_WRONLY | O_NONBLOCK));
    ASSERT_TRUE(fd);
    ASSERT_EQ(::write(fd.get(), record.data(), record.size()), static_cast<ssize_t>(record.size()));
    watch_->look();
  }

  loop::Loop loop_;
  std::string folder_;
  std::vector<Condition> told_;
  std::unique_ptr<FileSystemWatch> watch_;
};

TEST_F(FileSystemWatchTest, ErrorsThatTheFileSystemCountsAreAnEventWithWhatToDo) {
  watch_->look();
  EXPECT_THAT(told_, IsEmpty());
  write("/sys/sda2/errors_count", "3\n");
  watch_->look();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].code, 0x0024ff04u);
  EXPECT_EQ(told_[0].severity, api::AlarmSeverity::kCritical);
  EXPECT_EQ(told_[0].text, "Broken file system: 3 errors on /dev/sda2, mounted at /data.");
  EXPECT_EQ(told_[0].command, "e2fsck -p -f /dev/sda2");
  EXPECT_THAT(told_[0].fix, HasSubstr("backup"));
  ASSERT_THAT(watch_->checks(), SizeIs(1));
  EXPECT_EQ(watch_->checks()[0].id, "file-system-sda2");
}

TEST_F(FileSystemWatchTest, ItIsToldOnceAlsoOverRestartsUntilThereAreMore) {
  write("/sys/sda2/errors_count", "3\n");
  watch_->look();
  watch_->look();
  start();
  watch_->look();
  EXPECT_THAT(told_, SizeIs(1));
  EXPECT_THAT(watch_->checks(), SizeIs(1));  // it still is broken
  write("/sys/sda2/errors_count", "4\n");
  watch_->look();
  EXPECT_THAT(told_, SizeIs(2));
}

TEST_F(FileSystemWatchTest, ARepairedOneIsForgottenAndItsNextErrorToldAgain) {
  write("/sys/sda2/errors_count", "3\n");
  watch_->look();
  write("/sys/sda2/errors_count", "0\n");
  watch_->look();
  EXPECT_THAT(watch_->checks(), IsEmpty());
  start();
  write("/sys/sda2/errors_count", "1\n");
  watch_->look();
  EXPECT_THAT(told_, SizeIs(2));
}

TEST_F(FileSystemWatchTest, TheKernelsWordsStandInTheDetails) {
  say("3,1217,84927562,-;EXT4-fs error (device sda2): ext4_lookup:1855: inode #2: comm ls: deleted inode\n");
  write("/sys/sda2/errors_count", "1\n");
  watch_->look();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_THAT(told_[0].details, HasSubstr("deleted inode"));
}

TEST_F(FileSystemWatchTest, WhereTheCountCannotBeReadTheKernelLogDoes) {
  std::filesystem::remove_all(folder_ + "/sys");
  say("3,1217,84927562,-;EXT4-fs error (device sda2): ext4_lookup:1855: inode #2: comm ls: deleted inode\n");
  ASSERT_THAT(told_, SizeIs(1));
  say("3,1218,84927563,-;EXT4-fs error (device sdb1): not one of ours\n");
  EXPECT_THAT(told_, SizeIs(1));
}

}  // namespace
}  // namespace berth::manager
