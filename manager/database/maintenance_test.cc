#include "manager/database/maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "manager/database/statistics.h"
#include "manager/database/testing/shared_cluster.h"

namespace berth::manager {
namespace {

class MaintenanceTest : public SharedClusterTest {
 protected:
  static inline int made = 0;

  void SetUp() override {
    SharedClusterTest::SetUp();
    name = fmt::format("kept_{}", ++made);
    loop::run_task(loop, shared->databases().create({name, name}, "secret"));
    app = std::make_unique<db::Database>(loop, shared->options(name, name, "secret"));
    run("CREATE TABLE \"No te\" AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 20000) n");
  }
  db::Rows run(std::string sql) { return loop::run_task(loop, app->query(std::move(sql))); }
  std::uint64_t table_bytes() {
    return run("SELECT pg_total_relation_size('\"No te\"') AS b")[0].get<std::uint64_t>("b");
  }

  Maintenance maintenance{*shared_loop, shared->cluster()};
  std::string name;
  std::unique_ptr<db::Database> app;
};

TEST_F(MaintenanceTest, GivesSpaceBack) {
  run("DELETE FROM \"No te\" WHERE n % 5 > 0");
  run("CREATE VIEW seen AS SELECT n FROM \"No te\"");
  std::vector<std::string> told;
  const auto result = loop::run_task(loop, maintenance.clean_up(name, [&](const CleanUpProgress& at) {
    EXPECT_LE(at.bytes_done, at.of);
    told.push_back(at.table);
  }));
  EXPECT_LT(result.bytes_after, result.bytes_before - (5 << 20));
  EXPECT_EQ(run("SELECT count(*) AS n FROM \"No te\"")[0].get<int>("n"), 4000);
  EXPECT_THAT(told, testing::ElementsAre("public.No te", "pg_catalog.pg_largeobject"));
}

TEST_F(MaintenanceTest, RefusesBeforehandWhenTheDiskHasNoRoomForACopy) {
  const auto before = table_bytes();
  const auto need = loop::run_task(loop, maintenance.clean_up_need(name));
  EXPECT_EQ(need.table, "public.No te");
  EXPECT_EQ(need.bytes, 2 * before) << "the copy, and its way through the log";
  try {
    loop::run_task(loop, maintenance.clean_up_within(
                             name, [&]() -> Result<std::uint64_t> { return need.bytes - 1; }, {}));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNoSpace);
    EXPECT_THAT(failure.error().detail, testing::HasSubstr("largest table public.No te"));
  }
  EXPECT_EQ(table_bytes(), before);
}

TEST_F(MaintenanceTest, ALockedTableIsWaitedForWithoutAQueueBehindIt) {
  auto holder = std::make_unique<db::Database>(loop, shared->options(name, name, "secret"));
  auto transaction = std::make_unique<db::Transaction>(loop::run_task(loop, holder->begin()));
  loop::run_task(loop, transaction->query("SELECT count(*) FROM \"No te\""));
  loop::Spawned<CleanUpResult> work(loop, maintenance.clean_up(name));
  // Somebody who reads meanwhile waits for a turn of two seconds at most, not for the end of the holder.
  const auto waits = [&] {
    return loop::run_task(loop, shared->admin().query(
                                    "SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type "
                                    "= 'Lock' AND application_name = 'berth maintenance'",
                                    name))
               .size() > 0;
  };
  while (!waits())
    loop::run_task(loop, [](loop::Loop& on) -> Task<void> {
      co_await loop::sleep_for(on, std::chrono::milliseconds(20));
    }(loop));
  EXPECT_EQ(run("SELECT count(*) AS n FROM \"No te\"")[0].get<int>("n"), 20000);
  EXPECT_FALSE(work.done().is_set());
  transaction.reset();
  const auto result = loop::run_task(loop, [](loop::Spawned<CleanUpResult>& task) -> Task<CleanUpResult> {
    co_return co_await task.join();
  }(work));
  EXPECT_EQ(result.tables, 2u);
}

TEST_F(MaintenanceTest, RefreshesStatisticsAndShrinksNothing) {
  run("DELETE FROM \"No te\" WHERE n < 10000");
  const auto before = run("SELECT pg_relation_size('\"No te\"') AS b")[0].get<std::uint64_t>("b");
  EXPECT_THAT(loop::run_task(loop, maintenance.databases()), testing::Contains(name));
  loop::run_task(loop, maintenance.optimise(name));
  EXPECT_EQ(run("SELECT pg_relation_size('\"No te\"') AS b")[0].get<std::uint64_t>("b"), before);
  const auto estimate = run("SELECT reltuples::bigint AS n FROM pg_class WHERE relname = 'No te'");
  EXPECT_EQ(estimate[0].get<int>("n"), 10001) << "the planner knows how many are left";
}

TEST_F(MaintenanceTest, ATenantsOwnTablesGetStatisticsAndTheLogNoWarnings) {
  run("CREATE TABLE parted (n int) PARTITION BY RANGE (n)");
  run("CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (100)");
  run("INSERT INTO parted SELECT generate_series(0, 49)");
  const auto warnings = [] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(shared->cluster().settings().log_folder)) {
      const auto text = read_file(entry.path().string()).value();
      for (auto at = text.find("WARNING"); at != text.npos; at = text.find("WARNING", at + 1)) ++count;
    }
    return count;
  };
  const auto before = warnings();
  loop::run_task(loop, analyze_own_tables(*app));
  EXPECT_EQ(warnings(), before);
  const auto rows =
      run("SELECT relname AS name, reltuples::bigint AS n FROM pg_class WHERE relname IN ('No te', 'parted', "
          "'part') ORDER BY relname COLLATE \"C\"");
  EXPECT_EQ(rows[0].get<int>("n"), 20000);
  EXPECT_EQ(rows[1].get<int>("n"), 50);
  EXPECT_EQ(rows[2].get<int>("n"), 50);
}

}  // namespace
}  // namespace berth::manager
