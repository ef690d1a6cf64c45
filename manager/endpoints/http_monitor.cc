// What other monitoring systems ask: /metrics, /healthz, /readyz, with a token.
#include "base/bytes.h"
#include "manager/endpoints/manager_instance.h"

namespace berth::manager {

using loop::Task;

namespace {

constexpr std::string_view kBearer = "Bearer ";

bool is_allowed(const std::string& token, std::string_view authorization) {
  if (token.empty() || !authorization.starts_with(kBearer)) return false;
  return equal_in_constant_time(token, authorization.substr(kBearer.size()));
}

}  // namespace

bool ManagerInstance::is_monitor_path(std::string_view path) {
  return path == "metrics" || path == "healthz" || path == "readyz";
}

Task<void> ManagerInstance::serve_monitor(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  auto& parts = admin_.parts();
  response.header("cache-control", "no-store");
  const bool is_metrics = request.path() == "metrics";
  const bool may_ask = is_allowed(parts.metrics_token, request.header("authorization"));
  response.content_type(is_metrics && may_ask ? kOpenMetricsType : "text/plain; charset=utf-8");
  if (!may_ask) {
    response.status(401).header("www-authenticate", "Bearer");
    co_await response.send(
        parts.metrics_token.empty()
            ? "Closed: the setting metricsToken is empty.\n"
            : "The token of the setting metricsToken is expected: Authorization: Bearer …\n");
    co_return;
  }
  if (is_metrics) {
    co_await response.send(parts.monitor.open_metrics());
    co_return;
  }
  if (request.path() == "healthz") {  // that the manager answers is the health that is asked for
    co_await response.send("ok\n");
    co_return;
  }
  const auto status = parts.status();
  if (status.state == api::PlatformState::kRunning) {
    co_await response.send("ready\n");
    co_return;
  }
  std::string body = fmt::format("{}\n", api::word_of(status.state));
  for (const auto& process : status.processes)
    if (process.state != api::ServiceState::kRunning)
      body += fmt::format("{}: {}\n", process.name, api::word_of(process.state));
  response.status(503);
  co_await response.send(std::move(body));
}

}  // namespace berth::manager
