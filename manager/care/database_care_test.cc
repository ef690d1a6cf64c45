// The care of the databases on a real PostgreSQL, over many nights of a clock of our own, with the manager's death between.
#include "manager/care/database_care.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utc.h"
#include "manager/testing/rig.h"

namespace berth::manager {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

class CareTest : public testing::Test {
 protected:
  CareTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    world_ = std::make_unique<RigWorld>(loop_);
    world_->publish("notes", "1a");
    start();
    EXPECT_EQ(rig_->finish(run(rig_->service_jobs.install("notes", "", "test"))).state, api::JobState::kDone);
    for (const char* name : {"team", "other"}) {
      NewInstance wanted;
      wanted.service = "notes";
      wanted.name = name;
      wanted.domain = "example.com";
      auto made = run(rig_->instance_jobs.create(std::move(wanted), "test")).value();
      EXPECT_EQ(run(rig_->jobs.wait(made.job.id)).value().state, api::JobState::kDone);
    }
  }
  ~CareTest() override {
    rig_->stop_services();
    rig_.reset();
    world_.reset();
    set_log_sink(nullptr);
  }
  void start() {
    rig_.reset();
    rig_ = std::make_unique<Rig>(*world_);
    rig_->start();
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  db::Rows in(const std::string& name, std::string sql) {
    const auto row = rig_->instances.get(name, "example.com").value();
    db::Database database(loop_,
                          world_->cluster.options(row.database, row.database_user, row.database_password));
    return run(database.query(std::move(sql)));
  }
  void settle() {
    ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }, 60s));
  }
  std::size_t runs() { return run(rig_->care.overview()).runs.size(); }

  // Lets the manager die at `point` of the job, and a new one go on.
  api::Job die_at(const std::string& point, const std::function<Result<api::Job>()>& act) {
    loop::Event dead(loop_), never(loop_);
    rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at != point) co_return;
      dead.set();
      co_await never.wait();
    };
    const auto job = act().value();
    EXPECT_TRUE(loop_.run_until([&] { return dead.is_set(); }, 60s)) << point;
    start();
    return run(rig_->jobs.wait(job.id)).value();
  }

  loop::Loop loop_;
  std::unique_ptr<RigWorld> world_;
  std::unique_ptr<Rig> rig_;
};

TEST_F(CareTest, EachNightEveryDatabaseIsOptimisedOnceThoughManagersComeAndGo) {
  in("team", "CREATE TABLE thing AS SELECT n FROM generate_series(1, 5000) n");
  ASSERT_TRUE(run(rig_->settings.set("timezone", "CET-1CEST,M3.5.0,M10.5.0/3")));
  ASSERT_TRUE(run(rig_->settings.set("optimiseHour", "2")));
  EXPECT_EQ(run(rig_->settings.set("timezone", "Europe/Berlin")).error().code, Errc::kMalformed);
  world_->now = *parse_utc("2026-10-23T12:00:00Z");  // clocks are put back in the night to the 25th
  for (int look = 0; look < 3 * 24 * 2; ++look) {
    world_->now += 30min;
    if (look % 9 == 0) start();
    if (look == 60) world_->now -= 26h;  // and the clock jumps, too
    if (look == 70) world_->now += 26h;
    run(rig_->care.look());
    settle();
  }
  const auto told = run(rig_->care.overview());
  std::vector<std::string> nights;
  for (const auto& one : told.runs) {
    nights.push_back(one.night.value_or(""));
    EXPECT_TRUE(one.ended_at);
    EXPECT_GE(one.databases, 5u) << "both instances, manager, postgres, template1";
    EXPECT_THAT(one.failures, testing::IsEmpty());
  }
  EXPECT_THAT(nights, testing::UnorderedElementsAre("2026-10-24", "2026-10-25", "2026-10-26"));
  EXPECT_TRUE(told.next_run);
  EXPECT_FALSE(
      in("team",
         "SELECT 1 FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL AND last_analyze IS NOT NULL")
          .empty());
  ASSERT_TRUE(run(rig_->settings.set("optimiseHour", "-1")));
  EXPECT_FALSE(run(rig_->care.overview()).next_run);
}

TEST_F(CareTest, ADatabaseThatCannotBeOptimisedIsToldAndTheOthersAreDone) {
  // An expression index whose function fails makes ANALYZE of that database fail.
  in("team", "CREATE TABLE bad (n int)");
  in("team", "INSERT INTO bad SELECT generate_series(1, 10)");
  in("team",
     "CREATE FUNCTION broken(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN IF pg_is_in_recovery() "
     "THEN RETURN 1; END IF; RETURN $1; END $$");
  in("team", "CREATE INDEX bad_index ON bad (broken(n))");
  in("team",
     "CREATE OR REPLACE FUNCTION broken(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; "
     "END $$");
  const auto job = rig_->finish(run(rig_->care.optimise("test")));
  EXPECT_EQ(job.state, api::JobState::kDone);
  const auto told = run(rig_->care.overview());
  ASSERT_EQ(told.runs.size(), 1u);
  ASSERT_EQ(told.runs[0].failures.size(), 1u);
  EXPECT_EQ(told.runs[0].failures[0].database, "example.com_team");
  EXPECT_GE(told.runs[0].databases, 4u);
  EXPECT_FALSE(told.runs[0].night) << "asked for by hand";
}

TEST_F(CareTest, ManagerDeathAtEachStepOfAnOptimisationLeavesOneRun) {
  std::size_t points = 0;
  for (const char* point : {"before 0", "after 0"}) {
    const auto before = runs();
    EXPECT_EQ(die_at(point, [&] { return run(rig_->care.optimise("test")); }).state, api::JobState::kDone)
        << point;
    EXPECT_EQ(runs(), before + 1) << point;
    ++points;
  }
  EXPECT_EQ(points, 2u);
}

TEST_F(CareTest, CleaningUpGivesTheSpaceOfOneInstanceBackAndTouchesNoOther) {
  for (const char* name : {"team", "other"}) {
    in(name, "CREATE TABLE thing AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 20000) n");
    in(name, "DELETE FROM thing WHERE n % 5 > 0");
    in(name, "VACUUM ANALYZE thing");
  }
  const auto before = run(rig_->care.of_instance("team", "example.com"));
  EXPECT_GT(before.bloat_bytes, 7u << 20);
  EXPECT_LT(before.bloat_bytes, 11u << 20) << "of 11 MB four fifths are air";
  EXPECT_EQ(before.tables.at(0).table, "public.thing");
  EXPECT_EQ(before.tables.at(0).rows, 4000u);
  EXPECT_EQ(before.table_count, 1u);
  EXPECT_GT(before.free_bytes, 0u);
  const auto file_of = [&](const char* name) {
    return in(name, "SELECT pg_relation_filepath('thing') AS path").front().get<std::string>("path");
  };
  const auto other = file_of("other");

  const auto job = rig_->finish(run(rig_->care.clean_up("team", "example.com", "test")));
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  const auto after = run(rig_->care.of_instance("team", "example.com"));
  EXPECT_LT(after.bytes + (7u << 20), before.bytes);
  EXPECT_LT(after.bloat_bytes, 1u << 20);
  EXPECT_EQ(job.result->as_object().at("bytesBefore").to_number<std::uint64_t>() / 100000,
            before.bytes / 100000);
  EXPECT_EQ(file_of("other"), other) << "not rewritten";
  EXPECT_THAT(run(rig_->jobs.journal().log(job.id)).size(), testing::Ge(2u)) << "each table is told";

  EXPECT_EQ(rig_->finish(run(rig_->care.clean_up_all("test"))).state, api::JobState::kDone);
  EXPECT_NE(file_of("other"), other);
  EXPECT_EQ(in("other", "SELECT count(*) AS n FROM thing").front().get<int>("n"), 4000);
  EXPECT_EQ(run(rig_->care.clean_up("nobody", "", "test")).error().code, Errc::kNotFound);
}

TEST_F(CareTest, ManagerDeathAtEachStepOfACleanUpLosesNothing) {
  in("team", "CREATE TABLE thing AS SELECT n FROM generate_series(1, 1000) n");
  for (const char* point : {"before 0", "after 0", "before 1", "after 1"}) {
    const auto job = die_at(point, [&] { return run(rig_->care.clean_up("team", "example.com", "test")); });
    EXPECT_EQ(job.state, api::JobState::kDone) << point << job.error.value_or("");
    EXPECT_EQ(in("team", "SELECT sum(n) AS n FROM thing").front().get<int>("n"), 500500) << point;
  }
  for (const char* point : {"before 0", "after 0"})
    EXPECT_EQ(die_at(point, [&] { return run(rig_->care.clean_up_all("test")); }).state,
              api::JobState::kDone);
}

TEST_F(CareTest, SizesAreKeptByDayInBoundedSpace) {
  auto day = sys_days(year(2021) / 1 / 1);
  for (int n = 0; n < 800; ++n, day += days(1)) {
    const auto text = format_day(local_days(day.time_since_epoch()));
    ASSERT_TRUE(run(rig_->figures.sample(text)));
    if (n % 100 == 0) {
      ASSERT_FALSE(run(rig_->figures.sample(text))) << "once a day";
    }
  }
  const auto told = run(rig_->care.of_instance("team", "example.com"));
  EXPECT_LE(told.history.size(),
            static_cast<std::size_t>(DatabaseFigures::kDays + DatabaseFigures::kMonths + 2));
  EXPECT_GE(told.history.size(), static_cast<std::size_t>(DatabaseFigures::kDays + 20));
  EXPECT_EQ(told.history.back().day, "2023-03-11");
  EXPECT_EQ(told.bytes_a_day, 0);
  EXPECT_EQ(told.growth_days, 30u);
}

}  // namespace
}  // namespace berth::manager
