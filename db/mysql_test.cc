#include "db/mysql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/testing/mysql_server.h"
#include "loop/sync.h"

namespace berth::db {
namespace {

using testing::HasSubstr;

class MysqlTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_loop = std::make_unique<loop::Loop>();
    server = std::make_unique<MysqlServer>(*shared_loop);
    server->run_as_root({"CREATE DATABASE notes CHARACTER SET utf8mb4",
                         "CREATE USER 'app'@'%' IDENTIFIED BY 'se''cret'",
                         "GRANT ALL PRIVILEGES ON notes.* TO 'app'@'%'"});
  }
  static void TearDownTestSuite() {
    server.reset();
    shared_loop.reset();
  }
  static inline std::unique_ptr<loop::Loop> shared_loop;
  static inline std::unique_ptr<MysqlServer> server;

  MysqlOptions app(std::string password = "se'cret") {
    MysqlOptions options;
    options.host = "127.0.0.1";
    options.port = server->port();
    options.database = "notes";
    options.user = "app";
    options.password = std::move(password);
    return options;
  }
  std::unique_ptr<MysqlConnection> open() { return run(MysqlConnection::open(loop, app())); }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop, std::move(task));
  }
  unsigned refusal(MysqlOptions options) {
    try {
      run(MysqlConnection::open(loop, std::move(options)));
    } catch (const MysqlFailure& failure) {
      return failure.number();
    }
    return 0;
  }
  loop::Loop& loop = *shared_loop;
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

TEST_F(MysqlTest, IdentifiersAreQuoted) { EXPECT_EQ(quote_mysql_identifier("a`b c"), "`a``b c`"); }

}  // namespace
}  // namespace berth::db
