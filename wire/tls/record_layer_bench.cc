// What a message costs in the record layer: build/bin/record_layer_bench
#include <benchmark/benchmark.h>

#include "wire/tls/record_layer.h"

namespace berth::tls {
namespace {

// Sealed at one end and opened at the other; `connections` take turns.
void seal_and_open(benchmark::State& state) {
  const Suite suite{static_cast<std::uint16_t>(state.range(0))};
  const auto keys = derive_keys(suite, Bytes(secret_size(suite), 's'), 0);
  Ciphers ciphers;
  RecordLayer from(suite, keys, keys), to(suite, keys, keys);
  Bytes text(static_cast<std::size_t>(state.range(1)), 'x'), out;
  const iovec part{text.data(), text.size()};
  for (auto _ : state) {
    out.clear();
    from.seal(ciphers, std::span(&part, 1), out);
    benchmark::DoNotOptimize(to.open(ciphers, out).plain.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK(seal_and_open)->ArgsProduct({{0x1301, 0x1302, 0x1303}, {64, 1024, 16384}});

// The part of it that setting a key up takes.
void load_key(benchmark::State& state) {
  const Suite suite{static_cast<std::uint16_t>(state.range(0))};
  const auto keys = derive_keys(suite, Bytes(secret_size(suite), 's'), 0);
  Ciphers ciphers;
  for (auto _ : state) benchmark::DoNotOptimize(ciphers.with_key(suite, keys, state.iterations() & 1));
}
BENCHMARK(load_key)->Arg(0x1301)->Arg(0x1302)->Arg(0x1303);

void derive(benchmark::State& state) {
  const Suite suite{static_cast<std::uint16_t>(state.range(0))};
  const Bytes secret(secret_size(suite), 's');
  for (auto _ : state) benchmark::DoNotOptimize(derive_keys(suite, secret, 0));
}
BENCHMARK(derive)->Arg(0x1301)->Arg(0x1302);

}  // namespace
}  // namespace berth::tls
