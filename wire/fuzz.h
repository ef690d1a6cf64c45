// For the fuzzers: splits of an input, and what must hold.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"

namespace berth::fuzz {

// Ends the run: libFuzzer keeps the input.
inline void require(bool holds) {
  if (!holds) std::abort();
}

// Calls `part` with one piece after the other. `seed` decides the sizes: 0 gives the whole, 1 single
// bytes, else pieces of 1..`seed` bytes.
template <class Part>
void split(ByteView input, std::uint8_t seed, Part part) {
  std::uint32_t state = seed;
  while (!input.empty()) {
    state = state * 1664525u + 1013904223u;
    const std::size_t size = seed == 0 ? input.size() : seed == 1 ? 1 : 1 + (state >> 16) % seed;
    const auto piece = input.first(std::min(size, input.size()));
    if (!part(piece)) return;
    input = input.subspan(piece.size());
  }
}

}  // namespace berth::fuzz
