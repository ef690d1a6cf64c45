#include "manager/archive/time_machine.h"

#include <unistd.h>

#include "base/file.h"
#include "base/utc.h"
#include "manager/testing/time_machine_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

TEST_F(TimeMachineTest, BringsOneInstanceBackToASecondWhileTheOthersGoOn) {
  create();
  create("other");
  put("a");
  base();
  put("b");
  const auto then = moment();
  put("c");
  put("x", "other");
  const auto old_password = rig_->instances.get("team", "example.com")->database_password;
  const auto job = done(rewind(to(then)));
  EXPECT_EQ(values(), "a b");
  EXPECT_EQ(values("other"), "x");
  EXPECT_EQ(rig_->instances.get("team", "example.com")->database_password, old_password);
  EXPECT_EQ(databases_like("%_restore_%"), 0u);
  expect_nothing_left();
  // And back to before that, as with every restore.
  ASSERT_EQ(rig_->instances.find("team", "example.com")->kept.size(), 1u);
  done(run(rig_->instance_jobs.undo("team", "example.com", "", "test")));
  EXPECT_EQ(values(), "a b c");
}

TEST_F(TimeMachineTest, FindsTheDataInWhicheverDatabaseTheyWereThen) {
  create();
  put("a");
  base();
  const auto first = moment();
  put("b");
  const auto second = moment();
  done(rewind(to(first)));  // the data are in another database now, which is younger than the base backup
  put("c");
  const auto third = moment();
  put("d");
  done(rewind(to(third)));
  EXPECT_EQ(values(), "a c") << "from the log alone";
  done(rewind(to(second)));
  EXPECT_EQ(values(), "a b") << "from what was kept";
  // The kept ones are gone: only the name then leads to them.
  for (const auto& kept : std::vector<KeptData>(rig_->instances.find("team", "example.com")->kept))
    done(run(rig_->instance_jobs.remove_kept("team", "example.com", kept.id, "test")));
  done(rewind(to(second)));
  EXPECT_EQ(values(), "a b");
}

TEST_F(TimeMachineTest, AnInstanceYoungerThanTheBaseComesFromTheLogAlone) {
  base();
  create();
  put("a");
  const auto then = moment();
  put("b");
  done(rewind(to(then)));
  EXPECT_EQ(values(), "a");
}

TEST_F(TimeMachineTest, FollowsAnInstanceThatWasRenamedAndMakesADeletedOneAgain) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  api::EditInstance edit{.name = "team", .domain = "example.com", .new_name = "crew"};
  run(rig_->instances.edit(edit));
  done(rewind(to(then, "crew")));
  EXPECT_EQ(values("crew"), "a");

  done(run(rig_->instance_jobs.remove("crew", "example.com", false, "test")));
  const auto in_bin = rewind(to(then, "crew"));
  ASSERT_FALSE(in_bin);
  EXPECT_NE(in_bin.error().detail.find("berth instance undo crew@example.com"), std::string::npos);
  done(run(rig_->instance_jobs.remove("crew", "example.com", true, "test")));
  EXPECT_FALSE(rig_->instances.find("crew", "example.com"));
  done(rewind(to(then, "team")));
  EXPECT_EQ(values("team"), "a") << "under its name of then";
  EXPECT_EQ(rig_->instances.get("team", "example.com")->path, "/example.com/team");
  expect_nothing_left();
}

TEST_F(TimeMachineTest, MakesACopyUnderAnotherNameAndLeavesTheInstanceAlone) {
  create();
  put("a");
  run(rig_->instances.set_limits("team", "example.com", {.messages = 200}, ""));
  base();
  const auto then = moment();
  put("b");
  auto request = to(then);
  request.as_name = "before";
  request.as_domain = "example.com";
  done(rewind(request));
  EXPECT_EQ(values("before"), "a");
  EXPECT_EQ(rig_->instances.get("before", "example.com")->limits.messages, 200u) << "as it had then";
  EXPECT_EQ(values(), "a b");
  EXPECT_EQ(rewind(request).error().code, Errc::kExists);
}

TEST_F(TimeMachineTest, RefusesWhatIsOutOfReachAndSaysWhy) {
  const auto before = moment();
  EXPECT_EQ(rewind(to(before)).error().code, Errc::kNotFound) << "no base backup yet";
  create();
  put("a");
  base();
  const auto error = rewind(to(before)).error();
  EXPECT_EQ(error.code, Errc::kNotFound);
  EXPECT_NE(error.detail.find("it reaches from"), std::string::npos) << error.detail;
  const auto before_other = moment();
  create("other");
  const auto unborn = rewind(to(before_other, "other")).error();
  EXPECT_EQ(unborn.code, Errc::kNotFound);
  EXPECT_NE(unborn.detail.find("was created at"), std::string::npos) << unborn.detail;
  EXPECT_EQ(rewind(to(before_other + 1h)).error().code, Errc::kMalformed) << "still to come";
  EXPECT_EQ(rewind(to(before_other, "nobody")).error().code, Errc::kNotFound);
  // Deleted and made again under the same name: there was another one before.
  done(run(rig_->instance_jobs.remove("team", "example.com", true, "test")));
  create();
  put("new");
  done(rewind(to(before_other)));
  EXPECT_EQ(values(), "a");
}

TEST_F(TimeMachineTest, LargeObjectsAndSequencesComeAlong) {
  create();
  run(open()->run_script("CREATE SEQUENCE s; SELECT setval('s', 41); SELECT lo_from_bytea(4711, 'picture')"));
  put("a");
  base();
  const auto then = moment();
  { run(open()->run_script("SELECT lo_unlink(4711); SELECT nextval('s'); SELECT nextval('s')")); }
  done(rewind(to(then)));
  const auto database = open();
  EXPECT_EQ(run(database->query("SELECT convert_from(lo_get(4711), 'UTF8')")).front().get<std::string>(0),
            "picture");
  // As after a crash: the log holds sequences up to 32 values ahead.
  const int next = run(database->query("SELECT nextval('s')::int")).front().get<int>(0);
  EXPECT_GE(next, 42);
  EXPECT_LE(next, 42 + 33);
}

TEST_F(TimeMachineTest, TwoAtOnceTakeTurns) {
  create();
  create("other");
  put("a");
  put("x", "other");
  base();
  const auto then = moment();
  put("b");
  put("y", "other");
  const auto first = rewind(to(then)), second = rewind(to(then, "other"));
  done(first);
  done(second);
  EXPECT_EQ(values(), "a");
  EXPECT_EQ(values("other"), "x");
  EXPECT_EQ(rewind(to(then)).value().state != api::JobState::kFailed, true);
  EXPECT_EQ(rewind(to(then)).error().code, Errc::kConflict) << "one for each instance";
}

TEST_F(TimeMachineTest, GoesOnThroughACrashOfPostgres) {
  create();
  put("a");
  base();
  put("b");
  world_->cluster.kill_now();
  world_->cluster.start();
  put("c");
  const auto then = moment();
  put("d");
  done(rewind(to(then)));
  EXPECT_EQ(values(), "a b c");
}

TEST_F(TimeMachineTest, PostgresKilledInTheMiddleIsWaitedFor) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  for (const char* point : {"before 0", "before 1", "before 4", "before 6"}) {
    SCOPED_TRACE(point);
    bool is_killed = false;
    rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at == point && !is_killed) {
        is_killed = true;
        world_->cluster.kill_now();
      }
      co_return;
    };
    const auto job = rewind(to(then));
    ASSERT_TRUE(loop_.run_until([&] { return is_killed; }, kLongest));
    world_->cluster.start();
    done(job);
    EXPECT_EQ(values(), "a");
    put("c");
    expect_nothing_left();
  }
}

// An admin has recovered the whole cluster by hand.
TEST_F(TimeMachineTest, ANewTimelineOfTheClusterIsFollowedAndThePastStaysInReach) {
  create();
  put("a");
  base();
  const auto before = moment();
  put("b");
  auto& cluster = world_->cluster;
  const std::string data = cluster.cluster().settings().data_folder;
  cluster.stop();
  cluster.cluster().write_own_file(data + "/recovery.signal", "");
  auto configuration = read_file(data + "/postgresql.conf").value();
  ASSERT_TRUE(
      write_file_durably(data + "/postgresql.conf", configuration + "restore_command = 'false'\n", 0644));
  cluster.start();
  ASSERT_TRUE(write_file_durably(data + "/postgresql.conf", configuration, 0644));
  ASSERT_TRUE(loop_.run_until([&] {
    return !run(cluster.admin().query_repeatable("SELECT pg_is_in_recovery()")).front().get<bool>(0);
  }));
  start();
  run(rig_->admin_database.query("CHECKPOINT"));
  EXPECT_EQ(
      run(rig_->admin_database.query("SELECT timeline_id FROM pg_control_checkpoint()")).front().get<int>(0),
      2);
  put("c");
  run(rig_->time_machine_jobs.look_after());
  ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }, kLongest));
  run(rig_->time_machine.refresh());
  if (rig_->time_machine.is_base_due()) base();
  const auto after = moment();
  put("d");
  done(rewind(to(after)));
  EXPECT_EQ(values(), "a b c");
  done(rewind(to(before)));
  EXPECT_EQ(values(), "a");
}

TEST_F(TimeMachineTest, ADatabaseOfAnyNameIsBroughtBack) {
  NewInstance wanted;
  wanted.service = "notes";
  wanted.name = "Grüße";
  wanted.domain = "example.com";
  wanted.database = "te/am %2F \"it's\" \\ Größe, 63 bytes of UTF-8 in all: üüüü";
  ASSERT_LE(wanted.database.size(), 63u);
  done(run(rig_->instance_jobs.create(std::move(wanted), "test")).value().job);
  put("a", "Grüße");
  base();
  const auto then = moment();
  put("b", "Grüße");
  done(rewind(to(then, "Grüße")));
  EXPECT_EQ(values("Grüße"), "a");
  done(run(rig_->instance_jobs.remove("Grüße", "example.com", true, "test")));
  done(rewind(to(then, "Grüße")));
  EXPECT_EQ(values("Grüße"), "a") << "made again, with the same database";
}

TEST_F(TimeMachineTest, ADamagedBaseBackupLeavesTheInstanceAsItIs) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  const auto manifest = rig_->time_machine.read_manifest(rig_->time_machine.newest_base()).value();
  for (const auto& group : manifest.files.groups) {
    const std::string path = rig_->time_machine.folder() + "/objects/" + group.object;
    if (group.database != 0) continue;
    auto bytes = read_file(path).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(write_file_durably(path, bytes, 0644));
  }
  const auto job = rig_->finish(rewind(to(then)));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_NE(job.error.value_or("").find("object"), std::string::npos) << job.error.value_or("");
  EXPECT_EQ(values(), "a b");
  expect_nothing_left();
}

TEST_F(TimeMachineTest, ALostSegmentIsAHoleThatTheNextBaseEnds) {
  create();
  put("a");
  base();
  EXPECT_FALSE(rig_->time_machine.is_base_due());
  put("b");
  const auto in_hole = moment();
  put("c");
  for (int i = 0; i < 3; ++i) {
    const auto segment = run(rig_->admin_database.query("SELECT pg_walfile_name(pg_switch_wal())"))
                             .front()
                             .get<std::string>(0);
    ASSERT_TRUE(loop_.run_until([&] { return rig_->time_machine.is_archived(segment); }, 30s));
    if (i == 0) ASSERT_EQ(::unlink((rig_->time_machine.folder() + "/wal/" + segment + ".zst").c_str()), 0);
    put("d");
  }
  run(rig_->time_machine.refresh());
  EXPECT_TRUE(rig_->time_machine.is_base_due());
  run(rig_->time_machine_jobs.look_after());
  ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }, 60s));
  run(rig_->time_machine.refresh());
  EXPECT_FALSE(rig_->time_machine.is_base_due());
  EXPECT_EQ(rewind(to(in_hole)).error().code, Errc::kNotFound);
  const auto then = moment();
  put("e");
  done(rewind(to(then)));
  EXPECT_EQ(values(), "a b c d d d");
}

TEST_F(TimeMachineTest, SwitchedOffItRecordsNothingAndWhatIsThereStaysInReach) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  run(rig_->admin_database.query("SELECT pg_switch_wal()"));
  put("c");
  const auto last =
      run(rig_->admin_database.query("SELECT pg_walfile_name(pg_switch_wal())")).front().get<std::string>(0);
  ASSERT_TRUE(loop_.run_until([&] { return rig_->time_machine.is_archived(last); }, 30s));
  run(rig_->settings.set("timeMachine", "off"));
  run(rig_->time_machine.apply());
  EXPECT_EQ(archive_command(world_->layout, "/x"), "");
  run(rig_->time_machine.refresh());
  EXPECT_EQ(rig_->time_machine.view().state, api::TimeMachineState::kOff);
  ASSERT_EQ(rig_->time_machine.view().ranges.size(), 1u);
  EXPECT_TRUE(rig_->time_machine.view().ranges[0].to) << "up to when it was switched off";
  EXPECT_EQ(run(rig_->time_machine_jobs.make_base("test")).error().code, Errc::kConflict);
  done(rewind(to(then)));
  EXPECT_EQ(values(), "a");
}

TEST_F(TimeMachineTest, AFullDiskIsSaidBeforeAndWithNumbers) {
  create();
  put("a");
  base();
  const auto then = moment();
  put("b");
  const auto plan = run(rig_->time_machine_jobs.plan(to(then)));
  ASSERT_TRUE(plan) << plan.error().detail;
  EXPECT_EQ(plan->at, format_utc(then));
  EXPECT_GT(plan->needed_bytes, std::uint64_t{512} << 20);
  EXPECT_GT(plan->free_bytes, plan->needed_bytes);
  EXPECT_EQ(plan->base, rig_->time_machine.newest_base());
}

}  // namespace
}  // namespace berth::manager
