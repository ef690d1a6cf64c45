// What an idle WebSocket costs.
#include <malloc.h>
#include <unistd.h>
#if __has_feature(address_sanitizer)
#include <sanitizer/allocator_interface.h>
#endif

#include <cstdlib>

#include "base/file.h"
#include "webserver/testing/http2_peer.h"
#include "webserver/testing/program.h"

namespace berth::webserver::testing {
namespace {

// Pss of smaps_rollup (proc(5)), bytes.
std::int64_t proportional_bytes(pid_t pid) {
  const auto text = or_throw(read_file(fmt::format("/proc/{}/smaps_rollup", pid)));
  const auto at = text.find("\nPss:");
  return std::strtoll(text.c_str() + at + 5, nullptr, 10) * 1024;
}

struct Idle {
  Root root;
  Program program{root, {"--http", "0", "--https", "0", "--bind", "127.0.0.1", "--reactors", "1"}};
  Manager manager{root};
  std::optional<ServicePeer> service;
  std::vector<Client> clients;

  Idle() {
    manager.ask({{"mt", "WebserverConfig"},
                 {"certificate", make_certificate()},
                 {"grants", json::Array{grant_of("/app", 'a')}}});
    service.emplace(manager.link());
    if (service->attach(1, link::Kind::kWebsocket, "/app", secret_of('a')).result != link::AttachResult::kOk)
      throw std::runtime_error("attach");
  }
  void add(int count, bool tls) {
    for (int i = 0; i < count; ++i) {
      auto& client = clients.emplace_back(tls ? manager.https() : manager.http(), tls,
                                          fmt::format("127.0.0.{}", 1 + clients.size() / 4000));
      client.send_upgrade("/app");
      const auto opened = service->expect_open();
      service->accept(opened.stream, 0);
      if (client.read_response().status() != 101) throw std::runtime_error("upgrade");
      // One message there and back, so that nothing is left out that would be freed only later.
      client.send_frame(websocket::Opcode::kText, "hello");
      service->read_body(opened.stream, link::Type::kMessage);
      service->message(opened.stream, "hi");
      client.read_frame();
    }
  }
  // Bytes a connection, measured over `count` after as many to warm up.
  double measure(int count, bool tls) {
    add(count / 4, tls);
    const auto before = proportional_bytes(program.pid());
    add(count, tls);
    return static_cast<double>(proportional_bytes(program.pid()) - before) / count;
  }
};

std::size_t allocated_bytes() {
#if __has_feature(address_sanitizer)
  return __sanitizer_get_current_allocated_bytes();
#else
  return ::mallinfo2().uordblks;
#endif
}

// RFC 7692 section 7.2.3.1, masked with zeros.
constexpr std::string_view kCompressedHello("\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\x00", 13);

// Idle WebSockets of a server in this process, where nothing else allocates.
struct Held {
  enum class Tls { kNone, k12, k13, k13ByOpenssl };
  const Tls tls;
  TestServer server{{.tls = tls != Tls::kNone, .compact_tls = tls != Tls::k13ByOpenssl}};
  ServicePeer service{server.link_path()};
  std::vector<UniqueFd> clients;

  const bool deflates;  // the clients agreed on permessage-deflate and used it

  explicit Held(Tls kind = Tls::kNone, bool with_deflate = false) : tls(kind), deflates(with_deflate) {
    clients.reserve(20000);
    EXPECT_EQ(service.attach(1, link::Kind::kWebsocket, "/a", server.grant("/a")).result,
              link::AttachResult::kOk);
  }
  void add(int count) {
    for (int i = 0; i < count; ++i) {
      // Of a client only its socket stays, so that what is counted is the server's.
      Client client(tls == Tls::kNone ? server.http() : server.https(), tls != Tls::kNone, "127.0.0.1",
                    tls == Tls::k12 ? TLS1_2_VERSION : 0);
      client.send_upgrade("/a", deflates ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
      const auto opened = service.expect_open();
      service.accept(opened.stream, 0);
      const auto response = client.read_response();
      ASSERT_EQ(response.status(), 101);
      ASSERT_EQ(response.header("sec-websocket-extensions").empty(), !deflates);
      if (deflates) client.send(kCompressedHello);
      else client.send_frame(websocket::Opcode::kText, "Hello");
      ASSERT_EQ(service.read_body(opened.stream, link::Type::kMessage).first, "Hello");
      if (deflates) service.message(opened.stream, std::string(4000, 'x'));  // goes out compressed
      if (deflates) client.read_exactly(20);
      clients.emplace_back(::dup(client.fd()));
    }
    server.on_all([](Reactor&) {});  // the last turn has ended
  }
  void drop_all() {
    auto left = clients.size();
    clients.clear();
    Bytes out;
    while (left > 0) {
      const auto frame = service.next();
      ASSERT_TRUE(frame);
      if (frame->type != link::Type::kClose) continue;
      link::append(out, frame->stream, link::Close{});
      --left;
    }
    link::append_ping(out, link::Type::kPing, {});
    service.send(out);
    service.expect(link::Type::kPong);
    server.on_all([](Reactor& reactor) { EXPECT_EQ(reactor.counters().connections, 0U); });
  }
  std::size_t pages() {
    std::size_t pages = 0;
    server.on_all([&](Reactor& reactor) { pages = reactor.connection_pages(); });
    return pages;
  }
  // Heap, and the pages of records.
  std::size_t bytes() { return allocated_bytes() + pages() * 4096; }
};

// 40 bytes of record in pages of 102, and nothing else. One forgotten buffer or HTTP state would show as
// hundreds of bytes.
TEST(IdleWebsocket, CostsItsRecordOnly) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "does not tell what is allocated";
#endif
  constexpr int kCount = 2000;
  Held held;
  held.add(kCount / 2);
  const auto before = held.bytes();
  held.add(kCount);
  const auto bytes = static_cast<double>(held.bytes() - before) / kCount;
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LT(bytes, 44);
}

// RFC 7692 without context takeover: nothing is kept from message to message.
TEST(IdleWebsocket, CostsNoMoreForHavingAgreedOnCompression) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "does not tell what is allocated";
#endif
  constexpr int kCount = 1000;
  Held held(Held::Tls::kNone, true);
  held.add(kCount / 2);
  const auto before = held.bytes();
  held.add(kCount);
  const auto bytes = static_cast<double>(held.bytes() - before) / kCount;
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LT(bytes, 48);
}

// nghttp2's session and tables; not OpenSSL's object beside them.
TEST(IdleHttp2, CostsItsSessionOnly) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "does not tell what is allocated";
#endif
  constexpr int kCount = 100;
  Held held(Held::Tls::k13);
  const auto add = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Http2Client client(held.server.https());
      ASSERT_EQ(client.fetch("/nowhere").status(), 404);
      held.clients.emplace_back(::dup(client.fd()));
    }
    held.server.on_all([](Reactor&) {});
  };
  add(kCount / 2);
  const auto before = held.bytes();
  add(kCount);
  const auto bytes = static_cast<double>(held.bytes() - before) / kCount;
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LT(bytes, 30'000);
}

// Over TLS the keys come on top: after a handshake of TLS 1.3 in a record layer of ours, else in OpenSSL's object.
TEST(IdleWebsocket, CostsItsKeysOverTls) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "does not tell what is allocated";
#endif
  constexpr int kCount = 100;
  const auto measure = [&](Held::Tls tls) {
    Held held(tls);
    held.add(kCount / 2);
    const auto before = held.bytes();
    held.add(kCount);
    return static_cast<double>(held.bytes() - before) / kCount;
  };
  const double own = measure(Held::Tls::k13), old = measure(Held::Tls::k12),
               openssl = measure(Held::Tls::k13ByOpenssl);
  RecordProperty("bytes", fmt::format("{:.0f} {:.0f} {:.0f}", own, old, openssl));
  EXPECT_LE(own, 320);
  EXPECT_LE(old, 15200);
  EXPECT_GT(openssl, 10000) << "then compactTls is not needed any more";
}

TEST(IdleWebsocket, GivesAllMemoryBackWhenItGoes) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "does not tell what is allocated";
#endif
  Held held;
  held.add(1000);  // lists have grown to their size
  held.drop_all();
  const auto before = held.bytes();
  held.add(1000);
  held.drop_all();
  EXPECT_LE(held.pages(), 1U);
  EXPECT_LE(held.bytes(), before + before / 100);
}

// Numbers of docs/webserver.md; BERTH_WEBSERVER names the program of the release build.
TEST(Measure, DISABLED_IdleMemory) {
  {
    Idle idle;
    std::printf("idle program, one reactor: PSS %.2f MiB\n",
                static_cast<double>(proportional_bytes(idle.program.pid())) / (1 << 20));
    std::printf("idle ws:// connection: %.0f bytes\n", idle.measure(7000, false));
  }
  Idle idle;
  std::printf("idle wss:// connection: %.0f bytes\n", idle.measure(2000, true));
}

}  // namespace
}  // namespace berth::webserver::testing
