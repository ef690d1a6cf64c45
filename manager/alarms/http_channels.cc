#include "manager/alarms/http_channels.h"

#include <algorithm>

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kLimit = 20s;

// As the Events app numbers them: minor, indeterminate, major (reference of its API).
int events_severity(api::AlarmSeverity severity) {
  return severity == api::AlarmSeverity::kIndeterminate ? 1 : 2;
}

// Only the server and where in it: a URL may hold a secret.
std::string without_secrets(std::string text, const std::string& url) {
  const auto end = url.find('/', url.find("://") == std::string::npos ? 0 : url.find("://") + 3);
  const std::string shown = end == std::string::npos ? url : url.substr(0, end) + "/…";
  for (auto at = text.find(url); at != std::string::npos; at = text.find(url, at + shown.size()))
    text.replace(at, url.size(), shown);
  return text;
}

net::HttpRequest make_request(std::string url, std::string body) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"content-type", "application/json"}};
  request.body = std::move(body);
  request.limit = kLimit;
  request.max_redirects = 0;  // what is on its way must not go elsewhere
  request.limit_bytes = 64 << 10;
  return request;
}

// 2xx: taken. 408, 425, 429 and 5xx may get better, anything else will not.
Result<void> judge(int status) {
  if (status >= 200 && status < 300) return {};
  const bool may_get_better = status == 408 || status == 425 || status == 429 || status >= 500;
  if (may_get_better) throw_failure(Errc::kUnavailable, "the server answers {}", status);
  return fail(Errc::kDenied, "the server answers {}", status);
}

}  // namespace

std::string format_events_body(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender) {
  const auto when = notice.notice == Notice::kClear ? alarm.cleared.value_or(alarm.raised) : alarm.raised;
  json::Object body;
  body["type"] = notice.notice == Notice::kEvent   ? "error"
                 : notice.notice == Notice::kClear ? "clear"
                                                   : "alarm";
  body["active"] = notice.notice != Notice::kClear && notice.notice != Notice::kEvent;
  body["severity"] = events_severity(alarm.severity);
  if (alarm.severity == api::AlarmSeverity::kCritical) body["critical"] = true;
  body["code"] = fmt::format("0x{:08x}", alarm.code);
  body["date"] = std::to_string(when.time_since_epoch().count());
  body["host"] = sender.host;
  body["serial"] = sender.serial;
  body["source"] = alarm.source;
  body["text"] = alarm.text;
  body["details"] = alarm.details;
  return json::serialize(body);
}

std::string format_webhook_body(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender) {
  json::Object body;
  body["notice"] = name_of(notice.notice);
  body["platform"] = sender.host;
  body["version"] = sender.version;
  body["alarm"] = api::to_json(to_api(alarm));
  return json::serialize(body);
}

ChannelTraits EventsChannel::traits() const {
  return {"events", true, [every = place_.repeat](const Alarm&) { return every; },
          [](const Alarm&) { return 0s; }};
}

Task<Result<void>> EventsChannel::deliver(QueuedNotice notice, Alarm alarm) {
  auto request = make_request(place_.url, format_events_body(notice, alarm, sender_));
  request.user = place_.user;
  request.password = place_.password;
  request.auth = net::HttpRequest::Auth::kAny;
  request.pinned_fingerprint = place_.fingerprint;
  const auto response = co_await http_.fetch(std::move(request));
  co_return judge(response.status);
}

ChannelTraits WebhookChannel::traits() const {
  return {fmt::format("webhook {}", number_), false, [](const Alarm&) { return 0s; },
          [](const Alarm& alarm) { return alarm.mail_after; }};
}

Task<Result<void>> WebhookChannel::deliver(QueuedNotice notice, Alarm alarm) {
  auto request = make_request(url_, format_webhook_body(notice, alarm, sender_));
  std::optional<Error> error;
  int status = 0;
  try {
    const auto response = co_await http_.fetch(std::move(request));
    status = response.status;
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (error) throw_failure(error->code, "{}", without_secrets(error->detail, url_));
  co_return judge(status);
}

}  // namespace berth::manager
