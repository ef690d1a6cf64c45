// WebSockets between a client and a service, through a real reactor.
#include <poll.h>

#include <thread>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

using websocket::Opcode;

struct WebsocketRelay : ::testing::Test {
  TestServer server;
  ServicePeer service{server.link_path()};
  link::Grant grant = server.grant("/chat");

  void SetUp() override {
    ASSERT_EQ(service.attach(1, link::Kind::kWebsocket, "/chat", grant).result, link::AttachResult::kOk);
  }
  // Opens one; gives its stream.
  std::uint32_t open(Client& client, std::string_view path = "/chat") {
    client.send_upgrade(path);
    const auto opened = service.expect_open();
    service.accept(opened.stream, 0);
    EXPECT_EQ(client.read_response().status(), 101);
    return opened.stream;
  }
};

// RFC 6455 section 1.3: key and accept.
TEST_F(WebsocketRelay, AnswersTheUpgradeOnceTheServiceHasAccepted) {
  Client client(server.http());
  client.send_upgrade("/chat/room?x", "Sec-WebSocket-Protocol: soap, wamp\r\n");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.kind, link::Kind::kWebsocket);
  EXPECT_EQ(opened.open.relative, "room");
  EXPECT_EQ(opened.open.target, "/chat/room?x");
  EXPECT_EQ(opened.find("sec-websocket-protocol"), "soap, wamp");
  service.accept(opened.stream, 0, {{"sec-websocket-protocol", "wamp"}});
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 101);
  EXPECT_EQ(response.header("upgrade"), "websocket");
  EXPECT_EQ(response.header("connection"), "Upgrade");
  EXPECT_EQ(response.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(response.header("sec-websocket-protocol"), "wamp");
  EXPECT_EQ(server.counters().websockets, 1U);
}

TEST_F(WebsocketRelay, LetsTheServiceRefuse) {
  Client client(server.http());
  client.send_upgrade("/chat");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 403, {{"x-why", "because"}});
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 403);
  EXPECT_EQ(response.header("x-why"), "because");
  EXPECT_EQ(service.expect_close(opened.stream).code, 0);
}

TEST_F(WebsocketRelay, RefusesBadUpgradesItself) {
  Client old(server.http());
  old.get("/chat",
          "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
          "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n");
  const auto response = old.read_response();
  EXPECT_EQ(response.status(), 426);
  EXPECT_EQ(response.header("sec-websocket-version"), "13");
  EXPECT_EQ(response.header("upgrade"), "websocket");
  EXPECT_EQ(response.header("connection"), "Upgrade");
  Client keyless(server.http());
  keyless.get("/chat", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
  EXPECT_EQ(keyless.read_response().status(), 400);
  Client plain(server.http());
  EXPECT_EQ(plain.fetch("/chat").status(), 404);
}

TEST_F(WebsocketRelay, CarriesMessagesBothWays) {
  Client client(server.http());
  const auto stream = open(client);
  client.send_frame(Opcode::kText, "hello");
  auto [text, flags] = service.read_body(stream, link::Type::kMessage);
  EXPECT_EQ(text, "hello");
  EXPECT_EQ(flags, link::kFlagEnd | link::kFlagText);
  client.send_frame(Opcode::kBinary, std::string("\0\xff", 2));
  std::tie(text, flags) = service.read_body(stream, link::Type::kMessage);
  EXPECT_EQ(text, std::string("\0\xff", 2));
  EXPECT_EQ(flags, link::kFlagEnd);
  client.send_frame(Opcode::kText, "");
  EXPECT_EQ(service.read_body(stream, link::Type::kMessage).first, "");

  for (const std::size_t size : {0U, 1U, 125U, 126U, 65000U}) {
    service.message(stream, std::string(size, 'a'));
    const auto frame = client.read_frame();
    EXPECT_EQ(frame.opcode, Opcode::kText);
    EXPECT_TRUE(frame.fin);
    EXPECT_EQ(frame.payload.size(), size);
    if (size > 60000) service.expect(link::Type::kCredit);
  }
  service.message(stream, "bin", true, false);
  EXPECT_EQ(client.read_frame().opcode, Opcode::kBinary);
}

TEST_F(WebsocketRelay, JoinsTheFragmentsOfAClientWithPingsBetween) {
  Client client(server.http());
  const auto stream = open(client);
  client.send_frame(Opcode::kText, "one ", false);
  client.send_frame(Opcode::kPing, "are you there");
  client.send_frame(Opcode::kContinuation, "two ", false);
  client.send_frame(Opcode::kContinuation, "three", true);
  const auto pong = client.read_frame();
  EXPECT_EQ(pong.opcode, Opcode::kPong);
  EXPECT_EQ(pong.payload, "are you there");
  EXPECT_EQ(service.read_body(stream, link::Type::kMessage).first, "one two three");
}

TEST_F(WebsocketRelay, FragmentsAMessageThatTheServiceSendsInParts) {
  Client client(server.http());
  const auto stream = open(client);
  service.message(stream, "one ", false);
  service.message(stream, "two", true);
  const auto first = client.read_frame(), second = client.read_frame();
  EXPECT_EQ(first.opcode, Opcode::kText);
  EXPECT_FALSE(first.fin);
  EXPECT_EQ(second.opcode, Opcode::kContinuation);
  EXPECT_TRUE(second.fin);
}

TEST_F(WebsocketRelay, TakesFramesByteByByte) {
  Client client(server.http());
  const auto stream = open(client);
  Bytes bytes;
  websocket::append_masked_frame(bytes, Opcode::kText, as_bytes("split everywhere"), {1, 2, 3, 4});
  for (const auto byte : bytes) {
    client.send(std::string_view(reinterpret_cast<const char*>(&byte), 1));
    std::this_thread::yield();
  }
  EXPECT_EQ(service.read_body(stream, link::Type::kMessage).first, "split everywhere");
}

TEST_F(WebsocketRelay, TakesFramesThatComeBeforeTheUpgradeIsAnswered) {
  Client client(server.http());
  Bytes bytes;
  websocket::append_masked_frame(bytes, Opcode::kText, as_bytes("early"), {1, 2, 3, 4});
  client.send(
      fmt::format("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n{}",
                  as_text(bytes)));
  const auto opened = service.expect_open();
  service.accept(opened.stream, 0);
  EXPECT_EQ(client.read_response().status(), 101);
  EXPECT_EQ(service.read_body(opened.stream, link::Type::kMessage).first, "early");
}

TEST_F(WebsocketRelay, EchoesTheClosingHandshake) {
  Client client(server.http());
  const auto stream = open(client);
  client.send_frame(Opcode::kClose,
                    "\x03\xe9"
                    "bye");  // 1001
  const auto close = service.expect_close(stream);
  EXPECT_EQ(close.code, 1001);
  EXPECT_EQ(close.reason, "bye");
  EXPECT_EQ(client.read_frame().close_code(), 1001);
  EXPECT_TRUE(client.is_at_end());
  service.close(stream, 1001);
  TestServer::wait_until([&] { return server.counters().websockets == 0; }, "the count to fall");
}

TEST_F(WebsocketRelay, ClosesForTheService) {
  struct Case {
    std::uint16_t code, told;
  };
  for (const auto& c :
       {Case{1000, 1000}, Case{4001, 4001}, Case{0, 1005}, Case{1006, 1011}, Case{77, 1011}}) {
    Client client(server.http());
    const auto stream = open(client);
    service.close(stream, c.code, "");
    service.expect_close(stream);
    const auto frame = client.read_frame();
    EXPECT_EQ(frame.opcode, Opcode::kClose);
    EXPECT_EQ(frame.close_code(), c.told);
    client.send_frame(Opcode::kText, "crosses");
    client.send_frame(Opcode::kClose, "\x03\xe8");
    EXPECT_TRUE(client.is_at_end());
  }
}

TEST_F(WebsocketRelay, DropsAClientThatDoesNotAnswerTheClose) {
  Limits limits;
  limits.close_ms = 100;
  server.set_limits(limits);
  Client client(server.http());
  const auto stream = open(client);
  service.close(stream, 1000);
  EXPECT_EQ(client.read_frame().opcode, Opcode::kClose);
  EXPECT_TRUE(client.is_at_end());
}

TEST_F(WebsocketRelay, TellsTheServiceWhenTheClientVanishes) {
  Client client(server.http());
  const auto stream = open(client);
  client.reset();
  EXPECT_EQ(service.expect_close(stream).code, 1006);
}

TEST_F(WebsocketRelay, FailsTheConnectionWhereTheRfcSays) {
  struct Case {
    const char* why;
    std::string bytes;
    std::uint16_t code;
  };
  const std::string mask(4, '\0');
  const Case cases[] = {
      {"without mask", std::string("\x81\x05Hello"), 1002},
      {"reserved bit", "\xc1\x80" + mask, 1002},
      {"reserved opcode", "\x83\x80" + mask, 1002},
      {"continuation of nothing", "\x80\x80" + mask, 1002},
      {"fragmented ping", "\x09\x80" + mask, 1002},
      {"close code 1005", "\x88\x82" + mask + "\x03\xed", 1002},
      {"bad UTF-8", "\x81\x82" + mask + "\xc3\x28", 1007},
      {"cut UTF-8", "\x81\x81" + mask + "\xc3", 1007},
      {"above the limit", std::string("\x82\xff\0\0\0\0\x10\0\0\0", 10) + mask, 1009},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    Client client(server.http());
    const auto stream = open(client);
    client.send(c.bytes);
    const auto frame = client.read_frame();
    EXPECT_EQ(frame.opcode, Opcode::kClose);
    EXPECT_EQ(frame.close_code(), c.code);
    EXPECT_EQ(service.expect_close(stream).code, c.code);
    EXPECT_TRUE(client.is_at_end());
    service.close(stream, 0);
  }
}

TEST_F(WebsocketRelay, Closes1012WhenTheServiceDies) {
  Client client(server.http());
  open(client);
  service.disconnect();
  const auto frame = client.read_frame();
  EXPECT_EQ(frame.opcode, Opcode::kClose);
  EXPECT_EQ(frame.close_code(), 1012);
}

TEST_F(WebsocketRelay, HoldsALargeMessageBackUntilThereIsCredit) {
  Client client(server.http());
  const auto stream = open(client);
  const std::string big(1 << 20, 'z');
  std::thread sender([&] { client.send_frame(Opcode::kBinary, big); });
  std::size_t got = 0;
  while (got < 65536) got += service.expect(link::Type::kMessage).payload.size();
  EXPECT_EQ(got, 65536U);
  pollfd waiting{service.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 50), 0);
  service.credit(stream, 65536);
  EXPECT_EQ(service.read_body(stream, link::Type::kMessage).first.size(), big.size() - got);
  sender.join();
}

TEST_F(WebsocketRelay, CarriesALargeMessageOfTheServiceWithinItsCredit) {
  Client client(server.http());
  const auto stream = open(client);
  const std::string big(1 << 20, 'z');
  std::thread sender([&] {
    std::size_t at = 0, given = service.webserver().credit;
    while (at < big.size()) {
      const auto count = std::min({given, big.size() - at, std::size_t{40000}});
      service.message(stream, std::string_view(big).substr(at, count), at + count == big.size(), false);
      at += count;
      given -= count;
      if (given == 0) given += or_throw(link::parse_u32(service.expect(link::Type::kCredit).payload));
    }
  });
  EXPECT_EQ(client.read_message(), big);
  sender.join();
}

TEST_F(WebsocketRelay, EndsALinkThatOverdrawsItsCredit) {
  Client client(server.http());
  const auto stream = open(client);
  service.message(stream, std::string(65536, 'a'), false);
  service.message(stream, std::string(65536, 'a'), false);
  // The first may have left already and its credit come back; the third cannot have.
  while (const auto frame = service.next()) {
    if (frame->type != link::Type::kCredit) break;
    try {
      for (int i = 0; i < 4; ++i) service.message(stream, std::string(65536, 'a'), false);
    } catch (const std::exception&) {
      break;
    }
  }
  for (;;) {
    const auto frame = client.read_frame();
    if (frame.opcode != Opcode::kClose) continue;
    EXPECT_EQ(frame.close_code(), 1012);
    break;
  }
}

TEST_F(WebsocketRelay, BroadcastsOneMessageToMany) {
  std::vector<Client> clients;
  std::vector<std::uint32_t> streams;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(server.http());
    streams.push_back(open(clients.back()));
  }
  streams.push_back(0xfffffff);  // one that has gone
  service.broadcast(streams, "to everyone");
  service.broadcast({streams[0]}, std::string(300, 'l'));
  for (auto& client : clients) {
    const auto frame = client.read_frame();
    EXPECT_EQ(frame.opcode, Opcode::kText);
    EXPECT_EQ(frame.payload, "to everyone");
  }
  EXPECT_EQ(clients[0].read_frame().payload, std::string(300, 'l'));
}

TEST_F(WebsocketRelay, KeepsStreamsOfOneServiceFromAnother) {
  ServicePeer other(server.link_path());
  const auto other_grant = server.grant("/other");
  ASSERT_EQ(other.attach(1, link::Kind::kWebsocket, "/other", other_grant).result, link::AttachResult::kOk);
  Client client(server.http());
  const auto stream = open(client);
  other.message(stream, "not yours");
  other.broadcast({stream}, "not yours");
  other.close(stream, 1000);
  Bytes ping;
  link::append_ping(ping, link::Type::kPing, as_bytes("x"));
  other.send(ping);
  EXPECT_EQ(as_text(other.expect(link::Type::kPong).payload), "x");
  service.message(stream, "mine");
  EXPECT_EQ(client.read_frame().payload, "mine");
}

TEST_F(WebsocketRelay, GoesToTheLongestWebsocketPathAndElseToHttp) {
  const auto deep = server.grant("/chat/deep");
  ASSERT_EQ(service.attach(2, link::Kind::kHttp, "/chat/deep", deep).result, link::AttachResult::kOk);
  ASSERT_EQ(service.attach(3, link::Kind::kHttp, "/chat", grant).result, link::AttachResult::kOk);
  Client upgrade(server.http());
  upgrade.send_upgrade("/chat/deep/x");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.attach, 1U);
  EXPECT_EQ(opened.open.relative, "deep/x");
  service.accept(opened.stream, 0);
  Client plain(server.http());
  plain.get("/chat/deep/x");
  EXPECT_EQ(service.expect_open().open.attach, 2U);
}

}  // namespace
}  // namespace berth::webserver::testing
