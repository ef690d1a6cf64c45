#include "db/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing/temporary_cluster.h"
#include "loop/testing/failure_of.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

DatabaseOptions options_for(ConnectionOptions connection) {
  DatabaseOptions options;
  options.connection = std::move(connection);
  return options;
}

class DatabaseTest : public testing::Test {
 protected:
  TemporaryCluster& cluster = TemporaryCluster::shared();
  loop::Loop loop;
  ConnectionOptions place = cluster.make_database();

  Rows run(Database& database, std::string sql) {
    return loop::run_task(loop, database.query(std::move(sql)));
  }
};

TEST_F(DatabaseTest, ConnectsOnlyWhenFirstUsed) {
  Database database(loop, options_for(place));
  EXPECT_EQ(database.open_connections(), 0u);
  EXPECT_EQ(run(database, "SELECT 42")[0].get<int>(std::size_t{0}), 42);
  EXPECT_EQ(database.open_connections(), 1u);
}

TEST_F(DatabaseTest, CarriesEveryTypeThereAndBack) {
  Database database(loop, options_for(place));
  Bytes bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  const std::string text = "Grüße 'quoted' \"double\" \\ %s \n\t 𝄞";
  for (int round = 0; round < 3; ++round) {  // unprepared, being prepared, prepared
    const auto rows = loop::run_task(
        loop, database.query(
                  "SELECT $1::text AS t, $2::bigint AS i, $3::bool AS b, $4::bytea AS y, $5::float8 AS d, "
                  "$6::text AS n",
                  text, std::int64_t{-9'223'372'036'854'775'807}, true, bytes, 0.1, std::nullopt));
    const auto row = rows[0];
    EXPECT_EQ(row.get<std::string>("t"), text);
    EXPECT_EQ(row.get<std::int64_t>("i"), -9'223'372'036'854'775'807);
    EXPECT_TRUE(row.get<bool>("b"));
    EXPECT_EQ(row.get<Bytes>("y"), bytes);
    EXPECT_EQ(row.get<double>("d"), 0.1);
    EXPECT_EQ(row.get<std::optional<std::string>>("n"), std::nullopt);
    EXPECT_TRUE(row.is_null("n"));
  }
}

TEST_F(DatabaseTest, RefusesToReadWhatIsNotThere) {
  Database database(loop, options_for(place));
  const auto rows = run(database, "SELECT NULL AS n, 300 AS i, 'x' AS t");
  EXPECT_THROW((void)rows[0].get<std::string>("n"), Failure);
  EXPECT_THROW((void)rows[0].get<std::string>("absent"), Failure);
  EXPECT_THROW((void)rows[0].get<std::uint8_t>("i"), Failure);
  EXPECT_THROW((void)rows[0].get<int>("t"), Failure);
  EXPECT_THROW((void)run(database, "SELECT 1 WHERE false").front(), Failure);
}

TEST_F(DatabaseTest, MovesLargeBinaryValues) {
  Database database(loop, options_for(place));
  run(database, "CREATE TABLE file(content bytea)");
  Bytes content(20 << 20);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  loop::run_task(loop, database.query("INSERT INTO file VALUES ($1)", content));
  const auto back = loop::run_task(loop, database.query_bytes("SELECT content FROM file"));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, content);
  EXPECT_EQ(loop::run_task(loop, database.query_bytes("SELECT content FROM file WHERE false")), std::nullopt);
}

TEST_F(DatabaseTest, TellsWhatTheServerRefused) {
  Database database(loop, options_for(place));
  run(database, "CREATE TABLE thing(id int PRIMARY KEY, name varchar(3))");
  run(database, "INSERT INTO thing VALUES (1, 'a')");
  try {
    run(database, "INSERT INTO thing VALUES (1, 'b')");
    FAIL();
  } catch (const SqlFailure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kExists);
    EXPECT_EQ(failure.sqlstate(), "23505");
    EXPECT_EQ(failure.constraint(), "thing_pkey");
    EXPECT_THAT(failure.error().detail, HasSubstr("already exists"));
  }
  struct Case {
    const char* sql;
    Errc code;
  };
  const Case cases[] = {
      {"SELEKT", Errc::kMalformed},
      {"SELECT * FROM absent", Errc::kNotFound},
      {"INSERT INTO thing VALUES (2, 'abcd')", Errc::kTooLarge},
      {"SELECT 'x'::int", Errc::kMalformed},
      {"SELECT 1/0", Errc::kMalformed},
      {"COPY thing FROM STDIN", Errc::kTimeout},  // 57014: we end a COPY that nobody feeds
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.sql);
    EXPECT_EQ(failure_of(loop, database.query(c.sql)).code, c.code);
  }
  EXPECT_EQ(run(database, "SELECT 1").size(), 1u) << "the connection is usable after all that";
}

TEST_F(DatabaseTest, RefusesZeroBytesInText) {
  Database database(loop, options_for(place));
  EXPECT_EQ(failure_of(loop, database.query("SELECT $1::text", std::string("a\0b", 3))).code,
            Errc::kMalformed);
}

TEST_F(DatabaseTest, SaysPlainlyWhyItCannotConnect) {
  auto absent = place;
  absent.database = "no_such_database";
  Database without(loop, options_for(absent));
  const auto not_found = failure_of(loop, without.query("SELECT 1"));
  EXPECT_EQ(not_found.code, Errc::kNotFound);
  EXPECT_THAT(not_found.detail, HasSubstr("no_such_database"));

  auto nobody = place;
  nobody.user = "nobody_here";
  nobody.password = "sesame";
  Database denied(loop, options_for(nobody));
  const auto denial = failure_of(loop, denied.query("SELECT 1"));
  EXPECT_EQ(denial.code, Errc::kDenied);
  EXPECT_THAT(denial.detail, testing::Not(HasSubstr("sesame")));

  auto nowhere = options_for(place);
  nowhere.connection.host = "/nonexistent/folder";
  nowhere.wait_limit = 200ms;
  Database gone(loop, nowhere);
  EXPECT_EQ(failure_of(loop, gone.query("SELECT 1")).code, Errc::kUnavailable);
  EXPECT_GE(gone.counters().failed_connects, 2u) << "it tried again within its time";
}

TEST_F(DatabaseTest, PutsTasksInLineWhenConnectionsAreFew) {
  auto options = options_for(place);
  options.max_connections = 2;
  Database database(loop, options);
  std::vector<int> order;
  loop::TaskGroup group(loop, "test");
  auto one = [](Database& database, std::vector<int>& order, int number) -> Task<void> {
    co_await database.query("SELECT pg_sleep(0.01)");
    order.push_back(number);
  };
  for (int i = 0; i < 20; ++i) group.spawn(one(database, order, i));
  ASSERT_TRUE(loop.run_until([&] { return group.size() == 0; }));
  EXPECT_EQ(order.size(), 20u);
  EXPECT_EQ(database.counters().connects, 2u);
  for (int i = 0; i < 20; ++i)
    EXPECT_LE(std::abs(order[static_cast<std::size_t>(i)] - i), 2) << "first come, first served";
}

TEST_F(DatabaseTest, BoundsTheQueueAndTheWait) {
  auto options = options_for(place);
  options.wait_limit = 100ms;
  options.max_waiting = 1;
  Database database(loop, options);
  auto holder = loop::run_task(loop, database.begin());
  loop::Spawned<Rows> waiting(loop, database.query("SELECT 1"));
  const auto crowded = failure_of(loop, database.query("SELECT 1"));
  EXPECT_EQ(crowded.code, Errc::kUnavailable);
  ASSERT_TRUE(loop.run_until([&] { return waiting.is_done(); }));
  EXPECT_THROW((void)waiting.take(), Failure);
  loop::run_task(loop, holder.commit());
  EXPECT_EQ(run(database, "SELECT 1").size(), 1u);
}

TEST_F(DatabaseTest, LetsGoOfUnusedConnections) {
  auto options = options_for(place);
  options.idle_release = 50ms;
  Database database(loop, options);
  run(database, "SELECT 1");
  ASSERT_TRUE(loop.run_until([&] { return database.open_connections() == 0; }));
  run(database, "SELECT 1");
  EXPECT_EQ(database.counters().connects, 2u);
  database.release();
  EXPECT_EQ(database.open_connections(), 0u);
}

TEST_F(DatabaseTest, RollsBackATransactionThatIsDropped) {
  Database database(loop, options_for(place));
  run(database, "CREATE TABLE note(t text)");
  {
    auto transaction = loop::run_task(loop, database.begin());
    loop::run_task(loop, transaction.query("INSERT INTO note VALUES ($1)", "lost"));
  }
  {
    auto transaction = loop::run_task(loop, database.begin("ISOLATION LEVEL SERIALIZABLE"));
    loop::run_task(loop, transaction.query("INSERT INTO note VALUES ($1)", "kept"));
    loop::run_task(loop, transaction.commit());
  }
  const auto rows = run(database, "SELECT t FROM note");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].get<std::string>("t"), "kept");
  EXPECT_EQ(database.counters().connects, 1u);
}

TEST_F(DatabaseTest, RefusesToCommitWhatFailedInside) {
  Database database(loop, options_for(place));
  auto transaction = loop::run_task(loop, database.begin());
  (void)failure_of(loop, transaction.query("SELECT 1/0"));
  EXPECT_EQ(failure_of(loop, transaction.commit()).code, Errc::kConflict);
  EXPECT_EQ(run(database, "SELECT 1").size(), 1u);
}

TEST_F(DatabaseTest, SurvivesACancelledStatement) {
  Database database(loop, options_for(place));
  run(database, "SELECT 1");
  { loop::Spawned<Rows> cancelled(loop, database.query("SELECT pg_sleep(0.1)")); }
  EXPECT_EQ(run(database, "SELECT 2")[0].get<int>(std::size_t{0}), 2);
  EXPECT_EQ(database.counters().connects, 1u) << "the short one was waited for";
  { loop::Spawned<Rows> cancelled(loop, database.query("SELECT pg_sleep(60)")); }
  EXPECT_EQ(run(database, "SELECT 3")[0].get<int>(std::size_t{0}), 3);
  EXPECT_EQ(database.counters().connects, 2u) << "the long one's connection was given up";
}

TEST_F(DatabaseTest, EndsAStatementAtItsLimit) {
  auto options = options_for(place);
  options.query_limit = 100ms;
  Database database(loop, options);
  EXPECT_EQ(failure_of(loop, database.query("SELECT pg_sleep(60)")).code, Errc::kTimeout);
  EXPECT_EQ(run(database, "SELECT 1").size(), 1u);
  EXPECT_EQ(database.counters().connects, 1u);
}

TEST_F(DatabaseTest, FollowsNewLimitsWhileItIsUsed) {
  auto options = options_for(place);
  options.max_connections = 3;
  Database database(loop, options);
  {
    auto first = loop::run_task(loop, database.begin());
    auto second = loop::run_task(loop, database.begin());
    EXPECT_EQ(database.open_connections(), 2u);
    database.set_limits(1, 100ms);
  }
  EXPECT_EQ(failure_of(loop, database.query("SELECT pg_sleep(60)")).code, Errc::kTimeout);
  EXPECT_EQ(database.open_connections(), 1u);
  auto only = loop::run_task(loop, database.begin());
  loop::Spawned<Rows> waiting(loop, database.query("SELECT 1"));
  loop.run_once(50ms);
  EXPECT_FALSE(waiting.is_done());
  database.set_limits(2, 100ms);
  EXPECT_TRUE(loop.run_until([&] { return waiting.is_done(); }));
  EXPECT_EQ(waiting.take().size(), 1u);
}

TEST_F(DatabaseTest, CountsTheTimeOfStatementsThatFailedAsWell) {
  auto options = options_for(place);
  options.query_limit = 100ms;
  Database database(loop, options);
  (void)failure_of(loop, database.query("SELECT pg_sleep(60)"));
  EXPECT_GE(database.counters().busy, 100ms);
}

TEST_F(DatabaseTest, KeepsWorkingWhenTheSchemaChangesUnderPreparedStatements) {
  Database database(loop, options_for(place));
  run(database, "CREATE TABLE t(a int)");
  run(database, "INSERT INTO t VALUES (1)");
  for (int i = 0; i < 3; ++i) run(database, "SELECT * FROM t");
  run(database, "ALTER TABLE t ADD b text DEFAULT 'x'");
  EXPECT_EQ(run(database, "SELECT * FROM t").column_count(), 2u);
}

TEST_F(DatabaseTest, HoldsAtMostAHundredPreparedStatements) {
  Database database(loop, options_for(place));
  for (int i = 0; i < 150; ++i)
    for (int twice = 0; twice < 2; ++twice) run(database, fmt::format("SELECT {}", i));
  const auto rows = run(database, "SELECT count(*) AS n FROM pg_prepared_statements");
  EXPECT_LE(rows[0].get<int>("n"), 100);
  EXPECT_GE(rows[0].get<int>("n"), 90);
}

TEST_F(DatabaseTest, RunsScriptsAsOneTransaction) {
  Database database(loop, options_for(place));
  (void)failure_of(loop, database.run_script("CREATE TABLE a(); CREATE TABLE b(); SELECT 1/0;"));
  EXPECT_EQ(run(database, "SELECT 1 FROM pg_tables WHERE tablename IN ('a','b')").size(), 0u);
  loop::run_task(loop, database.run_script("CREATE TABLE a(); CREATE TABLE b();"));
  EXPECT_EQ(run(database, "SELECT 1 FROM pg_tables WHERE tablename IN ('a','b')").size(), 2u);
}

TEST_F(DatabaseTest, TakesANewPlaceFromTheNextStatementOn) {
  const auto other = cluster.make_database();
  Database database(loop, options_for(place));
  EXPECT_EQ(run(database, "SELECT current_database() AS d")[0].get<std::string>("d"), place.database);
  database.set_connection(other);
  EXPECT_EQ(run(database, "SELECT current_database() AS d")[0].get<std::string>("d"), other.database);
}

// A cluster of its own, because these tests kill it.
class DatabaseLossTest : public testing::Test {
 protected:
  static TemporaryCluster& cluster() {
    static TemporaryCluster own;
    own.start();
    return own;
  }
  loop::Loop loop;
  ConnectionOptions place = cluster().make_database();
};

TEST_F(DatabaseLossTest, SendsAgainWhatWasNeverSent) {
  Database database(loop, options_for(place));
  loop::run_task(loop, database.query("CREATE TABLE t(a int)"));
  cluster().stop();
  cluster().start();
  loop::run_task(loop, database.query("INSERT INTO t VALUES (1)"));
  const auto rows = loop::run_task(loop, database.query("SELECT count(*) AS n FROM t"));
  EXPECT_EQ(rows[0].get<int>("n"), 1);
  EXPECT_EQ(database.counters().lost, 1u);
}

TEST_F(DatabaseLossTest, ARestartOfTheServerIsNotSeenByWhoBeginsAfterIt) {
  auto options = options_for(place);
  options.max_connections = 4;
  Database database(loop, std::move(options));
  {
    std::vector<std::unique_ptr<loop::Spawned<Rows>>> busy;
    for (int i = 0; i < 4; ++i)
      busy.push_back(std::make_unique<loop::Spawned<Rows>>(loop, database.query("SELECT pg_sleep(0.1)")));
    for (auto& one : busy) ASSERT_TRUE(loop.run_until([&] { return one->is_done(); }));
  }
  ASSERT_EQ(database.open_connections(), 4u);
  cluster().stop();  // its last words are in each of the four sockets, before their end
  cluster().start();
  auto transaction = loop::run_task(loop, database.begin());
  loop::run_task(loop, transaction.commit());
  EXPECT_EQ(database.counters().lost, 4u);
}

TEST_F(DatabaseLossTest, ThrowsWhenAStatementMayHaveRun) {
  Database database(loop, options_for(place));
  loop::run_task(loop, database.query("SELECT 1"));
  loop::Spawned<Rows> under_way(loop, database.query("SELECT pg_sleep(60)"));
  loop.run_until([] { return false; }, 100ms);
  cluster().kill_now();
  ASSERT_TRUE(loop.run_until([&] { return under_way.is_done(); }));
  try {
    (void)under_way.take();
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kUnavailable);
    EXPECT_THAT(failure.error().detail, HasSubstr("not known"));
  }
  cluster().start();
  EXPECT_EQ(loop::run_task(loop, database.query("SELECT 1")).size(), 1u);
}

TEST_F(DatabaseLossTest, RepeatsAfterALossWhatMayBeRepeated) {
  Database database(loop, options_for(place));
  loop::run_task(loop, database.query("SELECT 1"));
  loop::Spawned<Rows> under_way(loop, database.query_repeatable("SELECT pg_sleep(0.5), 7 AS seven"));
  loop.run_until([] { return false; }, 100ms);
  cluster().kill_now();
  loop.run_until([] { return false; }, 300ms);
  EXPECT_FALSE(under_way.is_done()) << "it waits for the database to come back";
  cluster().start();
  ASSERT_TRUE(loop.run_until([&] { return under_way.is_done(); }));
  EXPECT_EQ(under_way.take()[0].get<int>("seven"), 7);
}

TEST_F(DatabaseLossTest, LosesATransactionWithItsConnection) {
  Database database(loop, options_for(place));
  loop::run_task(loop, database.query("CREATE TABLE t(a int)"));
  auto transaction = loop::run_task(loop, database.begin());
  loop::run_task(loop, transaction.query("INSERT INTO t VALUES (1)"));
  cluster().kill_now();
  EXPECT_EQ(failure_of(loop, transaction.query("INSERT INTO t VALUES (2)")).code, Errc::kUnavailable);
  EXPECT_EQ(failure_of(loop, transaction.commit()).code, Errc::kUnavailable);
  cluster().start();
  { auto gone = std::move(transaction); }
  const auto rows = loop::run_task(loop, database.query("SELECT count(*) AS n FROM t"));
  EXPECT_EQ(rows[0].get<int>("n"), 0);
}

TEST_F(DatabaseLossTest, GivesUpWaitingAtItsLimit) {
  auto options = options_for(place);
  options.wait_limit = 300ms;
  Database database(loop, options);
  cluster().kill_now();
  const auto began = loop::Clock::now();
  EXPECT_EQ(failure_of(loop, database.query("SELECT 1")).code, Errc::kUnavailable);
  EXPECT_LT(loop::Clock::now() - began, 5s);
}

}  // namespace
}  // namespace berth::db
