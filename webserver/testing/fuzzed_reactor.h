// For fuzzers: a whole reactor, its time turned by hand, between a client and a service that say what the fuzzer likes.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/log.h"
#include "webserver/reactor.h"

namespace berth::webserver {

class FuzzedReactor {
 public:
  static constexpr link::Grant kGrant{};  // for "/"

  explicit FuzzedReactor(const Limits& limits) {
    set_log_sink([](LogLevel, std::string_view) {});
    Config config;
    config.grants.push_back({kGrant, "/", ::getuid()});
    config.limits = limits;
    BERTH_CHECK(reactor.configure(config, TicketKeys()));
  }

  loop::Loop loop{loop::Loop::Time::kManual};
  Census census;
  Reactor reactor{loop, census, Reactor::Setup()};
  UniqueFd client, service;
  std::uint32_t stream = 0;  // of the last OPEN, so that the script can speak of it

  void connect() {  // a new client, in place of the present one
    auto [ours, theirs] = make_pair_of_sockets();
    client = std::move(theirs);
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    reactor.accepted(std::move(ours), address, false);
  }

  void attach() {  // a new service, with /h for HTTP, /w for WebSockets and /p for what it likes
    service.reset();
    auto [ours, theirs] = make_pair_of_sockets();
    service = std::move(theirs);
    reactor.accepted_link(std::move(ours));
    Bytes out;
    link::append(out, link::Hello{.credit = 4096, .name = "fuzz"});
    link::append(out, link::Attach{1, link::Kind::kHttp, kGrant, "/h", ""});
    link::append(out, link::Attach{2, link::Kind::kWebsocket, kGrant, "/w", ""});
    link::append(out, link::Attach{3, link::Kind::kPassthrough, kGrant, "/p", ""});
    put(service, out);
  }

  static void put(const UniqueFd& fd, ByteView bytes) {
    if (fd && !bytes.empty())
      (void)!::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  // What is said meanwhile is thrown away, but for the streams that are opened.
  void turn(bool client_reads = true) {
    for (int i = 0; i < 4; ++i) loop.run_once(loop::Duration::zero());
    std::array<std::uint8_t, 65536> dropped;
    while (client_reads && client && ::recv(client.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) {
    }
    note_streams();
  }

 private:
  static std::pair<UniqueFd, UniqueFd> make_pair_of_sockets() {
    int fds[2];
    BERTH_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
  }

  void note_streams() {
    static std::array<std::uint8_t, 1 << 20> buffer;
    const auto got = ::recv(service.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    ByteView bytes(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    while (bytes.size() >= link::kHeaderSize) {
      const auto header = link::parse_header(bytes);
      if (!header || !*header || bytes.size() < link::kHeaderSize + (*header)->length) break;
      if ((*header)->type == link::Type::kOpen) stream = (*header)->stream;
      bytes = bytes.subspan(link::kHeaderSize + (*header)->length);
    }
  }
};

}  // namespace berth::webserver
