#include "wire/websocket/utf8.h"

#include <cstring>

namespace berth::websocket {

bool Utf8Checker::feed(ByteView bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    if (needed_ == 0) {
      // Most text is ASCII: eight bytes at a time.
      std::uint64_t word;
      while (i + 8 <= bytes.size() &&
             (std::memcpy(&word, bytes.data() + i, 8), (word & 0x8080808080808080u) == 0))
        i += 8;
      if (i == bytes.size()) break;
    }
    const std::uint8_t byte = bytes[i++];
    if (needed_ > 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --needed_;
      continue;
    }
    // RFC 3629 section 4: the second byte's range keeps out overlong forms, surrogates and what is
    // above U+10FFFF.
    if (byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    needed_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0) low_ = 0xa0;
    if (byte == 0xed) high_ = 0x9f;
    if (byte == 0xf0) low_ = 0x90;
    if (byte == 0xf4) high_ = 0x8f;
  }
  return true;
}

}  // namespace berth::websocket
