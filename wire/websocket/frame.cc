#include "wire/websocket/frame.h"

#include <cstring>

namespace berth::websocket {
namespace {

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

std::uint64_t read_big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const auto byte : bytes) value = value << 8 | byte;
  return value;
}

}  // namespace

Result<std::optional<FrameHeader>> parse_frame_header(ByteView input, std::uint64_t max_payload) {
  if (input.size() < 2) return std::nullopt;
  const auto opcode = static_cast<std::uint8_t>(input[0] & 0x0f);
  const auto short_length = static_cast<std::uint8_t>(input[1] & 0x7f);
  const bool fin = input[0] & 0x80;
  const bool masked = input[1] & 0x80;

  if (!is_known(opcode)) return fail(Errc::kMalformed, "reserved opcode");
  if (input[0] & 0x30) return fail(Errc::kMalformed, "RSV2 or RSV3 set");
  if (is_control(Opcode{opcode}) && (!fin || short_length > 125))
    return fail(Errc::kMalformed, "fragmented or oversized control frame");

  const std::size_t length_bytes = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  const std::size_t header_size = 2 + length_bytes + (masked ? 4 : 0);
  if (input.size() < header_size) return std::nullopt;
  const auto length = length_bytes ? read_big_endian(input.subspan(2, length_bytes)) : short_length;
  if (length_bytes && length < (length_bytes == 2 ? 126u : 65536u))
    return fail(Errc::kMalformed, "length not in its shortest form");
  if (length >> 63) return fail(Errc::kMalformed, "length with its highest bit set");
  if (length > max_payload) return fail(Errc::kTooLarge, "payload above limit");
  FrameHeader header{.opcode = Opcode{opcode},
                     .fin = fin,
                     .compressed = (input[0] & 0x40) != 0,
                     .masked = masked,
                     .payload_length = length,
                     .size = static_cast<std::uint8_t>(header_size)};
  if (masked) std::memcpy(header.mask.data(), input.data() + 2 + length_bytes, 4);
  return header;
}

std::size_t format_frame_header(const FrameHeader& header, std::span<std::uint8_t, 14> out) {
  out[0] = static_cast<std::uint8_t>(static_cast<std::uint8_t>(header.opcode) | (header.fin ? 0x80 : 0) |
                                     (header.compressed ? 0x40 : 0));
  const std::uint64_t length = header.payload_length;
  const std::uint8_t mask_bit = header.masked ? 0x80 : 0;
  std::size_t size = 2;
  std::size_t length_bytes = 0;
  if (length < 126) {
    out[1] = static_cast<std::uint8_t>(mask_bit | length);
  } else {
    length_bytes = length < 65536 ? 2 : 8;
    out[1] = static_cast<std::uint8_t>(mask_bit | (length_bytes == 2 ? 126 : 127));
  }
  for (std::size_t i = 0; i < length_bytes; ++i)
    out[size++] = static_cast<std::uint8_t>(length >> (8 * (length_bytes - 1 - i)));
  if (header.masked)
    for (const auto byte : header.mask) out[size++] = byte;
  return size;
}

void apply_mask(std::span<std::uint8_t> data, const std::array<std::uint8_t, 4>& mask, std::uint64_t offset) {
  std::array<std::uint8_t, 8> pattern;
  for (std::size_t i = 0; i < 8; ++i) pattern[i] = mask[(offset + i) & 3];
  std::uint64_t word_pattern;
  std::memcpy(&word_pattern, pattern.data(), 8);
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {  // the compiler makes vector code of it
    std::uint64_t word;
    std::memcpy(&word, data.data() + i, 8);
    word ^= word_pattern;
    std::memcpy(data.data() + i, &word, 8);
  }
  for (; i < data.size(); ++i) data[i] ^= pattern[i & 7];
}

void append_frame(Bytes& out, Opcode opcode, ByteView payload, bool fin) {
  std::array<std::uint8_t, 14> header;
  const auto size =
      format_frame_header({.opcode = opcode, .fin = fin, .payload_length = payload.size()}, header);
  out.insert(out.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
  out.insert(out.end(), payload.begin(), payload.end());
}

void append_masked_frame(Bytes& out, Opcode opcode, ByteView payload, const std::array<std::uint8_t, 4>& mask,
                         bool fin) {
  std::array<std::uint8_t, 14> header;
  const auto size = format_frame_header(
      {.opcode = opcode, .fin = fin, .masked = true, .payload_length = payload.size(), .mask = mask}, header);
  out.insert(out.end(), header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
  const std::size_t begin = out.size();
  out.insert(out.end(), payload.begin(), payload.end());
  apply_mask(std::span(out).subspan(begin), mask);
}

Bytes make_close_payload(std::uint16_t code, std::string_view reason) {
  if (code == 0 || code == 1005) return {};
  std::size_t length = std::min<std::size_t>(reason.size(), 123);
  while (length < reason.size() && length > 0 && (static_cast<std::uint8_t>(reason[length]) & 0xc0) == 0x80)
    --length;
  Bytes payload{static_cast<std::uint8_t>(code >> 8), static_cast<std::uint8_t>(code)};
  payload.insert(payload.end(), reason.begin(), reason.begin() + static_cast<std::ptrdiff_t>(length));
  return payload;
}

bool is_valid_close_code(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

}  // namespace berth::websocket
