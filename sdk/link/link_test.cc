#include <gmock/gmock.h>

#include "berth/app_service.h"
#include "sdk/testing/fixture.h"
#include "sdk/testing/heap.h"

namespace berth::sdk {
namespace {

class Recorder : public WebsocketHandler {
 public:
  std::uint16_t admit(const Upgrade& upgrade) override {
    paths.push_back(upgrade.path);
    return upgrade.path == "no" ? 403 : 0;
  }
  loop::Task<void> received(Websocket& socket, Bytes message, bool) override {
    messages.emplace_back(as_text(message));
    if (messages.back() == "wait") co_await gate->wait();
    if (messages.back() == "throw") throw std::runtime_error("bug");
    if (messages.back() == "close") socket.close(4000, "bye");
    co_return;
  }
  void closed(Websocket&, std::uint16_t code) override { codes.push_back(code); }
  std::vector<std::string> paths, messages;
  std::vector<std::uint16_t> codes;
  loop::Event* gate = nullptr;
};

class LinkInstance : public AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<void> started() override {
    attach_app_websocket();
    attach_websocket("raw", recorder, {.message_bytes = 100'000, .send_bytes = 1000});
    co_return;
  }
  Recorder recorder;
};

class LinkTest : public ServiceFixture<LinkInstance> {
 public:
  static constexpr const char* kRaw = "/example.com/team/raw";
  void open_raw(std::uint32_t stream, std::string relative = "") {
    open(stream, link::Kind::kWebsocket, kRaw, std::move(relative));
    EXPECT_EQ(webserver->next(stream).header.type, link::Type::kAccept);
  }
  void send_close(std::uint32_t stream, std::uint16_t code = 1000) {
    Bytes out;
    link::append(out, stream, link::Close{code, ""});
    webserver->send(out);
  }
  void send_message(std::uint32_t stream, std::string_view text, std::uint8_t flags = link::kFlagEnd) {
    Bytes out;
    link::append_data(out, link::Type::kMessage, stream, flags, as_bytes(text));
    webserver->send(out);
  }
};

TEST_F(LinkTest, SaysHelloWithItsNameAndCredit) {
  start();
  EXPECT_EQ(webserver->hello.name, "test");
  EXPECT_EQ(webserver->hello.version, link::kVersion);
  EXPECT_EQ(webserver->hello.credit, 65536u);
}

TEST_F(LinkTest, AnswersACloseAndTakesTheIdAgain) {
  start();
  for (int round = 0; round < 3; ++round) {
    open_raw(7);
    send_message(7, "hello");
    send_close(7, 1001);
    EXPECT_EQ(webserver->next(7).header.type, link::Type::kClose);
  }
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::ElementsAre("hello", "hello", "hello"));
  EXPECT_THAT(instance->recorder.codes, ::testing::ElementsAre(1001, 1001, 1001));
}

TEST_F(LinkTest, ClosesFirstAndDropsWhatCrosses) {
  start();
  open_raw(7);
  send_message(7, "close");
  send_message(7, "crosses");
  const auto close = or_throw(link::parse_close(webserver->next(7).payload));
  EXPECT_EQ(close.code, 4000);
  EXPECT_EQ(close.reason, "bye");
  send_close(7);  // the answer: the id is free again
  open_raw(7);
  webserver->settle();
  EXPECT_FALSE(webserver->has_frame(7));  // no second CLOSE
  EXPECT_THAT(instance->recorder.messages, ::testing::ElementsAre("close"));
  EXPECT_THAT(instance->recorder.codes, ::testing::ElementsAre(4000));
}

TEST_F(LinkTest, ToldToLeaveItAttachesAtTheSuccessorAndKeepsItsStreamsWhereTheyAre) {
  start();
  EXPECT_EQ(webserver->hello.reactor, link::kHelloFollows);
  open_raw(7);
  const auto attached = webserver->attaches.size();
  Bytes leave;
  link::append_leave(leave);
  webserver->send(leave);
  ASSERT_TRUE(loop.run_until([&] { return webserver->attaches.size() == 2 * attached; }));
  EXPECT_EQ(webserver->connections, 2);
  Bytes message;
  link::append_data(message, link::Type::kMessage, 7, link::kFlagEnd, as_bytes("by the old link"));
  webserver->send_to_former(message);
  open_raw(9);
  send_message(9, "by the new one");
  ASSERT_TRUE(loop.run_until([&] { return instance->recorder.messages.size() == 2; }));
  EXPECT_THAT(instance->recorder.messages,
              ::testing::UnorderedElementsAre("by the old link", "by the new one"));

  // The old webserver has ended: its streams end, nobody looks for it again, the others stay.
  webserver->close_former();
  ASSERT_TRUE(loop.run_until([&] { return !instance->recorder.codes.empty(); }));
  EXPECT_THAT(instance->recorder.codes, ::testing::ElementsAre(1006));
  send_message(9, "still here");
  ASSERT_TRUE(loop.run_until([&] { return instance->recorder.messages.size() == 3; }));
  webserver->settle();
  EXPECT_EQ(webserver->connections, 2);
}

TEST_F(LinkTest, AnInstanceThatStopsLeavesBothWebservers) {
  start();
  open_raw(7);
  const auto attached = webserver->attaches.size();
  Bytes leave;
  link::append_leave(leave);
  webserver->send(leave);
  ASSERT_TRUE(loop.run_until([&] { return webserver->attaches.size() == 2 * attached; }));
  open_raw(9);
  loop::run_task(loop, service->stop_instance("team", "example.com", std::chrono::milliseconds(100)));
  instance = nullptr;
  webserver->settle();
  EXPECT_EQ(webserver->detached.size(), 2 * attached) << "at both links";
}

TEST_F(LinkTest, AnswersACloseOfAStreamItDoesNotKnow) {
  start();
  send_close(99);
  EXPECT_EQ(webserver->next(99).header.type, link::Type::kClose);
}

TEST_F(LinkTest, RefusesAnUpgradeWithTheHandlersStatus) {
  start();
  open(3, link::Kind::kWebsocket, kRaw, "no");
  EXPECT_EQ(or_throw(link::parse_accept(webserver->next(3).payload)).status, 403);
  EXPECT_EQ(webserver->next(3).header.type, link::Type::kClose);
  webserver->settle();
  EXPECT_THAT(instance->recorder.codes, ::testing::IsEmpty());  // the handler never had it
  EXPECT_THAT(instance->recorder.paths, ::testing::ElementsAre("no"));
}

TEST_F(LinkTest, ClosesASocketWhoseHandlerFailsAndOnlyThat) {
  start();
  open_raw(1);
  open_raw(2);
  send_message(1, "throw");
  EXPECT_EQ(or_throw(link::parse_close(webserver->next(1).payload)).code, 1011);
  send_message(2, "fine");
  loop.run_until([&] { return instance->recorder.messages.size() == 2; });
  EXPECT_FALSE(webserver->has_frame(2));
}

TEST_F(LinkTest, RefusesMessagesAboveTheLimitButTakesThoseAtIt) {
  start();
  open_raw(1);
  send_message(1, std::string(60'000, 'a'), 0);
  send_message(1, std::string(40'000, 'a'));
  loop.run_until([&] { return instance->recorder.messages.size() == 1; });
  EXPECT_EQ(instance->recorder.messages[0].size(), 100'000u);
  send_message(1, std::string(60'000, 'a'), 0);
  send_message(1, std::string(40'001, 'a'));
  EXPECT_EQ(or_throw(link::parse_close(webserver->next(1).payload)).code, 1009);
}

TEST_F(LinkTest, GivesNoCreditToABusySocketAndEndsALinkThatTakesMore) {
  loop::Event gate(loop);
  start();
  instance->recorder.gate = &gate;
  open_raw(1);
  send_message(1, "wait");
  for (int i = 0; i < 3; ++i) send_message(1, std::string(20'000, 'x'));
  webserver->settle();
  EXPECT_EQ(webserver->credit[1], 0u);
  gate.set();
  loop.run_until([&] { return instance->recorder.messages.size() == 4; });
  EXPECT_TRUE(loop.run_until([&] { return webserver->credit[1] >= 32768u; }));
  EXPECT_EQ(webserver->connections, 1);

  gate.reset();
  send_message(1, "wait");
  for (int i = 0; i < 4; ++i) send_message(1, std::string(20'000, 'x'));  // more than was ever allowed
  EXPECT_TRUE(loop.run_until([&] { return webserver->connections == 2; }));
  gate.set();
  EXPECT_TRUE(loop.run_until([&] { return !instance->recorder.codes.empty(); }));
  EXPECT_THAT(instance->recorder.codes, ::testing::ElementsAre(1006));
}

TEST_F(LinkTest, EndsALinkThatSpeaksAnotherLanguage) {
  start();
  open_raw(1);
  Bytes out;
  link::append(out, 5, link::Close{});
  out[4] = 0x42;  // a type that nobody knows, below 0x80
  webserver->send(out);
  EXPECT_TRUE(loop.run_until([&] { return webserver->connections == 2; }));
  webserver->settle();
  EXPECT_THAT(instance->recorder.codes, ::testing::ElementsAre(1006));
}

TEST_F(LinkTest, SkipsUnknownFramesFrom0x80On) {
  start();
  Bytes out;
  link::append(out, 5, link::Close{});
  out[4] = 0x81;
  webserver->send(out);
  open_raw(1);
  EXPECT_EQ(webserver->connections, 1);
}

TEST_F(LinkTest, AnswersPings) {
  start();
  Bytes out;
  link::append_ping(out, link::Type::kPing, as_bytes("abc"));
  webserver->send(out);
  const auto pong = webserver->next(0);
  EXPECT_EQ(pong.header.type, link::Type::kPong);
  EXPECT_EQ(pong.text(), "abc");
}

TEST_F(LinkTest, KeepsOneMemfdForAllInstancesWithTheSameFiles) {
  class WithFiles : public AppInstance {
   public:
    using AppInstance::AppInstance;
    loop::Task<void> started() override {
      static const std::string pack(1 << 20, 'p');
      attach_static(as_bytes(pack));
      co_return;
    }
  };
  AppService many(loop, {.id = "many"}, {}, instances_of<WithFiles>());
  const auto count_descriptors = [] {
    std::size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += path_exists("/proc/self/fd/" + std::to_string(fd));
    return count;
  };
  const auto start_one = [&](int number) {
    auto with = arguments();
    with.name = "i" + std::to_string(number);
    with.webserver_path = "/example.com/" + with.name;
    or_throw(loop::run_task(loop, many.start_instance(with)));
  };
  start_one(0);
  const auto before = count_descriptors();
  const auto packs_before = webserver->packs.size();
  for (int i = 1; i <= 20; ++i) start_one(i);
  webserver->settle();
  EXPECT_EQ(webserver->packs.size(), packs_before + 20);
  EXPECT_EQ(count_descriptors(), before);
}

TEST_F(LinkTest, CountsWhatAnInstanceUses) {
  start();
  open_raw(1);
  send_message(1, "hello");
  webserver->settle();
  EXPECT_EQ(instance->counters().websockets, 1u);
  EXPECT_EQ(instance->counters().messages_in, 1u);
  EXPECT_EQ(instance->counters().bytes_in, 5u);
  log_in(2);
  EXPECT_GT(instance->counters().bytes_out, 20u);
  EXPECT_GT(instance->counters().busy_us, 0u);
  send_close(1);
  send_close(2);
  webserver->settle();
  EXPECT_EQ(instance->counters().websockets, 0u);
}

TEST_F(LinkTest, RefusesWebsocketsAboveTheirNumber) {
  auto with = arguments();
  with.limits.websockets = 2;
  start(with);
  open_raw(1);
  open_raw(2);
  open(3, link::Kind::kWebsocket, kRaw);
  const auto refused = webserver->next(3);
  EXPECT_EQ(or_throw(link::parse_accept(refused.payload)).status, 503);
  EXPECT_EQ(next_close(3).code, 1008);
  EXPECT_EQ(instance->counters().refused, 1u);
  EXPECT_THAT(instance->recorder.paths, ::testing::SizeIs(2)) << "the app hears nothing of it";
  send_close(1);
  webserver->next(1);
  open_raw(4);
}

using SlowedTest = ServiceFixture<LinkInstance, loop::Loop::Time::kManual>;

// The limit is told to the running instance; what waits keeps its credit, so the webserver stops reading from that client, and
// from no other.
TEST_F(SlowedTest, HoldsBackThoseWhoSendMoreThanTheyMay) {
  start();
  service->set_limits("team", "example.com", {.messages = 2});
  open(1, link::Kind::kWebsocket, LinkTest::kRaw);
  webserver->next(1);
  const std::string large(30'000, 'x');
  for (int i = 0; i < 2; ++i) webserver->send_text(1, large);
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::SizeIs(2));
  const auto given = webserver->credit[1];
  for (int i = 0; i < 2; ++i) webserver->send_text(1, large);
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::SizeIs(2));
  EXPECT_EQ(webserver->credit[1], given) << "what waits is not given back";
  EXPECT_GE(instance->counters().slowed, 1u);
  loop.advance(std::chrono::milliseconds(500));
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::SizeIs(3));
  service->set_limits("team", "example.com", {});
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::SizeIs(4));
}

TEST_F(SlowedTest, AnInstanceThatStopsDoesNotWaitForItsRate) {
  start();
  service->set_limits("team", "example.com", {.messages = 1});
  open(1, link::Kind::kWebsocket, LinkTest::kRaw);
  webserver->next(1);
  for (int i = 0; i < 50; ++i) webserver->send_text(1, "x");
  webserver->settle();
  EXPECT_THAT(instance->recorder.messages, ::testing::SizeIs(1));
  loop::Spawned<bool> stop(loop, service->stop_instance("team", "example.com"));
  EXPECT_TRUE(loop.run_until([&] { return stop.is_done(); }));
}

TEST_F(LinkTest, AnIdleInstanceCostsAtMost100KiBAndAnIdleSessionAtMost192Bytes) {
  const auto start_one = [&](int number) {
    auto with = arguments();
    with.name = "i" + std::to_string(number);
    with.webserver_path = "/example.com/" + with.name;
    with.database = {.host = "/nowhere", .name = "db", .user = "user", .password = "password"};
    or_throw(loop::run_task(loop, service->start_instance(with)));
  };
  for (int i = 0; i < 10; ++i) start_one(i);
  const auto before = heap_bytes();
  constexpr int kInstances = 100;
  for (int i = 10; i < 10 + kInstances; ++i) start_one(i);
  webserver->attaches.clear();
  const auto an_instance = (heap_bytes() - before) / kInstances;
  RecordProperty("instance_bytes", static_cast<int>(an_instance));
  EXPECT_LE(an_instance, 100u * 1024);

  start();
  for (std::uint32_t stream = 1; stream <= 100; ++stream) log_in(stream);
  webserver->forget_streams();
  const auto with_some = heap_bytes();
  constexpr std::uint32_t kSessions = 1000;
  for (std::uint32_t stream = 101; stream <= 100 + kSessions; ++stream) log_in(stream);
  webserver->settle();
  webserver->forget_streams();
  const auto a_session = (heap_bytes() - with_some) / kSessions;
  RecordProperty("session_bytes", static_cast<int>(a_session));
  EXPECT_LE(a_session, 192u);
  fmt::print("idle instance: {} bytes, idle session: {} bytes\n", an_instance, a_session);
}

}  // namespace
}  // namespace berth::sdk
