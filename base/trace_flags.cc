#include "base/trace_flags.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace berth {
namespace {

constexpr std::array<TraceFlagName, 34> kNames = {{
    {kApp, "app", "App", false},
    {kDatabase, "database", "Database", false},
    {kDbFiles, "db-files", "DB files", false},
    {kDns, "dns", "DNS", false},
    {kEthernet, "ethernet", "Ethernet", false},
    {kFile, "file", "File", false},
    {kFiles, "files", "Files", false},
    {kHttpClient, "http-client", "HTTP client", false},
    {kHttpFile, "http-file", "HTTP file", false},
    {kProcess, "process", "Process", false},
    {kTls, "tls", "TLS", false},
    {kTcp, "tcp", "TCP", false},
    {kLds, "lds", "LDS", false},
    {kWebserverPlugin, "webserver-traffic", "Webserver traffic", false},
    {kWebsocketClient, "websocket-client", "WebSocket client", false},
    {kAppWebsocket, "app-websocket", "App WebSocket", false},
    {kWebdavService, "webdav-service", "WebDAV service", false},
    {kCommand, "command", "Command", false},
    {kConfig, "config", "Config", false},
    {kTime, "time", "Time", false},
    {kSmtp, "smtp", "SMTP", false},
    {kUdp, "udp", "UDP", false},
    {kDtls, "dtls", "DTLS", true},
    {kMedia, "media", "Media", true},
    {kMediaChannel, "media-channel", "Media channel", true},
    {kIce, "ice", "ICE", true},
    {kTurn, "turn", "TURN", true},
    {kAppSharing, "app-sharing", "AppSharing", true},
    {kAudio, "audio", "Audio", true},
    {kVideo, "video", "Video", true},
    {kBrowser, "browser", "Browser", true},
    {kAppProxy, "app-proxy", "AppProxy", true},
    {kAlarmClient, "alarm-client", "Alarm client", false},
    {kWebserver, "webserver", "Webserver", false},
}};

Result<std::uint64_t> parse_word(std::string_view word) {
  for (const auto& name : kNames)
    if (name.word == word) return name.value;
  if (word == "all") return kAllTraceFlags;
  if (word == "usual") return kDefaultTraceFlags;
  if (word == "none") return std::uint64_t{0};
  const bool is_hex = word.starts_with("0x");
  const auto digits = is_hex ? word.substr(2) : word;
  std::uint64_t number = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, is_hex ? 16 : 10);
  if (digits.empty() || error != std::errc() || stop != end)
    return fail(Errc::kMalformed, "there is no trace flag \"{}\"", word);
  return number;
}

}  // namespace

std::span<const TraceFlagName> trace_flag_names() { return kNames; }

Result<std::uint64_t> parse_trace_flags(std::string_view text) {
  std::uint64_t flags = 0;
  for (const auto part : split(text, ',')) {
    BERTH_TRY(const auto value, parse_word(to_lower(trim(part))));
    flags |= value;
  }
  return flags;
}

std::string format_trace_flags(std::uint64_t flags) {
  if (flags == 0) return "none";
  std::string text;
  const auto add = [&text](std::string_view word) {
    if (!text.empty()) text += ',';
    text += word;
  };
  for (const auto& name : kNames) {
    if (!(flags & name.value)) continue;
    add(name.word);
    flags &= ~name.value;
  }
  if (flags) add(fmt::format("0x{:x}", flags));
  return text;
}

}  // namespace berth
