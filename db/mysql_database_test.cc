#include "db/mysql_database.h"

#include <gmock/gmock.h>

#include "db/testing/mysql_fixture.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class MysqlDatabaseTest : public MysqlFixture {
 protected:
  void SetUp() override {
    MysqlFixture::SetUp();
    open();
    run(database->query("CREATE TABLE note (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(100) UNIQUE)"));
  }
  void TearDown() override { database.reset(); }
  void open(std::size_t connections = 2, std::chrono::milliseconds query_limit = 30s,
            std::chrono::milliseconds wait_limit = 20s) {
    database = std::make_unique<MysqlDatabase>(loop, MysqlDatabaseOptions{.connection = app(),
                                                                          .max_connections = connections,
                                                                          .wait_limit = wait_limit,
                                                                          .query_limit = query_limit});
  }
  std::int64_t count() {
    return run(database->query_repeatable("SELECT COUNT(*) AS n FROM note")).number(0, "n");
  }
  // Those of this test's database, as the server sees them.
  std::vector<std::int64_t> connections() {
    const auto root = run(MysqlConnection::open(loop, server->root()));
    const auto rows = run(root->query("SELECT id FROM information_schema.processlist WHERE db = ?", {name}));
    std::vector<std::int64_t> ids;
    for (std::size_t row = 0; row < rows.rows.size(); ++row) ids.push_back(rows.number(row, "id"));
    return ids;
  }
  Error refusal(Task<MysqlResult> task) {
    try {
      run(std::move(task));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{Errc::kFailed, "nothing failed"};
  }
  std::unique_ptr<MysqlDatabase> database;
};

TEST_F(MysqlDatabaseTest, ArgumentsAreValuesOfTheirTypes) {
  const auto put =
      run(database->query("INSERT INTO note (text) VALUES (?), (?)", "it's", std::optional<std::string>()));
  EXPECT_EQ(put.affected, 2u);
  const auto rows = run(
      database->query("SELECT ? + 1 AS number, ? AS yes, text FROM note WHERE text = ?", 41, true, "it's"));
  EXPECT_EQ(rows.number(0, "number"), 42);
  EXPECT_EQ(rows.number(0, "yes"), 1);
  EXPECT_EQ(rows.text(0, "text"), "it's");
}

TEST_F(MysqlDatabaseTest, TasksShareItsConnectionsAndWaitForThem) {
  loop::Spawned<MysqlResult> first(loop, database->query("SELECT SLEEP(0.2)")),
      second(loop, database->query("SELECT SLEEP(0.2)")), third(loop, database->query("SELECT 3 AS n"));
  run(third.join());
  EXPECT_TRUE(first.is_done() || second.is_done()) << "the third waited for one of the first two";
  run(first.join());
  run(second.join());
  EXPECT_EQ(database->open_connections(), 2u);
  database->release();
  EXPECT_EQ(database->open_connections(), 0u);
  EXPECT_EQ(count(), 0);
}

TEST_F(MysqlDatabaseTest, ConnectionsThatTheServerEndedAreReplacedUnseen) {
  EXPECT_EQ(count(), 0);
  for (const auto id : connections()) server->run_as_root({fmt::format("KILL {}", id)});
  while (!connections().empty()) loop.run_once(1ms);
  run(database->query("INSERT INTO note (text) VALUES ('a')"));
  EXPECT_EQ(count(), 1);
}

TEST_F(MysqlDatabaseTest, AStatementThatWasCutIsSaidToBeUncertainUnlessItIsRepeatable) {
  const auto cut = [&](Task<MysqlResult> task) {
    loop::Spawned<MysqlResult> running(loop, std::move(task));
    const auto root = run(MysqlConnection::open(loop, server->root()));
    for (;;) {
      const auto rows = run(root->query(
          "SELECT id FROM information_schema.processlist WHERE db = ? AND info LIKE '%SLEEP%'", {name}));
      if (rows.rows.empty()) continue;
      run(root->query(fmt::format("KILL {}", rows.number(0, "id"))));
      break;
    }
    return run(running.join());
  };
  try {
    cut(database->query("SELECT SLEEP(20)"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kUnavailable);
    EXPECT_THAT(failure.error().detail, HasSubstr("whether the statement took effect is not known"));
  }
  // The second time it finds the row and does not sleep.
  run(database->query("INSERT INTO note (text) VALUES ('a')"));
  open();
  loop::Spawned<MysqlResult> repeated(
      loop,
      database->query_repeatable("SELECT SLEEP(IF(@@global.max_connect_errors = 4242, 0, 20)) AS slept"));
  const auto root = run(MysqlConnection::open(loop, server->root()));
  for (bool is_cut = false; !is_cut;) {
    const auto rows = run(root->query(
        "SELECT id FROM information_schema.processlist WHERE db = ? AND info LIKE '%SLEEP%'", {name}));
    if (rows.rows.empty()) continue;
    run(root->query("SET GLOBAL max_connect_errors = 4242"));
    run(root->query(fmt::format("KILL {}", rows.number(0, "id"))));
    is_cut = true;
  }
  EXPECT_EQ(run(repeated.join()).number(0, "slept"), 0);
}

TEST_F(MysqlDatabaseTest, TheServerEndsAStatementThatTakesTooLong) {
  open(1, 100ms);
  const auto error = refusal(database->query("SELECT SLEEP(20) FROM information_schema.tables"));
  EXPECT_EQ(error.code, Errc::kTimeout) << error.detail;
  EXPECT_EQ(count(), 0) << "and the connection goes on";
  EXPECT_EQ(database->counters().connects, 1u);
}

TEST_F(MysqlDatabaseTest, AWrongPasswordFailsAtOnceAndAnAbsentServerWithinItsTime) {
  auto wrong = app("wrong");
  database->set_connection(wrong);
  EXPECT_EQ(refusal(database->query("SELECT 1")).code, Errc::kDenied);
  open(1, 30s, 100ms);
  auto absent = app();
  absent.port = 1;
  database->set_connection(absent);
  const auto error = refusal(database->query("SELECT 1"));
  EXPECT_EQ(error.code, Errc::kUnavailable);
  EXPECT_THAT(error.detail, HasSubstr("no connection to"));
  database->set_connection(app());
  EXPECT_EQ(count(), 0) << "back with the right one";
}

TEST_F(MysqlDatabaseTest, ATransactionIsWholeOrNothing) {
  {
    auto transaction = run(database->begin());
    run(transaction.query("INSERT INTO note (text) VALUES ('a')"));
    EXPECT_EQ(count(), 0);
    run(transaction.commit());
  }
  EXPECT_EQ(count(), 1);
  {
    auto transaction = run(database->begin());
    run(transaction.query("INSERT INTO note (text) VALUES ('b')"));
    run(transaction.roll_back());
  }
  EXPECT_EQ(count(), 1);
  {
    auto transaction = run(database->begin());
    run(transaction.query("INSERT INTO note (text) VALUES ('c')"));
  }  // dropped
  while (database->open_connections() > 1) loop.run_once(1ms);
  EXPECT_EQ(count(), 1);
  {
    auto transaction = run(database->begin());
    run(transaction.query("INSERT INTO note (text) VALUES ('d')"));
    EXPECT_EQ(refusal(transaction.query("INSERT INTO note (text) VALUES ('a')")).code, Errc::kExists);
    EXPECT_EQ(refusal(transaction.query("INSERT INTO note (text) VALUES ('e')")).code, Errc::kConflict);
    EXPECT_THROW(run(transaction.commit()), Failure);
  }
  EXPECT_EQ(count(), 1);
}

TEST_F(MysqlDatabaseTest, NothingTakesEffectBehindADeadlock) {
  run(database->query("INSERT INTO note (text) VALUES ('a'), ('b')"));
  auto one = run(database->begin()), other = run(database->begin());
  run(one.query("UPDATE note SET text = 'a1' WHERE text = 'a'"));
  run(other.query("UPDATE note SET text = 'b1' WHERE text = 'b'"));
  loop::Spawned<MysqlResult> waiting(loop, one.query("UPDATE note SET text = 'b2' WHERE text = 'b'"));
  const bool other_is_victim =
      refusal(other.query("UPDATE note SET text = 'a2' WHERE text = 'a'")).code == Errc::kConflict;
  if (other_is_victim) {
    run(waiting.join());
    EXPECT_EQ(refusal(other.query("INSERT INTO note (text) VALUES ('loose')")).code, Errc::kConflict);
    run(one.commit());
  } else {
    EXPECT_THROW(run(waiting.join()), Failure);
    EXPECT_EQ(refusal(one.query("INSERT INTO note (text) VALUES ('loose')")).code, Errc::kConflict);
    run(other.commit());
  }
  EXPECT_EQ(run(database->query("SELECT COUNT(*) AS n FROM note WHERE text = 'loose'")).number(0, "n"), 0);
}

TEST_F(MysqlDatabaseTest, MigrationsRunOnceInOrderAndNewerOnesAreRefused) {
  const std::vector<Migration> two{{1, "001", "CREATE TABLE a (x INT); INSERT INTO a VALUES (1);"},
                                   {2, "002", "ALTER TABLE a ADD COLUMN IF NOT EXISTS y INT"}};
  EXPECT_EQ(run(migrate(*database, {two[0]})), 1);
  EXPECT_EQ(run(migrate(*database, two)), 1);
  EXPECT_EQ(run(migrate(*database, two)), 0);
  EXPECT_EQ(run(database->query("SELECT x, y FROM a")).rows.size(), 1u);
  try {
    run(migrate(*database, {two[0]}));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kConflict);
    EXPECT_THAT(failure.error().detail, HasSubstr("a newer build has used it"));
  }
  auto broken = two;
  broken.push_back({3, "003_bad.sql", "CREATE TABLE b (x INT); SELEC 1"});
  try {
    run(migrate(*database, broken));
    FAIL();
  } catch (const MysqlFailure& failure) {
    EXPECT_THAT(failure.error().detail, HasSubstr("003_bad.sql"));
  }
  broken[2].sql = "CREATE TABLE IF NOT EXISTS b (x INT)";
  EXPECT_EQ(run(migrate(*database, broken)), 1) << "what was cut short runs again";
}

TEST_F(MysqlDatabaseTest, TwoProgramsDoNotMigrateAtOnce) {
  MysqlDatabase other(loop, {.connection = app()});
  const std::vector<Migration> once{{1, "001", "CREATE TABLE a (x INT); INSERT INTO a SELECT SLEEP(0.2);"}};
  loop::Spawned<int> first(loop, migrate(*database, once)), second(loop, migrate(other, once));
  EXPECT_EQ(run(first.join()) + run(second.join()), 1);
  EXPECT_EQ(run(database->query("SELECT COUNT(*) AS n FROM a")).number(0, "n"), 1);
}

}  // namespace
}  // namespace berth::db
