#include "manager/alarms/access_token.h"

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono;

namespace {

constexpr seconds kUsualLife{3600};  // RFC 6749 section 5.1: expires_in may be left out
constexpr std::size_t kLongestReason = 300;

std::string format_form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (!body.empty()) body += '&';
    body += fmt::format("{}={}", name, percent_encode(value));
  }
  return body;
}

}  // namespace

Task<std::string> AccessToken::get() {
  if (!token_.empty() && loop_.now() < good_until_) co_return token_;
  const bool has_refresh = !place_.refresh_token.empty();
  net::HttpRequest request;
  request.method = "POST";
  request.url = place_.url;
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}};
  request.body = format_form({{"grant_type", has_refresh ? "refresh_token" : "client_credentials"},
                              {"refresh_token", place_.refresh_token},
                              {"client_id", place_.client_id},
                              {"client_secret", place_.client_secret},
                              {"scope", place_.scope}});
  request.limit = seconds(20);
  request.limit_bytes = 64 << 10;
  request.max_redirects = 0;
  request.pinned_fingerprint = place_.fingerprint;
  const auto response = co_await http_.fetch(std::move(request));
  const auto answer = json::parse_object(response.body);
  if (response.status != 200 || !answer) {
    // RFC 6749 section 5.2
    std::string reason = answer ? json::get_string(*answer, "error") : "";
    if (answer && !json::get_string(*answer, "error_description").empty())
      reason += ": " + json::get_string(*answer, "error_description");
    reason.resize(std::min(reason.size(), kLongestReason));
    throw_failure(response.status >= 500 ? Errc::kUnavailable : Errc::kDenied,
                  "{} gives no access token ({}{}{})", place_.url, response.status,
                  reason.empty() ? "" : ", ", reason);
  }
  token_ = json::get_string(*answer, "access_token");
  if (token_.empty()) throw_failure(Errc::kMalformed, "{}: an answer without access token", place_.url);
  const seconds life(json::get_integer(*answer, "expires_in", kUsualLife.count()));
  good_until_ = loop_.now() + std::max(seconds(0), life - kMargin);
  const auto next = json::get_string(*answer, "refresh_token");
  if (!next.empty() && next != place_.refresh_token && has_refresh) {
    place_.refresh_token = next;
    if (refreshed) co_await refreshed(next);
  }
  co_return token_;
}

}  // namespace berth::manager
