// Length-prefixed JSON between manager, services, webserver and CLI. Format: docs/protocols/control.md.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/json/json_fwd.h"

namespace berth::control {

inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 4;
inline constexpr std::size_t kMaxFrame = 16 << 20;  // bytes of JSON in one frame

// Appends one whole frame. kTooLarge above kMaxFrame; `out` is then as before.
Result<void> append(Bytes& out, const json::Object& message);

// Cuts a byte stream into messages. A value: no I/O, no callbacks.
class Decoder {
 public:
  explicit Decoder(std::size_t max_frame = kMaxFrame) : max_frame_(max_frame) {}

  void feed(ByteView bytes);

  // The next complete message, nullopt if more bytes are needed. Errors: kTooLarge,
  // kMalformed (no JSON object); the stream is then useless, call no more.
  Result<std::optional<json::Object>> next();

  // Where the message that next() gave last began and ended, in bytes since the start of the stream.
  std::uint64_t last_begin() const { return last_begin_; }
  std::uint64_t last_end() const { return last_end_; }
  // Bytes fed so far.
  std::uint64_t fed() const { return fed_; }
  // True if the stream may end here: no frame is cut off.
  bool is_at_boundary() const { return buffer_.size() == used_; }

 private:
  std::size_t max_frame_;
  Bytes buffer_;
  std::size_t used_ = 0;
  std::uint64_t fed_ = 0;
  std::uint64_t last_begin_ = 0;
  std::uint64_t last_end_ = 0;
};

}  // namespace berth::control
