#include "net/websocket_client.h"

#include "base/traced_for_test.h"
#include "net/app_websocket_client.h"
#include "net/test_support.h"
#include "net/testing/tls_server.h"
#include "wire/websocket/handshake.h"

namespace berth::net {
namespace {

using websocket::MessageReader;
using websocket::Opcode;

Error error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  return {Errc::kFailed, "nothing thrown"};
}

// The server's end of one WebSocket, written down as plainly as possible.
class Peer {
 public:
  explicit Peer(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  loop::Task<void> shake_hands() {
    auto reading = test::read_request(*stream_);
    const auto request = co_await reading;
    const auto key = or_throw(websocket::check_request(request.head));
    auto writing = stream_->write(
        or_throw(http1::format_response_head(101, {{"upgrade", "websocket"},
                                                   {"connection", "Upgrade"},
                                                   {"sec-websocket-accept", websocket::accept_key(key)}})));
    co_await writing;
  }
  loop::Task<void> send(Opcode opcode, std::string data, bool fin = true) {
    Bytes frame;
    websocket::append_frame(frame, opcode, as_bytes(data), fin);
    auto writing = stream_->write(std::move(frame));
    co_await writing;
  }
  struct Got {
    MessageReader::Kind kind{};
    std::string data;
    bool is_text = false;
    std::uint16_t code = 0;
  };
  loop::Task<Got> receive() {
    Bytes buffer(4096);
    std::string message;
    for (;;) {
      const auto step = or_throw(reader_.next(input_));
      std::optional<Got> got;
      if (step.event) {
        const auto& event = *step.event;
        if (event.kind == MessageReader::Kind::kData) message += as_text(event.data);
        if (event.kind != MessageReader::Kind::kData)
          got = Got{event.kind, std::string(as_text(event.data)), false, event.close_code};
        else if (event.is_final) got = Got{event.kind, message, event.is_text, 0};
      }
      input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(step.consumed));
      if (got) co_return std::move(*got);
      if (step.consumed > 0) continue;
      auto reading = stream_->read(buffer);
      const std::size_t size = co_await reading;
      if (size == 0) throw_failure(Errc::kUnavailable, "end");
      input_.insert(input_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    }
  }
  Stream& stream() { return *stream_; }

 private:
  std::unique_ptr<Stream> stream_;
  MessageReader reader_{MessageReader::Role::kServer, 64 << 20};
  Bytes input_;
};

test::Server::Serve serving(std::function<loop::Task<void>(Peer&)> serve) {
  return [serve](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    Peer peer(std::move(stream));
    auto shaking = peer.shake_hands();
    co_await shaking;
    auto running = serve(peer);
    co_await running;
  };
}

loop::Task<void> echo(Peer& peer) {
  for (;;) {
    auto receiving = peer.receive();
    const auto got = co_await receiving;
    if (got.kind == MessageReader::Kind::kClose) {
      auto closing = peer.send(Opcode::kClose, std::string(as_text(websocket::make_close_payload(got.code))));
      co_await closing;
      co_return;
    }
    const Opcode opcode = got.kind == MessageReader::Kind::kPing ? Opcode::kPong
                          : got.is_text                          ? Opcode::kText
                                                                 : Opcode::kBinary;
    auto sending = peer.send(opcode, got.data);
    co_await sending;
  }
}

class WebsocketTest : public testing::Test {
 protected:
  std::unique_ptr<WebsocketClient> connect(const test::Server& server, WebsocketOptions options = {},
                                           std::string scheme = "ws") {
    return loop::run_task(loop_,
                          WebsocketClient::connect(loop_, resolver_, server.url(scheme, "/echo"), options));
  }
  loop::Loop loop_;
  Resolver resolver_{loop_};
};

TEST_F(WebsocketTest, CarriesMessagesBothWays) {
  test::Server server(loop_, serving(echo));
  const auto client = connect(server);
  const std::string large(5 << 20, 'x');
  EXPECT_TRUE(client->send("hello"));
  EXPECT_TRUE(client->send(std::string_view("\0\xff", 2), false));
  EXPECT_TRUE(client->send(large));
  auto message = loop::run_task(loop_, client->receive()).value();
  EXPECT_EQ(message.data, "hello");
  EXPECT_TRUE(message.is_text);
  message = loop::run_task(loop_, client->receive()).value();
  EXPECT_EQ(message.data, std::string("\0\xff", 2));
  EXPECT_FALSE(message.is_text);
  EXPECT_EQ(loop::run_task(loop_, client->receive()).value().data, large);
}

TEST_F(WebsocketTest, ClosesProperly) {
  berth::test::Traced traced(kWebsocketClient);
  test::Server server(loop_, serving(echo));
  const auto client = connect(server);
  client->close(1000, "done");
  EXPECT_FALSE(loop::run_task(loop_, client->receive()).has_value());
  EXPECT_EQ(client->close_code(), 1000);
  EXPECT_FALSE(client->send("too late"));
  EXPECT_EQ(traced.lines(),
            (std::vector<std::string>{fmt::format("opened host=127.0.0.1 port={}", server.port()),
                                      "closed code=1000 reason=\"\""}));
}

TEST_F(WebsocketTest, AnswersPingsBetweenFragments) {
  test::Server server(loop_, serving([](Peer& peer) -> loop::Task<void> {
                        auto first = peer.send(Opcode::kText, "hel", false);
                        co_await first;
                        auto ping = peer.send(Opcode::kPing, "p1");
                        co_await ping;
                        auto pong = peer.receive();
                        const auto got = co_await pong;
                        auto second = peer.send(Opcode::kContinuation, "lo " + got.data);
                        co_await second;
                      }));
  const auto client = connect(server);
  EXPECT_EQ(loop::run_task(loop_, client->receive()).value().data, "hello p1");
  EXPECT_FALSE(loop::run_task(loop_, client->receive()).has_value());
  EXPECT_EQ(client->close_code(), 1006);
}

TEST_F(WebsocketTest, CountsPongs) {
  test::Server server(loop_, serving(echo));
  const auto client = connect(server);
  client->send_ping("x");
  client->send("after");
  EXPECT_EQ(loop::run_task(loop_, client->receive()).value().data, "after");
  EXPECT_EQ(client->pongs_received(), 1u);
}

TEST_F(WebsocketTest, RefusesMessagesAboveItsLimit) {
  test::Server server(loop_, serving(echo));
  const auto client = connect(server, {.max_message = 1000});
  client->send(std::string(1001, 'x'));
  EXPECT_FALSE(loop::run_task(loop_, client->receive()).has_value());
  EXPECT_EQ(client->close_code(), 1009);
}

TEST_F(WebsocketTest, TellsTheServersRefusal) {
  test::Server server(loop_, [](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    auto reading = test::read_request(*stream);
    (void)co_await reading;
    auto writing = stream->write(test::answer(403, ""));
    co_await writing;
  });
  const auto error = error_of([&] { connect(server); });
  EXPECT_EQ(error.code, Errc::kDenied);
  EXPECT_THAT(error.detail, testing::HasSubstr("HTTP 403"));
}

TEST_F(WebsocketTest, ChecksTheAcceptKey) {
  test::Server server(loop_, [](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    auto reading = test::read_request(*stream);
    (void)co_await reading;
    auto writing = stream->write(
        std::string("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
    co_await writing;
  });
  EXPECT_EQ(error_of([&] { connect(server); }).code, Errc::kMalformed);
}

TEST_F(WebsocketTest, SpeaksTlsAndUnixSockets) {
  const test::TemporaryFolder folder;
  const auto identity = make_self_signed({"127.0.0.1"});
  test::Server secure(loop_, serving(echo),
                      test::make_tls_server(identity.certificate_pem, identity.key_pem));
  test::Server local(loop_, serving(echo), {}, folder / "s");
  EXPECT_EQ(error_of([&] { connect(secure, {}, "wss"); }).code, Errc::kDenied);
  const auto over_tls = connect(secure, {.tls = {.pinned_fingerprint = identity.fingerprint}}, "wss");
  over_tls->send("tls");
  EXPECT_EQ(loop::run_task(loop_, over_tls->receive()).value().data, "tls");
  const auto over_unix = loop::run_task(
      loop_, WebsocketClient::connect(loop_, resolver_, "ws://localhost/x", {.unix_socket = folder / "s"}));
  over_unix->send("unix");
  EXPECT_EQ(loop::run_task(loop_, over_unix->receive()).value().data, "unix");
}

TEST_F(WebsocketTest, GivesUpOnASilentServer) {
  test::Server silent(loop_, [&](std::unique_ptr<Stream>) -> loop::Task<void> {
    co_await loop::sleep_for(loop_, std::chrono::hours(1));
  });
  EXPECT_EQ(error_of([&] { connect(silent, {.connect_limit = std::chrono::milliseconds(50)}); }).code,
            Errc::kTimeout);
}

// A server that checks the login as the protocol says and then answers by `mt`.
test::Server::Serve app_server(std::string password) {
  return serving([password](Peer& peer) -> loop::Task<void> {
    std::string challenge;
    for (;;) {
      auto receiving = peer.receive();
      const auto got = co_await receiving;
      if (got.kind != MessageReader::Kind::kData) co_return;
      const auto message = or_throw(json::parse_object(got.data));
      const auto mt = json::get_string(message, "mt");
      const auto src = json::get_string(message, "src");
      std::vector<json::Object> answers;
      if (mt == "AppChallenge") {
        challenge = appwebsocket::make_challenge();
        answers.push_back({{"mt", "AppChallengeResult"}, {"challenge", challenge}});
      } else if (mt == "AppLogin") {
        appwebsocket::Login login{json::get_string(message, "app"), json::get_string(message, "domain"),
                                  json::get_string(message, "sip"), json::get_string(message, "guid"),
                                  json::get_string(message, "dn")};
        if (const auto* info = json::find(message, "info")) login.info = json::serialize(*info);
        const bool ok =
            appwebsocket::verify_digest(login, challenge, password, json::get_string(message, "digest"));
        answers.push_back(
            ok ? json::Object{{"mt", "AppLoginResult"}, {"ok", true}, {"app", login.app}}
               : json::Object{{"mt", "AppLoginResult"}, {"ok", false}, {"error", "wrong password"}});
      } else if (mt == "Two") {
        answers.push_back({{"mt", "TwoResult"}, {"src", src}, {"n", 1}});
        answers.push_back({{"mt", "TwoUpdate"}, {"src", src}, {"n", 2}});
      } else if (mt == "Hang up") {
        co_return;
      } else if (mt != "Silence") {
        answers.push_back({{"mt", mt + "Result"}, {"src", src}, {"got", message}});
      }
      for (const auto& answer : answers) {
        auto sending = peer.send(Opcode::kText, json::serialize(answer));
        co_await sending;
      }
    }
  });
}

class AppWebsocketTest : public WebsocketTest {
 protected:
  std::unique_ptr<AppWebsocketClient> log_in(AppCredentials credentials) {
    return loop::run_task(loop_, AppWebsocketClient::connect(loop_, resolver_, server_.url("ws", "/manager"),
                                                             std::move(credentials)));
  }
  test::Server server_{loop_, app_server("pwd")};
};

TEST_F(AppWebsocketTest, LogsInWithThePassword) {
  const auto client = log_in({.app = "manager", .password = "pwd"});
  EXPECT_EQ(json::get_string(client->login_result(), "app"), "manager");
  const auto with_info =
      log_in({.app = "x", .dn = "Jörg / \"Q\"", .info = R"({"b":1,"a":"ä/\""})", .password = "pwd"});
  EXPECT_TRUE(with_info->is_open());
}

TEST_F(AppWebsocketTest, TellsWhyALoginIsRefused) {
  const auto error = error_of([&] { log_in({.app = "manager", .password = "wrong"}); });
  EXPECT_EQ(error.code, Errc::kDenied);
  EXPECT_THAT(error.detail, testing::HasSubstr("wrong password"));
}

TEST_F(AppWebsocketTest, MatchesAnswersToTheirRequests) {
  const auto client = log_in({.app = "manager", .password = "pwd"});
  loop::Spawned<json::Object> silent(loop_,
                                     client->request({{"mt", "Silence"}}, std::chrono::milliseconds(50)));
  loop::Spawned<json::Object> one(loop_, client->request({{"mt", "One"}}));
  loop::Spawned<json::Object> other(loop_, client->request({{"mt", "Other"}}));
  ASSERT_TRUE(loop_.run_until([&] { return one.is_done() && other.is_done() && silent.is_done(); }));
  EXPECT_EQ(json::get_string(one.take(), "mt"), "OneResult");
  EXPECT_EQ(json::get_string(other.take(), "mt"), "OtherResult");
  EXPECT_EQ(error_of([&] { silent.take(); }).code, Errc::kTimeout);
}

TEST_F(AppWebsocketTest, GivesLaterMessagesAsIndications) {
  const auto client = log_in({.app = "manager", .password = "pwd"});
  const auto answer = loop::run_task(loop_, client->request({{"mt", "Two"}}));
  EXPECT_EQ(json::get_integer(answer, "n"), 1);
  const auto update = loop::run_task(loop_, client->indication()).value();
  EXPECT_EQ(json::get_integer(update, "n"), 2);
  EXPECT_EQ(json::get_string(update, "src"), json::get_string(answer, "src"));
}

TEST_F(AppWebsocketTest, EndsRequestsWhenTheConnectionEnds) {
  const auto client = log_in({.app = "manager", .password = "pwd"});
  EXPECT_EQ(error_of([&] { (void)loop::run_task(loop_, client->request({{"mt", "Hang up"}})); }).code,
            Errc::kUnavailable);
  EXPECT_FALSE(loop::run_task(loop_, client->indication()).has_value());
  EXPECT_EQ(error_of([&] { (void)loop::run_task(loop_, client->request({{"mt", "Any"}})); }).code,
            Errc::kUnavailable);
}

}  // namespace
}  // namespace berth::net
