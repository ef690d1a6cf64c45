// Attaching, grants, and what a service may not do.
#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

using link::AttachResult;
using link::Kind;

TEST(Attach, IsGrantedByTheManagerOnly) {
  TestServer server;
  ServicePeer service(server.link_path());
  const auto grant = server.grant("/a/b");
  link::Grant unknown{};
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/a/b", unknown).result, AttachResult::kNoGrant);
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/a", grant).result, AttachResult::kNoGrant);
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/a/bc", grant).result, AttachResult::kNoGrant);
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/a/b/c", grant).result, AttachResult::kOk);
  EXPECT_EQ(service.attach(2, Kind::kHttp, "/a/b", grant).result, AttachResult::kOk);
}

TEST(Attach, IsForTheGrantsUserOnly) {
  TestServer server;
  Grant grant{.path = "/a", .uid = ::getuid() + 1};
  server.on_all([&](Reactor& reactor) { reactor.set_grant(grant); });
  ServicePeer service(server.link_path());
  const auto attached = service.attach(1, Kind::kHttp, "/a", grant.secret);
  EXPECT_EQ(attached.result, AttachResult::kNoGrant);
  EXPECT_THAT(attached.reason, ::testing::HasSubstr("not for user"));
}

TEST(Attach, RefusesTheSamePathAndKindTwiceWithAReason) {
  TestServer server;
  const auto grant = server.grant("/a");
  ServicePeer first(server.link_path()), second(server.link_path());
  EXPECT_EQ(first.attach(1, Kind::kHttp, "/a", grant).result, AttachResult::kOk);
  EXPECT_EQ(first.attach(2, Kind::kWebsocket, "/a", grant).result, AttachResult::kOk);
  const auto refused = second.attach(1, Kind::kHttp, "/a", grant);
  EXPECT_EQ(refused.result, AttachResult::kPathTaken);
  EXPECT_THAT(refused.reason, ::testing::HasSubstr("/a"));
  Bytes detach;
  link::append_detach(detach, 1);
  first.send(detach);
  Bytes ping;
  link::append_ping(ping, link::Type::kPing, {});
  first.send(ping);
  first.expect(link::Type::kPong);
  EXPECT_EQ(second.attach(2, Kind::kHttp, "/a", grant).result, AttachResult::kOk);
}

TEST(Attach, RefusesWhatIsNoPath) {
  TestServer server;
  const auto grant = server.grant("/");
  ServicePeer service(server.link_path());
  for (const auto* path : {"", "a", "/a/", "//", "/a//b", "/a/../b", "/.", "/a\nb"})
    EXPECT_EQ(service.attach(1, Kind::kHttp, path, grant).result, AttachResult::kPathInvalid) << path;
  EXPECT_EQ(service.attach(1, Kind::kHttp, "/", grant).result, AttachResult::kOk);
}

TEST(Attach, TakesPathsAwayWithTheirGrant) {
  TestServer server;
  const auto grant = server.grant("/a");
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(4, Kind::kWebsocket, "/a", grant).result, AttachResult::kOk);
  Client client(server.http());
  client.send_upgrade("/a");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 0);
  ASSERT_EQ(client.read_response().status(), 101);
  server.remove_grant(grant);
  EXPECT_EQ(service.expect_close(opened.stream).code, 1001);
  const auto detached = or_throw(link::parse_attached(service.expect(link::Type::kDetached).payload));
  EXPECT_EQ(detached.id, 4U);
  EXPECT_EQ(detached.result, AttachResult::kNoGrant);
  EXPECT_EQ(client.read_frame().close_code(), 1012);
  Client late(server.http());
  EXPECT_EQ(late.fetch("/a").status(), 404);
  EXPECT_EQ(service.attach(5, Kind::kWebsocket, "/a", grant).result, AttachResult::kNoGrant);
}

TEST(Attach, ANewSecretOfAPathTakesThePlaceOfTheOldOneAtOnce) {
  TestServer server;
  const auto old = server.grant("/a");
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(4, Kind::kHttp, "/a", old).result, AttachResult::kOk);
  Grant next{.path = "/a", .uid = ::getuid()};
  next.secret.fill(0x77);
  server.on_all([&](Reactor& reactor) { reactor.set_grant(next); });
  EXPECT_EQ(or_throw(link::parse_attached(service.expect(link::Type::kDetached).payload)).id, 4U);
  EXPECT_EQ(service.attach(4, Kind::kHttp, "/a", old).result, AttachResult::kNoGrant);
  EXPECT_EQ(service.attach(4, Kind::kHttp, "/a", next.secret).result, AttachResult::kOk);
  // The same one again changes nothing.
  server.on_all([&](Reactor& reactor) { reactor.set_grant(next); });
  EXPECT_EQ(service.attach(5, Kind::kWebsocket, "/a/b", next.secret).result, AttachResult::kOk);
  EXPECT_EQ(service.attach(6, Kind::kHttp, "/a", next.secret).result, AttachResult::kPathTaken);
}

TEST(Attach, LongestPathWinsBySegmentAndCase) {
  TestServer server;
  const auto grant = server.grant("/");
  ServicePeer service(server.link_path());
  std::uint32_t id = 0;
  for (const auto* path : {"/", "/a", "/a/b", "/a/b/c/d"})
    ASSERT_EQ(service.attach(++id, Kind::kHttp, path, grant).result, AttachResult::kOk);
  struct Case {
    const char* path;
    std::uint32_t attach;
    const char* relative;
  };
  for (const auto& c : {Case{"/", 1, ""}, Case{"/a", 2, ""}, Case{"/a/", 2, ""}, Case{"/ab", 1, "ab"},
                        Case{"/A", 1, "A"}, Case{"/a/b/c", 3, "c"}, Case{"/a/b/c/d", 4, ""},
                        Case{"/a/b/c/d/e/f", 4, "e/f"}, Case{"/a/bc", 2, "bc"}}) {
    Client client(server.http());
    client.get(c.path);
    const auto opened = service.expect_open();
    EXPECT_EQ(opened.open.attach, c.attach) << c.path;
    EXPECT_EQ(opened.open.relative, c.relative) << c.path;
  }
}

TEST(Link, EndsForAServiceThatBreaksTheProtocol) {
  TestServer server;
  struct Case {
    const char* why;
    Bytes bytes;
    bool greet;
  };
  Bytes old;
  link::append(old, link::Hello{.version = 99, .name = "old"});
  const Case cases[] = {
      {"no HELLO first", {0, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0, 0}, false},
      {"another version", old, false},
      {"second HELLO",
       {13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 3, 0, 'a', 'b', 'c'},
       true},
      {"reserved bits", {0, 0, 0, 0, 0x18, 0, 1, 0, 0, 0, 0, 0}, true},
      {"too long", {0, 0, 2, 0, 0x18, 0, 0, 0, 0, 0, 0, 0}, true},
      {"unknown type", {0, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0, 0}, true},
      {"STATIC without descriptor", {4, 0, 0, 0, 0x17, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, true},
      {"ATTACH cut short", {1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1}, true},
      {"OPEN from a service", {0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0}, true},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    ServicePeer service(server.link_path(), link::kDefaultCredit, c.greet);
    service.send(c.bytes);
    EXPECT_EQ(service.next(), std::nullopt);
  }
  ServicePeer fine(server.link_path());
  Bytes unknown = {3, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3};  // skipped
  link::append_ping(unknown, link::Type::kPing, as_bytes("still there"));
  fine.send(unknown);
  EXPECT_EQ(as_text(fine.expect(link::Type::kPong).payload), "still there");
}

TEST(Link, EndsForAServiceThatAsksAndDoesNotReadTheAnswers) {
  TestServer server({.limits = {.link_buffer_bytes = 4096}});
  Bytes ping, attach;
  link::append_ping(ping, link::Type::kPing, Bytes(4000));
  link::append(attach, link::Attach{1, Kind::kHttp, {}, std::string(4000, 'x'), ""});
  for (const auto& question : {ping, attach}) {
    ServicePeer service(server.link_path());
    const auto ask_on = [&] {
      for (int i = 0; i < 2000; ++i) service.send(question);
    };
    EXPECT_THROW(ask_on(), std::runtime_error);
  }
}

TEST(Link, FreesItsPathsWhenItIsLost) {
  TestServer server;
  const auto grant = server.grant("/a");
  for (int round = 0; round < 5; ++round) {
    ServicePeer service(server.link_path());
    TestServer::wait_until(
        [&] {
          bool is_free = false;
          server.on_all([&](Reactor& reactor) { is_free = !reactor.routes().find_exact("/a"); });
          return is_free;
        },
        "the path to be free");
    EXPECT_EQ(service.attach(1, Kind::kHttp, "/a", grant).result, AttachResult::kOk);
  }
}

TEST(Link, IsOnePerReactor) {
  TestServer server({.reactors = 3});
  const auto grant = server.grant("/a");
  for (unsigned i = 0; i < 3; ++i) {
    ServicePeer service(server.link_path(i));
    EXPECT_EQ(service.webserver().reactor, i);
    EXPECT_EQ(service.attach(1, Kind::kHttp, "/a", grant).result, AttachResult::kOk);
  }
}

}  // namespace
}  // namespace berth::webserver::testing
