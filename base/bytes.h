// Bytes, their text forms, and the hashes of the wire protocols.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string format_hex(ByteView bytes);                    // lower case
std::optional<Bytes> parse_hex(std::string_view text);     // either case; nullopt if odd or foreign
std::string format_base64(ByteView bytes);                 // RFC 4648 section 4, padded
std::optional<Bytes> parse_base64(std::string_view text);  // padding required

using Sha256 = std::array<std::uint8_t, 32>;
Sha256 sha256(ByteView bytes);
std::string sha256_hex(std::string_view text);
std::array<std::uint8_t, 20> sha1(ByteView bytes);  // only for Sec-WebSocket-Accept
std::array<std::uint8_t, 16> md5(ByteView bytes);   // only for ETag and RFC 7616

// True if equal, in time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

Bytes random_bytes(std::size_t count);  // from the kernel's CSPRNG
std::string random_hex(std::size_t bytes);
// `length` characters of [A-Za-z0-9], each with 5.95 bits.
std::string random_password(std::size_t length = 24);

// Overwrites in a way the compiler keeps.
void erase_secret(std::string& secret);

}  // namespace berth
