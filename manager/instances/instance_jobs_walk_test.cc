// The manager dies, or the power goes, at every step of the jobs on services and instances.
#include "base/file.h"
#include "manager/testing/crash_walk.h"
#include "manager/testing/jobs_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

class JobsWalk : public JobsTest {
 protected:
  api::Job removed(bool now = true) {
    return done(run(rig_->instance_jobs.remove("team", "example.com", now, "test")));
  }
  bool is_there(const std::string& database) { return databases_like(database) == 1; }
};

TEST_F(JobsWalk, AnInstallEndsInTheNewState) {
  CrashWalk walk;
  for (const auto& point : points_of(4)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->service_jobs.install("notes", "", "test")); }, ended,
        point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); },
        [&] {
          EXPECT_TRUE(loop_.run_until([&] {
            const auto* service = rig_->services.find("notes");
            return service && service->process().state() == ProcessState::kRunning;
          }));
          EXPECT_FALSE(path_exists(world_->layout.downloads() + "/job-" + ended.id));
        });
    done(run(rig_->service_jobs.remove("notes", "test")));
    EXPECT_FALSE(path_exists(world_->layout.app("notes")));
  }
}

TEST_F(JobsWalk, ACreateEndsInTheNewState) {
  install();
  CrashWalk walk;
  for (const auto& point : points_of(4)) {
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&]() -> Result<api::Job> { return create().job; }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); },
        [&] {
          EXPECT_TRUE(comes_to_run());
          put_value("works");
        });
    removed();
    EXPECT_EQ(databases_like("example.com_team%"), 0u);
  }
}

TEST_F(JobsWalk, ACreateThatFailsEndsInTheOldState) {
  world_->publish("notes", "2a", "refuse");
  install();
  CrashWalk walk;
  for (const auto& point : points_of(4, "undo ")) {
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&]() -> Result<api::Job> { return create().job; }, ended, point.death));
    walk.passed(
        point.name,
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kFailed);
          EXPECT_EQ(ended.error, "does not want to");
        },
        [&] {
          EXPECT_FALSE(rig_->instances.find("team", "example.com"));
          EXPECT_FALSE(run(rig_->instance_repository.find("team", "example.com")));
          EXPECT_EQ(databases_like("example.com_team%"), 0u);
          const auto roles =
              run(rig_->admin_database.query("SELECT 1 FROM pg_roles WHERE rolname = 'example.com_team'"));
          EXPECT_TRUE(roles.empty());
        });
  }
}

TEST_F(JobsWalk, ARestoreLosesNothing) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  CrashWalk walk;
  for (const auto& point : points_of(8)) {
    put_value("live");
    api::Job ended;
    const std::string up = upload(file);
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.restore(up, "", "", "test")); }, ended,
        point.death));
    walk.passed(
        point.name,
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_EQ(value(), "backup");
          EXPECT_EQ(kept().size(), 1u);
        },
        [&] {
          EXPECT_TRUE(comes_to_run());
          EXPECT_FALSE(path_exists(up));
          EXPECT_EQ(databases_like("example.com_team%"), 2u);
        });
    EXPECT_EQ(undone().state, api::JobState::kDone);
    EXPECT_EQ(value(), "live");
    done(run(rig_->instance_jobs.remove_kept("team", "example.com", kept().front().id, "test")));
  }
}

TEST_F(JobsWalk, ARestoreThatIsBrokenOffInTheMiddleOfItsStepsLosesNothing) {
  install();
  created();
  put_value("backup");
  run(open()->query(
      "CREATE TABLE many AS SELECT n, repeat('x', 200) AS text FROM generate_series(1, 20000) n"));
  const auto file = backup();
  CrashWalk walk;
  bool died = true;
  for (int turns = 1; died; turns += 1 + turns / 4) {
    put_value("live");
    api::Job ended;
    const std::string up = upload(file);
    died = die_after(
        turns, [&] { return run(rig_->instance_jobs.restore(up, "", "", "test")); }, ended,
        walk.points() % 3 == 2 ? Death::kPower : Death::kManager);
    if (!died) break;
    walk.passed(
        fmt::format("turn {}", turns),
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_EQ(value(), "backup");
          EXPECT_EQ(kept().size(), 1u);
        },
        [&] {
          EXPECT_TRUE(comes_to_run());
          EXPECT_FALSE(path_exists(up));
          EXPECT_EQ(databases_like("example.com_team%"), 2u);
        });
    done(run(rig_->instance_jobs.remove_kept("team", "example.com", kept().front().id, "test")));
  }
  EXPECT_GE(walk.points(), 8);
}

TEST_F(JobsWalk, AnUndoneRestoreLosesNothing) {
  install();
  created();
  put_value("a");
  restored(backup());
  put_value("b");
  // Kept "a", live "b": each undo makes them change places.
  std::string live = "b", other = "a";
  CrashWalk walk;
  for (const auto& point : points_of(4)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.undo("team", "example.com", "", "test")); }, ended,
        point.death));
    std::swap(live, other);
    walk.passed(
        point.name,
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_EQ(value(), live);
          EXPECT_EQ(kept().size(), 1u);
        },
        [&] {
          EXPECT_TRUE(comes_to_run());
          EXPECT_EQ(databases_like("example.com_team%"), 2u);
        });
  }
  for (const auto& point : points_of(1)) {
    if (kept().empty()) restored(backup());
    const auto was = value();
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name,
        [&] {
          return run(rig_->instance_jobs.remove_kept("team", "example.com", kept().front().id, "test"));
        },
        ended, point.death));
    walk.passed(
        "forget " + point.name, [&] { EXPECT_EQ(value(), was); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_TRUE(kept().empty());
          EXPECT_EQ(databases_like("example.com_team%"), 1u);
        });
  }
}

TEST_F(JobsWalk, ADeleteAndItsUndoEndInTheNewState) {
  install();
  created();
  put_value("kept");
  CrashWalk walk;
  for (const auto& point : points_of(2)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.remove("team", "example.com", false, "test")); },
        ended, point.death));
    walk.passed(
        "bin " + point.name, [&] { EXPECT_TRUE(is_there("example.com_team")); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_TRUE(rig_->instances.find("team", "example.com")->is_deleted());
        });
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.undo("team", "example.com", "", "test")); }, ended,
        point.death));
    walk.passed(
        "undo " + point.name, [&] { EXPECT_EQ(value(), "kept"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_TRUE(comes_to_run());
        });
  }
  for (const auto& point : points_of(3)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.remove("team", "example.com", true, "test")); },
        ended, point.death));
    walk.passed(
        "for good " + point.name, [] {},
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_FALSE(rig_->instances.find("team", "example.com"));
          EXPECT_EQ(databases_like("example.com_team%"), 0u);
          EXPECT_FALSE(path_exists(world_->layout.work() + "/notes/example.com_team"));
        });
    created();
  }
}

TEST_F(JobsWalk, ARenamingEndsInTheNewState) {
  install();
  created("team");
  created("site");
  std::string domain = "example.com";
  int round = 0;
  CrashWalk walk;
  for (const auto& point : points_of(2)) {
    const std::string wanted = fmt::format("new{}.example", ++round);
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name,
        [&]() -> Result<api::Job> {
          auto answer = run(rig_->rename_jobs.rename({.domain = domain, .new_domain = wanted}, "test"));
          if (!answer) return tl::unexpected(answer.error());
          return *answer->job;
        },
        ended, point.death));
    walk.passed(
        point.name,
        [&] {
          for (const char* name : {"team", "site"}) EXPECT_TRUE(rig_->instances.find(name, wanted)) << name;
        },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          for (const char* name : {"team", "site"}) {
            EXPECT_EQ(rig_->instances.get(name, wanted)->path, fmt::format("/{}/{}", wanted, name));
            EXPECT_FALSE(rig_->instances.find(name, domain));
          }
        });
    domain = wanted;
  }
  EXPECT_TRUE(comes_to_run("team", domain));
}

}  // namespace
}  // namespace berth::manager
