#include "manager/supervise/restart_policy.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RestartPolicy, DoublesWithEachEarlyDeathUpToAMinute) {
  RestartPolicy policy;
  std::vector<long> waits;
  for (int i = 0; i < 12; ++i) waits.push_back(policy.delay_after({.lasted = milliseconds(10)}).count());
  EXPECT_EQ(waits,
            (std::vector<long>{100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000}));
}

TEST(RestartPolicy, StartsAfreshAfterAHealthyRun) {
  RestartPolicy policy;
  for (int i = 0; i < 6; ++i) policy.delay_after({.lasted = milliseconds(10)});
  EXPECT_TRUE(policy.is_crash_loop());
  EXPECT_EQ(policy.delay_after({.lasted = seconds(300)}), milliseconds(100));
  EXPECT_FALSE(policy.is_crash_loop());
}

TEST(RestartPolicy, KilledFromOutsideWhileWorkingComesBackAtOnceAHundredTimes) {
  RestartPolicy policy;
  for (int i = 0; i < 100; ++i) {
    const auto wait =
        policy.delay_after({.lasted = seconds(3), .was_ready = true, .ended_from_outside = true});
    EXPECT_LE(wait, milliseconds(20)) << i;
  }
  EXPECT_FALSE(policy.is_crash_loop());
}

TEST(RestartPolicy, ThickOutsideKillsBackOffInTheEnd) {
  RestartPolicy policy;
  milliseconds wait{0};
  for (int i = 0; i < 60; ++i)
    wait = policy.delay_after({.lasted = milliseconds(50), .was_ready = true, .ended_from_outside = true});
  EXPECT_GE(wait, seconds(10));
}

TEST(RestartPolicy, DyingBeforeReadyIsAFaultWhoeverEndedIt) {
  RestartPolicy policy;
  for (int i = 0; i < RestartPolicy::kLoopFaults; ++i)
    policy.delay_after({.lasted = seconds(1), .was_ready = false, .ended_from_outside = true});
  EXPECT_TRUE(policy.is_crash_loop());
}

TEST(RestartPolicy, ForgetsWhenAnAdminAsks) {
  RestartPolicy policy;
  for (int i = 0; i < 8; ++i) policy.delay_after({.lasted = milliseconds(10)});
  policy.forget();
  EXPECT_FALSE(policy.is_crash_loop());
  EXPECT_EQ(policy.delay_after({}), milliseconds(100));
}

}  // namespace
}  // namespace berth::manager
