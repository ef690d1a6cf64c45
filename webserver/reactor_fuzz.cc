// The whole reactor between a client and a service that both send what they like. The input is a script:
// {what, size, bytes}…; seeds in corpus/reactor_fuzz/.
#include "webserver/testing/fuzzed_reactor.h"

using namespace berth;
using namespace berth::webserver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Limits limits;
  limits.stream_buffer_bytes = 4096;
  limits.deflate_bytes = 20;
  limits.message_bytes = 10000;
  FuzzedReactor fuzzed(limits);
  const auto put = FuzzedReactor::put;
  fuzzed.connect();
  fuzzed.attach();
  fuzzed.turn();

  ByteView script(data, size);
  while (script.size() >= 2) {
    const auto what = script[0] % 20;
    const auto bytes = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    script = script.subspan(2 + bytes.size());
    const auto flags = static_cast<std::uint8_t>(what & 3);
    Bytes out;
    switch (what) {
      case 0: put(fuzzed.client, bytes); break;
      case 1: put(fuzzed.client, as_bytes("GET /h HTTP/1.1\r\nHost: a\r\n\r\n")); break;
      case 2:
        put(fuzzed.client, as_bytes("POST /h HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
        break;
      case 3:
        put(fuzzed.client,
            as_bytes("GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"));
        break;
      case 4: put(fuzzed.client, as_bytes("GET /p HTTP/1.1\r\nHost: a\r\n\r\n")); break;
      case 5:
        fuzzed.client.reset();
        fuzzed.connect();
        break;
      case 6: ::shutdown(fuzzed.client.get(), SHUT_WR); break;
      case 7: fuzzed.attach(); break;
      case 8: put(fuzzed.service, bytes); break;
      case 9:
        (void)link::append(
            out, fuzzed.stream,
            link::Accept{.status = static_cast<std::uint16_t>(bytes.empty() ? 0 : 200 + bytes[0]),
                         .bits = 0,
                         .headers = {}});
        break;
      case 10: link::append_data(out, link::Type::kData, fuzzed.stream, bytes.size() & 1, bytes); break;
      case 11: link::append_data(out, link::Type::kMessage, fuzzed.stream, flags, bytes); break;
      case 12:
        link::append(out, fuzzed.stream, link::Close{static_cast<std::uint16_t>(bytes.size() * 20), "x"});
        break;
      case 13: link::append_credit(out, fuzzed.stream, static_cast<std::uint32_t>(bytes.size() * 100)); break;
      case 14: fuzzed.loop.advance(std::chrono::seconds(bytes.size())); break;
      case 15:
        if (bytes.size() % 4 == 0) fuzzed.reactor.remove_grant(FuzzedReactor::kGrant);
        else fuzzed.reactor.set_grant({FuzzedReactor::kGrant, "/", ::getuid()});
        break;
      case 16:
        put(fuzzed.client,
            as_bytes("GET /w HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"));
        break;
      case 17:
        link::append_broadcast(out, flags | link::kFlagEnd, std::array{fuzzed.stream, fuzzed.stream}, bytes);
        break;
      case 18:  // a proper frame: its first byte, then the payload
      case 19: {
        if (bytes.empty()) break;
        Bytes frame = {
            bytes[0], static_cast<std::uint8_t>(0x80 | std::min<std::size_t>(bytes.size() - 1, 125)), 0, 0, 0,
            0};
        frame.insert(frame.end(), bytes.begin() + 1, bytes.begin() + 1 + (frame[1] & 0x7f));
        if (what == 18) put(fuzzed.client, frame);
        else
          for (const auto& byte : frame) put(fuzzed.client, ByteView(&byte, 1));
        break;
      }
    }
    put(fuzzed.service, out);
    fuzzed.turn();
  }
  return 0;
}
