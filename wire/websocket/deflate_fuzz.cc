// Whatever comes, the inflater ends, and any split of the input and any room for the output give the same. What the
// deflater makes comes out as it was.
#include "wire/fuzz.h"
#include "wire/websocket/deflate.h"

using namespace berth;
using namespace berth::websocket;

namespace {

constexpr std::size_t kMost = 1 << 20;

std::string read(ByteView message, std::size_t piece, std::size_t room) {
  static Inflater inflater;
  inflater.begin();
  std::string text;
  Bytes out(room);
  std::size_t at = 0;
  for (;;) {
    const auto part = message.subspan(at, std::min(piece, message.size() - at));
    const bool is_last = at + part.size() == message.size();
    std::size_t used = 0;
    for (;;) {
      const auto step = inflater.next(part.subspan(used), is_last, out);
      if (!step) return "malformed";
      used += step->consumed;
      fuzz::require(used <= part.size() && step->produced <= out.size());
      text += as_text(ByteView(out).first(step->produced));
      if (step->is_done || text.size() > kMost) return text.substr(0, kMost);
      if (step->produced < out.size()) break;
    }
    fuzz::require(used == part.size() && !is_last);
    at += used;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteView input(data + 2, size - 2);
  const auto whole = read(input, input.size() + 1, 65536);
  const auto pieces = read(input, data[0] % 64 + 1U, data[1] % 64 + 1U);
  fuzz::require(whole == pieces);

  static Deflater deflater;
  Bytes message;
  const std::size_t part = data[0] + 1U;
  std::size_t at = 0;
  do {
    const auto taken = input.subspan(at, std::min(part, input.size() - at));
    at += taken.size();
    const auto compressed = deflater.compress(taken, at == input.size());
    message.insert(message.end(), compressed.begin(), compressed.end());
  } while (at < input.size());
  fuzz::require(read(message, data[1] + 1U, 4096) == as_text(input).substr(0, kMost));
  accept_deflate(as_text(input));
  return 0;
}
