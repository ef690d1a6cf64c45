// When a disk is too full, and when that is over. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "base/disk_space.h"

namespace berth::manager {

enum class DiskLevel : std::uint8_t { kFine, kWarning, kFull };

// A warning comes this much below the threshold; a level is left this much below where it was entered.
inline constexpr double kWarningBelow = 10, kHysteresis = 2;
// `threshold` in per cent used; 100: neither warning nor full.
DiskLevel next_level(DiskLevel level, double used_percent, int threshold);

// Growth that a forecast is told from.
struct DiskGrowth {
  std::string who;  // name@domain
  std::int64_t bytes_a_day = 0;
};
struct DiskForecast {
  std::int64_t days = 0;  // until the threshold
  DiskGrowth largest;
};
// nullopt: it does not grow, or it will not be full within `horizon_days`.
std::optional<DiskForecast> forecast(const DiskSpace& disk, const std::vector<DiskGrowth>& growth,
                                     int threshold, std::int64_t horizon_days = 30);

struct DiskFacts {
  DiskSpace disk;
  DiskLevel level = DiskLevel::kFine;
  int threshold = 95;
  bool are_apps_held = false;  // stopped because it was full
  std::optional<DiskForecast> forecast;
  std::uint64_t reserve_wanted = 0, reserve_bytes = 0;
};
// Findings of the overview.
std::vector<api::Check> disk_checks(const DiskFacts& facts);

}  // namespace berth::manager
