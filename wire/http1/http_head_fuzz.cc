// Any split gives the same head or the same refusal; what is written out is read back the same.
#include "wire/fuzz.h"
#include "wire/http1/head.h"

using namespace berth;
using namespace berth::http1;

namespace {

template <class Head>
struct Outcome {
  int error = 0;
  bool done = false;
  std::size_t used = 0;
  std::string raw;
  Headers headers;
  bool operator==(const Outcome&) const = default;
};

template <class Head>
Outcome<Head> read(ByteView input, std::uint8_t seed, Head& head) {
  HeadParser<Head> parser({.head_bytes = 4096, .target_bytes = 512, .header_count = 20});
  Outcome<Head> outcome;
  fuzz::split(input, seed, [&](ByteView piece) {
    const auto used = parser.feed(piece);
    if (!used) {
      outcome.error = parser.error_status();
      return false;
    }
    outcome.used += *used;
    fuzz::require(parser.is_done() || *used == piece.size());
    return !parser.is_done();
  });
  outcome.done = parser.is_done();
  if (outcome.error) outcome.used = 0;  // how far it came before the refusal may differ
  if (outcome.done) {
    outcome.raw = parser.raw();
    outcome.headers = parser.head().headers;
  }
  head = parser.head();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView input(data + 1, size - 1);
  RequestHead whole, parts;
  const auto one = read(input, 0, whole);
  fuzz::require(one == read(input, static_cast<std::uint8_t>(data[0] | 1), parts));
  fuzz::require(whole.target == parts.target && whole.framing == parts.framing);
  if (one.done && one.error == 0) {
    fuzz::require(!(whole.framing == Framing::kChunked && find_header(whole.headers, "content-length")));
    const auto text = format_request_head(whole.method, whole.target, whole.headers);
    fuzz::require(text.has_value());
    RequestHead again;
    const auto second = read(as_bytes(*text), 0, again);
    fuzz::require(second.error != 0 || (again.headers == whole.headers && again.target == whole.target));
  }
  ResponseHead response, response_parts;
  fuzz::require(read(input, 0, response) ==
                read(input, static_cast<std::uint8_t>(data[0] | 1), response_parts));
  return 0;
}
