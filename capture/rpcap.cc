#include "capture/rpcap.h"

#include <algorithm>
#include <limits>

namespace berth::capture::rpcap {
namespace {

constexpr std::size_t kAuthSize = 8, kStartSize = 12, kFilterSize = 8, kInstructionSize = 8;
constexpr std::size_t kAddressSize = 128;
constexpr std::uint16_t kFilterBpf = 1, kNullAuth = 0, kPasswordAuth = 1, kIpv4 = 2;
constexpr std::size_t kMaxText = 1'000;

std::uint64_t number(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
  return value;
}
std::uint16_t u16(ByteView bytes, std::size_t at) { return static_cast<std::uint16_t>(number(bytes, at, 2)); }
std::uint32_t u32(ByteView bytes, std::size_t at) { return static_cast<std::uint32_t>(number(bytes, at, 4)); }

void put(Bytes& out, std::uint64_t value, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift & 0xff));
}
void put(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

Bytes with_header(std::uint8_t type, std::uint16_t value, const Bytes& payload) {
  Bytes out;
  append_header(out, {kVersion, type, value, static_cast<std::uint32_t>(payload.size())});
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
std::uint8_t reply_to(Type type) {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(type) | kReply);
}

// As a sockaddr of 128 bytes with a family of two; 0: none.
void put_address(Bytes& out, std::uint16_t family, std::uint32_t address) {
  const auto end = out.size() + kAddressSize;
  put(out, family, 2);
  put(out, 0, 2);
  put(out, address, 4);
  out.resize(end);
}

}  // namespace

Header parse_header(ByteView bytes) { return {bytes[0], bytes[1], u16(bytes, 2), u32(bytes, 4)}; }

void append_header(Bytes& out, const Header& header) {
  put(out, header.version, 1);
  put(out, header.type, 1);
  put(out, header.value, 2);
  put(out, header.size, 4);
}

Result<Auth> parse_auth(ByteView payload) {
  if (payload.size() < kAuthSize) return fail(Errc::kMalformed, "login too short");
  const auto type = u16(payload, 0);
  const std::size_t user = u16(payload, 4), password = u16(payload, 6);
  if (type != kNullAuth && type != kPasswordAuth) return fail(Errc::kMalformed, "login of kind {}", type);
  if (payload.size() != kAuthSize + user + password) return fail(Errc::kMalformed, "login of another length");
  Auth auth;
  auth.is_null = type == kNullAuth;
  auth.user = as_text(payload.subspan(kAuthSize, user));
  auth.password = as_text(payload.subspan(kAuthSize + user));
  return auth;
}

Result<std::vector<sock_filter>> parse_filter(ByteView payload) {
  if (payload.size() < kFilterSize) return fail(Errc::kMalformed, "filter too short");
  const std::size_t count = u32(payload, 4);
  if (u16(payload, 0) != kFilterBpf) return fail(Errc::kMalformed, "filter of kind {}", u16(payload, 0));
  if (count > kMaxFilter) return fail(Errc::kTooLarge, "a filter has at most {} instructions", kMaxFilter);
  if (payload.size() != kFilterSize + count * kInstructionSize)
    return fail(Errc::kMalformed, "filter of another length");
  std::vector<sock_filter> filter;
  for (std::size_t at = kFilterSize; at < payload.size(); at += kInstructionSize)
    filter.push_back({u16(payload, at), payload[at + 2], payload[at + 3], u32(payload, at + 4)});
  return filter;
}

Result<Start> parse_start(ByteView payload) {
  if (payload.size() < kStartSize) return fail(Errc::kMalformed, "start too short");
  Start start;
  start.snap_bytes = std::min(u32(payload, 0), kMaxSnapBytes);
  if (start.snap_bytes == 0) start.snap_bytes = kMaxSnapBytes;
  start.flags = u16(payload, 8);
  start.port = u16(payload, 10);
  BERTH_TRY(start.filter, parse_filter(payload.subspan(kStartSize)));
  return start;
}

Bytes format_reply(Type type) { return with_header(reply_to(type), 0, {}); }

Bytes format_error(ErrorCode code, std::string_view text) {
  Bytes payload;
  put(payload, text.substr(0, kMaxText));
  return with_header(static_cast<std::uint8_t>(Type::kError), static_cast<std::uint16_t>(code), payload);
}

Bytes format_interfaces(const std::vector<Interface>& interfaces) {
  Bytes payload;
  std::uint16_t count = 0;
  for (const auto& one : interfaces) {
    if (payload.size() > kMaxPayload / 2) break;
    ++count;
    const auto name = std::string_view(one.name).substr(0, kMaxText);
    const auto text = std::string_view(one.description).substr(0, kMaxText);
    const auto addresses = std::min<std::size_t>(one.addresses.size(), 8);
    put(payload, name.size(), 2);
    put(payload, text.size(), 2);
    put(payload, one.is_loopback ? 1 : 0, 4);
    put(payload, addresses, 2);
    put(payload, 0, 2);
    put(payload, name);
    put(payload, text);
    for (std::size_t i = 0; i < addresses; ++i) {
      const auto [address, mask] = one.addresses[i];
      put_address(payload, kIpv4, address);
      put_address(payload, kIpv4, mask);
      put_address(payload, 0, 0);  // no broadcast
      put_address(payload, 0, 0);  // no other end
    }
  }
  return with_header(reply_to(Type::kFindInterfaces), count, payload);
}

Bytes format_opened(std::uint32_t link_type) {
  Bytes payload;
  put(payload, link_type, 4);
  put(payload, 0, 4);  // the time is UTC
  return with_header(reply_to(Type::kOpen), 0, payload);
}

Bytes format_started(std::uint32_t buffer_bytes, std::uint16_t port) {
  Bytes payload;
  put(payload, buffer_bytes, 4);
  put(payload, port, 2);
  put(payload, 0, 2);
  return with_header(reply_to(Type::kStart), 0, payload);
}

Bytes format_stats(std::uint32_t received, std::uint32_t dropped, std::uint32_t sent) {
  Bytes payload;
  put(payload, received, 4);
  put(payload, 0, 4);  // of the interface: not known
  put(payload, dropped, 4);
  put(payload, sent, 4);
  return with_header(reply_to(Type::kStats), 0, payload);
}

void append_packet(Bytes& out, const Packet& packet) {
  constexpr std::uint32_t kPacketSize = 20;
  append_header(out, {kVersion, static_cast<std::uint8_t>(Type::kPacket), 0,
                      kPacketSize + static_cast<std::uint32_t>(packet.bytes.size())});
  put(out, packet.seconds, 4);
  put(out, packet.microseconds, 4);
  put(out, packet.bytes.size(), 4);
  put(out, packet.wire_bytes, 4);
  put(out, packet.number, 4);
  out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
}

}  // namespace berth::capture::rpcap
