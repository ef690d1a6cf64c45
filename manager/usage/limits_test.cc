#include "manager/usage/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "base/utc.h"
#include "db/migrate.h"
#include "db/sql_failure.h"
#include "db/testing/temporary_cluster.h"
#include "manager/platform/schema.h"

namespace berth::manager {
namespace {

using testing::Contains;
using testing::SizeIs;

constexpr std::uint64_t kMb = 1 << 20;

class InstanceLimitsTest : public testing::Test {
 protected:
  InstanceLimitsTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    db::DatabaseOptions options;
    options.connection = db::TemporaryCluster::shared().make_database();
    database_.emplace(loop_, options);
    run(db::migrate(*database_, manager_migrations()));
    databases_.emplace(*database_);
    names_ = {options.connection.database + "_team", options.connection.database + "_team"};
    run(databases_->create(names_, "pwd"));
    instances_.push_back({"team", "example.com", names_.database, names_.user, 8 * kMb, {}, ""});
    instances_.push_back({"far", "example.com", "", "", 0, {}, ""});
    begin();
  }
  ~InstanceLimitsTest() override {
    app_.reset();
    limits_.reset();
    run(databases_->drop(names_));
    set_log_sink(nullptr);
  }
  void begin() {
    LimitSources sources;
    sources.usual = [this] { return usual_; };
    sources.instances = [this] { return instances_; };
    sources.sizes = []() -> Task<void> { co_return; };
    sources.enter = [this](std::string name, std::string domain, api::Limits own, std::string until) {
      return enter(std::move(name), std::move(domain), std::move(own), std::move(until));
    };
    sources.apply = [this](const std::string& key) { applied_.push_back(key); };
    sources.now = [this] { return now_; };
    sources.watch_every = std::chrono::milliseconds(50);
    limits_.reset();
    limits_.emplace(loop_, *database_, *databases_, std::move(sources));
    run(limits_->load());
  }
  Task<void> enter(std::string name, std::string, api::Limits own, std::string until) {
    for (auto& instance : instances_) {
      if (instance.name != name) continue;
      instance.own = own;
      instance.writable_until = until;
    }
    co_return;
  }
  // As the app would: connected anew, as the SDK does when it is told.
  std::optional<Errc> write() {
    db::DatabaseOptions options;
    options.connection = database_->connection_options();
    options.connection.database = names_.database;
    options.connection.user = names_.user;
    options.connection.password = "pwd";
    app_.emplace(loop_, options);
    try {
      run(app_->query("CREATE TABLE IF NOT EXISTS note (text text)"));
      run(app_->query("INSERT INTO note VALUES ('x')"));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return std::nullopt;
  }
  // More than a reader may grow by, as a rogue would: with what its role may say.
  std::optional<Errc> write_all_the_same() {
    db::DatabaseOptions options;
    options.connection = database_->connection_options();
    options.connection.database = names_.database;
    options.connection.user = names_.user;
    options.connection.password = "pwd";
    app_.emplace(loop_, options);
    try {
      run(app_->run_script(
          "BEGIN READ WRITE; CREATE TABLE IF NOT EXISTS rogue (text text);"
          "INSERT INTO rogue SELECT repeat(md5(n::text), 60) FROM generate_series(1, 12000) n; COMMIT"));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return std::nullopt;
  }
  std::size_t sessions() {
    return run(database_->query("SELECT 1 FROM pg_stat_activity WHERE usename = $1", names_.user)).size();
  }
  api::LimitsOf set(std::string name, api::Limits own) {
    api::SetLimits request;
    request.domain = "example.com";
    request.name = std::move(name);
    request.limits = own;
    return run(limits_->set(std::move(request)));
  }
  Errc refusal(std::string name, api::Limits own, std::string domain = "example.com") {
    api::SetLimits request;
    request.domain = std::move(domain);
    request.name = std::move(name);
    request.limits = own;
    try {
      run(limits_->set(std::move(request)));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return Errc::kCancelled;
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }

  loop::Loop loop_;
  std::optional<db::Database> database_, app_;
  std::optional<InstanceDatabases> databases_;
  InstanceDatabaseNames names_;
  api::Limits usual_{.database_bytes = 0,
                     .websockets = 0,
                     .requests = 0,
                     .messages = 0,
                     .database_connections = 4,
                     .statement_seconds = 60};
  std::vector<LimitedInstance> instances_;
  std::vector<std::string> applied_;
  std::chrono::sys_seconds now_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  std::optional<InstanceLimits> limits_;
};

TEST_F(InstanceLimitsTest, TheNarrowestThatSaysSomethingCounts) {
  usual_.requests = 100;
  usual_.messages = 200;
  set("", {.requests = 50, .statement_seconds = 10});
  set("team", {.websockets = 7, .requests = 0});
  const auto told = limits_->of("example.com", names_.database, instances_[0].own);
  EXPECT_EQ(told.requests, 0u);
  EXPECT_EQ(told.websockets, 7u);
  EXPECT_EQ(told.messages, 200u);
  EXPECT_EQ(told.statement_seconds, 10u);
  EXPECT_EQ(told.database_connections, 4u);
  EXPECT_EQ(limits_->of("example.com", "", instances_[1].own).requests, 50u);
  EXPECT_EQ(limits_->of("example.org", "", {}).requests, 100u);
}

TEST_F(InstanceLimitsTest, KnowsThoseOfDomainsAfterARestartAndForgetsEmptyOnes) {
  set("", {.messages = 9});
  begin();
  EXPECT_EQ(limits_->of("example.com", "", {}).messages, 9u);
  set("", {});
  begin();
  EXPECT_EQ(limits_->of("example.com", "", {}).messages, 0u);
}

TEST_F(InstanceLimitsTest, TellsRunningInstancesAtOnce) {
  set("", {.messages = 9});
  EXPECT_THAT(applied_, testing::UnorderedElementsAre("team@example.com", "far@example.com"));
  applied_.clear();
  set("team", {.messages = 8});
  EXPECT_THAT(applied_, testing::ElementsAre("team@example.com"));
}

TEST_F(InstanceLimitsTest, ADatabaseAtItsLimitCanOnlyBeReadUntilItIsBelow) {
  EXPECT_EQ(write(), std::nullopt);
  const auto reached = set("team", {.database_bytes = 16 * kMb});
  EXPECT_EQ(reached.database_state, "fine");
  instances_[0].database_bytes = 16 * kMb;
  run(limits_->look());
  EXPECT_EQ(write(), Errc::kNoSpace);
  EXPECT_TRUE(limits_->of("example.com", names_.database, {}).is_database_read_only);
  ASSERT_THAT(limits_->checks(), SizeIs(1));
  EXPECT_EQ(limits_->checks()[0].id, "quota-reached-team@example.com");
  EXPECT_THAT(applied_, Contains("team@example.com"));

  begin();  // a new manager sees what is
  EXPECT_TRUE(limits_->of("example.com", names_.database, {}).is_database_read_only);
  EXPECT_EQ(write(), Errc::kNoSpace);

  instances_[0].database_bytes = 12 * kMb;
  run(limits_->look());
  EXPECT_EQ(write(), std::nullopt);
  EXPECT_TRUE(limits_->checks().empty());
}

TEST_F(InstanceLimitsTest, RaisingTheLimitLetsItWriteAtOnce) {
  instances_[0].database_bytes = 20 * kMb;
  EXPECT_EQ(set("team", {.database_bytes = 16 * kMb}).database_state, "readOnly");
  EXPECT_EQ(write(), Errc::kNoSpace);
  EXPECT_EQ(set("team", {.database_bytes = 32 * kMb}).database_state, "fine");
  EXPECT_EQ(write(), std::nullopt);
}

TEST_F(InstanceLimitsTest, AnAdminLetsItWriteForAWhile) {
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  const auto allowed = run(limits_->allow_writes({"example.com", "team", 60}));
  EXPECT_EQ(allowed.database_state, "writable");
  EXPECT_TRUE(allowed.writable_until);
  EXPECT_EQ(write(), std::nullopt);
  now_ += std::chrono::minutes(59);
  run(limits_->look());
  EXPECT_EQ(write(), std::nullopt);
  now_ += std::chrono::minutes(1);
  run(limits_->look());
  EXPECT_EQ(write(), Errc::kNoSpace);
}

TEST_F(InstanceLimitsTest, ADomainsLimitIsForAllItsDatabases) {
  instances_[0].database_bytes = 20 * kMb;
  EXPECT_EQ(set("", {.database_bytes = 18 * kMb}).database_state, "readOnly");
  EXPECT_EQ(write(), Errc::kNoSpace);
  const auto told = run(limits_->tell({}));
  ASSERT_THAT(told.limits, SizeIs(3));
  EXPECT_EQ(told.limits[0].name, "");
  EXPECT_EQ(told.limits[0].database_bytes, 20 * kMb);
  EXPECT_EQ(told.limits[1].name, "team");
  EXPECT_EQ(told.limits[1].database_state, "readOnly");
  EXPECT_EQ(told.limits[1].effective.database_bytes, 0u) << "it has none of its own";
}

TEST_F(InstanceLimitsTest, EndsTheSessionsThatAnAppKeepsOpenItself) {
  EXPECT_EQ(write(), std::nullopt);
  const auto backend = run(app_->query("SELECT pg_backend_pid() AS pid"))[0].get<int>("pid");
  now_ = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::seconds(5);
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  const auto lives = [&] {
    return !run(database_->query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", backend)).empty();
  };
  EXPECT_TRUE(lives()) << "it gets the time until the next look";
  run(limits_->look());
  EXPECT_TRUE(loop_.run_until([&] { return !lives(); }));
}

// What an app may do whose maker wants it to write whatever the platform says: it owns its database.
TEST_F(InstanceLimitsTest, AnAppThatSwitchesItselfBackToWritingIsEndedAndThenLockedOut) {
  EXPECT_EQ(write(), std::nullopt);
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  EXPECT_EQ(write(), Errc::kNoSpace);
  EXPECT_EQ(write_all_the_same(), std::nullopt);
  run(limits_->watch());
  EXPECT_EQ(limits_->checks()[0].id, "quota-reached-team@example.com") << "once may be a mistake";
  EXPECT_TRUE(loop_.run_until([&] { return sessions() == 0; })) << "but its sessions are ended";

  EXPECT_EQ(write_all_the_same(), std::nullopt);
  run(limits_->watch());
  ASSERT_THAT(limits_->checks(), SizeIs(1));
  EXPECT_EQ(limits_->checks()[0].id, "quota-locked-out-team@example.com");
  EXPECT_TRUE(loop_.run_until([&] { return sessions() == 0; }));
  EXPECT_TRUE(write_all_the_same()) << "it does not get in";
  const auto told = run(limits_->tell({.domain = "example.com", .name = "team"}));
  EXPECT_EQ(told.limits.at(0).database_state, "lockedOut");

  begin();  // a new manager sees what is
  run(limits_->look());
  EXPECT_EQ(limits_->checks()[0].id, "quota-locked-out-team@example.com");
  EXPECT_TRUE(write());

  EXPECT_EQ(set("team", {.database_bytes = 0}).database_state, "fine");
  EXPECT_EQ(write(), std::nullopt) << "once it may it is let in at once";
  EXPECT_TRUE(limits_->checks().empty());
}

TEST_F(InstanceLimitsTest, WhoCanOnlyReadSinceALimitWasSetIsWatchedFromThenOn) {
  limits_->begin();
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  const auto is_locked_out = [&] {
    (void)write_all_the_same();
    const auto checks = limits_->checks();
    return !checks.empty() && checks[0].id == "quota-locked-out-team@example.com";
  };
  EXPECT_TRUE(loop_.run_until(is_locked_out)) << "before the next look, which is a minute away";
  limits_->stop();
}

TEST_F(InstanceLimitsTest, AnAdminsLeaveToWriteLetsOneInThatWasLockedOut) {
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(write_all_the_same(), std::nullopt);
    run(limits_->watch());
  }
  EXPECT_TRUE(write());
  run(limits_->allow_writes({"example.com", "team", 60}));
  EXPECT_EQ(write(), std::nullopt);
}

TEST_F(InstanceLimitsTest, AnAppThatKeepsToReadingIsLeftAlone) {
  instances_[0].database_bytes = 20 * kMb;
  set("team", {.database_bytes = 16 * kMb});
  EXPECT_EQ(write(), Errc::kNoSpace);
  run(app_->query("SELECT 1"));
  for (int i = 0; i < 3; ++i) run(limits_->watch());
  EXPECT_EQ(sessions(), 1u);
  EXPECT_EQ(limits_->checks()[0].id, "quota-reached-team@example.com");
}

TEST_F(InstanceLimitsTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(refusal("team", {.database_bytes = 1000}), Errc::kMalformed);
  EXPECT_EQ(refusal("team", {.database_connections = 101}), Errc::kMalformed);
  EXPECT_EQ(refusal("team", {.requests = 2'000'000}), Errc::kMalformed);
  EXPECT_EQ(refusal("nobody", {}), Errc::kNotFound);
  EXPECT_EQ(refusal("", {}, "example.net"), Errc::kNotFound);
  EXPECT_THROW(run(limits_->allow_writes({"example.com", "team", 10'081})), Failure);
}

}  // namespace
}  // namespace berth::manager
