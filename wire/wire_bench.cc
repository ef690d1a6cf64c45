// What the data path costs per message: build/bin/wire_bench
#include <benchmark/benchmark.h>

#include "base/text.h"
#include "wire/http1/head.h"
#include "wire/link/frame.h"
#include "wire/websocket/message_reader.h"

namespace berth {
namespace {

constexpr std::string_view kRequest =
    "GET /example.com/team/1a2b/notes.js?v=3 HTTP/1.1\r\nHost: localhost:8443\r\nConnection: keep-alive\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: */*\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: de,en;q=0.9\r\n"
    "Referer: https://localhost:8443/example.com/team/notes.htm\r\nIf-None-Match: "
    "\"49f68a5c8493ec2c0bf489821c21fc3b\"\r\n\r\n";

void request_head(benchmark::State& state) {
  for (auto _ : state) {
    http1::RequestParser parser;
    benchmark::DoNotOptimize(parser.feed(as_bytes(kRequest)));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kRequest.size()));
}
BENCHMARK(request_head);

void websocket_message(benchmark::State& state) {
  Bytes frame;
  websocket::append_masked_frame(frame, websocket::Opcode::kText,
                                 Bytes(static_cast<std::size_t>(state.range(0)), 'x'), {1, 2, 3, 4});
  Bytes copy = frame;
  for (auto _ : state) {
    std::copy(frame.begin(), frame.end(), copy.begin());
    websocket::MessageReader reader(websocket::MessageReader::Role::kServer, 1 << 20);
    benchmark::DoNotOptimize(reader.next(copy));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(websocket_message)->Arg(100)->Arg(65536);

void link_message(benchmark::State& state) {
  const Bytes data(static_cast<std::size_t>(state.range(0)), 'x');
  Bytes out;
  for (auto _ : state) {
    out.clear();
    link::append_data(out, link::Type::kMessage, 7, link::kFlagEnd, data);
    benchmark::DoNotOptimize(link::parse_header(out));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(link_message)->Arg(100)->Arg(65536);

}  // namespace
}  // namespace berth
