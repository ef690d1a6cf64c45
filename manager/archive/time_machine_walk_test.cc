// The manager dies, or the power goes, at every step of the time machine's jobs.
#include "manager/testing/crash_walk.h"
#include "manager/testing/time_machine_fixture.h"

namespace berth::manager {
namespace {

using TimeMachineWalk = TimeMachineTest;

TEST_F(TimeMachineWalk, AnInstanceBroughtBackEndsInTheNewState) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  CrashWalk walk;
  for (const auto& point : points_of(9)) {
    put("c");
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return rewind(to(then)); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(values(), "a"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          expect_nothing_left();
        });
  }
}

TEST_F(TimeMachineWalk, ABaseBackupIsNeverHalf) {
  create();
  put("a");
  CrashWalk walk;
  for (const auto& point : points_of(2)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->time_machine_jobs.make_base("test")); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(values(), "a"); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
  run(rig_->time_machine.refresh());
  EXPECT_EQ(rig_->time_machine.view().bases.size(), 4u);
  const auto then = moment();
  put("b");
  done(rewind(to(then)));
  EXPECT_EQ(values(), "a");
}

TEST_F(TimeMachineWalk, ACancelAtEachStepBeforeTheSwapLeavesEverythingAsItWas) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  for (std::size_t step = 0; step < 6; ++step) {
    SCOPED_TRACE(step);
    rig_->jobs.at_point = [&, step](const JobEntry& entry, std::string at) -> Task<void> {
      if (at == fmt::format("before {}", step)) EXPECT_TRUE(rig_->jobs.cancel(entry.id));
      co_return;
    };
    const auto job = rig_->finish(rewind(to(then)));
    EXPECT_EQ(job.state, api::JobState::kCancelled) << job.error.value_or("");
    rig_->jobs.at_point = nullptr;
    EXPECT_EQ(values(), "a b");
    expect_nothing_left();
  }
}

}  // namespace
}  // namespace berth::manager
