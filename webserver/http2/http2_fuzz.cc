// A client of HTTP/2 that sends what it likes to a whole reactor, with a service that answers and one that does not
// play along. The input is a script: {what, size, bytes}… The connection speaks HTTP/2 without TLS: what comes out of
// TLS is the same.
#include <sys/socket.h>

#include <array>

#include "base/log.h"
#include "webserver/reactor.h"

namespace {

using namespace berth;
using namespace berth::webserver;

constexpr link::Grant kGrant{};
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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

std::uint32_t drain(const UniqueFd& fd, std::uint32_t stream) {
  static std::array<std::uint8_t, 1 << 20> buffer;
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

Bytes make_frame(int type, int flags, std::uint32_t stream, ByteView payload) {
  Bytes out{0,
            static_cast<std::uint8_t>(payload.size() >> 8),
            static_cast<std::uint8_t>(payload.size()),
            static_cast<std::uint8_t>(type),
            static_cast<std::uint8_t>(flags),
            0,
            0,
            static_cast<std::uint8_t>(stream >> 8),
            static_cast<std::uint8_t>(stream)};
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

void append_field(Bytes& block, std::string_view name, std::string_view value) {
  block.push_back(0);
  for (const auto text : {name, value}) {
    block.push_back(static_cast<std::uint8_t>(text.size()));
    block.insert(block.end(), text.begin(), text.end());
  }
}

Bytes make_block(std::string_view method, std::string_view path, bool is_websocket) {
  Bytes block;
  append_field(block, ":method", method);
  append_field(block, ":scheme", "https");
  append_field(block, ":path", path);
  append_field(block, ":authority", "a");
  if (is_websocket) append_field(block, ":protocol", "websocket");
  if (is_websocket) append_field(block, "sec-websocket-version", "13");
  return block;
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
  Reactor reactor(loop, census, Reactor::Setup());
  Config config;
  config.grants.push_back({kGrant, "/", ::getuid()});
  config.limits.stream_buffer_bytes = 4096;
  config.limits.http2_streams = 8;
  config.limits.http2_window_bytes = 4096;
  BERTH_CHECK(reactor.configure(config, TicketKeys()));

  UniqueFd client, service;
  std::uint32_t stream = 0, next = 1;
  const auto connect = [&] {
    auto ends = make_pair_of_sockets();
    client = std::move(ends.theirs);
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    reactor.accepted(std::move(ends.ours), address, false);
    reactor.for_each_connection([](Connection& connection) {
      if (connection.phase() == Connection::Phase::kHttp && !connection.is_carried())
        connection.begin_http2();
    });
    next = 1;
    put(client, as_bytes(kPreface));
    put(client, make_frame(4, 0, 0, {}));
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
  bool reads = true;
  const auto turn = [&] {
    for (int i = 0; i < 4; ++i) loop.run_once(loop::Duration::zero());
    std::array<std::uint8_t, 65536> dropped;
    while (reads && ::recv(client.get(), dropped.data(), dropped.size(), MSG_DONTWAIT) > 0) {}
    stream = drain(service, stream);
  };
  attach();
  connect();
  turn();

  ByteView script(data, size);
  while (script.size() >= 2) {
    const auto what = script[0] % 24;
    const auto bytes = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    script = script.subspan(2 + bytes.size());
    const std::uint32_t first = bytes.empty() ? 0 : bytes[0];
    const auto rest = bytes.empty() ? bytes : bytes.subspan(1);
    Bytes out;
    switch (what) {
      case 0: put(client, bytes); break;
      case 1:
      case 2:
        put(client,
            make_frame(1, what == 1 ? 5 : 4, next, make_block(what == 1 ? "GET" : "POST", "/h", false)));
        next += 2;
        break;
      case 3:
        put(client, make_frame(1, 4, next, make_block("CONNECT", "/w", true)));
        next += 2;
        break;
      case 4:
        put(client, make_frame(1, 5, next, make_block("GET", "/p", false)));
        next += 2;
        break;
      case 5: put(client, make_frame(0, static_cast<int>(first & 1), next - 2, rest)); break;
      case 6: put(client, make_frame(3, 0, first, Bytes{0, 0, 0, 8})); break;
      case 7:
        put(client,
            make_frame(8, 0, first & 1 ? first : 0, Bytes{0, 0, static_cast<std::uint8_t>(first), 1}));
        break;
      case 8:
        put(client, make_frame(static_cast<int>(first % 11), static_cast<int>(first >> 4), next - 2, rest));
        break;
      case 9: put(client, make_frame(1, 5, next - 2, rest)); break;
      case 10: {
        Bytes block = make_block("GET", "/h", false);
        block.insert(block.end(), bytes.begin(), bytes.end());
        put(client, make_frame(1, 5, next, block));
        next += 2;
        break;
      }
      case 11: reads = !reads; break;
      case 12:
        client.reset();
        connect();
        break;
      case 13: ::shutdown(client.get(), SHUT_WR); break;
      case 14:
        service.reset();
        attach();
        break;
      case 15: put(service, bytes); break;
      case 16:
        (void)link::append(out, stream,
                           link::Accept{.status = static_cast<std::uint16_t>(first ? 199 + first : 0),
                                        .bits = 0,
                                        .headers = {{"x-name", std::string(as_text(rest))}}});
        break;
      case 17: link::append_data(out, link::Type::kData, stream, first & 1, rest); break;
      case 18: link::append_data(out, link::Type::kMessage, stream, first & 3, rest); break;
      case 19: link::append(out, stream, link::Close{static_cast<std::uint16_t>(first * 20), "x"}); break;
      case 20: link::append_credit(out, stream, first * 100); break;
      case 21: loop.advance(std::chrono::seconds(first)); break;
      case 22:
        if (first & 1) reactor.remove_grant(kGrant);
        else reactor.set_grant({kGrant, "/", ::getuid()});
        break;
      case 23:
        put(client, make_frame(4, 0, 0, Bytes{0, 4, 0, 0, static_cast<std::uint8_t>(first), 0}));  // windows
        break;
    }
    put(service, out);
    turn();
  }
  return 0;
}
