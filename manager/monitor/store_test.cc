#include "manager/monitor/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <utime.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

constexpr std::int64_t kNow = 1'800'000'000, kHour = 3600, kDay = 86'400;
constexpr std::uint64_t kRoomy = 1 << 30;

class MonitorStoreTest : public testing::Test {
 protected:
  MonitorStoreTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-monitor-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~MonitorStoreTest() override {
    std::filesystem::remove_all(folder_);
    set_log_sink(nullptr);
  }
  static std::vector<float> values(float first, SubjectKind kind = SubjectKind::kManager) {
    std::vector<float> values(metrics_of(kind).size(), 0);
    values[0] = first;
    return values;
  }
  std::string folder_;
};

TEST_F(MonitorStoreTest, ChoosesTheFinestLevelThatReachesSoFarAndAsManyStepsAsWanted) {
  const auto layout = layout_of(SubjectKind::kPlatform);
  const auto steps = [&](std::int64_t seconds) {
    const auto found = resolve(layout, kNow, kNow - seconds, kNow, 360);
    return std::pair(found.level, found.step);
  };
  EXPECT_EQ(steps(kHour), std::pair(std::size_t{0}, std::int64_t{10}));
  EXPECT_EQ(steps(kDay), std::pair(std::size_t{1}, std::int64_t{240}));
  EXPECT_EQ(steps(7 * kDay), std::pair(std::size_t{2}, std::int64_t{1800}));
  EXPECT_EQ(steps(30 * kDay), std::pair(std::size_t{3}, std::int64_t{7200}));
  // An hour of yesterday is only there as the second level has it.
  EXPECT_EQ(resolve(layout, kNow, kNow - kDay, kNow - kDay + kHour, 360).step, 120);
}

TEST_F(MonitorStoreTest, ThirtyDaysOfMeasurementsAreToldInAllRangesAndTakeBoundedSpace) {
  MonitorStore store(folder_);
  const Subject subject{SubjectKind::kManager, ""};
  // Every minute, to be done in a moment: 30 days.
  for (std::int64_t at = kNow - 30 * kDay; at < kNow; at += 60)
    or_throw(store.add(subject, at, values(at % kHour == 0 ? 50 : 10), kRoomy));
  for (const std::int64_t seconds : {kHour, kDay, 7 * kDay, 30 * kDay}) {
    SCOPED_TRACE(seconds);
    const auto curves = or_throw(store.read(subject, kNow, kNow - seconds, kNow, 360));
    const auto& mean = curves.mean[0];
    const auto known =
        std::count_if(mean.begin(), mean.end(), [](float value) { return !std::isnan(value); });
    EXPECT_GE(known, seconds == kHour ? 60 : static_cast<std::ptrdiff_t>(mean.size()) - 2);
    const auto highest = [](const std::vector<float>& list) {
      float found = 0;
      for (const float value : list)
        if (!std::isnan(value)) found = std::max(found, value);
      return found;
    };
    EXPECT_EQ(highest(curves.has_peaks ? curves.peak[0] : mean), 50);
    if (seconds == 30 * kDay) EXPECT_NEAR(mean[100], 10 + 40.0 / 60, 0.1);
  }
  const auto space = store.space();
  EXPECT_LE(space.bytes, space.full_bytes + 8192);
  EXPECT_EQ(space.full_bytes, full_size(layout_of(SubjectKind::kManager)));
}

TEST_F(MonitorStoreTest, AfterAKillTheNextManagerGoesOnWhereItWas) {
  const Subject subject{SubjectKind::kService, "notes"};
  {
    MonitorStore store(folder_);
    or_throw(store.add(subject, kNow - 20, values(1, SubjectKind::kService), kRoomy));
  }
  MonitorStore store(folder_);
  or_throw(store.add(subject, kNow - 10, values(2, SubjectKind::kService), kRoomy));
  const auto curves = or_throw(store.read(subject, kNow, kNow - 60, kNow, 360));
  EXPECT_EQ(curves.mean[0][4], 1);
  EXPECT_EQ(curves.mean[0][5], 2);
  EXPECT_TRUE(std::isnan(curves.mean[0][0]));
}

TEST_F(MonitorStoreTest, NothingNewIsRecordedAboveTheBoundAndWhatIsThereGoesOn) {
  const auto one = full_size(layout_of(SubjectKind::kInstance));
  {
    MonitorStore store(folder_);
    for (int i = 0; i < 5; ++i)
      or_throw(store.add({SubjectKind::kInstance, fmt::format("db{}", i)}, kNow,
                         values(1, SubjectKind::kInstance), 3 * one));
    EXPECT_EQ(store.space().subjects, 3u);
    EXPECT_EQ(store.space().left_out, 2u);
    EXPECT_LE(store.space().full_bytes, 3 * one);
  }
  MonitorStore store(folder_);  // it is counted what earlier managers left, too
  or_throw(store.add({SubjectKind::kInstance, "db3"}, kNow, values(1, SubjectKind::kInstance), 3 * one));
  or_throw(store.add({SubjectKind::kInstance, "db0"}, kNow + 60, values(1, SubjectKind::kInstance), 3 * one));
  EXPECT_EQ(store.space().subjects, 3u);
  or_throw(store.add({SubjectKind::kInstance, "db3"}, kNow, values(1, SubjectKind::kInstance), 4 * one));
  EXPECT_EQ(store.space().left_out, 0u);
}

TEST_F(MonitorStoreTest, WhatNobodyHasWrittenToForAMonthGoes) {
  {
    MonitorStore store(folder_);
    for (const char* name : {"old", "new", "used"})
      or_throw(store.add({SubjectKind::kInstance, name}, kNow, values(1, SubjectKind::kInstance), kRoomy));
  }
  for (const auto& [name, age] :
       {std::pair("old", 32 * kDay), std::pair("new", kDay), std::pair("used", 32 * kDay)}) {
    const utimbuf times{kNow - age, kNow - age};
    ASSERT_EQ(::utime(fmt::format("{}/instance-{}.ring", folder_, name).c_str(), &times), 0);
  }
  MonitorStore store(folder_);
  or_throw(store.add({SubjectKind::kInstance, "used"}, kNow, values(1, SubjectKind::kInstance), kRoomy));
  // As after a jump of the clock: the file is of another month, but somebody writes to it.
  const utimbuf jumped{kNow - 32 * kDay, kNow - 32 * kDay};
  ASSERT_EQ(::utime((folder_ + "/instance-used.ring").c_str(), &jumped), 0);
  store.purge(kNow);
  EXPECT_FALSE(path_exists(folder_ + "/instance-old.ring"));
  EXPECT_TRUE(path_exists(folder_ + "/instance-new.ring"));
  EXPECT_TRUE(path_exists(folder_ + "/instance-used.ring"));
  EXPECT_EQ(store.space().subjects, 2u);
}

TEST_F(MonitorStoreTest, AnyNameOfADatabaseIsAFileOfTheFolder) {
  EXPECT_EQ(file_of({SubjectKind::kInstance, "../../etc/passwd"}), "instance-..%2f..%2fetc%2fpasswd.ring");
  EXPECT_EQ(file_of({SubjectKind::kInstance, "müll%"}), "instance-m%c3%bcll%25.ring");
  EXPECT_EQ(file_of({SubjectKind::kService, "notes"}), "service-notes.ring");
  EXPECT_LE(file_of({SubjectKind::kInstance, std::string(63, '/')}).size(), 255u);
}

}  // namespace
}  // namespace berth::manager
