#include "berth/config.h"

#include "db/database.h"
#include "db/testing/temporary_cluster.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

std::vector<ConfigItem> make_items() {
  return {
      {.name = "title", .type = ConfigType::kString, .default_value = "Notes"},
      {.name = "limit", .type = ConfigType::kInt, .default_value = "10", .min = 1, .max = 100},
      {.name = "colour",
       .type = ConfigType::kChoice,
       .default_value = "green",
       .choices = {"red", "green", "blue"}},
      {.name = "open", .type = ConfigType::kBool, .default_value = "true"},
      {.name = "big", .type = ConfigType::kUlong64, .default_value = "18446744073709551615"},
      {.name = "smtp", .type = ConfigType::kString, .is_password = true},
      {.name = "hidden", .type = ConfigType::kDword, .is_unmanaged = true},
  };
}

class ConfigInstance : public AppInstance {
 public:
  ConfigInstance(AppService& service, InstanceArguments arguments)
      : AppInstance(service, std::move(arguments)),
        config(database(), make_items()),
        api(config, [](const AppSession& session) {
          return ConfigApi::Access{.read = session.sip() != "stranger", .write = session.sip() == "user"};
        }) {
    add_api(api);
  }
  loop::Task<void> started() override {
    attach_app_websocket();
    co_await config.load();
  }
  Config config;
  ConfigApi api;
};

class ConfigTest : public ServiceFixture<ConfigInstance> {
 public:
  ConfigTest() {
    auto with = arguments();
    with.database.conninfo = db::format_conninfo(db::TemporaryCluster::shared().make_database());
    start(with);
  }
  std::string stored(const std::string& name) {
    const auto rows =
        loop::run_task(loop, instance->database().query("SELECT value FROM config WHERE name = $1", name));
    return rows.empty() ? "(none)" : rows.front().get<std::string>(0);
  }
  Result<void> write(std::map<std::string, std::string> values) {
    return loop::run_task(loop, instance->config.write(std::move(values)));
  }
};

TEST_F(ConfigTest, StoresOnlyWhatDiffersFromTheDefault) {
  EXPECT_TRUE(write({{"title", "Board"}, {"limit", "20"}}));
  EXPECT_EQ(stored("title"), "Board");
  EXPECT_EQ(instance->config.number("limit"), 20);
  EXPECT_TRUE(write({{"title", "Notes"}}));
  EXPECT_EQ(stored("title"), "(none)");
  EXPECT_EQ(instance->config.text("title"), "Notes");
}

TEST_F(ConfigTest, ClampsNumbersAndKeepsChoicesAsText) {
  EXPECT_TRUE(write({{"limit", "99999999999999999999999"}, {"colour", "blue"}}));
  EXPECT_EQ(stored("limit"), "100");
  EXPECT_TRUE(write({{"limit", "-5"}}));
  EXPECT_EQ(stored("limit"), "1");
  EXPECT_EQ(stored("colour"), "blue");
}

TEST_F(ConfigTest, WritesAllOrNothing) {
  EXPECT_EQ(write({{"title", "Board"}, {"limit", "ten"}}).error().code, Errc::kMalformed);
  EXPECT_EQ(write({{"title", "Board"}, {"nothing", "1"}}).error().code, Errc::kNotFound);
  EXPECT_EQ(stored("title"), "(none)");
}

TEST_F(ConfigTest, IsThereAgainAfterLoading) {
  EXPECT_TRUE(write({{"colour", "red"}, {"open", "0"}}));
  Config again(instance->database(), make_items());
  loop::run_task(loop, again.load());
  EXPECT_EQ(again.text("colour"), "red");
  EXPECT_FALSE(again.flag("open"));
}

TEST_F(ConfigTest, TellsItemsAndValuesButNoPasswordAndNothingUnmanaged) {
  log_in(1);
  EXPECT_TRUE(write({{"smtp", "secret"}}));
  const auto items = json::serialize(ask(1, R"({"mt":"GetConfigItems","api":"Config","src":"c"})"));
  EXPECT_EQ(
      items,
      R"({"mt":"GetConfigItemsResult","api":"Config","src":"c","ConfigItems":[{"name":"title","type":"STRING"},)"
      R"({"name":"limit","type":"INT","minVal":1,"maxVal":100},)"
      R"({"name":"colour","type":"CHOICE","choices":["red","green","blue"]},{"name":"open","type":"BOOL"},)"
      R"({"name":"big","type":"ULONG64"},{"name":"smtp","type":"STRING","password":true}]})");
  EXPECT_EQ(
      json::serialize(ask(1, R"({"mt":"ReadConfig","api":"Config"})")),
      R"({"mt":"ReadConfigResult","api":"Config","ConfigItems":{"title":"Notes","limit":10,"colour":1,"open":true,)"
      R"("big":18446744073709551615,"smtp":""}})");
}

TEST_F(ConfigTest, TellsEachSubscriberOfChangesWithItsSrc) {
  log_in(1);
  log_in(2, "pwd", kPath, "reader");
  log_in(3, "pwd", kPath, "stranger");
  ask(1, R"({"mt":"GetConfigItems","api":"Config","src":"one"})");
  ask(2, R"({"mt":"GetConfigItems","api":"Config","src":"two"})");
  EXPECT_EQ(json::get_string(ask(3, R"({"mt":"GetConfigItems","api":"Config","src":"three"})"), "result"),
            "AccessDenied");
  EXPECT_EQ(
      json::get_string(ask(2, R"({"mt":"WriteConfig","api":"Config","ConfigItems":{"limit":50}})"), "result"),
      "AccessDenied");
  webserver->send_text(
      1, R"({"mt":"WriteConfig","api":"Config","src":"w","ConfigItems":{"limit":500,"colour":2}})");
  const auto update = next_json(1);
  EXPECT_EQ(json::get_string(update, "mt"), "ConfigUpdate");
  EXPECT_EQ(json::get_string(update, "src"), "one");
  EXPECT_EQ(json::get_integer(*json::find_object(update, "ConfigItems"), "limit"), 100);
  EXPECT_EQ(json::serialize(next_json(1)),
            R"({"mt":"WriteConfigResult","api":"Config","src":"w","result":"ok"})");
  EXPECT_EQ(json::get_string(next_json(2), "src"), "two");
  EXPECT_EQ(instance->config.text("colour"), "blue");
}

TEST_F(ConfigTest, TakesPasswordsInBothSpellingsAndLeavesThemIfEmpty) {
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  const auto challenge = json::get_string(ask(1, R"({"mt":"AppChallenge"})"), "challenge");
  const auto digest = appwebsocket::make_digest({"test", "", "user", "", "", std::nullopt}, challenge, "pwd");
  ask(1, R"({"mt":"AppLogin","app":"test","sip":"user","digest":")" + digest + R"("})");
  const appwebsocket::SessionKey key(challenge, "pwd");
  const auto sealed = [&](std::string_view text) {
    return json::Object{{"value", key.encrypt("s", text)}, {"key", "s"}};
  };
  const auto put = [&](json::Object items) {
    return json::get_string(ask(1, json::serialize(json::Object{
                                       {"mt", "WriteConfig"}, {"api", "Config"}, {"ConfigItems", items}})),
                            "result");
  };
  EXPECT_EQ(put({{"smtp", sealed("first")}}), "ok");
  EXPECT_EQ(stored("smtp"), "first");
  EXPECT_EQ(put({{"smtpPassword", sealed("second")}}), "ok");
  EXPECT_EQ(stored("smtp"), "second");
  EXPECT_EQ(put({{"smtp", ""}}), "ok");
  EXPECT_EQ(stored("smtp"), "second");
  EXPECT_EQ(put({{"hidden", 5}}), "failed");
  EXPECT_EQ(put({{"colour", 9}}), "failed");
}

}  // namespace
}  // namespace berth::sdk
