#include "manager/database/instance_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "manager/database/testing/shared_cluster.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(DatabaseName, CountsBytesNotCharacters) {
  EXPECT_TRUE(check_database_name(std::string(63, 'a')));
  EXPECT_EQ(check_database_name(std::string(64, 'a')).error().code, Errc::kTooLarge);
  std::string umlauts;
  for (int i = 0; i < 32; ++i) umlauts += "ü";
  const auto checked = check_database_name(umlauts);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().detail, HasSubstr("64 bytes"));
  EXPECT_TRUE(check_database_name(umlauts.substr(2)));
}

TEST(DatabaseName, RefusesWhatCannotBeOne) {
  EXPECT_EQ(check_database_name("").error().code, Errc::kMalformed);
  EXPECT_EQ(check_database_name("a\nb").error().code, Errc::kMalformed);
  EXPECT_EQ(check_database_name(std::string("a\0b", 3)).error().code, Errc::kMalformed);
  EXPECT_EQ(check_database_name("\xff").error().code, Errc::kMalformed);
  for (const char* name : {"postgres", "manager", "template1", "pg_x", "berth"})
    EXPECT_EQ(check_database_name(name).error().code, Errc::kExists) << name;
  for (const char* name : {"it's", "a\"b", "50% / x", "übung_größe", "a b;--"})
    EXPECT_TRUE(check_database_name(name)) << name;
}

TEST(DatabaseName, IsSuggestedFromDomainAndInstance) {
  EXPECT_EQ(suggest_database_name("example.com", "team"), "example.com_team");
  const std::string long_domain(40, 'd');
  const auto one = suggest_database_name(long_domain, std::string(40, 'a'));
  const auto other = suggest_database_name(long_domain, std::string(41, 'a'));
  EXPECT_EQ(one.size(), 63u);
  EXPECT_NE(one, other);
  EXPECT_EQ(one, suggest_database_name(long_domain, std::string(40, 'a')));
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "ü";
  for (const char* lead : {"", "a"}) {
    const auto name = suggest_database_name(lead + umlauts, "x");
    EXPECT_TRUE(check_database_name(name)) << name << " is cut between characters";
    EXPECT_TRUE(is_valid_utf8(name));
  }
}

class InstanceDatabaseTest : public SharedClusterTest {
 protected:
  InstanceDatabases& databases = shared->databases();

  void create(const std::string& name, const std::string& password = "geheim") {
    loop::run_task(loop, databases.create({name, name}, password));
  }
  std::unique_ptr<db::Database> open(const std::string& database, const std::string& user,
                                     const std::string& password) {
    return std::make_unique<db::Database>(loop, running.options(database, user, password));
  }
  db::Rows ask(db::Database& database, std::string sql) {
    return loop::run_task(loop, database.query_repeatable(std::move(sql)));
  }
  std::string text(db::Database& database, std::string sql) {
    return ask(database, std::move(sql)).front().get<std::string>(std::size_t{0});
  }
  Errc refusal(db::Database& database) {
    try {
      ask(database, "SELECT 1");
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    ADD_FAILURE() << "let in";
    return Errc::kFailed;
  }
};

TEST_F(InstanceDatabaseTest, FollowsTheRecipe) {
  create("recipe_one");
  auto own = open("recipe_one", "recipe_one", "geheim");
  EXPECT_EQ(text(*own, "SELECT current_setting('server_encoding')"), "UTF8");
  EXPECT_EQ(
      text(*own, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"),
      "recipe_one");
  EXPECT_EQ(text(*own, "SELECT has_database_privilege('recipe_one', 'CREATE')::text"), "true");
  EXPECT_EQ(text(*own, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"), "false");
  ask(*own, "CREATE TABLE t(a int)");
}

TEST_F(InstanceDatabaseTest, KeepsCustomersApart) {
  create("apart_a", "password of a");
  create("apart_b", "password of b");
  auto across = open("apart_b", "apart_a", "password of a");
  EXPECT_EQ(refusal(*across), Errc::kDenied);
  auto system = open("postgres", "apart_a", "password of a");
  // CONNECT on postgres is public by PostgreSQL's default; pg_hba.conf refuses it.
  EXPECT_EQ(refusal(*system), Errc::kDenied);
  auto wrong = open("apart_a", "apart_a", "password of b");
  EXPECT_EQ(refusal(*wrong), Errc::kDenied);
}

TEST_F(InstanceDatabaseTest, MayBeCreatedAgain) {
  create("again", "first");
  create("again", "second");
  auto old = open("again", "again", "first");
  EXPECT_EQ(refusal(*old), Errc::kDenied);
  auto now = open("again", "again", "second");
  EXPECT_EQ(ask(*now, "SELECT 1").size(), 1u);
}

TEST_F(InstanceDatabaseTest, RefusesNamesOfOthers) {
  create("taken");
  try {
    loop::run_task(loop, databases.create({"taken", "somebody"}, "x"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kExists);
  }
  try {
    loop::run_task(loop, databases.create({"new_one", "taken"}, "x"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kExists);
    EXPECT_THAT(failure.error().detail, HasSubstr("another database (taken)"));
  }
}

TEST_F(InstanceDatabaseTest, TakesOddNamesAndPasswords) {
  for (const std::string name : {"it's \"quoted\"", "übung größe", "100%/a b", "a;--", "$1 {0} \\x"}) {
    SCOPED_TRACE(name);
    const std::string password = "p'\"\\:<ß% $";
    create(name, password);
    auto own = open(name, name, password);
    EXPECT_EQ(text(*own, "SELECT current_database()::text"), name);
    own.reset();
    loop::run_task(loop, databases.drop({name, name}));
    EXPECT_FALSE(loop::run_task(loop, databases.exists(name)));
    EXPECT_FALSE(loop::run_task(loop, databases.user_exists(name)));
  }
}

TEST_F(InstanceDatabaseTest, ChangesThePasswordWithoutTellingTheLog) {
  create("change", "old");
  loop::run_task(loop, databases.set_password("change", "brand-new-secret"));
  auto own = open("change", "change", "brand-new-secret");
  EXPECT_EQ(ask(*own, "SELECT 1").size(), 1u);
  auto old = open("change", "change", "old");
  EXPECT_EQ(refusal(*old), Errc::kDenied);
  const auto stored = loop::run_task(
      loop, running.admin().query("SELECT rolpassword FROM pg_authid WHERE rolname = 'change'"));
  EXPECT_THAT(stored[0].get<std::string>("rolpassword"), testing::StartsWith("SCRAM-SHA-256$4096:"));
}

TEST_F(InstanceDatabaseTest, DropsThoughSomebodyIsConnected) {
  create("busy");
  auto own = open("busy", "busy", "geheim");
  ask(*own, "SELECT 1");
  loop::run_task(loop, databases.drop({"busy", "busy"}));
  EXPECT_FALSE(loop::run_task(loop, databases.exists("busy")));
  loop::run_task(loop, databases.drop({"busy", "busy"}));  // absent is fine
}

TEST_F(InstanceDatabaseTest, RenamesUnderWorkingSessions) {
  create("before");
  auto own = open("before", "before", "geheim");
  ask(*own, "CREATE TABLE t(a int)");
  loop::run_task(loop, databases.rename("before", "after"));
  loop::run_task(loop, databases.rename("before", "after"));  // done already
  auto moved = open("after", "before", "geheim");
  EXPECT_EQ(ask(*moved, "SELECT * FROM t").size(), 0u);
}

TEST_F(InstanceDatabaseTest, SwapsAtOnceAndBack) {
  create("live");
  auto app = open("live", "live", "geheim");
  ask(*app, "CREATE TABLE t AS SELECT 'old' AS v");
  loop::run_task(loop, databases.create_beside("live_restore_1", "live"));
  {
    auto beside = open("live_restore_1", "live", "geheim");
    ask(*beside, "CREATE TABLE t AS SELECT 'new' AS v");
  }
  loop::run_task(loop, databases.swap("live", "live_restore_1", "live_old_1"));
  EXPECT_EQ(text(*app, "SELECT v FROM t"), "new") << "a connected app finds the new data by itself";
  loop::run_task(loop, databases.swap("live", "live_restore_1", "live_old_1"));
  EXPECT_EQ(text(*app, "SELECT v FROM t"), "new") << "done twice is done once";
  auto aside = open("live_old_1", "live", "geheim");
  EXPECT_EQ(refusal(*aside), Errc::kDenied) << "nobody counts what is written to data that are kept";
  loop::run_task(loop, databases.swap("live", "live_old_1", "live_restore_1"));
  EXPECT_EQ(text(*app, "SELECT v FROM t"), "old");
  ask(*app, "INSERT INTO t VALUES ('its owner may write again')");
  EXPECT_EQ(
      text(*app, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()"),
      "live");
  EXPECT_EQ(text(*app, "SELECT has_database_privilege('public', 'live', 'CONNECT')::text"), "false");
}

TEST_F(InstanceDatabaseTest, LetsSessionsInAgainWhenASwapFails) {
  create("stay");
  loop::run_task(loop, databases.create_beside("stay_2", "stay"));
  // A prepared name collision: the third name is taken.
  loop::run_task(loop, databases.create_beside("stay_3", "stay"));
  EXPECT_THROW(loop::run_task(loop, databases.swap("stay", "stay_2", "stay_3")), Failure);
  auto own = open("stay", "stay", "geheim");
  EXPECT_EQ(ask(*own, "SELECT 1").size(), 1u);
  EXPECT_THROW(loop::run_task(loop, databases.swap("absent", "absent_2", "absent_3")), Failure);
}

TEST_F(InstanceDatabaseTest, TellsSizesAndSessions) {
  create("sized");
  const auto bytes = loop::run_task(loop, databases.size("sized"));
  EXPECT_GT(bytes, 5u << 20);
  EXPECT_EQ(loop::run_task(loop, databases.sizes()).at("sized"), bytes);
  EXPECT_THROW((void)loop::run_task(loop, databases.size("absent")), Failure);
  EXPECT_EQ(loop::run_task(loop, databases.sessions("sized")), 0);
  auto own = open("sized", "sized", "geheim");
  ask(*own, "SELECT 1");
  EXPECT_EQ(loop::run_task(loop, databases.sessions("sized")), 1);
}

TEST_F(InstanceDatabaseTest, PrintsARecipeThatRuns) {
  const InstanceDatabaseNames names{"by hand's", "hand \"role\""};
  loop::CommandOptions command;
  command.spawn.program = "/usr/lib/postgresql/15/bin/psql";
  command.spawn.arguments = {"-X", db::format_conninfo(running.cluster().superuser())};
  // psql takes the answer to its prompt from the line after, as it is not a terminal.
  command.input = sql_recipe(names);
  const auto prompt = command.input.find("password\n");
  command.input.insert(prompt + 9, "pass'word\n");
  const auto result = loop::run_task(loop, loop::run_command(loop, std::move(command)));
  EXPECT_TRUE(result.status.is_success()) << result.errors;
  auto own = open(names.database, names.user, "pass'word");
  EXPECT_EQ(ask(*own, "SELECT 1").size(), 1u);
}

}  // namespace
}  // namespace berth::manager
