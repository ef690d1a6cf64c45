#include "manager/external/host.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/text.h"

namespace berth::manager {
namespace {

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  // inet_pton() sees nothing behind a zero byte.
  return text.find('\0') == std::string::npos && ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

Result<int> parse_port(std::string_view text) {
  const bool is_number = !text.empty() && text.size() <= 5 &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto port = is_number ? parse_integer(text).value_or(0) : 0;
  if (port < 1 || port > 65535)
    return fail(Errc::kMalformed, "\"{}\" is no port: 1 to 65535 is expected behind ':'", text);
  return static_cast<int>(port);
}

// RFC 1123 section 2.1, and '_' that some internal names have. All digits and dots must be an IPv4 address.
Result<void> check_name(const std::string& name) {
  if (name.empty()) return fail(Errc::kMalformed, "the host is empty");
  if (name.size() > 253) return fail(Errc::kMalformed, "the host has {} bytes, 253 are allowed", name.size());
  bool only_digits = true;
  for (const auto label : split(name, '.')) {
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return fail(Errc::kMalformed,
                  "\"{}\" is no host name: between dots 1 to 63 letters, digits or '-' are expected", name);
    for (const char c : label) {
      const bool is_digit = c >= '0' && c <= '9';
      only_digits = only_digits && is_digit;
      if (!is_digit && !(c >= 'a' && c <= 'z') && c != '-' && c != '_')
        return fail(Errc::kMalformed, "a host name must not contain '{}'; write [address]:port for IPv6", c);
    }
  }
  in_addr address{};
  if (only_digits && ::inet_pton(AF_INET, name.c_str(), &address) != 1)
    return fail(Errc::kMalformed, "\"{}\" is no IPv4 address", name);
  return {};
}

}  // namespace

Result<DatabaseHost> parse_database_host(std::string_view text, int default_port) {
  text = trim(text);
  DatabaseHost host{{}, default_port};
  if (text.starts_with('/'))
    return fail(Errc::kMalformed,
                "a socket folder is no host: leave it empty for the platform's own database");
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return fail(Errc::kMalformed, "']' is missing behind the IPv6 address");
    host.name = to_lower(text.substr(1, end - 1));
    if (!is_ipv6(host.name)) return fail(Errc::kMalformed, "\"{}\" is no IPv6 address", host.name);
    const auto rest = text.substr(end + 1);
    if (rest.empty()) return host;
    if (rest.front() != ':') return fail(Errc::kMalformed, "':' and a port are expected behind ']'");
    BERTH_TRY(host.port, parse_port(rest.substr(1)));
    return host;
  }
  if (std::count(text.begin(), text.end(), ':') > 1) {
    host.name = to_lower(text);
    if (!is_ipv6(host.name))
      return fail(Errc::kMalformed, "\"{}\" is no IPv6 address; with a port write [address]:port", text);
    return host;
  }
  const auto colon = text.find(':');
  host.name = to_lower(text.substr(0, colon));
  if (colon != std::string_view::npos) {
    BERTH_TRY(host.port, parse_port(text.substr(colon + 1)));
  }
  BERTH_TRY_VOID(check_name(host.name));
  return host;
}

std::string format_database_host(const DatabaseHost& host, int default_port) {
  const bool has_colon = host.name.find(':') != std::string::npos;
  if (host.port == default_port) return host.name;
  return has_colon ? fmt::format("[{}]:{}", host.name, host.port)
                   : fmt::format("{}:{}", host.name, host.port);
}

}  // namespace berth::manager
