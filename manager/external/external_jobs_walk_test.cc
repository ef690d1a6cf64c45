// The manager dies, or the power goes, at every step of a move of data to another server.
#include "manager/testing/crash_walk.h"
#include "manager/testing/external_fixture.h"

namespace berth::manager {
namespace {

using ExternalWalk = ExternalTest;

TEST_F(ExternalWalk, AMoveOfDataEndsInTheNewState) {
  created();
  put_data();
  CrashWalk walk;
  for (const auto& point : points_of(5)) {
    const auto place = make(fmt::format("cut_{}", walk.points()));
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return use(place, true); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(ask(there(place), "SELECT count(*)::text FROM note"), "1000"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_TRUE(comes_to_run());
        });
    done(use(std::nullopt, false));
    EXPECT_EQ(ask(local(), "SELECT count(*)::text FROM note"), "1000");
  }
}

TEST_F(ExternalWalk, ARestoreThereAndItsUndoLoseNothing) {
  const auto place = make("replaced");
  created("notes", place);
  ask(there(place), "CREATE TABLE note AS SELECT 42 AS n");
  const auto file = backup();
  const auto present = [&] { return ask(there(place), "SELECT n::text FROM note"); };
  CrashWalk walk;
  for (const auto& point : points_of(7)) {
    ask(there(place), "UPDATE note SET n = 43");
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return restore(file, true); }, ended, point.death));
    walk.passed(
        point.name,
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_EQ(present(), "42");
          EXPECT_EQ(kept().size(), 1u);
        },
        [&] {
          EXPECT_TRUE(comes_to_run());
          EXPECT_EQ(databases_like("example.com_team%"), 2u);
        });
    done(run(rig_->instance_jobs.remove_kept("team", "example.com", kept().front().id, "test")));
  }
  ask(there(place), "UPDATE note SET n = 43");
  done(restore(file, true));
  std::string live = "42", other = "43";
  for (const auto& point : points_of(5)) {
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name, [&] { return run(rig_->instance_jobs.undo("team", "example.com", "", "test")); }, ended,
        point.death));
    std::swap(live, other);
    walk.passed(
        "undo " + point.name,
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_EQ(present(), live);
          EXPECT_EQ(kept().size(), 1u);
        },
        [&] {
          EXPECT_TRUE(comes_to_run());
          EXPECT_EQ(databases_like("example.com_team%"), 2u);
        });
  }
}

}  // namespace
}  // namespace berth::manager
