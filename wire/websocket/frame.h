// WebSocket frames (RFC 6455 section 5).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::websocket {

enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10
};

inline bool is_control(Opcode opcode) { return static_cast<std::uint8_t>(opcode) & 0x8; }

// The fixed part of one frame (RFC 6455 section 5.2), before its payload.
struct FrameHeader {
  Opcode opcode{};
  bool fin = true;
  bool compressed = false;           // RSV1, only with permessage-deflate (RFC 7692)
  bool masked = false;               // clients must, servers must not: the caller knows which it reads
  std::uint64_t payload_length = 0;  // bytes that follow the header
  std::array<std::uint8_t, 4> mask{};
  std::uint8_t size = 0;  // bytes the header itself takes: 2..14
};

// Reads the header at the front of `input`, which may hold less or more than one
// frame. Returns nullopt if more bytes are needed; never reads past the header.
// Errors: kMalformed where RFC 6455 has us fail the connection (close code 1002),
// kTooLarge for a payload above `max_payload` bytes (close code 1009).
Result<std::optional<FrameHeader>> parse_frame_header(ByteView input, std::uint64_t max_payload);

// The shortest form of the header; gives its size. `size` of `header` is not looked at.
std::size_t format_frame_header(const FrameHeader& header, std::span<std::uint8_t, 14> out);

// Applies the mask in place (RFC 6455 section 5.3); `offset` is the position of data[0] in the
// frame's payload. Its own inverse.
void apply_mask(std::span<std::uint8_t> data, const std::array<std::uint8_t, 4>& mask,
                std::uint64_t offset = 0);

// Appends one whole unmasked frame, as a server sends it.
void append_frame(Bytes& out, Opcode opcode, ByteView payload, bool fin = true);
// Appends one whole masked frame, as a client sends it.
void append_masked_frame(Bytes& out, Opcode opcode, ByteView payload, const std::array<std::uint8_t, 4>& mask,
                         bool fin = true);
// Payload of a close frame; `reason` is cut to 123 bytes at a character boundary. Code 0 or 1005: empty.
Bytes make_close_payload(std::uint16_t code, std::string_view reason = {});

// May `code` stand in a close frame (RFC 6455 section 7.4; IANA: 1000..1003, 1007..1014, 3000..4999)?
bool is_valid_close_code(std::uint16_t code);

}  // namespace berth::websocket
