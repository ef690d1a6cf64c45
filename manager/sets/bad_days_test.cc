// Backup sets on bad days.
#include "manager/testing/bad_target.h"
#include "manager/testing/sets_fixture.h"
#include "manager/testing/small_disk.h"

namespace berth::manager {
namespace {

using testing::HasSubstr;
using SetsBadDays = SetsTest;

TEST_F(SetsBadDays, AFlippedByteMakesADrillRedAndTheOverviewTellsIt) {
  BadTarget::Faults faults;
  const auto good = rig_->sets.open;
  rig_->sets.open = [&](const TargetRow& row) { return std::make_unique<BadTarget>(good(row), faults); };
  backed_up();
  faults.flips = true;
  const auto drill = rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test")));
  EXPECT_EQ(drill.state, api::JobState::kFailed);
  const auto& proof = rig_->sets.overview().proofs.at("team@example.com");
  EXPECT_NE(proof.error, "");
  EXPECT_EQ(proof.proven, "");
  faults = {};
  done(run(rig_->set_restore.drill("team", "example.com", "test")));
  EXPECT_EQ(rig_->sets.overview().proofs.at("team@example.com").error, "");
}

TEST_F(SetsBadDays, ARestoreThatFindsNoRoomForTheFileLeavesTheInstanceAsItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  backed_up();
  put_value("team", "example.com", "later");
  const auto restore = [&] {
    return rig_->finish(run(rig_->set_restore.restore(newest().id, "team", "example.com", "", "", "test")));
  };
  {
    SmallDisk disk(world_->layout.backup(), 8);
    disk.fill();
    const auto job = restore();
    EXPECT_EQ(job.state, api::JobState::kFailed);
    EXPECT_THAT(job.error.value_or(""), HasSubstr("space"));
    EXPECT_EQ(value("team", "example.com"), "later");
    EXPECT_EQ(uploads(), 0u);
    EXPECT_EQ(databases_like("%restore%"), 0u);
    disk.make_room();
    EXPECT_EQ(restore().state, api::JobState::kDone);
    EXPECT_EQ(value("team", "example.com"), "first of team");
  }
}

TEST_F(SetsBadDays, AFullDiskAtAnyStepOfABackupTakesNothingGoodAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  auto policy = run(rig_->sets.store().policy("daily"));
  policy.keep = {.last = 20};
  run(rig_->sets.put_policy(policy));
  backed_up();
  const auto good = newest().id;
  SmallDisk target(far(), 64);
  world_->cluster.stop();
  SmallDisk disk(world_->cluster.cluster().settings().data_folder + "/base", 128);
  world_->cluster.start();
  start();
  for (int step = 0; step < 6; ++step) {
    SCOPED_TRACE(step);
    rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at != fmt::format("before {}", step)) co_return;
      disk.fill();
      target.fill();
    };
    const auto job = run(rig_->sets.run_policy("daily", "test"));
    ASSERT_TRUE(job) << job.error().detail;
    loop_.run_until([&] { return rig_->jobs.running() == 0; }, std::chrono::seconds(3));
    disk.make_room();
    target.make_room();
    rig_->jobs.at_point = nullptr;
    const auto ended = run(rig_->jobs.wait(job->id)).value();
    const auto set = newest();
    EXPECT_NE(set.state, SetState::kRunning);
    EXPECT_EQ(ended.state == api::JobState::kDone, set.id != good && set.state == SetState::kGood)
        << ended.error.value_or("");
    TextSink memory;
    run(rig_->sets.get(good, "team", "example.com", memory));
    EXPECT_EQ(run(rig_->sets.store().set(good)).state, SetState::kGood);
  }
  backed_up();
}

}  // namespace
}  // namespace berth::manager
