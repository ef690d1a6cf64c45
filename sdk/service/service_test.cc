#include <gmock/gmock.h>

#include "base/text.h"
#include "db/database.h"
#include "db/migrate.h"
#include "db/testing/temporary_cluster.h"
#include "sdk/testing/fake_manager.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr SchemaFile kSchema[] = {
    {"001_note.sql", "CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL)"},
    {"002_colour.sql", "ALTER TABLE note ADD COLUMN colour text"}};

class Service : public AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<std::optional<std::vector<std::string>>> self_check() override {
    if (!has_database()) co_return std::nullopt;
    const auto bad = co_await database().query("SELECT text FROM note WHERE colour IS NULL");
    std::vector<std::string> problems;
    for (const auto row : bad) problems.push_back(row.get<std::string>(0) + " has no colour");
    co_return problems;
  }
  std::span<const SchemaFile> schema() const override {
    return has_database() ? kSchema : std::span<const SchemaFile>{};
  }
  loop::Task<void> started() override {
    if (name() == "broken") throw_failure(Errc::kFailed, "no such thing");
    attach_app_websocket();
    co_return;
  }
  loop::Task<void> stopping() override {
    if (name() == "stubborn") co_await loop::sleep_for(loop(), std::chrono::hours(1));
  }
  void reachability_changed(const std::string& why) override { unreachable = why; }
  std::string unreachable;
};

class ManagedServiceTest : public ::testing::Test {
 public:
  ManagedServiceTest()
      : manager(loop, folder.path() + "/control.sock"), webserver(loop, folder.path() + "/link.0.sock") {
    ServiceArguments arguments;
    arguments.service = "notes";
    arguments.manager = folder.path() + "/control.sock";
    arguments.log_dir = folder.path() + "/log";
    ServiceDescription description{
        .id = "notes",
        .title = "Notes",
        .build = "1a2b",
        .label = "1.0",
        .apps = {{.name = "notes", .title = "Notes"}, {.name = "api", .websocket_only = true}},
        .plugins = {{.js = "acme.NotesManager", .icon = "notes.png", .lang = "acme.NotesTexts", .api = "x"}}};
    service.emplace(loop, description, arguments, instances_of<Service>());
    running.emplace(loop, service->run());
  }
  json::Object make_start(std::string name) {
    return {{"mt", "AppStart"},
            {"name", name},
            {"domain", "example.com"},
            {"password", "pwd"},
            {"webserverPath", "/example.com/" + name},
            {"grant", std::string(64, 'b')},
            {"linkSockets", json::Array{folder.path() + "/link.0.sock"}},
            {"dbHost", ""},
            {"dbPort", 5432},
            {"dbName", ""},
            {"dbUser", ""},
            {"dbPassword", ""},
            {"workingPath", folder.path()},
            {"logFlags", 0x8001},
            {"domains", json::Array{json::Object{{"domain", "pbx.example"}, {"password", "dp"}}}}};
  }
  json::Object make(std::string mt, std::string name, json::Object more = {}) {
    json::Object out{{"mt", mt}, {"name", name}, {"domain", "example.com"}};
    for (auto& [key, value] : more) out[key] = value;
    return out;
  }
  std::string log() { return or_throw(read_file(folder.path() + "/log/notes.log")); }

  TemporaryFolder folder;
  loop::Loop loop;
  FakeManager manager;
  FakeWebserver webserver;
  std::optional<AppService> service;
  std::optional<loop::Spawned<void>> running;
};

TEST_F(ManagedServiceTest, BeginsWithAHelloThatTellsItsAppsAndPlugins) {
  const auto hello = manager.await("ServiceHello");
  EXPECT_EQ(json::get_string(hello, "service"), "notes");
  EXPECT_EQ(json::get_integer(hello, "version"), 1);
  EXPECT_EQ(json::get_integer(hello, "pid"), ::getpid());
  EXPECT_EQ(
      json::serialize(hello.at("apps")),
      R"([{"name":"notes","websocketOnly":false,"title":"Notes"},{"name":"api","websocketOnly":true,"title":""}])");
  EXPECT_EQ(
      json::serialize(hello.at("plugins")),
      R"([{"js":"acme.NotesManager","icon":"notes.png","lang":"acme.NotesTexts","wildcard":false,"api":"x"}])");
  EXPECT_EQ(json::serialize(hello.at("instances")), "[]");
}

TEST_F(ManagedServiceTest, StartsAnInstanceAndTellsItsState) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  EXPECT_EQ(json::get_string(manager.await("AppStarted"), "name"), "team");
  const auto status = manager.await("AppSendStatus");
  EXPECT_EQ(json::get_string(status, "status"), "running");
  EXPECT_EQ(json::get_string(status, "webserverPath"), "/example.com/team");
  EXPECT_THAT(webserver.attaches, ::testing::SizeIs(1));
  EXPECT_EQ(format_hex(webserver.attaches[0].grant), std::string(64, 'b'));
  AppInstance* instance = service->find_instance("team", "example.com");
  ASSERT_TRUE(instance);
  EXPECT_EQ(*instance->domain_password("pbx.example"), "dp");
}

TEST_F(ManagedServiceTest, SaysWhyAnInstanceCouldNotBeStarted) {
  manager.await("ServiceHello");
  manager.send(make_start("broken"));
  EXPECT_EQ(json::get_string(manager.await("AppStartFailed"), "error"), "no such thing");
  EXPECT_EQ(service->find_instance("broken", "example.com"), nullptr);
}

TEST_F(ManagedServiceTest, StopsAnInstanceEvenIfItDoesNotWantTo) {
  manager.await("ServiceHello");
  for (const char* name : {"team", "stubborn"}) {
    manager.send(make_start(name));
    manager.await("AppStarted");
    manager.send(make("AppStop", name, {{"timeoutMs", 50}}));
    EXPECT_EQ(json::get_string(manager.await("AppStopped"), "name"), name);
    EXPECT_EQ(service->find_instance(name, "example.com"), nullptr);
  }
}

TEST_F(ManagedServiceTest, SaysHelloAgainWithWhatRunsWhenTheManagerComesBack) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  manager.await("AppStarted");
  manager.disconnect();
  EXPECT_EQ(json::serialize(manager.await("ServiceHello").at("instances")),
            R"([{"name":"team","domain":"example.com"}])");
  EXPECT_EQ(manager.connections, 2);
  EXPECT_EQ(webserver.connections, 1);  // nothing else was touched

  // A manager that forgot starts it again: it runs, with what is new.
  auto again = make_start("team");
  again["password"] = "new";
  manager.send(again);
  manager.await("AppStarted");
  EXPECT_EQ(service->find_instance("team", "example.com")->password(), "new");
}

TEST_F(ManagedServiceTest, TakesChangesOfARunningInstance) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  manager.await("AppStarted");
  manager.send(make("AppSetPassword", "team", {{"password", "other"}}));
  manager.send(make("AppDomain", "team", {{"regDomain", "new.example"}, {"password", "np"}}));
  manager.send(make("AppDomainRemoved", "team", {{"regDomain", "pbx.example"}}));
  manager.send(make("AppSetLogFlags", "team", {{"logFlags", 0x200000000}}));
  manager.send({{"mt", "Ping"}, {"src", 1}});
  manager.await("Pong");
  const AppInstance* instance = service->find_instance("team", "example.com");
  EXPECT_EQ(instance->password(), "other");
  EXPECT_EQ(*instance->domain_password("new.example"), "np");
  EXPECT_EQ(instance->domain_password("pbx.example"), nullptr);
  EXPECT_TRUE(instance->traces(kWebserver));
  EXPECT_FALSE(instance->traces(kApp));
}

TEST_F(ManagedServiceTest, AnswersCountersAndRefusesTheUnknown) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  manager.await("AppStarted");
  manager.send({{"mt", "GetCounters"}, {"src", "c"}});
  auto counters = manager.await("Counters");
  auto& told = counters.at("instances").as_array().at(0).as_object();
  EXPECT_EQ(json::get_string(told, "run").size(), 16u);
  told["run"] = "0123456789abcdef";
  told["busyUs"] = 0;
  EXPECT_EQ(
      json::serialize(counters),
      R"({"mt":"Counters","instances":[{"name":"team","domain":"example.com","run":"0123456789abcdef","sessions":0,)"
      R"("websockets":0,"requests":0,"messagesIn":0,"messagesOut":0,"bytesIn":0,"bytesOut":0,"databaseMs":0,)"
      R"("websocketMs":0,"busyUs":0,"slowed":0,"refused":0}],"src":"c"})");
  manager.send({{"mt", "MakeCoffee"}, {"src", 9}});
  EXPECT_EQ(json::serialize(manager.await("Error")),
            R"({"mt":"Error","error":"unknown message MakeCoffee","src":9})");
}

TEST_F(ManagedServiceTest, EndsWhenToldToAndSaysSo) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  manager.await("AppStarted");
  manager.send({{"mt", "AppServiceShutdown"}, {"timeoutMs", 1000}});
  manager.await("AppServiceShutdownComplete");
  EXPECT_TRUE(loop.run_until([&] { return running->is_done(); }));
  EXPECT_EQ(service->find_instance("team", "example.com"), nullptr);
}

TEST_F(ManagedServiceTest, TellsTheManagerOfAPathThatWasTakenAwayAndAttachesItAgain) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  EXPECT_EQ(json::get_string(manager.await("AppSendStatus"), "status"), "running");
  const auto& instance = static_cast<Service&>(*service->find_instance("team", "example.com"));
  const std::string path = "/example.com/team";
  webserver.results[path] = link::AttachResult::kNoGrant;
  webserver.send_detached(webserver.attaches[0].id, "the grant was taken back");
  const auto lost = manager.await("AppSendStatus");
  EXPECT_EQ(json::get_string(lost, "status"), "degraded");
  EXPECT_THAT(json::get_string(lost, "detail"), HasSubstr(path + ": the grant was taken back"));
  EXPECT_THAT(instance.unreachable, HasSubstr("taken back"));
  // It has tried at once and was refused; it does not give up.
  ASSERT_TRUE(loop.run_until([&] { return webserver.attaches.size() >= 3; }));
  webserver.results.erase(path);
  std::string status;
  while (status != "running") status = json::get_string(manager.await("AppSendStatus"), "status");
  EXPECT_EQ(instance.unreachable, "");
  const auto tries = webserver.attaches.size();
  EXPECT_EQ(webserver.attaches.back().id, webserver.attaches.front().id);

  // Another grant, as when the manager replaced it: that is used at once.
  webserver.results[path] = link::AttachResult::kNoGrant;
  webserver.send_detached(webserver.attaches[0].id, "the grant was taken back");
  EXPECT_EQ(json::get_string(manager.await("AppSendStatus"), "status"), "degraded");
  auto renewed = make_start("team");
  renewed["grant"] = std::string(64, 'c');
  manager.send(renewed);
  EXPECT_TRUE(loop.run_until([&] {
    return webserver.attaches.size() > tries &&
           format_hex(webserver.attaches.back().grant) == std::string(64, 'c');
  }));
  webserver.results.erase(path);
  status.clear();
  while (status != "running") status = json::get_string(manager.await("AppSendStatus"), "status");
}

TEST_F(ManagedServiceTest, WritesInstanceLinesIntoTheServicesLogFile) {
  manager.await("ServiceHello");
  manager.send(make_start("team"));
  manager.await("AppStarted");
  AppInstance* instance = service->find_instance("team", "example.com");
  instance->log("hello there", {{"count", 3}});
  instance->log(kDatabase, "not wanted");
  manager.send(make("AppSetLogFlags", "team", {{"logFlags", 2}}));
  manager.send({{"mt", "Ping"}, {"src", 1}});
  manager.await("Pong");
  instance->log(kDatabase, "wanted now");
  instance->log("no more");
  const auto text = log();
  std::string line;
  for (const auto candidate : split(text, '\n'))
    if (candidate.find("hello") != std::string_view::npos) line = candidate;
  EXPECT_THAT(line, MatchesRegex("[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]\\.[0-9][0-9][0-9] "
                                 "team@example\\.com hello there count=3"));
  EXPECT_THAT(text, HasSubstr("wanted now"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("not wanted")));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("no more")));
}

TEST_F(ManagedServiceTest, BringsTheSchemaUpToDateBeforeItRuns) {
  manager.await("ServiceHello");
  const auto database = db::TemporaryCluster::shared().make_database();
  auto message = make_start("team");
  message["dbHost"] = database.host;
  message["dbPort"] = database.port;
  message["dbName"] = database.database;
  message["dbUser"] = database.user;
  manager.send(message);
  manager.await("AppStarted");
  AppInstance* instance = service->find_instance("team", "example.com");
  loop::Spawned<db::Rows> query(
      loop, instance->database().query("INSERT INTO note (text, colour) VALUES ('a', 'b') RETURNING id"));
  loop.run_until([&] { return query.is_done(); });
  EXPECT_EQ(query.take().size(), 1u);
}

TEST_F(ManagedServiceTest, LooksAtARestoredDatabaseBesideTheOneItRunsOn) {
  EXPECT_TRUE(json::get_bool(manager.await("ServiceHello"), "selfCheck"));
  manager.send(make_start("team"));
  manager.await("AppStarted");
  const auto attached = webserver.attaches.size();
  // As an older build left it.
  const auto restored = db::TemporaryCluster::shared().make_database();
  {
    db::Database database(loop, {.connection = restored});
    loop::run_task(loop, db::migrate(database, {{1, "001_note.sql", std::string(kSchema[0].sql)}}));
    loop::run_task(loop, database.query("INSERT INTO note (text) VALUES ('milk')"));
  }
  auto message = make("AppSelfCheck", "team",
                      {{"src", "7"},
                       {"dbHost", restored.host},
                       {"dbPort", restored.port},
                       {"dbName", restored.database},
                       {"dbUser", restored.user}});
  manager.send(message);
  const auto answer = manager.await("AppSelfChecked");
  EXPECT_EQ(json::get_string(answer, "src"), "7");
  EXPECT_TRUE(json::get_bool(answer, "checked"));
  EXPECT_EQ(json::serialize(answer.at("problems")), R"(["milk has no colour"])");
  EXPECT_EQ(webserver.attaches.size(), attached) << "nobody reaches it";
  EXPECT_TRUE(service->find_instance("team", "example.com")) << "the running one goes on";

  manager.send(make("AppSelfCheck", "team", {{"src", "8"}}));
  EXPECT_FALSE(json::get_bool(manager.await("AppSelfChecked"), "checked"))
      << "without a database there is none";
  message["dbName"] = "absent";
  manager.send(message);
  EXPECT_THAT(json::get_string(manager.await("Error"), "error"), HasSubstr("absent"));
}

TEST(ServiceArguments, ReadsWhatTheManagerGives) {
  const char* argv[] = {
      "notes",           "--service", "notes",       "--manager", "/r/control.sock", "--log-dir=/r/log",
      "--log-file-size", "1000000",   "--log-files", "7",         "--log-flags",     "0x8001"};
  const auto arguments = or_throw(parse_service_arguments(std::size(argv), argv));
  EXPECT_EQ(arguments.service, "notes");
  EXPECT_EQ(arguments.manager, "/r/control.sock");
  EXPECT_EQ(arguments.log_dir, "/r/log");
  EXPECT_EQ(arguments.log_file_bytes, 1000000u);
  EXPECT_EQ(arguments.log_files, 7);
  EXPECT_EQ(arguments.log_flags, 0x8001u);
  EXPECT_FALSE(arguments.alone);
}

TEST(ServiceArguments, SaysWhatIsWrong) {
  const auto text_of = [](std::vector<const char*> argv) {
    argv.insert(argv.begin(), "notes");
    return parse_service_arguments(static_cast<int>(argv.size()), argv.data()).error().detail;
  };
  EXPECT_THAT(text_of({}), HasSubstr("--manager"));
  EXPECT_THAT(text_of({"--port", "70000"}), HasSubstr("0 to 65535"));
  EXPECT_THAT(text_of({"--port"}), HasSubstr("needs a value"));
  EXPECT_THAT(text_of({"--what", "x"}), HasSubstr("unknown option --what"));
  EXPECT_THAT(text_of({"--port", "1", "--manager", "/x"}), HasSubstr("exclude each other"));
}

}  // namespace
}  // namespace berth::sdk
