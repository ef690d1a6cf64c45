// What TLS answers by itself must not pile up for a client that does not read.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "webserver/reactor.h"
#include "webserver/testing/peers.h"
#include "webserver/tls/openssl_peer.h"

namespace berth::webserver::testing {
namespace {

// OpenSSL's client at one end of a pair of sockets, a reactor whose turns we count at the other.
struct Talk {
  explicit Talk(bool compact) {
    Config config;
    config.certificates = {make_certificate()};
    config.compact_tls = compact;
    or_throw(reactor.configure(config, TicketKeys()));
    int fds[2];
    BERTH_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    socket = UniqueFd(fds[0]);
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    reactor.accepted(UniqueFd(fds[1]), address, true);
  }
  void turn() {
    for (int i = 0; i < 3; ++i) loop.run_once(loop::Duration::zero());
  }
  // Gives how much of `bytes` the socket took.
  std::size_t put(ByteView bytes) {
    const auto size = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  bool read() {
    Bytes bytes(1 << 20);
    const auto size = ::recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size <= 0) return false;
    client.receive(ByteView(bytes).first(static_cast<std::size_t>(size)));
    return true;
  }
  void exchange() {  // until nothing moves
    client.receive({});
    do {
      put(client.take());
      turn();
    } while (read());
  }

  loop::Loop loop{loop::Loop::Time::kManual};
  Census census;
  Reactor reactor{loop, census, Reactor::Setup()};
  UniqueFd socket;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  OpensslPeer client{context.get()};
};

TEST(TlsFlood, AClientThatAsksForNewKeysAndReadsNothingIsNotReadFromForEver) {
  Talk talk(false);  // OpenSSL answers each KeyUpdate at once (RFC 8446 section 4.6.3)
  talk.exchange();
  ASSERT_TRUE(SSL_is_init_finished(talk.client.ssl()));
  Bytes waiting;
  int asked = 0, stuck = 0;
  for (; asked < 100'000 && stuck < 10; asked += 100) {
    for (int i = 0; i < 100; ++i) talk.client.update_keys(true);
    const auto bytes = talk.client.take();
    waiting.insert(waiting.end(), bytes.begin(), bytes.end());
    const auto taken = talk.put(waiting);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
    stuck = taken == 0 ? stuck + 1 : 0;
    talk.turn();
  }
  EXPECT_LT(asked, 100'000);

  // As soon as it reads it is read from.
  talk.client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto request = talk.client.take();
  waiting.insert(waiting.end(), request.begin(), request.end());
  for (int idle = 0; idle < 10; ++idle) {
    const auto taken = talk.put(waiting);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(taken));
    talk.turn();
    if (talk.read()) idle = 0;
  }
  EXPECT_THAT(talk.client.text(), ::testing::StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace berth::webserver::testing
