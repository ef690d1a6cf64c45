#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/connection_options.h"
#include "db/listener.h"
#include "db/migrate.h"
#include "db/pool.h"
#include "db/testing/temporary_cluster.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ConninfoText, KeepsOddValuesWhole) {
  ConnectionOptions options;
  options.host = "/run/my folder";
  options.database = "it's \\ a = 'name'";
  options.user = "ünï";
  const auto back = parse_conninfo(format_conninfo(options));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->host, options.host);
  EXPECT_EQ(back->database, options.database);
  EXPECT_EQ(back->user, options.user);
  EXPECT_EQ(back->port, 5432);
}

TEST(ConninfoText, ReadsBothFormsOfLibpq) {
  const auto keywords = parse_conninfo("host=/tmp dbname='a b' port=5433 target_session_attrs=any");
  ASSERT_TRUE(keywords);
  EXPECT_EQ(keywords->database, "a b");
  EXPECT_EQ(keywords->port, 5433);
  ASSERT_EQ(keywords->other.size(), 1u);
  const auto uri = parse_conninfo("postgresql://me:p%40ss@[::1]:5440/notes?sslmode=require");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->host, "::1");
  EXPECT_EQ(uri->password, "p@ss");
  EXPECT_EQ(uri->sslmode, "require");
}

TEST(ConninfoText, RefusesWhatLibpqRefuses) {
  for (const char* text : {"host", "=x", "nosuchkeyword=1", "port=70000", "port=x", "dbname='open"}) {
    SCOPED_TRACE(text);
    const auto parsed = parse_conninfo(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::kMalformed);
  }
}

TEST(ConninfoText, LeavesThePasswordOut) {
  ConnectionOptions options;
  options.password = "geheim";
  EXPECT_THAT(format_conninfo(options), testing::Not(HasSubstr("geheim")));
  EXPECT_THAT(options.describe(), testing::Not(HasSubstr("geheim")));
}

TEST(Quoting, IsUndoneByTheServer) {
  loop::Loop loop;
  DatabaseOptions options;
  options.connection = TemporaryCluster::shared().make_database();
  Database database(loop, options);
  for (const std::string text : {"", "plain", "it's", "back\\slash'", "\\'; DROP TABLE x; --", "Zeile\n\"zwei\""}) {
    SCOPED_TRACE(text);
    const auto rows = loop::run_task(loop, database.query("SELECT " + quote_literal(text) + " AS t"));
    EXPECT_EQ(rows[0].get<std::string>("t"), text);
    if (text.empty()) continue;
    const auto named = loop::run_task(loop, database.query("SELECT 1 AS " + quote_identifier(text)));
    EXPECT_EQ(named.column_name(0), text);
  }
}

TEST(Sqlstate, HasTheCodeThatCallersBranchOn) {
  EXPECT_EQ(errc_of_sqlstate("23505"), Errc::kExists);
  EXPECT_EQ(errc_of_sqlstate("23503"), Errc::kConflict);
  EXPECT_EQ(errc_of_sqlstate("53100"), Errc::kNoSpace);
  EXPECT_EQ(errc_of_sqlstate("53300"), Errc::kUnavailable);
  EXPECT_EQ(errc_of_sqlstate("28P01"), Errc::kDenied);
  EXPECT_EQ(errc_of_sqlstate("40P01"), Errc::kConflict);
  EXPECT_EQ(errc_of_sqlstate("57P03"), Errc::kUnavailable);
  EXPECT_EQ(errc_of_sqlstate("XX000"), Errc::kFailed);
}

TEST(ReconnectPause, DoublesUpToFiveSeconds) {
  ReconnectPause pause;
  std::vector<int> seen;
  for (int i = 0; i < 9; ++i) seen.push_back(static_cast<int>(pause.after_failure().count()));
  EXPECT_THAT(seen, testing::ElementsAre(50, 100, 200, 400, 800, 1600, 3200, 5000, 5000));
  pause.after_success();
  EXPECT_EQ(pause.after_failure(), 50ms);
}

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

TEST_F(MigrateTest, ChangesNothingWhenOneFails) {
  Database database(loop, options);
  const std::vector<Migration> scripts = {{1, "good", "CREATE TABLE a()"}, {2, "bad", "CREATE TABLE b(); SELEKT"}};
  try {
    loop::run_task(loop, migrate(database, scripts));
    FAIL();
  } catch (const SqlFailure& failure) {
    EXPECT_THAT(failure.error().detail, HasSubstr("migration 2 (bad)"));
  }
  const auto rows = loop::run_task(loop, database.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'"));
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

TEST(ListenerTest, HearsNotificationsAndTellsOfGaps) {
  TemporaryCluster cluster;
  loop::Loop loop;
  DatabaseOptions options;
  options.connection = cluster.make_database();
  Database database(loop, options);
  Listener listener(loop, options.connection, {"note", "Odd \"channel\""}, 3);
  EXPECT_TRUE(loop::run_task(loop, listener.next()).after_gap) << "the first: read the state";

  loop::run_task(loop, database.query("SELECT pg_notify('note', $1)", "grüße"));
  const auto note = loop::run_task(loop, listener.next());
  EXPECT_EQ(note.channel, "note");
  EXPECT_EQ(note.payload, "grüße");
  loop::run_task(loop, database.query("SELECT pg_notify('Odd \"channel\"', '')"));
  EXPECT_EQ(loop::run_task(loop, listener.next()).channel, "Odd \"channel\"");

  cluster.kill_now();
  ASSERT_TRUE(loop.run_until([&] { return !listener.is_connected(); }));
  cluster.start();
  EXPECT_TRUE(loop::run_task(loop, listener.next()).after_gap);
  loop::run_task(loop, database.query("SELECT pg_notify('note', 'again')"));
  EXPECT_EQ(loop::run_task(loop, listener.next()).payload, "again");

  // Nobody takes them: the fourth runs over and all become one gap.
  loop::run_task(loop, database.query("SELECT pg_notify('note', n::text) FROM generate_series(1, 4) n"));
  Notification last;
  do last = loop::run_task(loop, listener.next());
  while (!last.after_gap && last.payload != "4");
  EXPECT_TRUE(last.after_gap);
}

TEST(HostLookup, ResolvesNamesOffTheLoop) {
  loop::Loop loop;
  HostLookup lookup(loop);
  ConnectionOptions options;
  options.host = "localhost";
  const auto resolved = loop::run_task(loop, lookup.resolve(options));
  ASSERT_EQ(resolved.other.size(), 1u);
  EXPECT_EQ(resolved.other[0].first, "hostaddr");
  EXPECT_THAT(resolved.other[0].second, testing::AnyOf(HasSubstr("127.0.0.1"), HasSubstr("::1")));
  options.host = "/run/socket";
  EXPECT_TRUE(loop::run_task(loop, lookup.resolve(options)).other.empty());
  options.host = "127.0.0.1";
  EXPECT_TRUE(loop::run_task(loop, lookup.resolve(options)).other.empty());
}

}  // namespace
}  // namespace berth::db
