// The care of the databases on a real PostgreSQL, over many nights of a clock of our own, with the manager's death between.
#include "manager/care/database_care.h"

#include "base/utc.h"
#include "manager/testing/care_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;

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
