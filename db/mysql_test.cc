#include "db/mysql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing/mysql_fixture.h"

namespace berth::db {
namespace {

using testing::HasSubstr;

class MysqlTest : public MysqlFixture {
 protected:
  std::unique_ptr<MysqlConnection> open() { return run(MysqlConnection::open(loop, app())); }
  unsigned refusal(MysqlOptions options) {
    try {
      run(MysqlConnection::open(loop, std::move(options)));
    } catch (const MysqlFailure& failure) {
      return failure.number();
    }
    return 0;
  }
};

TEST_F(MysqlTest, WritesAndReads) {
  auto connection = open();
  EXPECT_THAT(connection->server(), HasSubstr("MariaDB 1"));
  run(connection->query("CREATE TABLE note (id INT AUTO_INCREMENT PRIMARY KEY, text TEXT)"));
  const auto put = run(
      connection->query("INSERT INTO note (text) VALUES (?), (?)", {"it's \\ 'ünï' 😀 '?'", std::nullopt}));
  EXPECT_EQ(put.affected, 2u);
  EXPECT_EQ(put.inserted_id, 1u);
  const auto got = run(connection->query("SELECT id, text, '?' AS mark FROM note ORDER BY id"));
  EXPECT_THAT(got.columns, testing::ElementsAre("id", "text", "mark"));
  ASSERT_EQ(got.rows.size(), 2u);
  EXPECT_EQ(got.rows[0][1], "it's \\ 'ünï' 😀 '?'");
  EXPECT_EQ(got.rows[0][2], "?");
  EXPECT_EQ(got.rows[1][1], std::nullopt);
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(run(connection->query("SELECT ? AS large", {large})).rows[0][0], large);
  EXPECT_THROW(run(connection->query("SELECT ?")), Failure);
  EXPECT_THROW(run(connection->query("SELECT 1", {"a"})), Failure);
}

TEST_F(MysqlTest, SaysWhatWasRefused) {
  EXPECT_EQ(refusal(app("wrong")), 1045u);
  auto other = app();
  other.database = "nothing";
  EXPECT_EQ(refusal(other), 1044u) << "a user without rights is not told whether it is there";
  auto nobody = app();
  nobody.port = 1;
  EXPECT_EQ(refusal(nobody), 2002u);
  auto connection = open();
  try {
    run(connection->query("SELEC 1"));
    FAIL();
  } catch (const MysqlFailure& failure) {
    EXPECT_EQ(failure.number(), 1064u);
    EXPECT_EQ(failure.error().code, Errc::kMalformed);
  }
  EXPECT_EQ(run(connection->query("SELECT 1")).rows.size(), 1u) << "and goes on";
}

TEST_F(MysqlTest, ACancelledStatementMakesTheConnectionUnusableAndNothingElse) {
  auto connection = open();
  {
    loop::Spawned<MysqlResult> slow(loop, connection->query("SELECT SLEEP(30)"));
    auto watching = open();
    while (
        run(watching->query("SELECT 1 FROM information_schema.processlist WHERE info = 'SELECT SLEEP(30)'"))
            .rows.empty())
      ASSERT_FALSE(slow.done().is_set());
  }
  EXPECT_FALSE(connection->is_usable());
  connection.reset();
  EXPECT_TRUE(open()->is_usable());
}

TEST_F(MysqlTest, AScriptRunsUpToTheStatementThatFails) {
  auto connection = open();
  run(connection->run_script(
      "CREATE TABLE a (x INT); INSERT INTO a VALUES (1); SELECT * FROM a; INSERT INTO a VALUES (2);"));
  EXPECT_EQ(run(connection->query("SELECT COUNT(*) AS n FROM a")).number(0, "n"), 2);
  EXPECT_THROW(run(connection->run_script("INSERT INTO a VALUES (3); SELEC 1; INSERT INTO a VALUES (4)")),
               MysqlFailure);
  EXPECT_EQ(run(connection->query("SELECT COUNT(*) AS n FROM a")).number(0, "n"), 3);
  EXPECT_THROW(run(connection->query("SELECT 1; SELECT 2")), MysqlFailure)
      << "what comes from users must never become a second statement";
}

TEST_F(MysqlTest, ValuesAreAskedForByTheirColumn) {
  auto connection = open();
  const auto rows = run(connection->query("SELECT 'a' AS word, -7 AS number, NULL AS nothing"));
  EXPECT_EQ(rows.text(0, "word"), "a");
  EXPECT_EQ(rows.number(0, "number"), -7);
  EXPECT_THROW(rows.text(0, "nothing"), Failure);
  EXPECT_THROW(rows.text(0, "absent"), Failure);
  EXPECT_THROW(rows.number(0, "word"), Failure);
}

TEST_F(MysqlTest, AConnectionKnowsThatItsServerEndedIt) {
  auto connection = open();
  const auto id = run(connection->query("SELECT CONNECTION_ID() AS id")).number(0, "id");
  EXPECT_TRUE(connection->is_alive());
  EXPECT_TRUE(connection->is_idle());
  server->run_as_root({fmt::format("KILL {}", id)});
  while (connection->is_alive()) loop.run_once(std::chrono::milliseconds(1));
  try {
    run(connection->query("SELECT 1"));
    FAIL();
  } catch (const ConnectionLost& lost) {
    EXPECT_EQ(lost.error().code, Errc::kUnavailable);
  }
  EXPECT_FALSE(connection->is_usable());
}

TEST_F(MysqlTest, IdentifiersAreQuoted) { EXPECT_EQ(quote_mysql_identifier("a`b c"), "`a``b c`"); }

}  // namespace
}  // namespace berth::db
