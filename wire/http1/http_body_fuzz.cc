// Any split gives the same body and leaves the same rest.
#include "wire/fuzz.h"
#include "wire/http1/body.h"

using namespace berth;
using namespace berth::http1;

namespace {

struct Outcome {
  std::string body;
  std::size_t used = 0;
  bool failed = false, done = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(BodyDecoder decoder, ByteView input, std::uint8_t seed) {
  Outcome outcome;
  fuzz::split(input, seed, [&](ByteView piece) {
    while (!piece.empty() && !decoder.is_done()) {
      const auto taken = decoder.decode(piece);
      if (!taken) {
        outcome = {.failed = true};
        return false;
      }
      fuzz::require(taken->consumed > 0 && taken->consumed <= piece.size());
      fuzz::require(taken->data.size() <= taken->consumed);
      outcome.body += as_text(taken->data);
      outcome.used += taken->consumed;
      piece = piece.subspan(taken->consumed);
    }
    return !decoder.is_done();
  });
  outcome.done = decoder.is_done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView input(data + 1, size - 1);
  const auto seed = static_cast<std::uint8_t>(data[0] | 1);
  const BodyDecoder chunked(Framing::kChunked, 0), known(Framing::kLength, data[0]);
  const auto whole = read(chunked, input, 0);
  fuzz::require(whole == read(chunked, input, seed));
  fuzz::require(read(known, input, 0) == read(known, input, seed));
  if (whole.done && !whole.failed && !whole.body.empty()) {
    std::string again;
    append_chunk(again, whole.body);
    again += kLastChunk;
    fuzz::require(read(chunked, as_bytes(again), 0).body == whole.body);
  }
  return 0;
}
