#include "apps/polls/polls_instance.h"
#include "db/testing/mysql_server.h"
#include "sdk/testing/fixture.h"

namespace berth::polls {
namespace {

class PollsTest : public sdk::ServiceFixture<PollsInstance> {
 public:
  static void SetUpTestSuite() {
    server_loop = std::make_unique<loop::Loop>();
    server = std::make_unique<db::MysqlServer>(*server_loop);
  }
  static void TearDownTestSuite() {
    server.reset();
    server_loop.reset();
  }
  PollsTest() {
    static int count = 0;
    const std::string database = fmt::format("polls{}", ++count);  // of each test
    server->run_as_root({fmt::format("CREATE DATABASE {} CHARACTER SET utf8mb4", database),
                         "CREATE OR REPLACE USER 'polls'@'%' IDENTIFIED BY 'one'",
                         fmt::format("GRANT ALL PRIVILEGES ON {}.* TO 'polls'@'%'", database)});
    auto with = arguments();
    with.database = {.type = "mysql",
                     .host = "127.0.0.1",
                     .port = server->port(),
                     .name = database,
                     .user = "polls",
                     .password = "one",
                     .conninfo = {}};
    start(with);
  }
  ~PollsTest() override { loop::run_task(loop, service->stop_instance("team", "example.com")); }

  std::string say(std::uint32_t session, std::string_view text) {
    return json::serialize(ask(session, text));
  }

  static inline std::unique_ptr<loop::Loop> server_loop;
  static inline std::unique_ptr<db::MysqlServer> server;
};

TEST_F(PollsTest, VotesAreCountedOncePerPersonAndToldToEverybody) {
  log_in(1, "pwd", kPath, "ann");
  log_in(2, "pwd", kPath, "bob");
  EXPECT_EQ(say(1, R"({"mt":"ListPolls","src":"a"})"), R"({"mt":"ListPollsResult","src":"a","polls":[]})");
  EXPECT_EQ(say(2, R"({"mt":"AddPoll","question":"Tea?","answers":["yes","it's 'no'"]})"),
            R"({"mt":"AddPollResult","id":1})");
  EXPECT_EQ(
      json::serialize(next_json(1)),
      R"({"mt":"PollChanged","src":"a","poll":{"id":1,"question":"Tea?","answers":[{"id":1,"words":"yes","votes":0},{"id":2,"words":"it's 'no'","votes":0}]}})");
  EXPECT_EQ(say(2, R"({"mt":"Vote","answer":1})"), R"({"mt":"VoteResult"})");
  next_json(1);
  EXPECT_EQ(say(2, R"({"mt":"Vote","answer":2})"), R"({"mt":"VoteResult"})");
  EXPECT_EQ(
      json::serialize(next_json(1)),
      R"({"mt":"PollChanged","src":"a","poll":{"id":1,"question":"Tea?","answers":[{"id":1,"words":"yes","votes":0},{"id":2,"words":"it's 'no'","votes":1}]}})");
}

TEST_F(PollsTest, RefusesWhatIsNoPollAndLeavesNothingOfIt) {
  log_in(1);
  EXPECT_EQ(say(1, R"({"mt":"AddPoll","question":"Tea?","answers":["yes"]})"),
            R"({"mt":"AddPollResult","error":"2 to 20 answers expected","errorCode":"malformed"})");
  EXPECT_EQ(say(1, R"({"mt":"AddPoll","question":"","answers":["yes","no"]})"),
            R"({"mt":"AddPollResult","error":"1 to 200 bytes of words expected","errorCode":"malformed"})");
  EXPECT_EQ(say(1, R"({"mt":"Vote","answer":7})"),
            R"({"mt":"VoteResult","error":"there is no answer 7","errorCode":"not_found"})");
  EXPECT_EQ(say(1, R"({"mt":"ListPolls"})"), R"({"mt":"ListPollsResult","polls":[]})");
}

TEST_F(PollsTest, TakesAnotherPasswordWhileItRuns) {
  log_in(1);
  server->run_as_root({"ALTER USER 'polls'@'%' IDENTIFIED BY 'two'"});
  EXPECT_TRUE(service->set_database_password("team", "example.com", "two"));
  EXPECT_EQ(say(1, R"({"mt":"ListPolls"})"), R"({"mt":"ListPollsResult","polls":[]})");
}

}  // namespace
}  // namespace berth::polls
