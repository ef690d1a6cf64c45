// Each limit: what is answered at it.
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <thread>

#include "webserver/testing/peers.h"
#include "wire/json/json.h"

namespace berth::webserver::testing {
namespace {

using link::AttachResult;
using link::Kind;
using websocket::Opcode;

TestServer::Options with(std::int64_t Limits::* member, std::int64_t value) {
  TestServer::Options options;
  options.limits.*member = value;
  return options;
}

TEST(Limit, HeadBytesAnswer431) {
  TestServer server(with(&Limits::head_bytes, 512));
  Client fits(server.http());
  EXPECT_EQ(fits.fetch("/x", "X: " + std::string(400, 'a') + "\r\n").status(), 404);
  Client over(server.http());
  over.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(600, 'a'));
  EXPECT_EQ(over.read_response().status(), 431);
  EXPECT_TRUE(over.is_at_end());
}

TEST(Limit, BodyRateAnswers408ToAClientThatNeverStalls) {
  auto options = with(&Limits::body_rate, 1000);
  options.limits.stall_ms = 200;
  TestServer server(options);
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client client(server.http());
  client.get("/a", "Content-Length: 100000\r\n", "POST");
  pollfd answer{client.fd(), POLLIN, 0};
  while (::poll(&answer, 1, 20) == 0) client.send("x");  // a byte every 20 ms
  EXPECT_EQ(client.read_response().status(), 408);
}

TEST(Limit, HeadFieldsAnswer431) {
  TestServer server(with(&Limits::head_fields, 5));
  Client client(server.http());
  EXPECT_EQ(client.fetch("/x", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n").status(), 404);
  EXPECT_EQ(client.fetch("/x", "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n").status(), 431);
}

TEST(Limit, TargetBytesAnswer414) {
  TestServer server(with(&Limits::target_bytes, 32));
  Client client(server.http());
  EXPECT_EQ(client.fetch("/" + std::string(31, 'a')).status(), 404);
  EXPECT_EQ(client.fetch("/" + std::string(32, 'a')).status(), 414);
}

TEST(Limit, BodyBytesAnswer413) {
  TestServer server(with(&Limits::body_bytes, 10));
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client announced(server.http());
  announced.get("/a", "Content-Length: 11\r\n", "POST");
  EXPECT_EQ(announced.read_response().status(), 413);
  Client chunked(server.http());
  chunked.get("/a", "Transfer-Encoding: chunked\r\n", "POST");
  const auto opened = service.expect_open();
  chunked.send("b\r\nhello world\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read_response().status(), 413);
  EXPECT_EQ(service.expect_close(opened.stream).code, 413);
  Client fits(server.http());
  fits.get("/a", "Content-Length: 10\r\n", "POST");
  fits.send("0123456789");
  const auto taken = service.expect_open();
  EXPECT_EQ(service.read_body(taken.stream).first, "0123456789");
}

TEST(Limit, MessageBytesClose1009) {
  TestServer server(with(&Limits::message_bytes, 1000));
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kWebsocket, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client client(server.http());
  client.send_upgrade("/a");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 0);
  ASSERT_EQ(client.read_response().status(), 101);
  client.send_frame(Opcode::kText, std::string(1000, 'a'));
  EXPECT_EQ(service.read_body(opened.stream, link::Type::kMessage).first.size(), 1000U);
  client.send_frame(Opcode::kText, std::string(600, 'a'), false);
  client.send_frame(Opcode::kContinuation, std::string(401, 'a'), true);
  EXPECT_EQ(client.read_frame().close_code(), 1009);
}

TEST(Limit, ConnectionsAnswer503) {
  TestServer server(with(&Limits::connections, 3));
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server.http());
    EXPECT_EQ(clients.back().fetch("/x").status(), 404);
  }
  Client over(server.http());
  EXPECT_EQ(over.read_response().status(), 503);
  EXPECT_TRUE(over.is_at_end());
  clients.pop_back();
  TestServer::wait_until([&] { return server.connections() < 3; }, "a place to be free");
  Client next(server.http());
  EXPECT_EQ(next.fetch("/x").status(), 404);
  EXPECT_EQ(server.counters().refused, 1U);
}

TEST(Limit, ConnectionsOfOnePeerAnswer503AndLeaveOthersAlone) {
  TestServer server(with(&Limits::connections_per_peer, 2));
  Client first(server.http()), second(server.http());
  EXPECT_EQ(first.fetch("/x").status(), 404);
  EXPECT_EQ(second.fetch("/x").status(), 404);
  Client third(server.http());
  EXPECT_EQ(third.read_response().status(), 503);
  Client elsewhere(server.http(), false, "127.0.0.2");
  EXPECT_EQ(elsewhere.fetch("/x").status(), 404);
}

TEST(Limit, HeadTimeAnswers408) {
  TestServer server(with(&Limits::head_ms, 100));
  Client slow(server.http());
  slow.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(slow.read_response().status(), 408);
  Client silent(server.http());
  EXPECT_TRUE(silent.is_at_end());
}

TEST(Limit, IdleTimeClosesBetweenRequests) {
  TestServer server(with(&Limits::idle_ms, 100));
  Client client(server.http());
  EXPECT_EQ(client.fetch("/x").status(), 404);
  EXPECT_TRUE(client.is_at_end());
}

TEST(Limit, HandshakeTimeClosesTls) {
  auto options = with(&Limits::handshake_ms, 100);
  options.tls = true;
  TestServer server(options);
  Client silent(server.https());  // says nothing of TLS
  EXPECT_TRUE(silent.is_at_end());
}

TEST(Limit, StallTimeAnswers408ForABodyThatStops) {
  TestServer server(with(&Limits::stall_ms, 100));
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client client(server.http());
  client.get("/a", "Content-Length: 10\r\n", "POST");
  const auto opened = service.expect_open();
  client.send("12345");
  EXPECT_EQ(client.read_response().status(), 408);
  service.expect(link::Type::kData);
  EXPECT_EQ(service.expect_close(opened.stream).code, 408);
}

TEST(Limit, StallTimeDropsAClientThatDoesNotTakeItsAnswer) {
  TestServer server(with(&Limits::stall_ms, 100));
  ServicePeer service(server.link_path(), link::kDefaultCredit);
  ASSERT_EQ(
      service.attach_static(1, "/f", server.grant("/f"), make_pack({{"x.bin", std::string(64 << 20, 'x')}}))
          .result,
      AttachResult::kOk);
  Client client(server.http());
  client.get("/f/x.bin");
  TestServer::wait_until([&] { return server.connections() == 0; }, "the client to be dropped");
}

TEST(Limit, ResponseTimeAnswers504) {
  TestServer server(with(&Limits::response_ms, 100));
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client client(server.http());
  client.get("/a");
  const auto opened = service.expect_open();
  EXPECT_EQ(client.read_response().status(), 504);
  EXPECT_EQ(service.expect_close(opened.stream).code, 504);
}

TEST(Limit, StreamsPerLinkAnswer503) {
  TestServer server(with(&Limits::streams_per_link, 2));
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  Client first(server.http()), second(server.http()), third(server.http());
  first.get("/a");
  second.get("/a");
  const auto opened = service.expect_open();
  service.expect_open();
  EXPECT_EQ(third.fetch("/a").status(), 503);
  service.accept(opened.stream, 200, {}, true);
  const auto count_streams = [&] {
    std::uint32_t streams = 0;
    server.on_all([&](Reactor& reactor) {
      reactor.for_each_attach([&](Attach& attach) { streams += attach.streams; });
    });
    return streams;
  };
  TestServer::wait_until([&] { return count_streams() == 1; }, "a stream to end");
  third.get("/a");
  service.expect_open();
}

TEST(Limit, StreamBufferIsToldInHello) {
  TestServer server(with(&Limits::stream_buffer_bytes, 4096));
  ServicePeer service(server.link_path());
  EXPECT_EQ(service.webserver().credit, 4096U);
}

TEST(Limit, LinkBufferHoldsClientsOfThatServiceBack) {
  TestServer server(with(&Limits::link_buffer_bytes, 1 << 17));
  // A service with endless credit that does not read.
  ServicePeer service(server.link_path(), 1 << 30), other(server.link_path());
  ASSERT_EQ(service.attach(1, Kind::kHttp, "/a", server.grant("/a")).result, AttachResult::kOk);
  ASSERT_EQ(other.attach(1, Kind::kHttp, "/b", server.grant("/b")).result, AttachResult::kOk);
  Client client(server.http());
  client.get("/a", "Content-Length: 100000000\r\n", "POST");
  std::thread sender([&] {
    try {
      client.send(std::string(100'000'000, 'b'));
    } catch (const std::exception&) {}
  });
  std::uint64_t before = 1, now = 0;
  while (now == 0 || before != now) {  // until no more is read
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    now = server.counters().bytes_in;
  }
  EXPECT_LT(now, 4U << 20);
  Client elsewhere(server.http());
  elsewhere.get("/b");
  const auto opened = other.expect_open();
  other.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(elsewhere.read_response().status(), 200);
  const auto held = service.expect_open();
  EXPECT_EQ(service.read_body(held.stream).first.size(), 100'000'000U);  // and goes on
  sender.join();
}

TEST(Limit, AttachesPerLinkAreRefused) {
  TestServer server(with(&Limits::attaches_per_link, 1));
  const auto grant = server.grant("/");
  ServicePeer service(server.link_path());
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/a", grant).result, AttachResult::kOk);
  EXPECT_EQ(service.attach(2, Kind::kHttp, "/b", grant).result, AttachResult::kTooMany);
}

TEST(Limit, LinksAreRefused) {
  TestServer server(with(&Limits::links, 1));
  ServicePeer first(server.link_path());
  EXPECT_THROW(ServicePeer second(server.link_path()), std::exception);
}

TEST(Limit, ReadTheirNumbersFromJsonAndCheckTheirRanges) {
  const auto parse = [](std::string_view text) { return apply_limits({}, *json::parse_object(text)); };
  EXPECT_EQ(parse(R"({"headBytes": 1000, "unknown": 1})")->head_bytes, 1000);
  EXPECT_EQ(parse("{}")->idle_ms, 75000);
  EXPECT_FALSE(parse(R"({"headBytes": 1})"));
  EXPECT_FALSE(parse(R"({"headBytes": "many"})"));
  EXPECT_THAT(parse(R"({"links": -1})").error().detail, ::testing::HasSubstr("links"));
  for (const auto& setting : limit_settings()) {
    EXPECT_GE(Limits{}.*setting.value, setting.least) << setting.name;
    EXPECT_LE(Limits{}.*setting.value, setting.most) << setting.name;
  }
}

// The daemon stays calm: new clients wait in the kernel's queue, those there are served on.
TEST(Limit, AcceptingPausesWithoutDescriptorsAndResumes) {
  TestServer server;
  Client before(server.http());
  EXPECT_EQ(before.fetch("/x").status(), 404);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  std::vector<UniqueFd> hoard;
  {
    Client waiting(server.http());  // gets its own descriptor before there are none left
    rlimit now = old;
    now.rlim_cur = static_cast<rlim_t>(before.fd()) + 40;
    TestServer::wait_until([&] { return server.connections() == 2; }, "the second client");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
    for (;;) {
      UniqueFd fd(::dup(0));
      if (!fd) break;
      hoard.push_back(std::move(fd));
    }
    hoard.pop_back();  // for the client's own end
    Client starved(server.http());
    TestServer::wait_until([&] { return server.counters().accept_pauses > 0; }, "accepting to pause");
    EXPECT_EQ(before.fetch("/x").status(), 404);
    EXPECT_LT(server.counters().accept_pauses, 1000U) << "it spins";
    hoard.clear();
    EXPECT_EQ(starved.fetch("/x").status(), 404);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
}

}  // namespace
}  // namespace berth::webserver::testing
