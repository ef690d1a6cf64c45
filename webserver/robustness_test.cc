// Clients and services that mean harm, or are broken, in numbers.
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <thread>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

using link::AttachResult;
using link::Kind;

std::string random_text(std::mt19937& random, std::size_t longest) {
  std::string text(random() % (longest + 1), '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

// Pieces of what could be valid, so that garbage gets past the first byte.
std::string likely_garbage(std::mt19937& random) {
  static const std::string kPieces[] = {
      "GET ",
      "POST ",
      "/app",
      "/app/x ",
      " HTTP/1.1",
      "HTTP/1.0",
      "\r\n",
      "\n",
      "\r\n\r\n",
      "Host: a\r\n",
      "Content-Length: 5\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: chunked\r\n",
      "0\r\n\r\n",
      "5\r\nhello\r\n",
      "ffffffffffffffff\r\n",
      "Upgrade: websocket\r\nConnection: Upgrade\r\n",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
      "Expect: 100-continue\r\n",
      "Range: bytes=0-\r\n",
      "\x81\x85\x01\x02\x03\x04hello",
      std::string("\x88\x80\0\0\0\0", 6),
      "\x16\x03\x01\x02\0\x01"};
  std::string text;
  const auto count = random() % 8 + 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 6 == 0) text += random_text(random, 40);
    else text += kPieces[random() % std::size(kPieces)];
  }
  return text;
}

TEST(Robustness, TenThousandGarbageConnectionsHarmNobody) {
  TestServer server({.reactors = 2, .tls = true});
  const auto grant = server.grant("/app");
  std::vector<std::unique_ptr<ServicePeer>> services;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2; ++i) {
    services.push_back(std::make_unique<ServicePeer>(server.link_path(i)));
    ASSERT_EQ(services[i]->attach(1, Kind::kHttp, "/app", grant).result, AttachResult::kOk);
    ASSERT_EQ(services[i]->attach(2, Kind::kWebsocket, "/app", grant).result, AttachResult::kOk);
    threads.emplace_back([&service = *services[i]] {  // answers whatever gets through
      while (const auto frame = service.next()) {
        if (frame->type == link::Type::kOpen) {
          const auto open = or_throw(link::parse_open(frame->payload));
          if (open.kind == Kind::kWebsocket) service.accept(frame->stream, 0);
          else service.accept(frame->stream, 200, {}, true);
        } else if (frame->type == link::Type::kClose) {
          service.close(frame->stream, 0);
        } else if (!frame->payload.empty() && frame->type != link::Type::kCredit) {
          service.credit(frame->stream, static_cast<std::uint32_t>(frame->payload.size()));
        }
      }
    });
  }
  Client witness(server.http());
  EXPECT_EQ(witness.fetch("/app/x").status(), 200);
  std::mt19937 random(20240229);
  for (int i = 0; i < 10000; ++i) {
    try {
      Client client(i % 4 == 3 ? server.https() : server.http());
      const auto text = i % 2 ? random_text(random, 300) : likely_garbage(random);
      client.send(text);
      switch (random() % 3) {
        case 0: client.reset(); break;
        case 1: client.shutdown_write(); break;
        default: break;
      }
    } catch (const std::exception&) {
      // The server may have refused it already.
    }
  }
  EXPECT_EQ(witness.fetch("/app/x").status(), 200);
  Client tls(server.https(), true);
  EXPECT_EQ(tls.fetch("/app/x").status(), 200);
  TestServer::wait_until([&] { return server.connections() <= 2; }, "the garbage to be gone");
  for (auto& service : services) ::shutdown(service->fd(), SHUT_RDWR);
  for (auto& thread : threads) thread.join();
}

TEST(Robustness, GarbageOnTheLinkEndsThatLinkOnly) {
  TestServer server;
  const auto grant = server.grant("/app");
  ServicePeer good(server.link_path());
  ASSERT_EQ(good.attach(1, Kind::kWebsocket, "/app", grant).result, AttachResult::kOk);
  Client client(server.http());
  client.send_upgrade("/app");
  const auto opened = good.expect_open();
  good.accept(opened.stream, 0);
  ASSERT_EQ(client.read_response().status(), 101);
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    ServicePeer bad(server.link_path(), 65536, i % 2 == 0);
    try {
      Bytes bytes;
      for (int frames = 0; frames < 20; ++frames) {
        static constexpr std::uint8_t kTypes[] = {2,    4,    0x10, 0x11, 0x12, 0x13,
                                                  0x14, 0x15, 0x16, 0x17, 0x18, 0x80};
        const auto payload = random_text(random, 64);
        link::append_data(bytes, link::Type{kTypes[random() % std::size(kTypes)]},
                          random() % 3 ? opened.stream : static_cast<std::uint32_t>(random()),
                          static_cast<std::uint8_t>(random()), as_bytes(payload));
      }
      if (i % 5 == 0) {
        const auto noise = random_text(random, 2000);
        bytes.insert(bytes.end(), noise.begin(), noise.end());
      }
      const auto memory = make_memfd(as_bytes("x"));
      if (i % 7 == 0) bad.send_with_descriptor(bytes, memory.get());
      else bad.send(bytes);
    } catch (const std::exception&) {}
  }
  good.message(opened.stream, "still here");
  EXPECT_EQ(client.read_frame().payload, "still here");
}

// Everything at once, for a sanitizer to watch: clients of all kinds come and go while services
// die, come back, lose grants and the certificate changes.
TEST(Robustness, SurvivesEverythingAtOnce) {
  TestServer server({.reactors = 2, .tls = true});
  const auto grant = server.grant("/app");
  const auto pack = make_pack({{"a.bin", std::string(300000, 'p')}});
  std::atomic<bool> ending = false;
  std::atomic<int> served = 0;

  const auto be_impatient = [](int fd) {
    const timeval patience{0, 100000};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  };
  const auto service_life = [&](unsigned reactor, unsigned seed) {
    std::mt19937 random(seed);
    while (!ending) {
      try {
        ServicePeer service(server.link_path(reactor));
        be_impatient(service.fd());
        Bytes out;
        link::append(out, link::Attach{1, Kind::kHttp, grant, "/app", ""});
        link::append(out, link::Attach{2, Kind::kWebsocket, grant, "/app", ""});
        service.send(out);
        service.attach_static(3, "/app/files", grant, pack);
      } catch (const std::exception&) {  // frames of clients came in between
      }
      try {
        ServicePeer service(server.link_path(reactor));
        be_impatient(service.fd());
        Bytes out;
        link::append(out, link::Attach{1, Kind::kHttp, grant, "/app", ""});
        link::append(out, link::Attach{2, Kind::kWebsocket, grant, "/app", ""});
        service.send(out);
        std::vector<std::uint32_t> sockets;
        for (auto left = random() % 300 + 20; left > 0 && !ending; --left) {
          const auto frame = service.next();
          if (!frame) break;
          if (frame->type == link::Type::kOpen) {
            const auto open = or_throw(link::parse_open(frame->payload));
            if (open.kind == Kind::kWebsocket) {
              service.accept(frame->stream, random() % 8 ? 0 : 403);
              sockets.push_back(frame->stream);
            } else if (open.bits & link::kOpenHasBody && random() % 2) {
              service.accept(frame->stream, 200, {}, true);
            } else {
              service.accept(frame->stream, 200);
              service.data(frame->stream, std::string(random() % 20000, 'd'), random() % 10 != 0);
            }
          } else if (frame->type == link::Type::kMessage) {
            service.credit(frame->stream, static_cast<std::uint32_t>(frame->payload.size()));
            service.message(frame->stream, as_text(frame->payload).substr(0, 1000),
                            frame->flags & link::kFlagEnd);
            if (random() % 20 == 0) service.close(frame->stream, 1000);
            if (random() % 10 == 0) service.broadcast(sockets, "all");
          } else if (frame->type == link::Type::kClose) {
            service.close(frame->stream, 0);
          }
        }
      } catch (const std::exception&) {}
    }
  };
  const auto client_life = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (!ending) {
      try {
        const bool tls = random() % 3 == 0;
        Client client(tls ? server.https() : server.http(), tls);
        be_impatient(client.fd());
        switch (random() % 4) {
          case 0:
            client.fetch("/app/files/a.bin");
            ++served;
            break;
          case 1:
            client.get("/app/x", "Content-Length: 50000\r\n", "POST");
            client.send(std::string(random() % 2 ? 50000 : 20000, 'b'));
            client.read_response();
            ++served;
            break;
          case 2:
            client.send_upgrade("/app");
            if (client.read_response().status() != 101) break;
            for (int i = 0; i < 10; ++i) {
              client.send_frame(websocket::Opcode::kText, std::string(random() % 70000, 'm'));
              client.read_frame();
              ++served;
            }
            if (random() % 2) client.send_frame(websocket::Opcode::kClose, "");
            break;
          default:
            client.fetch("/app/y");
            ++served;
            break;
        }
        if (random() % 3 == 0) client.reset();
      } catch (const std::exception&) {}
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2; ++i) threads.emplace_back(service_life, i, 100 + i);
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(client_life, 200 + i);
  for (int i = 0; i < 15; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    if (i % 3 == 0) server.set_certificates({make_certificate()});
    const auto passing = server.grant("/app/passing");
    server.remove_grant(passing);
    if (i == 7) {
      server.remove_grant(grant);
      Grant again{.secret = grant, .path = "/app", .uid = ::getuid()};
      server.on_all([&](Reactor& reactor) { reactor.set_grant(again); });
    }
  }
  ending = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GT(served, 50);
  RecordProperty("served", served);
  TestServer::wait_until([&] { return server.connections() == 0; }, "all connections to end");
  const auto counters = server.counters();
  EXPECT_EQ(counters.connections, 0U);
  EXPECT_EQ(counters.websockets, 0U);
  server.on_all([](Reactor& reactor) {
    reactor.for_each_attach([](Attach& attach) { EXPECT_EQ(attach.streams, 0U) << attach.path; });
  });
}

}  // namespace
}  // namespace berth::webserver::testing
