#include "net/url.h"

#include "base/text.h"

namespace berth::net {

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  const std::uint16_t usual = is_secure() ? 443 : 80;
  return port == usual ? name : fmt::format("{}:{}", name, port);
}

Result<Url> parse_url(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return fail(Errc::kMalformed, "'{}' is no URL", text);
  Url url;
  url.scheme = to_lower(text.substr(0, scheme_end));
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss")
    return fail(Errc::kMalformed, "URL scheme '{}' is not http, https, ws or wss", url.scheme);
  for (const unsigned char c : text)
    if (c <= 0x20 || c == 0x7f) return fail(Errc::kMalformed, "blank or control character in the URL");
  auto rest = text.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto path = std::min(rest.find_first_of("/?"), rest.size());
  auto authority = rest.substr(0, path);
  url.target = rest.substr(path);
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  if (authority.find('@') != std::string_view::npos) return fail(Errc::kMalformed, "user name in the URL");
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return fail(Errc::kMalformed, "'[' without ']' in the URL");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port[0] != ':') return fail(Errc::kMalformed, "text behind ']' in the URL");
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (url.host.empty()) return fail(Errc::kMalformed, "no host in the URL");
  url.port = url.is_secure() ? 443 : 80;
  if (port.size() > 1) {
    const auto number = parse_integer(port.substr(1));
    if (!number || *number < 1 || *number > 65535)
      return fail(Errc::kMalformed, "bad port '{}'", port.substr(1));
    url.port = static_cast<std::uint16_t>(*number);
  }
  return url;
}

}  // namespace berth::net
