// Messages of RPCAP, version 0: how capture tools get packets of another machine. Pure. Source: the description of remote
// capture that libpcap carries with it (rpcap-protocol.h); everything is big-endian.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::capture::rpcap {

inline constexpr std::uint8_t kVersion = 0;
inline constexpr std::size_t kHeaderSize = 8;
inline constexpr std::size_t kMaxPayload = 64'000;       // bytes of one message of a client
inline constexpr std::uint32_t kMaxSnapBytes = 262'144;  // of one packet
inline constexpr std::size_t kMaxFilter = BPF_MAXINSNS;

enum class Type : std::uint8_t {
  kError = 1,
  kFindInterfaces = 2,
  kOpen = 3,
  kStart = 4,
  kUpdateFilter = 5,
  kClose = 6,
  kPacket = 7,
  kAuth = 8,
  kStats = 9,
  kEnd = 10,
  kSampling = 11,
};
inline constexpr std::uint8_t kReply = 0x80;  // added to the type of a request

// In Header::value of an error; for programs.
enum class ErrorCode : std::uint16_t {
  kAuth = 3,
  kFindInterfaces = 4,
  kOpen = 6,
  kUpdateFilter = 7,
  kNotAllowed = 10,
  kStart = 12,
  kSampling = 15,
  kWrongMessage = 16,
  kWrongVersion = 17,
};

struct Header {
  std::uint8_t version = kVersion;
  std::uint8_t type = 0;
  std::uint16_t value = 0;
  std::uint32_t size = 0;  // bytes of payload behind it
};
// `bytes`: kHeaderSize of them.
Header parse_header(ByteView bytes);
void append_header(Bytes& out, const Header& header);

// Payloads of requests. kMalformed where lengths do not fit.
struct Auth {
  bool is_null = true;  // nobody in particular
  std::string user, password;
};
Result<Auth> parse_auth(ByteView payload);

struct Start {
  static constexpr std::uint16_t kPromiscuous = 1, kDatagrams = 2, kServerOpens = 4;
  std::uint32_t snap_bytes = 0;
  std::uint16_t flags = 0, port = 0;
  std::vector<sock_filter> filter;  // empty: everything
};
Result<Start> parse_start(ByteView payload);
Result<std::vector<sock_filter>> parse_filter(ByteView payload);

// What may be captured.
struct Interface {
  std::string name, description;  // libpcap shows "Network adapter 'description' on remote node …"
  bool is_loopback = false;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> addresses;  // IPv4 and its mask, of the host's order
};

struct Packet {
  std::uint32_t seconds = 0, microseconds = 0;
  std::uint32_t wire_bytes = 0;  // as it was
  std::uint32_t number = 0;      // from 1 on
  ByteView bytes;                // what was kept of it
};

// Whole messages.
Bytes format_reply(Type type);  // without payload
Bytes format_error(ErrorCode code, std::string_view text);
Bytes format_interfaces(const std::vector<Interface>& interfaces);
Bytes format_opened(std::uint32_t link_type);
Bytes format_started(std::uint32_t buffer_bytes, std::uint16_t port);
Bytes format_stats(std::uint32_t received, std::uint32_t dropped, std::uint32_t sent);
void append_packet(Bytes& out, const Packet& packet);

}  // namespace berth::capture::rpcap
