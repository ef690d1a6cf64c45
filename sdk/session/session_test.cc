#include <gmock/gmock.h>

#include "base/bytes.h"
#include "berth/app_service.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

using ::testing::HasSubstr;

class CounterApi : public Api {
 public:
  std::string_view name() const override { return "Counter"; }
  std::optional<json::Object> announced() const override { return json::Object{{"title", "Counts"}}; }
  loop::Task<void> received(AppSession& session, Message message) override {
    session.reply(message, {{"count", ++count}});
    co_return;
  }
  int count = 0;
};

class TestInstance : public AppInstance {
 public:
  TestInstance(AppService& service, InstanceArguments arguments)
      : AppInstance(service, std::move(arguments)), gate(loop()) {
    add_api(api);
  }
  loop::Task<void> started() override {
    attach_app_websocket();
    attach_app_websocket("second", second);
    co_return;
  }
  loop::Task<void> opened(AppSession& session) override {
    events.push_back("opened " + std::string(session.sip()));
    co_return;
  }
  loop::Task<void> received(AppSession& session, Message message) override {
    events.push_back(std::string(message.mt()));
    if (message.mt() == "Echo") {
      session.reply(message, {{"text", message.text("text")}});
    } else if (message.mt() == "Fail") {
      throw_failure(Errc::kNotFound, "no such note");
    } else if (message.mt() == "Wait") {
      co_await gate.wait();
      events.push_back("waited");
      session.reply(message, {});
    } else if (message.mt() == "Subscribe") {
      subscribers.add(session, message);
      session.reply(message, {});
    } else if (message.mt() == "Secret") {
      const auto text = session.open_secret(message.body().at("password"));
      session.reply(message,
                    {{"text", text.value_or("?")}, {"sealed", session.encrypt("seed1", "Geheim-äöü")}});
    } else if (message.mt() == "Big") {
      session.reply(
          message,
          {{"text", std::string(static_cast<std::size_t>(message.number("size").value_or(0)), 'x')}});
    }
  }
  void closed(AppSession& session) override {
    subscribers.remove(session);
    events.push_back("closed " + std::string(session.sip()));
  }

  struct Second : AppEndpoint {
    loop::Task<std::vector<std::string>> passwords(AppInstance&, Login) override {
      co_return std::vector<std::string>{"-"};
    }
    Result<void> admit(AppInstance&, const Login& login) override {
      if (login.sip() == "stranger") return fail(Errc::kDenied, "not for you");
      return {};
    }
    AppInfo app_info(AppSession&, std::string_view) override {
      return {.hidden = true, .apis = {{"com.example", json::Object{}}}};
    }
  } second;

  std::vector<std::string> events;
  CounterApi api;
  Subscribers subscribers;
  loop::Event gate;
};

using SessionTest = ServiceFixture<TestInstance>;

TEST_F(SessionTest, LogsInWithTheInstancePassword) {
  start();
  const auto result = log_in(1);
  EXPECT_EQ(json::serialize(result),
            R"({"mt":"AppLoginResult","app":"test","domain":"example.com","ok":true})");
  webserver->settle();
  EXPECT_THAT(instance->events, ::testing::ElementsAre("opened user"));
  EXPECT_EQ(instance->counters().sessions, 1u);
}

TEST_F(SessionTest, LogsInWithTheRegisteredDomainsPassword) {
  auto with = arguments();
  with.domains["other.example"] = "domain-pwd";
  start(with);
  EXPECT_TRUE(json::get_bool(log_in(1, "domain-pwd", kPath, "pbx", "other.example"), "ok"));
  EXPECT_FALSE(json::get_bool(log_in(2, "domain-pwd", kPath, "pbx", "third.example"), "ok"));
}

TEST_F(SessionTest, RefusesAWrongPasswordAndClosesWith1008ALittleLater) {
  start();
  const auto before = loop::Clock::now();
  const auto result = log_in(1, "wrong");
  EXPECT_FALSE(json::get_bool(result, "ok"));
  EXPECT_EQ(json::get_string(result, "error"), "wrong password");
  EXPECT_EQ(next_close(1).code, 1008);
  EXPECT_GE(loop::Clock::now() - before, std::chrono::milliseconds(100));
  EXPECT_TRUE(instance->events.empty());
}

TEST_F(SessionTest, NeedsAChallengeAndTakesEachOnce) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  EXPECT_FALSE(json::get_bool(ask(1, R"({"mt":"AppLogin","app":"test","digest":"00"})"), "ok"));
  next_close(1);

  // The right digest for a challenge that a wrong login has used up.
  open(2, link::Kind::kWebsocket);
  webserver->next(2);
  const auto challenge = json::get_string(ask(2, R"({"mt":"AppChallenge"})"), "challenge");
  const auto digest = appwebsocket::make_digest({"test", "", "", "", "", std::nullopt}, challenge, "pwd");
  webserver->send_text(2, R"({"mt":"AppLogin","app":"test","digest":"11"})");
  webserver->send_text(2, R"({"mt":"AppLogin","app":"test","digest":")" + digest + R"("})");
  EXPECT_FALSE(json::get_bool(next_json(2), "ok"));
  EXPECT_EQ(next_close(2).code, 1008);
}

TEST_F(SessionTest, AnswersCheckBuildAndChallengeInOrderAndIgnoresTheRestBeforeLogin) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  webserver->send_text(1, R"({"mt":"Echo","src":"early"})");
  webserver->send_text(1, R"({"mt":"CheckBuild","url":"http://ap/example.com/team/test.htm"})");
  webserver->send_text(1, R"({"mt":"CheckBuild","url":"http://ap/example.com/team/1a2b/test.htm"})");
  webserver->send_text(1, R"({"mt":"AppChallenge"})");
  EXPECT_EQ(webserver->next_text(1),
            R"({"mt":"CheckBuildResult","url":"http://ap/example.com/team/1a2b/test.htm"})");
  EXPECT_EQ(webserver->next_text(1), R"({"mt":"CheckBuildResult"})");
  const auto challenge = next_json(1);
  EXPECT_EQ(json::get_string(challenge, "mt"), "AppChallengeResult");
  EXPECT_LE(json::get_string(challenge, "challenge").size(), 16u);
  EXPECT_TRUE(instance->events.empty());
}

TEST_F(SessionTest, HashesInfoAsItWasSent) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  const auto challenge = json::get_string(ask(1, R"({"mt":"AppChallenge"})"), "challenge");
  const std::string info = R"({"cn":"Jörg \"J\" A/B","groups":[],"x":1.50})";
  const auto digest = appwebsocket::make_digest({"test", "d", "s", "g", "n", info}, challenge, "pwd");
  const auto result =
      ask(1, R"({"mt":"AppLogin","app":"test","domain":"d","sip":"s","guid":"g","dn":"n","info":)" + info +
                 R"(,"digest":")" + digest + R"(","pbxObj":"changed on the way"})");
  EXPECT_TRUE(json::get_bool(result, "ok"));
}

TEST_F(SessionTest, EchoesKeepAliveBeforeAndAfterLogin) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"KeepAlive"})")), R"({"mt":"KeepAlive"})");
  log_in(2);
  EXPECT_EQ(json::serialize(ask(2, R"({"mt":"KeepAlive"})")), R"({"mt":"KeepAlive"})");
}

TEST_F(SessionTest, ConfirmsACommonPasswordByAppCheckLogin) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  // Formula of reference section 2 (unverified there): sip, guid, dn empty, no info.
  const auto digest = sha256_hex("test:example.com::::1234:pwd");
  EXPECT_EQ(
      json::serialize(ask(
          1,
          R"({"mt":"AppCheckLogin","app":"test","domain":"example.com","challenge":"1234","src":7,"digest":")" +
              digest + "\"}")),
      R"({"mt":"AppCheckLoginResult","src":7,"ok":true})");
  EXPECT_FALSE(json::get_bool(
      ask(1,
          R"({"mt":"AppCheckLogin","app":"test","domain":"example.com","challenge":"1234","digest":"00"})"),
      "ok"));
}

TEST_F(SessionTest, KeepsSrcAndApiInAnswersAndRoutesByApi) {
  start();
  log_in(1);
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"Echo","src":"s1","text":"hi"})")),
            R"({"mt":"EchoResult","src":"s1","text":"hi"})");
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"Count","api":"Counter","src":{"a":1}})")),
            R"({"mt":"CountResult","api":"Counter","src":{"a":1},"count":1})");
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"Fail","src":"s2"})")),
            R"({"mt":"FailResult","src":"s2","error":"no such note","errorCode":"not_found"})");
  EXPECT_EQ(json::serialize(ask(1, R"({"mt":"Echo","text":"lives on"})")),
            R"({"mt":"EchoResult","text":"lives on"})");
}

TEST_F(SessionTest, TellsItsApisByAppInfo) {
  start();
  log_in(1);
  EXPECT_EQ(
      json::serialize(ask(1, R"({"mt":"AppInfo","app":"test"})")),
      R"({"mt":"AppInfoResult","app":"test","info":{"apis":{"Counter":{"title":"Counts"}}},"serviceInfo":{"apis":{}}})");
  log_in(2, "-", "/example.com/team/second");
  EXPECT_EQ(
      json::serialize(ask(2, R"({"mt":"AppInfo","app":"test"})")),
      R"({"mt":"AppInfoResult","app":"test","info":{"hidden":true,"apis":{"com.example":{}}},"serviceInfo":{"apis":{}}})");
}

TEST_F(SessionTest, EachEndpointHasPasswordsAndRulesOfItsOwn) {
  start();
  EXPECT_TRUE(json::get_bool(log_in(1, "-", "/example.com/team/second"), "ok"));
  EXPECT_FALSE(json::get_bool(log_in(2, "pwd", "/example.com/team/second"), "ok"));
  EXPECT_EQ(json::get_string(log_in(3, "-", "/example.com/team/second", "stranger"), "error"), "not for you");
  EXPECT_FALSE(json::get_bool(log_in(4, "-"), "ok"));
}

TEST_F(SessionTest, RepeatsTheSubscribersSrcInEachIndication) {
  start();
  log_in(1);
  log_in(2);
  log_in(3);
  ask(1, R"({"mt":"Subscribe","src":"a"})");
  ask(2, R"({"mt":"Subscribe","src":"b","api":"X"})");
  ask(3, R"({"mt":"Subscribe","src":"a"})");
  instance->subscribers.publish({{"mt", "Changed"}, {"id", 5}});
  EXPECT_EQ(webserver->next_text(1), R"({"mt":"Changed","src":"a","id":5})");
  EXPECT_EQ(webserver->next_text(2), R"({"mt":"Changed","api":"X","src":"b","id":5})");
  EXPECT_EQ(webserver->next_text(3), R"({"mt":"Changed","src":"a","id":5})");
  EXPECT_EQ(webserver->broadcasts, 2);  // one for each src
}

TEST_F(SessionTest, BroadcastsWithOneCopyAndSkipsNobody) {
  webserver->credit_for_service = 400;
  start();
  for (std::uint32_t stream = 1; stream <= 20; ++stream) log_in(stream);
  ask(20, R"({"mt":"Big","size":100})");  // takes most of that stream's credit
  instance->broadcast({{"mt", "News"}, {"text", std::string(100, 'n')}});
  const std::string expected = R"({"mt":"News","text":")" + std::string(100, 'n') + "\"}";
  for (std::uint32_t stream = 1; stream < 20; ++stream) EXPECT_EQ(webserver->next_text(stream), expected);
  EXPECT_EQ(webserver->broadcasts, 1);
  Bytes credit;
  link::append_credit(credit, 20, 1000);
  webserver->send(credit);
  EXPECT_EQ(webserver->next_text(20), expected);
}

TEST_F(SessionTest, OpensAndSealsSecretsWithTheSessionKey) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  const auto challenge = json::get_string(ask(1, R"({"mt":"AppChallenge"})"), "challenge");
  const auto digest = appwebsocket::make_digest({"test", "", "", "", "", std::nullopt}, challenge, "pwd");
  ask(1, R"({"mt":"AppLogin","app":"test","digest":")" + digest + R"("})");
  const appwebsocket::SessionKey key(challenge, "pwd");
  const json::Object request{{"mt", "Secret"},
                             {"password", json::Object{{"value", key.encrypt("s", "top")}, {"key", "s"}}}};
  const auto answer = ask(1, json::serialize(request));
  EXPECT_EQ(json::get_string(answer, "text"), "top");
  EXPECT_EQ(json::get_string(answer, "sealed"), key.encrypt("seed1", "Geheim-äöü"));
}

TEST_F(SessionTest, WorksOffWhatCameBeforeTheClientWent) {
  start();
  log_in(1);
  webserver->send_text(1, R"({"mt":"Wait"})");
  webserver->send_text(1, R"({"mt":"Echo"})");
  Bytes close;
  link::append(close, 1, link::Close{1001, ""});
  webserver->send(close);
  next_close(1);
  webserver->settle();
  EXPECT_THAT(instance->events, ::testing::ElementsAre("opened user", "Wait"));
  instance->gate.set();
  loop.run_until([&] { return instance->events.size() == 5; });
  EXPECT_THAT(instance->events,
              ::testing::ElementsAre("opened user", "Wait", "waited", "Echo", "closed user"));
  EXPECT_EQ(instance->counters().sessions, 0u);
}

TEST_F(SessionTest, RefusesWhatIsNoJsonObject) {
  start();
  log_in(1);
  webserver->send_text(1, "[1,2");
  EXPECT_EQ(next_close(1).code, 1007);
}

TEST_F(SessionTest, TakesLongMessagesOnlyFromThoseWhoLoggedIn) {
  start();
  const auto send_long = [&](std::uint32_t stream) {
    Bytes out;
    const std::string text = R"({"mt":"Long","text":")" + std::string(70'000, 'x') + "\"}";
    const auto half = text.size() / 2;
    link::append_data(out, link::Type::kMessage, stream, link::kFlagText, as_bytes(text.substr(0, half)));
    link::append_data(out, link::Type::kMessage, stream, link::kFlagText | link::kFlagEnd,
                      as_bytes(text.substr(half)));
    webserver->send(out);
  };
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  send_long(1);
  EXPECT_EQ(next_close(1).code, 1009);
  log_in(2);
  send_long(2);
  EXPECT_EQ(json::get_string(ask(2, R"({"mt":"Echo","text":"still here"})"), "text"), "still here");
  EXPECT_THAT(instance->events, ::testing::Contains("Long"));
}

TEST_F(SessionTest, ClosesAClientThatDoesNotReadInsteadOfKeepingEverything) {
  webserver->credit_for_service = 1000;
  start();
  log_in(1);
  for (int i = 0; i < 10; ++i) webserver->send_text(1, R"({"mt":"Big","size":900000})");
  for (;;) {
    const auto frame = webserver->next(1);
    if (frame.header.type != link::Type::kClose) continue;
    EXPECT_EQ(or_throw(link::parse_close(frame.payload)).code, 1013);
    break;
  }
}

TEST_F(SessionTest, StoppingAnInstanceClosesItsSessionsWith1001) {
  start();
  log_in(1);
  EXPECT_TRUE(loop::run_task(loop, service->stop_instance("team", "example.com")));
  EXPECT_EQ(next_close(1).code, 1001);
  webserver->settle();
  EXPECT_EQ(webserver->detached.size(), 2u);
  EXPECT_EQ(service->find_instance("team", "example.com"), nullptr);
}

TEST_F(SessionTest, AttachesAgainAtOnceWhenTheWebserverIsBack) {
  start();
  log_in(1);
  const auto before = loop::Clock::now();
  webserver->close_link();
  loop.run_until([&] { return instance->events.back() == "closed user"; });
  loop.run_until([&] { return webserver->attaches.size() == 4; });
  EXPECT_LT(loop::Clock::now() - before, std::chrono::milliseconds(200));
  EXPECT_TRUE(json::get_bool(log_in(1), "ok"));
}

TEST_F(SessionTest, FailsToStartWhenTheWebserverRefusesThePath) {
  webserver->results["/example.com/team/second"] = link::AttachResult::kPathTaken;
  const auto started = loop::run_task(loop, service->start_instance(arguments()));
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().detail, HasSubstr("/example.com/team/second"));
  EXPECT_EQ(service->find_instance("team", "example.com"), nullptr);
  webserver->settle();
  EXPECT_EQ(webserver->detached.size(), 2u);
}

TEST_F(SessionTest, StartsWithoutAWebserverAndAttachesWhenItComes) {
  const auto path = folder.path() + "/link.0.sock";
  webserver->stop_listening();
  start();
  webserver.emplace(loop, path);
  EXPECT_TRUE(json::get_bool(log_in(1), "ok"));
}

}  // namespace
}  // namespace berth::sdk
