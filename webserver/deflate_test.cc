// permessage-deflate (RFC 7692) between a client and a service that knows nothing of it.
#include "wire/websocket/deflate.h"

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

using link::Kind;
using websocket::Opcode;

constexpr std::string_view kOffer =
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
constexpr std::string_view kAnswer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

Bytes deflate(std::string_view text) {
  websocket::Deflater deflater;
  const auto payload = deflater.compress(as_bytes(text), true);
  return {payload.begin(), payload.end()};
}

std::string inflate(std::string_view payload) {
  websocket::Inflater inflater;
  inflater.begin();
  Bytes out(1 << 20);
  const auto step = or_throw(inflater.next(as_bytes(payload), true, out));
  EXPECT_TRUE(step.is_done);
  return std::string(as_text(ByteView(out).first(step.produced)));
}

std::string make_frame(Opcode opcode, ByteView payload, bool is_compressed, bool fin = true) {
  std::array<std::uint8_t, 14> header;
  const auto size = websocket::format_frame_header({.opcode = opcode,
                                                    .fin = fin,
                                                    .compressed = is_compressed,
                                                    .masked = true,
                                                    .payload_length = payload.size()},
                                                   header);  // masked with zeros: as it is
  return std::string(as_text(ByteView(header).first(size))) + std::string(as_text(payload));
}

// Header and payload of the next frame that the client gets.
std::pair<websocket::FrameHeader, std::string> read_frame(Client& client) {
  std::string bytes;
  for (;;) {
    const auto header = or_throw(websocket::parse_frame_header(as_bytes(bytes), 1 << 30));
    if (header) return {*header, client.read_exactly(header->payload_length)};
    bytes += client.read_exactly(1);
  }
}

struct Pair {
  TestServer server;
  ServicePeer service;
  std::vector<std::uint32_t> streams;
  explicit Pair(Limits limits = {}, std::uint32_t credit = link::kDefaultCredit, const char* options = "")
      : server({.limits = limits}), service(server.link_path(), credit) {
    EXPECT_EQ(service.attach(1, Kind::kWebsocket, "/a", server.grant("/a"), options).result,
              link::AttachResult::kOk);
  }
  Client connect(bool offers = true) {
    Client client(server.http());
    client.send_upgrade("/a", offers ? kOffer : "");
    streams.push_back(service.expect_open().stream);
    service.accept(streams.back(), 0);
    const auto response = client.read_response();
    EXPECT_EQ(response.status(), 101);
    extensions = response.header("sec-websocket-extensions");
    return client;
  }
  std::string extensions;
};

TEST(Deflate, IsAgreedWhenTheClientOffersItAndNobodyTurnedItOff) {
  {
    Pair pair;
    const auto with = pair.connect();
    EXPECT_EQ(pair.extensions, kAnswer);
    const auto without = pair.connect(false);
    EXPECT_EQ(pair.extensions, "");
  }
  Pair off_for_the_service({}, link::kDefaultCredit, R"({"deflate":false})");
  off_for_the_service.connect();
  EXPECT_EQ(off_for_the_service.extensions, "");
  Pair off_for_all(Limits{.deflate_bytes = 0});
  off_for_all.connect();
  EXPECT_EQ(off_for_all.extensions, "");
}

TEST(Deflate, IsTheClientsOnlyTheServiceGetsPlainMessages) {
  Pair pair;
  auto client = pair.connect();
  const std::string text = "grüße, grüße, grüße und noch einmal grüße";
  const auto payload = deflate(text);
  client.send(make_frame(Opcode::kText, payload, true));
  const auto [whole, flags] = pair.service.read_body(pair.streams[0], link::Type::kMessage);
  EXPECT_EQ(whole, text);
  EXPECT_EQ(flags, link::kFlagEnd | link::kFlagText);
  // Cut anywhere into fragments and reads, with a ping between.
  for (std::size_t cut = 1; cut < payload.size(); cut += 5) {
    client.send(make_frame(Opcode::kBinary, ByteView(payload).first(cut), true, false));
    client.send(make_frame(Opcode::kPing, as_bytes("p"), false));
    EXPECT_EQ(client.read_frame().opcode, Opcode::kPong);
    client.send(make_frame(Opcode::kContinuation, ByteView(payload).subspan(cut), false));
    EXPECT_EQ(pair.service.read_body(pair.streams[0], link::Type::kMessage).first, text);
  }
  client.send(make_frame(Opcode::kText, as_bytes("plain"), false));
  EXPECT_EQ(pair.service.read_body(pair.streams[0], link::Type::kMessage).first, "plain");
  client.send(make_frame(Opcode::kText, Bytes{0}, true));  // the empty message
  EXPECT_EQ(pair.service.read_body(pair.streams[0], link::Type::kMessage).first, "");
}

TEST(Deflate, CompressesWhatIsLargeAndGetsSmaller) {
  Pair pair(Limits{.deflate_bytes = 100});
  auto client = pair.connect();
  const auto stream = pair.streams[0];
  pair.service.message(stream, std::string(99, 'a'));
  auto [small, plain] = read_frame(client);
  EXPECT_FALSE(small.compressed);
  EXPECT_EQ(plain, std::string(99, 'a'));
  pair.service.message(stream, std::string(100, 'a'));
  auto [large, payload] = read_frame(client);
  EXPECT_TRUE(large.compressed && large.fin);
  EXPECT_LT(payload.size(), 20u);
  EXPECT_EQ(inflate(payload), std::string(100, 'a'));
  const auto noise = random_bytes(1000);
  pair.service.message(stream, as_text(noise), true, false);
  EXPECT_FALSE(read_frame(client).first.compressed);
  // In parts: the first says it, all are.
  pair.service.message(stream, std::string(1000, 'b'), false);
  pair.service.message(stream, std::string(10, 'c'), false);
  pair.service.message(stream, std::string(1000, 'd'), true);
  std::string together;
  for (int i = 0; i < 3; ++i) {
    const auto [header, part] = read_frame(client);
    EXPECT_EQ(header.compressed, i == 0);
    EXPECT_EQ(header.opcode, i == 0 ? Opcode::kText : Opcode::kContinuation);
    EXPECT_EQ(header.fin, i == 2);
    together += part;
  }
  EXPECT_EQ(inflate(together), std::string(1000, 'b') + std::string(10, 'c') + std::string(1000, 'd'));
}

TEST(Deflate, GivesABroadcastToEachAsItWasAgreed) {
  Pair pair(Limits{.deflate_bytes = 100});
  auto with = pair.connect(), without = pair.connect(false);
  pair.service.broadcast(pair.streams, std::string(500, 'x'));
  const auto [compressed, payload] = read_frame(with);
  EXPECT_TRUE(compressed.compressed);
  EXPECT_EQ(inflate(payload), std::string(500, 'x'));
  EXPECT_EQ(without.read_frame().payload, std::string(500, 'x'));
}

TEST(Deflate, BoundsAZipBombByTheMessageLimit) {
  Pair pair(Limits{.message_bytes = 100000});
  auto client = pair.connect();
  client.send(make_frame(Opcode::kBinary, deflate(std::string(10 << 20, '\0')), true));
  std::size_t got = 0;
  for (;;) {
    const auto frame = pair.service.next();
    ASSERT_TRUE(frame);
    if (frame->type == link::Type::kClose) break;
    got += frame->payload.size();
    pair.service.credit(frame->stream, static_cast<std::uint32_t>(frame->payload.size()));
  }
  EXPECT_LE(got, 100000u);
  EXPECT_EQ(client.read_frame().close_code(), 1009);
}

TEST(Deflate, WaitsForCreditWithinAMessage) {
  Pair pair({}, 1000);
  auto client = pair.connect();
  std::string text;
  for (int i = 0; i < 20000; ++i) text += fmt::format("{} ", i);
  client.send(make_frame(Opcode::kText, deflate(text), true));
  client.send(make_frame(Opcode::kText, as_bytes("next"), false));
  EXPECT_EQ(pair.service.read_body(pair.streams[0], link::Type::kMessage).first, text);
  EXPECT_EQ(pair.service.read_body(pair.streams[0], link::Type::kMessage).first, "next");
}

TEST(Deflate, FailsTheConnectionForWhatIsMalformed) {
  const auto whole = deflate("Hello, hello, hello");
  struct Case {
    const char* why;
    std::string frame;
    std::uint16_t code;
    bool agreed;
  };
  const Case cases[] = {
      {"not agreed", make_frame(Opcode::kText, whole, true), 1002, false},
      {"a compressed ping", make_frame(Opcode::kPing, whole, true), 1002, true},
      {"cut off", make_frame(Opcode::kText, ByteView(whole).first(4), true), 1007, true},
      {"no deflate", make_frame(Opcode::kText, Bytes{0x07, 0xff}, true), 1007, true},
      {"text that is not UTF-8", make_frame(Opcode::kText, deflate("\xff\xfe"), true), 1007, true},
      {"text cut within a character", make_frame(Opcode::kText, deflate("\xc3"), true), 1007, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    Pair pair;
    auto client = pair.connect(c.agreed);
    client.send(c.frame);
    EXPECT_EQ(client.read_frame().close_code(), c.code);
  }
}

TEST(Limit, InflatingMessagesClose1013) {
  Pair pair(Limits{.inflating_messages = 1});
  auto first = pair.connect(), second = pair.connect();
  const auto payload = deflate("Hello, hello, hello");
  first.send(make_frame(Opcode::kText, ByteView(payload).first(5), true, false));
  first.send(make_frame(Opcode::kPing, {}, false));
  EXPECT_EQ(first.read_frame().opcode, Opcode::kPong);
  second.send(make_frame(Opcode::kText, payload, true));
  EXPECT_EQ(second.read_frame().close_code(), 1013);
  first.send(make_frame(Opcode::kContinuation, ByteView(payload).subspan(5), false));
  std::string text;
  std::uint16_t code = 0;
  for (bool is_whole = false; !is_whole || code == 0;) {
    const auto frame = pair.service.next();
    ASSERT_TRUE(frame);
    if (frame->type == link::Type::kClose) code = or_throw(link::parse_close(frame->payload)).code;
    if (frame->type != link::Type::kMessage) continue;
    text += as_text(frame->payload);
    is_whole = frame->flags & link::kFlagEnd;
  }
  EXPECT_EQ(code, 1013);
  EXPECT_EQ(text, "Hello, hello, hello");
}

TEST(Broadcast, ToMoreThanATurnsShareGoesToAllAndInOrder) {
  constexpr int kCount = 1300;
  Pair pair(Limits{.connections_per_peer = 0});
  std::vector<Client> clients;
  for (int i = 0; i < kCount; ++i) clients.push_back(pair.connect(false));
  pair.service.broadcast(pair.streams, "to all");
  for (const auto stream : pair.streams) pair.service.message(stream, "to one");
  pair.service.broadcast(pair.streams, "again");
  for (auto& client : clients) {
    ASSERT_EQ(client.read_frame().payload, "to all");
    ASSERT_EQ(client.read_frame().payload, "to one");
    ASSERT_EQ(client.read_frame().payload, "again");
  }
}

}  // namespace
}  // namespace berth::webserver::testing
