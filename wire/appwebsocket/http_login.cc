#include "wire/appwebsocket/http_login.h"

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::appwebsocket {

Result<std::variant<HttpChallengeRequest, HttpLoginRequest>> parse_http_login(std::string_view query) {
  const auto argument = [&](std::string_view name) { return find_query_argument(query, name); };
  const auto mt = argument("mt");
  if (mt == "AppChallenge") return HttpChallengeRequest{};
  if (mt != "AppLogin") return fail(Errc::kMalformed, "mt=AppChallenge or mt=AppLogin expected");
  HttpLoginRequest request;
  request.login.app = argument("app").value_or("");
  request.login.domain = argument("domain").value_or("");
  request.login.sip = argument("sip").value_or("");
  request.login.guid = argument("guid").value_or("");
  request.login.dn = argument("dn").value_or("");
  request.login.info = argument("info");
  request.digest = argument("digest").value_or("");
  request.challenge = argument("challenge").value_or("");
  if (request.digest.empty() || request.challenge.empty())
    return fail(Errc::kMalformed, "digest and challenge expected");
  return request;
}

std::string format_http_challenge(std::string_view challenge) {
  return json::serialize(json::Object{{"mt", "AppChallengeResult"}, {"challenge", challenge}});
}

std::string format_http_login_result(bool ok) {
  if (!ok) return "{}";
  return json::serialize(json::Object{{"mt", "AppLoginResult"}, {"ok", true}});
}

}  // namespace berth::appwebsocket
