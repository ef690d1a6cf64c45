#include "manager/disk/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "manager/disk/reserve.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kMega = 1'000'000;

DiskSpace used(double percent) {
  DiskSpace disk{1000 * kMega, static_cast<std::uint64_t>(percent * 10 * kMega), 0};
  disk.free_bytes = disk.total_bytes - disk.used_bytes;
  return disk;
}

std::vector<std::string> ids(const std::vector<api::Check>& checks) {
  std::vector<std::string> list;
  for (const auto& check : checks) list.push_back(check.id);
  return list;
}

TEST(DiskPolicy, WarnsTenPerCentBelowTheThresholdAndDoesNotFlap) {
  auto level = DiskLevel::kFine;
  const auto at = [&](double percent) { return level = next_level(level, percent, 90); };
  EXPECT_EQ(at(79.9), DiskLevel::kFine);
  EXPECT_EQ(at(80), DiskLevel::kWarning);
  EXPECT_EQ(at(78.5), DiskLevel::kWarning);
  EXPECT_EQ(at(80.5), DiskLevel::kWarning);
  EXPECT_EQ(at(77.9), DiskLevel::kFine);
  EXPECT_EQ(at(90), DiskLevel::kFull);
  EXPECT_EQ(at(88.1), DiskLevel::kFull);
  EXPECT_EQ(at(87.9), DiskLevel::kWarning);
  EXPECT_EQ(at(100), DiskLevel::kFull);
  EXPECT_EQ(at(10), DiskLevel::kFine);
  EXPECT_EQ(next_level(DiskLevel::kFine, 100, 100), DiskLevel::kFine);
}

TEST(DiskPolicy, ForeseesWhenItIsFullAndWhoGrows) {
  // 900 MB to the threshold of 95 % from 5 %: 100 MB a day in all.
  const auto told = forecast(used(5),
                             {{"a@x", 20 * kMega},
                              {"team@example.com", 90 * kMega},
                              {"c@x", -10 * static_cast<std::int64_t>(kMega)}},
                             95);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->days, 9);
  EXPECT_EQ(told->largest.who, "team@example.com");
  DiskFacts facts;
  facts.disk = used(5);
  facts.forecast = told;
  facts.forecast->largest.bytes_a_day = 1'200 * static_cast<std::int64_t>(kMega);
  const auto checks = disk_checks(facts);
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].text, "The disk is full in 9 days: team@example.com grows 1.2 GB a day.");
  EXPECT_FALSE(forecast(used(5), {{"a@x", 1}}, 95));
  EXPECT_FALSE(forecast(used(5), {{"a@x", -5}}, 95));
  EXPECT_FALSE(forecast(used(5), {}, 95));
}

class DiskGuardTest : public testing::Test {
 protected:
  DiskGuardTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-reserve-XXXXXX";
    BERTH_CHECK(::mkdtemp(name) != nullptr);
    folder_ = name;
    DiskParts parts;
    parts.figures = [this] { return Result<DiskSpace>(used(percent_)); };
    parts.threshold = [] { return 90; };
    parts.reserve = [this] { return reserve_; };
    parts.reserve_folder = folder_ + "/reserve";
    parts.stop_apps = [this]() -> Task<void> {
      done_.push_back("stop");
      co_return;
    };
    parts.start_apps = [this]() -> Task<void> {
      done_.push_back("start");
      co_return;
    };
    parts.growth = []() -> Task<std::vector<DiskGrowth>> { co_return std::vector<DiskGrowth>(); };
    guard_ = std::make_unique<DiskGuard>(loop_, std::move(parts));
  }
  ~DiskGuardTest() override {
    guard_.reset();
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }
  void look(double percent) {
    percent_ = percent;
    loop::run_task(loop_, guard_->look());
  }
  loop::Loop loop_;
  std::string folder_;
  double percent_ = 10;
  std::uint64_t reserve_ = 0;
  std::vector<std::string> done_;
  std::unique_ptr<DiskGuard> guard_;
};

TEST_F(DiskGuardTest, StopsAllAppsAtTheThresholdOnceAndLeavesThemStoppedUntilSomebodyStartsThem) {
  look(85);
  EXPECT_THAT(ids(guard_->checks()), ElementsAre("disk"));
  EXPECT_THAT(done_, ElementsAre());
  look(91);
  look(92);
  EXPECT_THAT(done_, ElementsAre("stop"));
  EXPECT_THAT(ids(guard_->checks()), ElementsAre("disk-full"));
  try {
    loop::run_task(loop_, guard_->start_apps());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNoSpace);
    EXPECT_THAT(failure.error().detail, HasSubstr("92.0 %"));
  }
  look(40);
  EXPECT_THAT(done_, ElementsAre("stop"));  // not by itself (S196)
  EXPECT_THAT(ids(guard_->checks()), ElementsAre("apps-stopped"));
  loop::run_task(loop_, guard_->start_apps());
  EXPECT_THAT(done_, ElementsAre("stop", "start"));
  EXPECT_THAT(ids(guard_->checks()), ElementsAre());
  look(95);
  EXPECT_THAT(done_, ElementsAre("stop", "start", "stop"));
}

TEST_F(DiskGuardTest, TheReserveIsReallyAllocatedAndMadeAtTheStartOnly) {
  reserve_ = 3 << 20;
  loop::run_task(loop_, guard_->begin());
  const auto file = folder_ + "/reserve/" + std::string(kReserveFile);
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 3 << 20);
  EXPECT_GE(info.st_blocks * 512, 3 << 20);
  EXPECT_THAT(ids(guard_->checks()), ElementsAre());
  ASSERT_EQ(::truncate(file.c_str(), 0), 0);  // an emergency
  look(10);
  EXPECT_THAT(ids(guard_->checks()), ElementsAre("reserve"));
  EXPECT_EQ(reserve_bytes(folder_ + "/reserve"), 0u);
  guard_->stop();
  loop::run_task(loop_, guard_->begin());  // the next start
  EXPECT_GE(reserve_bytes(folder_ + "/reserve"), 3u << 20);
}

TEST_F(DiskGuardTest, WithoutRoomThereIsNoReserveAndTheAdminIsTold) {
  reserve_ = std::uint64_t{1} << 60;
  loop::run_task(loop_, guard_->begin());
  EXPECT_FALSE(path_exists(folder_ + "/reserve/" + std::string(kReserveFile)));
  EXPECT_THAT(ids(guard_->checks()), ElementsAre("reserve"));
}

TEST(Reserve, OnASmallFileSystemItGivesItsRoomBackAndNeverTakesWhatWouldMakeTheDiskFull) {
  char name[] = "/tmp/berth-small-XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  const std::string at = name;
  if (::mount("berth-test", name, "tmpfs", 0, "size=20m") != 0) {
    ::rmdir(name);
    GTEST_SKIP() << "no mounts here";
  }
  EXPECT_TRUE(make_reserve(at + "/reserve", 8 << 20, 80));
  EXPECT_EQ(read_disk_space(at)->free_bytes, 12u << 20);
  EXPECT_TRUE(make_reserve(at + "/reserve", 4 << 20, 80));
  EXPECT_EQ(read_disk_space(at)->free_bytes, 16u << 20) << "a smaller one gives the rest back";
  EXPECT_TRUE(make_reserve(at + "/reserve", 0, 80));
  EXPECT_EQ(read_disk_space(at)->free_bytes, 20u << 20);
  EXPECT_EQ(make_reserve(at + "/reserve", 17 << 20, 80).error().code, Errc::kNoSpace);
  EXPECT_EQ(make_reserve(at + "/reserve", 21 << 20, 100).error().code, Errc::kNoSpace);
  EXPECT_FALSE(path_exists(at + "/reserve/" + std::string(kReserveFile) + ".new"));
  ::umount(name);
  ::rmdir(name);
}

}  // namespace
}  // namespace berth::manager
