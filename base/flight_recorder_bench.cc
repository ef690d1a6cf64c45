// What an event costs that the log does not show: build/bin/flight_recorder_bench
#include "base/flight_recorder.h"

#include <benchmark/benchmark.h>

namespace berth {
namespace {

void write_a_line(benchmark::State& state) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 20));
  const std::string line = "team@example.com received peer=192.0.2.17:51234 mt=NotesGet bytes=117";
  for (auto _ : state) recorder->write(LogLevel::kTrace, kWebserverPlugin, line);
}
BENCHMARK(write_a_line);

// As sdk/session traces each message; without a recorder it is one bit test.
void trace_a_message(benchmark::State& state) {
  std::unique_ptr<FlightRecorder> recorder;
  if (state.range(0)) recorder = or_throw(FlightRecorder::make(1 << 20));
  set_flight_recorder(recorder.get());
  const std::uint64_t flags = kDefaultTraceFlags;
  const Tracer tracer{"team@example.com", &flags};
  const std::string peer = "192.0.2.17:51234", mt = "NotesGet";
  std::size_t bytes = 117;
  for (auto _ : state) {
    benchmark::DoNotOptimize(bytes);
    BERTH_TRACE(tracer, kWebserverPlugin, "received", {"peer", peer}, {"mt", mt}, {"bytes", bytes});
  }
  set_flight_recorder(nullptr);
}
BENCHMARK(trace_a_message)->Arg(0)->Arg(1);

void read_a_full_ring(benchmark::State& state) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 20));
  for (int i = 0; i < 20'000; ++i)
    recorder->write(LogLevel::kTrace, kWebserverPlugin,
                    "team@example.com received peer=192.0.2.17:51234 mt=NotesGet bytes=117");
  for (auto _ : state) {
    const auto memory = or_throw(read_flight_memory(recorder->fd()));
    benchmark::DoNotOptimize(or_throw(parse_flight_recorder(memory)).entries.size());
  }
}
BENCHMARK(read_a_full_ring)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace berth
