// From bytes to messages: fragments, control frames between them, UTF-8, close (RFC 6455).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/websocket/frame.h"
#include "wire/websocket/utf8.h"

namespace berth::websocket {

// Reads one direction of a connection. Holds no payload: message bytes are handed on as they come,
// so an idle connection costs these few words only.
class MessageReader {
 public:
  enum class Role : std::uint8_t { kServer, kClient };  // kServer reads masked frames, kClient unmasked

  // `may_compress`: permessage-deflate was agreed (RFC 7692); the bytes of a compressed message are handed on as
  // they are, and their text is not checked.
  explicit MessageReader(Role role, std::uint64_t max_message = 1 << 20, bool may_compress = false)
      : max_message_(max_message), role_(role), may_compress_(may_compress) {}

  enum class Kind : std::uint8_t { kData, kPing, kPong, kClose };
  struct Event {
    Kind kind{};
    ByteView data;                 // unmasked part of the input; valid as long as it is
    bool is_text = false;          // kData: of the message
    bool is_final = false;         // kData: the message ends with this part
    bool is_compressed = false;    // kData: of the message
    std::uint16_t close_code = 0;  // kClose: 1005 if the frame had none. `data` is then the reason
  };
  struct Step {
    std::size_t consumed = 0;  // bytes of the input dealt with; 0 without event: more are needed
    std::optional<Event> event;
  };
  // Takes the next step and unmasks in place. Consumed bytes must not be given again; what was not
  // consumed is given again with more behind it (at most 14 + 125 bytes: a header or a control
  // frame). Errors end the connection with error_close_code(): kMalformed (1002, or 1007 for bad
  // UTF-8), kTooLarge (1009). After kClose nothing more is read.
  Result<Step> next(std::span<std::uint8_t> input);
  std::uint16_t error_close_code() const { return error_close_code_; }
  // True between messages.
  bool is_idle() const { return !in_message_ && frame_left_ == 0 && !frame_open_; }

 private:
  Result<Step> next_control(std::span<std::uint8_t> input, const FrameHeader& header);
  Result<Step> next_data(std::span<std::uint8_t> input, std::size_t header_size);
  tl::unexpected<Error> refuse(std::uint16_t code, Errc errc, std::string_view why);

  std::uint64_t max_message_;
  std::uint64_t message_size_ = 0;  // bytes so far, with the announced ones
  std::uint64_t frame_left_ = 0;    // payload bytes of the current data frame to come
  std::uint64_t frame_offset_ = 0;
  std::array<std::uint8_t, 4> mask_{};
  std::uint16_t error_close_code_ = 0;
  Role role_;
  bool in_message_ = false;  // between the first fragment and the end of the last
  bool frame_open_ = false;  // header read, payload not through yet
  bool frame_fin_ = false;
  bool is_text_ = false;
  bool may_compress_ = false;
  bool is_compressed_ = false;
  bool closed_ = false;
  Utf8Checker utf8_;
};

}  // namespace berth::websocket
