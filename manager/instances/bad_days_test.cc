// Restores on bad days: a full disk, data that are written meanwhile, names of all kinds.
#include "manager/testing/jobs_fixture.h"
#include "manager/testing/small_disk.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

class BadDays : public JobsTest {
 protected:
  // The databases are on a disk of their own from now on.
  std::unique_ptr<SmallDisk> shrink_disk(unsigned mib) {
    world_->cluster.stop();
    auto disk = std::make_unique<SmallDisk>(world_->cluster.cluster().settings().data_folder + "/base", mib);
    world_->cluster.start();
    return disk;
  }
  // The disk is full from `point` of the job on, until it has ended or has waited for a while.
  api::Job run_full(SmallDisk& disk, const std::string& point,
                    const std::function<Result<api::Job>()>& begin) {
    rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at == point) disk.fill();
      co_return;
    };
    const auto job = begin();
    EXPECT_TRUE(job) << job.error().detail;
    loop_.run_until([&] { return rig_->jobs.running() == 0; }, 3s);
    disk.make_room();
    rig_->jobs.at_point = nullptr;
    return run(rig_->jobs.wait(job->id)).value();
  }
};

TEST_F(BadDays, AFullDiskAtAnyStepOfARestoreEndsItInTheOldOrTheNewState) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  install();
  created();
  put_value("backup");
  run(open()->query(
      "CREATE TABLE many AS SELECT n, repeat('x', 200) AS text FROM generate_series(1, 20000) n"));
  const auto file = backup();
  const auto disk = shrink_disk(160);
  int failed = 0;
  for (int step = 0; step < 8; ++step) {
    SCOPED_TRACE(step);
    put_value("live");
    const auto ended = run_full(*disk, fmt::format("before {}", step), [&] {
      return run(rig_->instance_jobs.restore(upload(file), "", "", "test"));
    });
    const bool is_done = ended.state == api::JobState::kDone;
    failed += is_done ? 0 : 1;
    if (!is_done) {
      EXPECT_EQ(ended.state, api::JobState::kFailed);
      EXPECT_THAT(ended.error.value_or(""), testing::HasSubstr("space")) << "the reason is told";
    }
    EXPECT_EQ(value(), is_done ? "backup" : "live");
    EXPECT_EQ(databases_like("example.com_team%"), is_done ? 2u : 1u);
    EXPECT_EQ(kept().size(), is_done ? 1u : 0u);
    EXPECT_TRUE(comes_to_run());
    if (is_done) done(run(rig_->instance_jobs.remove_kept("team", "example.com", kept().front().id, "test")));
  }
  EXPECT_GE(failed, 1) << "what does not fit must fail";
  // With room everything goes on as before.
  restored(file);
  EXPECT_EQ(value(), "backup");
}

TEST_F(BadDays, AFullDiskWhenAnInstanceIsMadeLeavesNothingBehind) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  install();
  const auto disk = shrink_disk(120);
  for (int step = 0; step < 4; ++step) {
    SCOPED_TRACE(step);
    const auto ended =
        run_full(*disk, fmt::format("before {}", step), [&]() -> Result<api::Job> { return create().job; });
    const bool is_done = ended.state == api::JobState::kDone;
    EXPECT_EQ(databases_like("example.com_team%"), is_done ? 1u : 0u);
    EXPECT_EQ(rig_->instances.find("team", "example.com") != nullptr, is_done);
    if (is_done) done(run(rig_->instance_jobs.remove("team", "example.com", true, "test")));
  }
  created();
  put_value("works");
}

TEST_F(BadDays, WhatIsWrittenDuringARestoreIsInTheDataThatAreKept) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  run(open()->query("CREATE TABLE written (n int)"));
  const auto place = rig_->instances.get("team", "example.com").value();
  // An app that goes on writing with its own connections, and comes back when they are cut.
  loop::Event enough(loop_);
  int last = 0;
  const auto write = [&]() -> Task<void> {
    db::Database database(
        loop_, world_->cluster.options(place.database, place.database_user, place.database_password));
    while (!enough.is_set()) {
      try {
        co_await database.query("INSERT INTO written VALUES ($1)", last + 1);
        ++last;
      } catch (const Failure&) {
        break;  // the data of the backup have no such table: they are in
      }
    }
  };
  {
    loop::Spawned<void> writer(loop_, write());
    restored(file);
    enough.set();
    run(writer.join());
  }
  EXPECT_EQ(value(), "backup");
  EXPECT_GT(last, 0);
  EXPECT_EQ(undone().state, api::JobState::kDone);
  const auto rows = run(open()->query("SELECT count(*)::int, coalesce(max(n), 0) FROM written"));
  // One that was cut while it committed may be there without its answer.
  EXPECT_GE(rows.front().get<int>(0), last) << "nothing that was acknowledged is lost";
  EXPECT_LE(rows.front().get<int>(0), last + 1);
}

// Of a database any text may be the name.
TEST_F(BadDays, ADatabaseOfAnyNameGoesAllTheWay) {
  install();
  std::string longest;
  while (longest.size() + 2 <= 63) longest += "ü";  // 62 bytes
  longest += "x";
  for (const std::string& name :
       {std::string("../../te/am %2F \"it's\" \\ Größe"), longest, std::string("..")}) {
    SCOPED_TRACE(name);
    NewInstance wanted;
    wanted.service = "notes";
    wanted.name = "team";
    wanted.domain = "example.com";
    wanted.database = name;
    done(run(rig_->instance_jobs.create(std::move(wanted), "test")).value().job);
    EXPECT_EQ(rig_->instances.get("team", "example.com")->database, name);
    put_value("backup");
    const auto file = backup();
    put_value("later");
    restored(file);
    EXPECT_EQ(value(), "backup");
    EXPECT_EQ(undone().state, api::JobState::kDone);
    EXPECT_EQ(value(), "later");
    const std::string folder = world_->layout.work_of("notes", name);
    EXPECT_TRUE(folder.starts_with(world_->layout.work() + "/notes/"));
    ASSERT_TRUE(make_directories(folder));
    done(run(rig_->instance_jobs.remove("team", "example.com", true, "test")));
    EXPECT_FALSE(path_exists(folder));
    EXPECT_TRUE(path_exists(world_->layout.work() + "/notes")) << "and nothing but its own goes with it";
    // Out of its backup it is made anew, with the same database.
    restored(file);
    EXPECT_EQ(value(), "backup");
    EXPECT_EQ(rig_->instances.get("team", "example.com")->database, name);
    done(run(rig_->instance_jobs.remove("team", "example.com", true, "test")));
  }
}

}  // namespace
}  // namespace berth::manager
