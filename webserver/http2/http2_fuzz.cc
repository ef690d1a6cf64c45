// A client of HTTP/2 that sends what it likes to a whole reactor, with a service that answers and one that does not
// play along. The input is a script: {what, size, bytes}… The connection speaks HTTP/2 without TLS: what comes out of
// TLS is the same.
#include "webserver/testing/fuzzed_reactor.h"

namespace {

using namespace berth;
using namespace berth::webserver;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
  Limits limits;
  limits.stream_buffer_bytes = 4096;
  limits.http2_streams = 8;
  limits.http2_window_bytes = 4096;
  FuzzedReactor fuzzed(limits);
  const auto put = FuzzedReactor::put;
  std::uint32_t next = 1;
  bool reads = true;
  const auto connect = [&] {
    fuzzed.connect();
    fuzzed.reactor.for_each_connection([](Connection& connection) {
      if (connection.phase() == Connection::Phase::kHttp && !connection.is_carried())
        connection.begin_http2();
    });
    next = 1;
    put(fuzzed.client, as_bytes(kPreface));
    put(fuzzed.client, make_frame(4, 0, 0, {}));
  };
  fuzzed.attach();
  connect();
  fuzzed.turn();

  ByteView script(data, size);
  while (script.size() >= 2) {
    const auto what = script[0] % 24;
    const auto bytes = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    script = script.subspan(2 + bytes.size());
    const std::uint32_t first = bytes.empty() ? 0 : bytes[0];
    const auto rest = bytes.empty() ? bytes : bytes.subspan(1);
    Bytes out;
    switch (what) {
      case 0: put(fuzzed.client, bytes); break;
      case 1:
      case 2:
        put(fuzzed.client,
            make_frame(1, what == 1 ? 5 : 4, next, make_block(what == 1 ? "GET" : "POST", "/h", false)));
        next += 2;
        break;
      case 3:
        put(fuzzed.client, make_frame(1, 4, next, make_block("CONNECT", "/w", true)));
        next += 2;
        break;
      case 4:
        put(fuzzed.client, make_frame(1, 5, next, make_block("GET", "/p", false)));
        next += 2;
        break;
      case 5: put(fuzzed.client, make_frame(0, static_cast<int>(first & 1), next - 2, rest)); break;
      case 6: put(fuzzed.client, make_frame(3, 0, first, Bytes{0, 0, 0, 8})); break;
      case 7:
        put(fuzzed.client,
            make_frame(8, 0, first & 1 ? first : 0, Bytes{0, 0, static_cast<std::uint8_t>(first), 1}));
        break;
      case 8:
        put(fuzzed.client,
            make_frame(static_cast<int>(first % 11), static_cast<int>(first >> 4), next - 2, rest));
        break;
      case 9: put(fuzzed.client, make_frame(1, 5, next - 2, rest)); break;
      case 10: {
        Bytes block = make_block("GET", "/h", false);
        block.insert(block.end(), bytes.begin(), bytes.end());
        put(fuzzed.client, make_frame(1, 5, next, block));
        next += 2;
        break;
      }
      case 11: reads = !reads; break;
      case 12:
        fuzzed.client.reset();
        connect();
        break;
      case 13: ::shutdown(fuzzed.client.get(), SHUT_WR); break;
      case 14: fuzzed.attach(); break;
      case 15: put(fuzzed.service, bytes); break;
      case 16:
        (void)link::append(out, fuzzed.stream,
                           link::Accept{.status = static_cast<std::uint16_t>(first ? 199 + first : 0),
                                        .bits = 0,
                                        .headers = {{"x-name", std::string(as_text(rest))}}});
        break;
      case 17: link::append_data(out, link::Type::kData, fuzzed.stream, first & 1, rest); break;
      case 18: link::append_data(out, link::Type::kMessage, fuzzed.stream, first & 3, rest); break;
      case 19:
        link::append(out, fuzzed.stream, link::Close{static_cast<std::uint16_t>(first * 20), "x"});
        break;
      case 20: link::append_credit(out, fuzzed.stream, first * 100); break;
      case 21: fuzzed.loop.advance(std::chrono::seconds(first)); break;
      case 22:
        if (first & 1) fuzzed.reactor.remove_grant(FuzzedReactor::kGrant);
        else fuzzed.reactor.set_grant({FuzzedReactor::kGrant, "/", ::getuid()});
        break;
      case 23:
        put(fuzzed.client,
            make_frame(4, 0, 0, Bytes{0, 4, 0, 0, static_cast<std::uint8_t>(first), 0}));  // windows
        break;
    }
    put(fuzzed.service, out);
    fuzzed.turn(reads);
  }
  return 0;
}
