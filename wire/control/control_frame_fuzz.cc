// Any split gives the same messages; what is written is read back the same.
#include "wire/control/frame.h"
#include "wire/fuzz.h"
#include "wire/json/json.h"

using namespace berth;

namespace {

std::string read(ByteView input, std::uint8_t seed) {
  control::Decoder decoder(10000);
  std::string told;
  fuzz::split(input, seed, [&](ByteView piece) {
    decoder.feed(piece);
    for (;;) {
      const auto message = decoder.next();
      if (!message) {
        told += "error ";
        told += name_of(message.error().code);
        return false;
      }
      if (!*message) return true;
      told += json::serialize(**message) + "@" + std::to_string(decoder.last_end());
      Bytes again;
      fuzz::require(control::append(again, **message).has_value());
      control::Decoder second;
      second.feed(again);
      const auto back = second.next();
      fuzz::require(back && *back && json::serialize(**back) == json::serialize(**message));
    }
  });
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView input(data + 1, size - 1);
  fuzz::require(read(input, 0) == read(input, static_cast<std::uint8_t>(data[0] | 1)));
  return 0;
}
