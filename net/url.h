#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::net {

// The parts of "https://host:8443/a/b?c#d" that a client needs.
struct Url {
  std::string scheme;      // lower case
  std::string host;        // without brackets
  std::uint16_t port = 0;  // the scheme's default if not given
  std::string target;      // "/a/b?c", at least "/"
  bool is_secure() const { return scheme == "https" || scheme == "wss"; }
  std::string authority() const;  // "host", "host:8443", "[::1]:8443"
};
// http, https, ws, wss. kMalformed with the fault; user names in URLs are refused.
Result<Url> parse_url(std::string_view text);

}  // namespace berth::net
