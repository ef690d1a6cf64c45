#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::sdk {

// The address of a client as OPEN gives it, in 18 bytes: "127.0.0.1:51234", "[2001:db8::1]:51234".
class PeerAddress {
 public:
  PeerAddress() = default;
  explicit PeerAddress(std::string_view text);  // what is no address becomes the unspecified one
  std::string format() const;                   // as it was given; "" for the unspecified one

 private:
  std::array<std::uint8_t, 16> ip_{};  // IPv4 mapped to IPv6 (RFC 4291 section 2.5.5.2)
  std::uint16_t port_ = 0;
};

}  // namespace berth::sdk
