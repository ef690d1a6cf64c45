#include "manager/disk/disk_policy.h"

#include <cmath>

namespace berth::manager {
namespace {

api::Check make_check(std::string id, api::Severity severity) {
  api::Check check;
  check.id = std::move(id);
  check.severity = severity;
  return check;
}

// "1.2 GB": powers of 1000, as disks are sold.
std::string format_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) value /= 1000, ++unit;
  return value < 10 && unit > 0 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                                : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

}  // namespace

DiskLevel next_level(DiskLevel level, double used_percent, int threshold) {
  if (threshold >= 100) return DiskLevel::kFine;
  const double full = threshold, warning = threshold - kWarningBelow;
  if (used_percent >= full) return DiskLevel::kFull;
  if (level == DiskLevel::kFull && used_percent >= full - kHysteresis) return DiskLevel::kFull;
  if (used_percent >= warning) return DiskLevel::kWarning;
  if (level != DiskLevel::kFine && used_percent >= warning - kHysteresis) return DiskLevel::kWarning;
  return DiskLevel::kFine;
}

std::optional<DiskForecast> forecast(const DiskSpace& disk, const std::vector<DiskGrowth>& growth,
                                     int threshold, std::int64_t horizon_days) {
  std::int64_t a_day = 0;
  DiskForecast told;
  for (const auto& one : growth) {
    a_day += one.bytes_a_day;
    if (one.bytes_a_day > told.largest.bytes_a_day) told.largest = one;
  }
  if (a_day <= 0) return std::nullopt;
  const auto all = static_cast<double>(disk.used_bytes + disk.free_bytes);
  const double room = all * std::min(threshold, 100) / 100 - static_cast<double>(disk.used_bytes);
  told.days = std::max<std::int64_t>(0, std::llround(std::floor(room / static_cast<double>(a_day))));
  if (told.days > horizon_days) return std::nullopt;
  return told;
}

std::vector<api::Check> disk_checks(const DiskFacts& facts) {
  std::vector<api::Check> found;
  const auto used = std::to_string(static_cast<int>(facts.disk.used_percent()));
  if (facts.level == DiskLevel::kFull) {
    auto check = make_check("disk-full", api::Severity::kError);
    check.values = {used, std::to_string(facts.threshold)};
    check.text = fmt::format("The disk is {} % full: all apps are stopped.", used);
    check.why =
        "PostgreSQL stops taking data when it is full; before that the apps stop, so that nothing is lost.";
    check.fix =
        "Make room: empty the reserve and old logs, delete what is not needed, or enlarge the disk. Then "
        "start the apps.";
    check.command = "berth emergency free-space";
    found.push_back(std::move(check));
  } else if (facts.level == DiskLevel::kWarning) {
    auto check = make_check("disk", api::Severity::kWarning);
    check.values = {used, std::to_string(facts.threshold)};
    check.text = fmt::format("The disk is {} % full. At {} % all apps are stopped.", used, facts.threshold);
    check.why = "PostgreSQL stops taking data when it is full, and with it every app.";
    check.fix = "Delete what is not needed, or enlarge the disk.";
    check.command = "berth database show";
    found.push_back(std::move(check));
  }
  if (facts.are_apps_held && facts.level != DiskLevel::kFull) {
    auto check = make_check("apps-stopped", api::Severity::kError);
    check.text = "The apps were stopped because the disk was full. There is room again.";
    check.why = "Nobody can use them until somebody has looked.";
    check.fix = "Start what ran before.";
    check.command = "berth platform start-apps";
    found.push_back(std::move(check));
  }
  if (facts.forecast && facts.level == DiskLevel::kFine) {
    const auto& told = *facts.forecast;
    auto check = make_check("disk-forecast", api::Severity::kWarning);
    const auto days = told.days == 1 ? std::string("1 day") : fmt::format("{} days", told.days);
    const auto growth = format_bytes(static_cast<std::uint64_t>(told.largest.bytes_a_day));
    check.values = {std::to_string(told.days), told.largest.who, growth};
    check.text = fmt::format("The disk is full in {}: {} grows {} a day.", days, told.largest.who, growth);
    check.why = "When it is full all apps are stopped.";
    check.fix = "Look at what grows, or enlarge the disk in time.";
    check.command = fmt::format("berth instance show {}", told.largest.who);
    found.push_back(std::move(check));
  }
  if (facts.reserve_bytes < facts.reserve_wanted) {
    auto check = make_check("reserve", api::Severity::kWarning);
    check.values = {format_bytes(facts.reserve_wanted)};
    check.text = fmt::format("There is no reserve of {} on the disk.", format_bytes(facts.reserve_wanted));
    check.why = "It is what an emergency can be ended with when the disk is full.";
    check.fix =
        "Make room; it is made at the next start of the manager. Smaller disks want a smaller reserveBytes.";
    found.push_back(std::move(check));
  }
  return found;
}

}  // namespace berth::manager
