// The manager dies, or the power goes, at every step of the care of the databases.
#include "manager/care/database_care.h"
#include "manager/testing/care_fixture.h"
#include "manager/testing/crash_walk.h"

namespace berth::manager {
namespace {

using CareWalk = CareTest;

TEST_F(CareWalk, AnOptimisationIsOneRun) {
  CrashWalk walk;
  for (const auto& point : points_of(1)) {
    const auto before = runs();
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return run(rig_->care.optimise("test")); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(runs(), before + 1); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
}

TEST_F(CareWalk, ACleanUpLosesNothing) {
  in("team", "CREATE TABLE thing AS SELECT n FROM generate_series(1, 1000) n");
  const auto sum = [&] { return in("team", "SELECT sum(n) AS n FROM thing").front().get<int>("n"); };
  CrashWalk walk;
  for (const auto& point : points_of(2)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->care.clean_up("team", "example.com", "test")); }, ended,
        point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(sum(), 500500); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
  for (const auto& point : points_of(1)) {
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return run(rig_->care.clean_up_all("test")); }, ended, point.death));
    walk.passed(
        "all " + point.name, [&] { EXPECT_EQ(sum(), 500500); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
}

}  // namespace
}  // namespace berth::manager
