#include "manager/alarms/places.h"

#include "base/text.h"

namespace berth::manager {

Result<std::pair<std::string, int>> parse_mail_server(std::string_view text) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return fail(Errc::kMalformed, "\"[\" without \"]\"");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return fail(Errc::kMalformed, "host:port is expected");
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  for (const char c : host)
    if (static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '@' || c == '?' || c == '#')
      return fail(Errc::kMalformed, "host or host:port is expected");
  if (host.empty()) return fail(Errc::kMalformed, "host or host:port is expected");
  if (port.empty()) return std::pair(std::string(host), 0);
  const auto number = parse_integer(port);
  if (!number || *number < 1 || *number > 65535) return fail(Errc::kMalformed, "a port is 1 to 65535");
  return std::pair(std::string(host), static_cast<int>(*number));
}

Result<void> check_secret_url(std::string_view url) {
  if (url.starts_with("https://")) return {};
  for (const std::string_view own : {"http://127.0.0.1", "http://localhost", "http://[::1]"})
    if (url.starts_with(own) &&
        (url.size() == own.size() || url[own.size()] == ':' || url[own.size()] == '/'))
      return {};
  return fail(Errc::kMalformed, "an https address is expected: a secret is sent there");
}

}  // namespace berth::manager
