#include "apps/hello/hello_instance.h"
#include "db/testing/temporary_cluster.h"
#include "sdk/testing/fixture.h"

namespace berth::hello {
namespace {

class HelloTest : public sdk::ServiceFixture<HelloInstance> {
 public:
  HelloTest() {
    auto with = arguments();
    with.database.conninfo = db::format_conninfo(db::TemporaryCluster::shared().make_database());
    start(with);
  }
};

TEST_F(HelloTest, StoresWhatIsWrittenAndTellsEverybody) {
  log_in(1);
  log_in(2);
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"ListEntries","src":"a"})")),
            R"({"mt":"ListEntriesResult","src":"a","entries":[]})");
  ask(2, R"({"mt":"ListEntries","src":"b"})");
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"WriteEntry","src":"w","words":"Hello!"})")),
            R"({"mt":"WriteEntryResult","src":"w","id":1})");
  EXPECT_EQ(webserver->next_text(1),
            R"({"mt":"EntryWritten","src":"a","entry":{"id":1,"author":"user","words":"Hello!"}})");
  EXPECT_EQ(webserver->next_text(2),
            R"({"mt":"EntryWritten","src":"b","entry":{"id":1,"author":"user","words":"Hello!"}})");
  log_in(3);
  EXPECT_EQ(json::serialize(ask(3, R"({"mt":"ListEntries"})")),
            R"({"mt":"ListEntriesResult","entries":[{"id":1,"author":"user","words":"Hello!"}]})");
}

TEST_F(HelloTest, RefusesEmptyWords) {
  log_in(1);
  EXPECT_EQ(
      json::serialize(ask(1, R"({"mt":"WriteEntry","words":""})")),
      R"({"mt":"WriteEntryResult","error":"1 to 1000 bytes of words expected","errorCode":"malformed"})");
}

TEST_F(HelloTest, ServesItsPageAndTheCount) {
  EXPECT_FALSE(webserver->packs.at(webserver->await_attach(kPath, link::Kind::kStatic)).empty());
  open(1, link::Kind::kHttp, "/example.com/team/count");
  webserver->next(1);
  EXPECT_EQ(webserver->next(1).text(), R"({"entries":0})");
}

// sdk: sessions stay when the database goes; requests wait for it or fail clearly.
TEST(HelloWithoutDatabase, KeepsSessionsAndWritesAgainWhenTheDatabaseIsBack) {
  db::TemporaryCluster cluster;
  struct Fixture : sdk::ServiceFixture<HelloInstance> {
    void TestBody() override {}
  } fixture;
  auto with = fixture.arguments();
  with.database.conninfo = db::format_conninfo(cluster.make_database());
  fixture.start(with);
  fixture.log_in(1);
  fixture.ask(1, R"({"mt":"WriteEntry","words":"before"})");
  cluster.kill_now();
  fixture.webserver->send_text(1, R"({"mt":"WriteEntry","src":1,"words":"meanwhile"})");
  for (int turn = 0; turn < 50; ++turn) fixture.loop.run_once(std::chrono::milliseconds(2));
  cluster.start();
  // Either it waited for the database, or (on a slow machine) it says clearly that it did not get one.
  auto answer = fixture.next_json(1);
  for (int again = 0; answer.contains("error") && again < 10; ++again) {
    EXPECT_EQ(json::get_string(answer, "errorCode"), "unavailable") << json::serialize(answer);
    answer = fixture.ask(1, R"({"mt":"WriteEntry","src":1,"words":"once more"})");
  }
  EXPECT_TRUE(answer.contains("id")) << json::serialize(answer);
  const auto entries = fixture.ask(1, R"({"mt":"ListEntries"})");
  EXPECT_NE(json::serialize(entries).find("\"before\""), std::string::npos);
  EXPECT_GE(json::find_array(entries, "entries")->size(), 2u);
}

}  // namespace
}  // namespace berth::hello
