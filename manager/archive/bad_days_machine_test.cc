// Rewinds on bad days: a full disk.
#include "manager/testing/small_disk.h"
#include "manager/testing/time_machine_fixture.h"

namespace berth::manager {
namespace {

class TimeMachineBadDays : public TimeMachineTest {
 protected:
  // `disk` is full from `point` of a rewind to `then` on, until it has ended or has waited for a while.
  api::Job rewind_on_full(SmallDisk& disk, const std::string& point, sys_seconds then) {
    rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at == point) disk.fill();
      co_return;
    };
    const auto job = rewind(to(then));
    EXPECT_TRUE(job) << job.error().detail;
    loop_.run_until([&] { return rig_->jobs.running() == 0; }, std::chrono::seconds(3));
    disk.make_room();
    rig_->jobs.at_point = nullptr;
    return run(rig_->jobs.wait(job->id)).value();
  }
  // One rewind for each of `steps`, at which the disk is full; how many of them failed.
  int walk(SmallDisk& disk, std::initializer_list<int> steps) {
    create();
    put("a");
    base();
    const auto then = moment();
    put("b");
    int failed = 0;
    for (const int step : steps) {
      SCOPED_TRACE(step);
      const auto was = values();
      const auto ended = rewind_on_full(disk, fmt::format("before {}", step), then);
      const bool is_done = ended.state == api::JobState::kDone;
      failed += is_done ? 0 : 1;
      EXPECT_EQ(values(), is_done ? "a" : was) << ended.error.value_or("");
      if (is_done) put("c");
      expect_nothing_left();
    }
    done(rewind(to(then)));
    EXPECT_EQ(values(), "a");
    return failed;
  }
};

// The steps: close the log, go back in time, reserve, make, load beside, stop, swap in, clean up.
TEST_F(TimeMachineBadDays, NoRoomToGoBackInTimeLeavesTheInstanceAsItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  or_throw(make_directories(rig_->time_machine.scratch_folder(), 0755));
  SmallDisk disk(rig_->time_machine.scratch_folder(), 600);
  EXPECT_GE(walk(disk, {1, 4}), 1) << "what does not fit must fail";
}

TEST_F(TimeMachineBadDays, NoRoomForTheDatabasesEndsInTheOldOrTheNewState) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  world_->cluster.stop();
  SmallDisk disk(world_->cluster.cluster().settings().data_folder + "/base", 160);
  world_->cluster.start();
  EXPECT_GE(walk(disk, {4, 6}), 1) << "what does not fit must fail";
}

}  // namespace
}  // namespace berth::manager
