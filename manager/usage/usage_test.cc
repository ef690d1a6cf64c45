#include "manager/usage/usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/utc.h"
#include "db/migrate.h"
#include "db/testing/temporary_cluster.h"
#include "manager/platform/schema.h"

namespace berth::manager {
namespace {

using testing::SizeIs;

class UsageTest : public testing::Test {
 protected:
  UsageTest() {
    db::DatabaseOptions options;
    options.connection = db::TemporaryCluster::shared().make_database();
    options.wait_limit = std::chrono::seconds(5);
    database_.emplace(loop_, options);
    run(db::migrate(*database_, manager_migrations()));
    begin();
  }
  // A manager's start; the one before was killed.
  void begin() {
    UsageSources sources;
    sources.instances = [this] { return instances_; };
    sources.time_zone = [this] { return zone_; };
    sources.kept_days = [] { return std::int64_t{31}; };
    sources.now = [this] { return now_; };
    usage_.reset();
    usage_.emplace(loop_, *database_, std::move(sources));
    run(usage_->load());
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  void at(const char* moment) { now_ = std::chrono::floor<std::chrono::seconds>(*parse_utc(moment)); }
  // Service "notes" tells requests of its instances.
  void measure(std::vector<std::pair<std::string, int>> requests, const char* run_id = "aa",
               const char* service = "notes", std::uint64_t ticks = 0) {
    json::Array list;
    for (const auto& [key, count] : requests)
      list.push_back(json::Object{{"name", key.substr(0, key.find('@'))},
                                  {"domain", key.substr(key.find('@') + 1)},
                                  {"run", run_id},
                                  {"requests", count}});
    ServiceMeasurement told;
    told.process.subject = {SubjectKind::kService, service};
    told.process.pid = 100;
    told.process.started_at = "2026-11-22T00:00:00Z";
    told.figures.cpu_ticks = ticks;
    told.counters = {{"instances", std::move(list)}};
    usage_->measured({told});
  }
  std::vector<api::UsageRow> ask(api::GetUsage request) { return run(usage_->tell(std::move(request))).rows; }
  std::vector<api::UsageRow> ask(const char* from, const char* to, bool by_day = false,
                                 bool by_instance = false) {
    api::GetUsage request;
    request.from = from;
    request.to = to;
    request.by_day = by_day;
    request.by_instance = by_instance;
    return ask(std::move(request));
  }
  Errc refusal(api::GetUsage request) {
    try {
      run(usage_->tell(std::move(request)));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return Errc::kCancelled;
  }

  loop::Loop loop_;
  std::optional<db::Database> database_;
  std::vector<WatchedInstance> instances_ = {
      {"team@example.com", "notes", "example.com_team", 8'000'000, "notes"},
      {"lab@example.com", "notes", "example.com_lab", 5'000'000, "notes"},
      {"team@example.org", "notes", "example.org_team", 0, "notes"}};
  std::string zone_;
  std::chrono::sys_seconds now_ =
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(12);
  std::optional<Usage> usage_;
};

TEST_F(UsageTest, AddsUpByDomainInstanceAndDay) {
  measure({{"team@example.com", 3}, {"lab@example.com", 4}, {"team@example.org", 5}});
  at("2026-11-23T01:00:00Z");
  measure({{"team@example.com", 13}, {"lab@example.com", 4}, {"team@example.org", 5}});

  const auto domains = ask("2026-11-01", "2026-11-30");
  ASSERT_THAT(domains, SizeIs(2));
  EXPECT_EQ(domains[0].domain, "example.com");
  EXPECT_EQ(domains[0].name, "");
  EXPECT_EQ(domains[0].requests, 17u);
  EXPECT_EQ(domains[0].database_bytes, 13'000'000u) << "of a day, all together";
  EXPECT_EQ(domains[1].requests, 5u);

  const auto days = ask("2026-11-22", "2026-11-23", true);
  ASSERT_THAT(days, SizeIs(4));
  EXPECT_EQ(days[0].day, "2026-11-22");
  EXPECT_EQ(days[0].requests, 7u);
  EXPECT_EQ(days[2].day, "2026-11-23");
  EXPECT_EQ(days[2].requests, 10u);

  const auto instances = ask("2026-11-23", "2026-11-23", false, true);
  ASSERT_THAT(instances, SizeIs(3));
  EXPECT_EQ(instances[1].name, "team");
  EXPECT_EQ(instances[1].service, "notes");
  EXPECT_EQ(instances[1].requests, 10u);

  api::GetUsage one;
  one.domain = "example.com";
  one.name = "lab";
  const auto lab = ask(std::move(one));
  ASSERT_THAT(lab, SizeIs(1));
  EXPECT_EQ(lab[0].requests, 4u);
}

TEST_F(UsageTest, CountsNothingTwiceWhenTheManagerIsKilled) {
  measure({{"team@example.com", 3}});
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 3u);
  measure({{"team@example.com", 8}});  // not written: it dies
  begin();
  measure({{"team@example.com", 9}});
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 9u);
  begin();
  measure({{"team@example.com", 2}}, "bb");  // the service was started again meanwhile
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 11u);
}

TEST_F(UsageTest, AWriteWhoseAnswerWasLostIsMadeOnce) {
  measure({{"team@example.com", 3}});
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 3u);
  // As if the answer of the next write were lost: its number is there, and so it changes nothing more.
  run(database_->query("UPDATE usage_state SET written = written + 1"));
  measure({{"team@example.com", 8}});
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 3u);
}

TEST_F(UsageTest, KeepsWhatItCountedWhileTheDatabaseIsAway) {
  run(database_->query("ALTER TABLE usage_day RENAME TO away"));
  measure({{"team@example.com", 3}});
  set_log_sink([](LogLevel, std::string_view) {});
  EXPECT_EQ(refusal({}), Errc::kNotFound);
  set_log_sink(nullptr);
  run(database_->query("ALTER TABLE away RENAME TO usage_day"));
  measure({{"team@example.com", 5}});
  EXPECT_EQ(ask("2026-11-22", "2026-11-22")[0].requests, 5u);
}

TEST_F(UsageTest, DaysBeginWhereThePlatformIs) {
  zone_ = "CET-1CEST,M3.5.0,M10.5.0/3";
  at("2026-11-22T23:30:00Z");
  measure({{"team@example.com", 3}});
  const auto rows = ask("2026-11-01", "2026-11-30", true);
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows[0].day, "2026-11-23");
}

TEST_F(UsageTest, ABelievedServiceSpeaksOfItsOwnInstancesOnly) {
  measure({{"team@example.com", 1000}, {"nobody@example.net", 7}}, "aa", "liar");
  for (const auto& row : ask("2026-11-22", "2026-11-22")) EXPECT_EQ(row.requests, 0u) << row.domain;
}

TEST_F(UsageTest, TellsThisMonthIfNothingElseIsAskedFor) {
  at("2026-10-31T12:00:00Z");
  measure({{"team@example.com", 3}});
  EXPECT_EQ(ask({})[0].requests, 3u);
  at("2026-11-22T12:00:00Z");
  measure({{"team@example.com", 5}});
  const auto told = run(usage_->tell({}));
  EXPECT_EQ(told.from, "2026-11-01");
  EXPECT_EQ(told.to, "2026-11-22");
  EXPECT_EQ(told.rows[0].requests, 2u);
}

TEST_F(UsageTest, RefusesWhatIsNoTime) {
  api::GetUsage request;
  request.from = "yesterday";
  EXPECT_EQ(refusal(request), Errc::kMalformed);
  request.from = "2026-11-30";
  request.to = "2026-11-01";
  EXPECT_EQ(refusal(request), Errc::kMalformed);
  request.from = "1800-01-01";
  EXPECT_EQ(refusal(request), Errc::kMalformed);
}

TEST_F(UsageTest, ForgetsDaysAfterTheirTime) {
  measure({{"team@example.com", 3}});
  EXPECT_THAT(ask("2026-11-22", "2026-11-22"), SizeIs(1));
  at("2026-12-22T12:00:00Z");
  measure({{"team@example.com", 3}});
  EXPECT_THAT(ask("2026-11-22", "2026-11-22"), SizeIs(1));
  at("2026-12-23T12:00:00Z");
  measure({{"team@example.com", 3}});
  EXPECT_THAT(ask("2026-11-22", "2026-11-22"), SizeIs(0));
}

}  // namespace
}  // namespace berth::manager
