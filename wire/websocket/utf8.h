#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace berth::websocket {

// Checks UTF-8 (RFC 3629) that comes in pieces, with any split.
class Utf8Checker {
 public:
  // False as soon as no continuation could make it valid.
  bool feed(ByteView bytes);
  bool is_at_boundary() const { return needed_ == 0; }
  void reset() { *this = {}; }

 private:
  std::uint8_t needed_ = 0;                // continuation bytes to come
  std::uint8_t low_ = 0x80, high_ = 0xbf;  // range of the next one
};

}  // namespace berth::websocket
