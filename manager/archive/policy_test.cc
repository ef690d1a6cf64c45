#include "manager/archive/policy.h"

#include <gtest/gtest.h>

#include "base/utc.h"

namespace berth::manager {
namespace {

using std::chrono::hours;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

TimeMachineFacts facts(std::uint64_t disk, std::uint64_t free, std::uint64_t cluster, bool is_on = false) {
  return {.setting = "auto",
          .is_on = is_on,
          .disk_bytes = disk * kGiB,
          .free_bytes = free * kGiB,
          .cluster_bytes = cluster * kGiB};
}

TEST(TimeMachinePolicy, IsOnByItselfWhereTheDiskHasRoomForIt) {
  EXPECT_TRUE(choose_time_machine(facts(100, 50, 5)).is_on);
  EXPECT_FALSE(choose_time_machine(facts(100, 21, 5)).is_on) << "10 + 2 + 10 GiB";
  EXPECT_TRUE(choose_time_machine(facts(100, 22, 5)).is_on);
  const auto small = choose_time_machine(facts(8, 8, 0));
  EXPECT_FALSE(small.is_on);
  EXPECT_NE(small.reason.find("8.0 GiB"), std::string::npos) << small.reason;
}

TEST(TimeMachinePolicy, GoesOnUntilTheDiskIsNearlyFull) {
  EXPECT_TRUE(choose_time_machine(facts(100, 5, 30, true)).is_on);
  EXPECT_FALSE(choose_time_machine(facts(100, 3, 30, true)).is_on) << "twice the reserve of 2 GiB";
}

TEST(TimeMachinePolicy, TheAdminsWordCountsMoreButNotMoreThanWhatIsPossible) {
  auto wish = facts(8, 1, 3);
  wish.setting = "on";
  EXPECT_TRUE(choose_time_machine(wish).is_on);
  wish.has_tablespaces = true;
  EXPECT_FALSE(choose_time_machine(wish).is_on);
  wish = facts(100, 90, 1);
  wish.setting = "off";
  EXPECT_FALSE(choose_time_machine(wish).is_on);
  wish.setting = "auto";
  wish.has_program = false;
  EXPECT_FALSE(choose_time_machine(wish).is_on);
}

TEST(TimeMachinePolicy, FindsWhatAnAdminShouldKnow) {
  const std::chrono::sys_seconds now(std::chrono::seconds(1'800'000'000));
  TimeMachineHealth health{.is_on = true, .now = now};
  health.ranges = {{now - hours(100), std::nullopt}};
  health.last_base = now - hours(20);
  EXPECT_TRUE(find_time_machine_checks(health).empty());

  health.is_failing = true;
  health.failure = "1.2 GiB of the disk are free";
  auto found = find_time_machine_checks(health);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "time-machine-failing");
  EXPECT_EQ(found[0].severity, api::Severity::kError);

  health.is_failing = false;
  health.ranges = {{now - hours(100), now - hours(50)}, {now - hours(40), std::nullopt}};
  found = find_time_machine_checks(health);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].values,
            (std::vector<std::string>{format_utc(now - hours(50)), format_utc(now - hours(40))}));

  health.ranges.erase(health.ranges.begin());
  health.last_base = now - hours(200);
  EXPECT_TRUE(find_time_machine_checks(health).empty()) << "nothing was written since";
  health.log_bytes = 1;
  EXPECT_EQ(find_time_machine_checks(health).at(0).id, "time-machine-old-base");
  health.is_on = false;
  EXPECT_TRUE(find_time_machine_checks(health).empty());
}

}  // namespace
}  // namespace berth::manager
