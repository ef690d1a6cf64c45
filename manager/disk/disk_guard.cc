#include "manager/disk/disk_guard.h"

#include "base/log.h"
#include "manager/disk/reserve.h"

namespace berth::manager {

DiskGuard::DiskGuard(loop::Loop& loop, DiskParts parts)
    : loop_(loop), parts_(std::move(parts)), worker_(loop), tasks_(loop, "disk") {}

Task<void> DiskGuard::begin() {
  co_await look();
  co_await make_reserve_file();
  tasks_.spawn(go_on());
}

void DiskGuard::stop() { tasks_.cancel_all(); }

Task<void> DiskGuard::go_on() {
  for (;;) {
    co_await loop::sleep_for(loop_, kLook);
    co_await look();
  }
}

Task<void> DiskGuard::make_reserve_file() {
  const auto wanted = parts_.reserve();
  const double most = parts_.threshold() - kWarningBelow;
  const auto made = co_await worker_.run(
      [folder = parts_.reserve_folder, wanted, most] { return make_reserve(folder, wanted, most); });
  if (!made) log_warning("no reserve on the disk", {{"error", made.error().detail}});
  reserve_bytes_ = reserve_bytes(parts_.reserve_folder);
}

Task<void> DiskGuard::look() {
  // Stopping takes its time, and looks must not pile up.
  if (is_looking_) co_return;
  is_looking_ = true;
  struct Done {
    bool& flag;
    ~Done() { flag = false; }
  } done{is_looking_};
  const auto figures = parts_.figures();
  if (!figures) co_return;  // a disk that cannot be asked is another's finding
  figures_ = *figures;
  reserve_bytes_ = reserve_bytes(parts_.reserve_folder);
  const auto before = level_;
  level_ = next_level(level_, figures_.used_percent(), parts_.threshold());
  if (level_ != before)
    log_warning("disk", {{"used", fmt::format("{:.1f} %", figures_.used_percent())},
                         {"free_bytes", figures_.free_bytes},
                         {"level", level_ == DiskLevel::kFull      ? "full"
                                   : level_ == DiskLevel::kWarning ? "warning"
                                                                   : "fine"}});
  if (level_ == DiskLevel::kFull && before != DiskLevel::kFull) {
    are_apps_held_ = true;
    log_error("the disk is full: all apps are stopped");
    if (parts_.changed) parts_.changed();
    co_await parts_.stop_apps();
  }
  if (looks_++ % kLooksToForecast == 0 && level_ != DiskLevel::kFull) {
    try {
      const auto growth = co_await parts_.growth();
      forecast_ = forecast(figures_, growth, parts_.threshold());
    } catch (const Failure& failure) {
      log_warning("no forecast of the disk", {{"error", failure.error().detail}});
    }
  }
  if (level_ != before && parts_.changed) parts_.changed();
}

Task<void> DiskGuard::start_apps() {
  co_await look();
  if (level_ == DiskLevel::kFull)
    throw_failure(Errc::kNoSpace, "the disk is still {:.1f} % full; below {:.0f} % the apps can be started",
                  figures_.used_percent(), parts_.threshold() - kHysteresis);
  are_apps_held_ = false;
  co_await parts_.start_apps();
  if (parts_.changed) parts_.changed();
}

std::vector<api::Check> DiskGuard::checks() const { return disk_checks(facts()); }

DiskFacts DiskGuard::facts() const {
  DiskFacts facts;
  facts.disk = figures_;
  facts.level = level_;
  facts.threshold = parts_.threshold();
  facts.are_apps_held = are_apps_held_;
  facts.forecast = forecast_;
  facts.reserve_wanted = parts_.reserve();
  facts.reserve_bytes = reserve_bytes_;
  return facts;
}

}  // namespace berth::manager
