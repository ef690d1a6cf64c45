// permessage-deflate (RFC 7692), always without context takeover: nothing is kept from message to message, so an
// idle connection has no state of it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::websocket {

// The server's choice among `offers` (all values of Sec-WebSocket-Extensions, joined by commas): the value of its
// own Sec-WebSocket-Extensions for the first offer that it can take (section 7.1), nullopt if there is none.
// Offers with unknown, repeated or malformed parameters, and such that want a window below kWindowBits of us,
// are passed over. The client may use any window and must not take over its context.
std::optional<std::string> accept_deflate(std::string_view offers);

inline constexpr int kWindowBits = 13;  // of what we compress: 64 KiB of state, 8 KiB for the client to keep

// Reads compressed messages, one after another.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  void begin();  // a message; forgets one that did not end

  struct Step {
    std::size_t consumed = 0;  // of the input
    std::size_t produced = 0;  // bytes written to the output
    bool is_done = false;      // the message is whole
  };
  // Decompresses what fits into `out` (not empty). `is_last`: the message ends with this input. Call it again, with
  // the rest of the input, until it is done or gives less than `out` holds.
  // kMalformed: not DEFLATE, or cut off. Afterwards only begin().
  Result<Step> next(ByteView input, bool is_last, std::span<std::uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::size_t tail_ = 0;  // bytes of the four that end a message (section 7.2.2) that were fed
};

// Compresses messages, or parts of them, each for itself.
class Deflater {
 public:
  Deflater();
  ~Deflater();
  // A part of a message; `is_last`: the message ends with it. The payload of one frame, with kRoom writable bytes
  // in front of it; valid until the next call.
  std::span<std::uint8_t> compress(ByteView part, bool is_last);
  static constexpr std::size_t kRoom = 14;

 private:
  struct State;
  std::unique_ptr<State> state_;
  Bytes out_;
};

}  // namespace berth::websocket
