// Login of external services by HTTP GET, for pages without a WebSocket.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "wire/appwebsocket/login.h"

namespace berth::appwebsocket {

struct HttpChallengeRequest {};
struct HttpLoginRequest {
  Login login;
  std::string digest, challenge;  // the server checks that it made this challenge and used it once
};
// Reads the query of "?mt=AppChallenge" or "?mt=AppLogin&app=…" (no leading '?'). kMalformed if it
// is neither or cannot be decoded.
Result<std::variant<HttpChallengeRequest, HttpLoginRequest>> parse_http_login(std::string_view query);

std::string format_http_challenge(std::string_view challenge);  // JSON answer
std::string format_http_login_result(bool ok);                  // {"mt":…,"ok":true} or {}

}  // namespace berth::appwebsocket
