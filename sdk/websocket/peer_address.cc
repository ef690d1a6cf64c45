#include "sdk/websocket/peer_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace berth::sdk {
namespace {

constexpr std::array<std::uint8_t, 12> kIpv4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

PeerAddress::PeerAddress(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return;
  const auto port = parse_integer(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535) return;
  std::string ip(text.substr(0, colon));
  const bool is_bracketed = ip.size() > 2 && ip.front() == '[' && ip.back() == ']';
  if (is_bracketed) ip = ip.substr(1, ip.size() - 2);
  if (is_bracketed ? ::inet_pton(AF_INET6, ip.c_str(), ip_.data()) != 1
                   : ::inet_pton(AF_INET, ip.c_str(), ip_.data() + kIpv4Prefix.size()) != 1) {
    ip_ = {};
    return;
  }
  if (!is_bracketed) std::ranges::copy(kIpv4Prefix, ip_.begin());
  port_ = static_cast<std::uint16_t>(*port);
}

std::string PeerAddress::format() const {
  if (ip_ == decltype(ip_){}) return {};
  char text[INET6_ADDRSTRLEN] = {};
  if (std::equal(kIpv4Prefix.begin(), kIpv4Prefix.end(), ip_.begin())) {
    ::inet_ntop(AF_INET, ip_.data() + kIpv4Prefix.size(), text, sizeof text);
    return fmt::format("{}:{}", text, port_);
  }
  ::inet_ntop(AF_INET6, ip_.data(), text, sizeof text);
  return fmt::format("[{}]:{}", text, port_);
}

}  // namespace berth::sdk
