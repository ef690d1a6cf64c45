// What can be traced: the 34 flags of the original with their bits and names (reference/trace-flags.md). Existing values never move.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth {

// A disabled flag costs one bit test.
enum TraceFlag : std::uint64_t {
  kApp = 0x1,
  kDatabase = 0x2,
  kDbFiles = 0x4,
  kDns = 0x8,
  kEthernet = 0x10,
  kFile = 0x20,
  kFiles = 0x40,
  kHttpClient = 0x80,
  kHttpFile = 0x100,
  kProcess = 0x200,
  kTls = 0x400,
  kTcp = 0x800,
  kLds = 0x1000,
  kWebserverPlugin = 0x2000,
  kWebsocketClient = 0x4000,
  kAppWebsocket = 0x8000,
  kWebdavService = 0x10000,
  kCommand = 0x20000,
  kConfig = 0x40000,
  kTime = 0x80000,
  kSmtp = 0x100000,
  kUdp = 0x200000,
  kDtls = 0x400000,
  kMedia = 0x800000,
  kMediaChannel = 0x1000000,
  kIce = 0x2000000,
  kTurn = 0x4000000,
  kAppSharing = 0x8000000,
  kAudio = 0x10000000,
  kVideo = 0x20000000,
  kBrowser = 0x40000000,
  kAppProxy = 0x80000000,
  kAlarmClient = 0x100000000,
  kWebserver = 0x200000000,
};
inline constexpr std::uint64_t kDefaultTraceFlags = kApp | kAppWebsocket;
inline constexpr std::uint64_t kAllTraceFlags = 0x3ffffffff;

struct TraceFlagName {
  std::uint64_t value;
  std::string_view word;   // for command lines: "http-client"
  std::string_view title;  // as the original's page calls it: "HTTP client"
  bool is_native;          // only clients outside of a platform have it; the bit is kept
};

// By value, ascending.
std::span<const TraceFlagName> trace_flag_names();

// "app,database", "all", "usual", "none", or a number (0x8003); words may be put together with commas. kMalformed names the
// word that there is not.
Result<std::uint64_t> parse_trace_flags(std::string_view text);
// The words, "app,app-websocket"; "none" for 0, and bits without a name as one number at the end.
std::string format_trace_flags(std::uint64_t flags);

}  // namespace berth
