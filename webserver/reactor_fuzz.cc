// The whole reactor between a client and a service that both send what they like. The input is a script:
// {what, size, bytes}…; seeds in corpus/reactor_fuzz/.
#include <sys/socket.h>

#include <array>

#include "base/log.h"
#include "webserver/reactor.h"

namespace {

using namespace berth;
using namespace berth::webserver;

constexpr link::Grant kGrant{};

struct Ends {
  UniqueFd ours, theirs;
};

Ends make_pair_of_sockets() {
  int fds[2];
  BERTH_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void put(const UniqueFd& fd, ByteView bytes) {
  if (fd && !bytes.empty()) (void)!::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Gives the stream of the last OPEN, so that the script can speak of it.
std::uint32_t drain(const UniqueFd& fd, std::uint32_t stream) {
  static std::array<std::uint8_t, 1 << 20> buffer;
  if (!fd) return stream;
  const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ByteView bytes(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  while (bytes.size() >= link::kHeaderSize) {
    const auto header = link::parse_header(bytes);
    if (!header || !*header || bytes.size() < link::kHeaderSize + (*header)->length) break;
    if ((*header)->type == link::Type::kOpen) stream = (*header)->stream;
    bytes = bytes.subspan(link::kHeaderSize + (*header)->length);
  }
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = [] {
    set_log_sink([](LogLevel, std::string_view) {});
    return true;
  }();
  (void)quiet;
  loop::Loop loop(loop::Loop::Time::kManual);
  Census census;
  Reactor::Setup setup;
  Reactor reactor(loop, census, std::move(setup));
  Config config;
  config.grants.push_back({kGrant, "/", ::getuid()});
  config.limits.stream_buffer_bytes = 4096;
  config.limits.deflate_bytes = 20;
  config.limits.message_bytes = 10000;
  BERTH_CHECK(reactor.configure(config, TicketKeys()));

  UniqueFd client, service;
  std::uint32_t stream = 0;
  const auto connect = [&] {
    auto ends = make_pair_of_sockets();
    client = std::move(ends.theirs);
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    reactor.accepted(std::move(ends.ours), address, false);
  };
  const auto attach = [&] {
    auto ends = make_pair_of_sockets();
    service = std::move(ends.theirs);
    reactor.accepted_link(std::move(ends.ours));
    Bytes out;
    link::append(out, link::Hello{.credit = 4096, .name = "fuzz"});
    link::append(out, link::Attach{1, link::Kind::kHttp, kGrant, "/h", ""});
    link::append(out, link::Attach{2, link::Kind::kWebsocket, kGrant, "/w", ""});
    link::append(out, link::Attach{3, link::Kind::kPassthrough, kGrant, "/p", ""});
    put(service, out);
  };
  const auto turn = [&] {
    for (int i = 0; i < 4; ++i) loop.run_once(loop::Duration::zero());
    std::array<std::uint8_t, 4096> dropped;
    while (client && ::recv(client.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) {}
    stream = drain(service, stream);
  };
  connect();
  attach();
  turn();

  ByteView script(data, size);
  while (script.size() >= 2) {
    const auto what = script[0] % 20;
    const auto bytes = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    script = script.subspan(2 + bytes.size());
    const auto flags = static_cast<std::uint8_t>(what & 3);
    Bytes out;
    switch (what) {
      case 0: put(client, bytes); break;
      case 1: put(client, as_bytes("GET /h HTTP/1.1\r\nHost: a\r\n\r\n")); break;
      case 2:
        put(client, as_bytes("POST /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        break;
      case 3:
        put(client,
            as_bytes("GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
        break;
      case 4: put(client, as_bytes("GET /p HTTP/1.1\r\nHost: a\r\n\r\n")); break;
      case 5:
        client.reset();
        connect();
        break;
      case 6: ::shutdown(client.get(), SHUT_WR); break;
      case 7:
        service.reset();
        attach();
        break;
      case 8: put(service, bytes); break;
      case 9:
        (void)link::append(
            out, stream,
            link::Accept{.status = static_cast<std::uint16_t>(bytes.empty() ? 0 : 200 + bytes[0]),
                         .bits = 0,
                         .headers = {}});
        break;
      case 10: link::append_data(out, link::Type::kData, stream, bytes.size() & 1, bytes); break;
      case 11: link::append_data(out, link::Type::kMessage, stream, flags, bytes); break;
      case 12:
        link::append(out, stream, link::Close{static_cast<std::uint16_t>(bytes.size() * 20), "x"});
        break;
      case 13: link::append_credit(out, stream, static_cast<std::uint32_t>(bytes.size() * 100)); break;
      case 14: loop.advance(std::chrono::seconds(bytes.size())); break;
      case 15:
        if (bytes.size() % 4 == 0) reactor.remove_grant(kGrant);
        else reactor.set_grant({kGrant, "/", ::getuid()});
        break;
      case 16:
        put(client, as_bytes("GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"));
        break;
      case 17: link::append_broadcast(out, flags | link::kFlagEnd, std::array{stream, stream}, bytes); break;
      case 18:  // a proper frame: its first byte, then the payload
      case 19: {
        if (bytes.empty()) break;
        Bytes frame = {
            bytes[0], static_cast<std::uint8_t>(0x80 | std::min<std::size_t>(bytes.size() - 1, 125)), 0, 0, 0,
            0};
        frame.insert(frame.end(), bytes.begin() + 1, bytes.begin() + 1 + (frame[1] & 0x7f));
        if (what == 18) put(client, frame);
        else
          for (const auto& byte : frame) put(client, ByteView(&byte, 1));
        break;
      }
    }
    put(service, out);
    turn();
  }
  return 0;
}
