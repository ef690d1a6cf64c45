#include "manager/monitor/ring_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::SizeIs;

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kStart = 1'800'000'000;  // a multiple of an hour

class RingFileTest : public testing::Test {
 protected:
  RingFileTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-ring-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~RingFileTest() override {
    std::filesystem::remove_all(folder_);
    set_log_sink(nullptr);
  }
  std::string path() const { return folder_ + "/one.ring"; }
  RingFile open() const { return RingFile(path(), layout_); }
  static std::vector<std::int64_t> times(const std::vector<RingRow>& rows) {
    std::vector<std::int64_t> times;
    for (const auto& row : rows) times.push_back(row.at - kStart);
    return times;
  }
  std::vector<RingRow> all(std::size_t level) const {
    auto file = open();
    return or_throw(file.read(level, 0, kStart * 2));
  }
  void overwrite(std::uint64_t offset, std::string_view bytes) const {
    const UniqueFd fd(::open(path().c_str(), O_RDWR));
    ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
  }

  std::string folder_;
  RingLayout layout_{{"cpu", "memory"}, {{10, 12}, {60, 10}, {600, 6}}};
};

TEST_F(RingFileTest, TellsWhatWasKeptEvenToAnotherProcessThatOpensItLater) {
  {
    auto file = open();
    const float first[] = {1, 100}, second[] = {3, kUnknown};
    or_throw(file.add(kStart, first));
    or_throw(file.add(kStart + 13, second));
  }
  const auto rows = all(0);
  EXPECT_THAT(times(rows), ElementsAre(0, 10));
  EXPECT_THAT(rows[0].mean, ElementsAre(1, 100));
  EXPECT_FLOAT_EQ(rows[1].mean[0], 3);
  EXPECT_TRUE(std::isnan(rows[1].mean[1]));
}

TEST_F(RingFileTest, CoarserLevelsHaveMeanAndPeakAlsoOfTheStepThatGoesOn) {
  auto file = open();
  for (int i = 0; i < 9; ++i) {
    const float values[] = {static_cast<float>(i), i == 4 ? kUnknown : 10};
    or_throw(file.add(kStart + i * 10, values));
  }
  const auto minutes = or_throw(file.read(1, 0, kStart * 2));
  EXPECT_THAT(times(minutes), ElementsAre(0, 60));
  EXPECT_THAT(minutes[0].mean, ElementsAre(FloatEq(2.5), FloatEq(10)));
  EXPECT_THAT(minutes[0].peak, ElementsAre(5, 10));
  EXPECT_THAT(minutes[1].mean, ElementsAre(FloatEq(7), FloatEq(10)));  // 6, 7, 8: not over yet
  const auto longest = or_throw(file.read(2, 0, kStart * 2));
  EXPECT_THAT(times(longest), ElementsAre(0));
  EXPECT_THAT(longest[0].peak, ElementsAre(8, 10));
}

TEST_F(RingFileTest, ARingForgetsTheOldestAndTheFileDoesNotGrow) {
  auto file = open();
  for (int i = 0; i < 1000; ++i) {
    const float values[] = {static_cast<float>(i), 0};
    or_throw(file.add(kStart + i * 10, values));
  }
  const auto fine = all(0);
  EXPECT_THAT(fine, SizeIs(12));
  EXPECT_EQ(fine.front().at, kStart + 988 * 10);
  EXPECT_THAT(all(1), SizeIs(10 + 1));  // and the one that goes on
  EXPECT_THAT(all(2), SizeIs(6 + 1));
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_LE(static_cast<std::uint64_t>(info.st_size), full_size(layout_));
  EXPECT_EQ(full_size(layout_), 4096u + 12 * 16 + 10 * 24 + 6 * 24);
}

TEST_F(RingFileTest, AfterAKillWithinAStepTheCoarserLevelHasAllOfIt) {
  for (int i = 0; i < 8; ++i) {
    auto file = open();  // a new process for each measurement
    const float values[] = {static_cast<float>(i), 0};
    or_throw(file.add(kStart + i * 10, values));
  }
  EXPECT_THAT(all(1)[0].mean[0], FloatEq(2.5));
}

TEST_F(RingFileTest, AGapLeavesNothingInItAndWhatWasBeforeItGoesIntoTheCoarserLevels) {
  auto file = open();
  const float one[] = {1, 1}, two[] = {2, 2};
  or_throw(file.add(kStart, one));
  or_throw(file.add(kStart + 1800, two));
  EXPECT_THAT(times(or_throw(file.read(1, 0, kStart * 2))), ElementsAre(0, 1800));
  EXPECT_THAT(times(or_throw(file.read(2, 0, kStart * 2))), ElementsAre(0, 1800));
}

TEST_F(RingFileTest, ATornRowIsNoRow) {
  {
    auto file = open();
    for (int i = 0; i < 3; ++i) {
      const float values[] = {1, 2};
      or_throw(file.add(kStart + i * 10, values));
    }
  }
  const auto slot = static_cast<std::uint64_t>((kStart / 10 + 1) % 12);
  overwrite(4096 + slot * 16 + 10, "x");
  EXPECT_THAT(times(all(0)), ElementsAre(0, 20));
}

TEST_F(RingFileTest, AFileThatCannotBeReadIsBegunAnew) {
  or_throw(write_file_durably(path(), "something else"));
  EXPECT_THAT(all(0), SizeIs(0));
  auto file = open();
  const float values[] = {1, 2};
  or_throw(file.add(kStart, values));
  EXPECT_THAT(all(0), SizeIs(1));
  overwrite(20, "x");  // the header's checksum no longer fits
  EXPECT_THAT(all(0), SizeIs(0));
}

TEST_F(RingFileTest, ANewerBuildWithOtherColumnsKeepsWhatBothHave) {
  {
    auto file = open();
    for (int i = 0; i < 8; ++i) {
      const float values[] = {static_cast<float>(i), 100};
      or_throw(file.add(kStart + i * 10, values));
    }
  }
  layout_.columns = {"tasks", "cpu"};
  auto file = open();
  const float values[] = {7, 8};
  or_throw(file.add(kStart + 80, values));
  const auto rows = all(0);
  EXPECT_THAT(rows, SizeIs(9));
  EXPECT_TRUE(std::isnan(rows[0].mean[0]));
  EXPECT_FLOAT_EQ(rows[3].mean[1], 3);
  EXPECT_THAT(rows[8].mean, ElementsAre(7, 8));
  EXPECT_FLOAT_EQ(all(1)[0].mean[1], 2.5);
}

TEST_F(RingFileTest, AClockThatIsPutBackOverwritesAndLosesNothingElse) {
  auto file = open();
  const float one[] = {1, 1}, two[] = {2, 2};
  or_throw(file.add(kStart + 3650, one));
  or_throw(file.add(kStart, two));
  or_throw(file.add(kStart + 10, two));
  EXPECT_THAT(times(all(0)), ElementsAre(0, 10, 3650));
}

TEST_F(RingFileTest, ADiskWithoutRoomIsAnErrorAndNoEnd) {
  RingFile file("/dev/full", layout_);
  const float values[] = {1, 2};
  const auto added = file.add(kStart, values);
  ASSERT_FALSE(added);
}

}  // namespace
}  // namespace berth::manager
