#include "manager/endpoints/admin.h"

namespace berth::manager {
namespace {

std::string_view word_of(DiskLevel level) {
  return level == DiskLevel::kFull ? "full" : level == DiskLevel::kWarning ? "warning" : "fine";
}

}  // namespace

void Admin::add_monitor() {
  on<api::GetMonitor>([this](api::GetMonitor message, AdminRequest&) -> Task<api::GetMonitorResult> {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    co_return co_await parts_.monitor.curves(std::move(message), now.time_since_epoch().count());
  });
  on<api::GetMetrics>([this](api::GetMetrics, AdminRequest&) -> Task<api::GetMetricsResult> {
    co_return api::GetMetricsResult{parts_.monitor.open_metrics()};
  });
  on<api::GetDisk>([this](api::GetDisk, AdminRequest&) -> Task<api::GetDiskResult> {
    const auto facts = parts_.disk_guard.facts();
    api::GetDiskResult result;
    result.total_bytes = facts.disk.total_bytes;
    result.used_bytes = facts.disk.used_bytes;
    result.free_bytes = facts.disk.free_bytes;
    result.threshold = static_cast<std::uint64_t>(facts.threshold);
    result.warning =
        facts.threshold >= 100 ? 100 : static_cast<std::uint64_t>(facts.threshold - kWarningBelow);
    result.level = word_of(facts.level);
    result.are_apps_held = facts.are_apps_held;
    result.reserve_bytes = facts.reserve_bytes;
    result.reserve_wanted = facts.reserve_wanted;
    if (facts.forecast)
      result.forecast = api::DiskForecast{facts.forecast->days, facts.forecast->largest.who,
                                          facts.forecast->largest.bytes_a_day};
    co_return result;
  });
}

}  // namespace berth::manager
