#include "db/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing/temporary_cluster.h"
#include "loop/sync.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MigrateTest : public testing::Test {
 protected:
  MigrateTest() { options.connection = TemporaryCluster::shared().make_database(); }
  loop::Loop loop;
  DatabaseOptions options;
};

TEST_F(MigrateTest, RunsEachScriptOnce) {
  Database database(loop, options);
  const std::vector<Migration> first = {{1, "notes", "CREATE TABLE note(id int); CREATE INDEX ON note(id);"}};
  EXPECT_EQ(loop::run_task(loop, migrate(database, first)), 1);
  EXPECT_EQ(loop::run_task(loop, migrate(database, first)), 0);
  auto second = first;
  second.push_back({2, "colour", "ALTER TABLE note ADD colour text"});
  EXPECT_EQ(loop::run_task(loop, migrate(database, second)), 1);
  const auto rows = loop::run_task(loop, database.query("SELECT version, name FROM berth_schema ORDER BY 1"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].get<std::string>("name"), "colour");
}

TEST_F(MigrateTest, WaitsForNobodyWhenThereIsNothingToDo) {
  Database database(loop, options);
  const std::vector<Migration> scripts = {{1, "a", "SELECT 1"}};
  loop::run_task(loop, migrate(database, scripts));
  Database other(loop, options);
  auto migrating = loop::run_task(loop, other.begin());
  loop::run_task(loop, migrating.query("SELECT pg_advisory_xact_lock(422607873128)"));
  loop::run_task(loop, migrating.query("LOCK TABLE berth_schema IN SHARE ROW EXCLUSIVE MODE"));
  EXPECT_EQ(loop::run_task(loop, loop::with_timeout(loop, 5s, migrate(database, scripts), "migrate")), 0);
}

TEST_F(MigrateTest, ChangesNothingWhenOneFails) {
  Database database(loop, options);
  const std::vector<Migration> scripts = {{1, "good", "CREATE TABLE a()"},
                                          {2, "bad", "CREATE TABLE b(); SELEKT"}};
  try {
    loop::run_task(loop, migrate(database, scripts));
    FAIL();
  } catch (const SqlFailure& failure) {
    EXPECT_THAT(failure.error().detail, HasSubstr("migration 2 (bad)"));
  }
  const auto rows =
      loop::run_task(loop, database.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"));
  EXPECT_EQ(rows.size(), 0u);
}

TEST_F(MigrateTest, RefusesADatabaseOfANewerProgram) {
  Database database(loop, options);
  const std::vector<Migration> newer = {{1, "a", "SELECT 1"}, {2, "b", "SELECT 1"}};
  const std::vector<Migration> older = {{1, "a", "SELECT 1"}};
  loop::run_task(loop, migrate(database, newer));
  try {
    loop::run_task(loop, migrate(database, older));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kConflict);
    EXPECT_THAT(failure.error().detail, HasSubstr("newer"));
  }
}

TEST_F(MigrateTest, MayBeStartedByTwoProgramsAtOnce) {
  Database one(loop, options), two(loop, options);
  const std::vector<Migration> scripts = {{1, "slow", "SELECT pg_sleep(0.1); CREATE TABLE a()"}};
  loop::Spawned<int> first(loop, migrate(one, scripts)), second(loop, migrate(two, scripts));
  ASSERT_TRUE(loop.run_until([&] { return first.is_done() && second.is_done(); }));
  EXPECT_EQ(first.take() + second.take(), 1);
}

}  // namespace
}  // namespace berth::db
