// When a disk is too full, and when that is over. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"

namespace berth::manager {

// Of one file system, as statvfs(3) gives them.
struct DiskFigures {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;  // to others than root
  // As df(1) tells it: of what is not root's.
  double used_percent() const {
    const auto all = used_bytes + free_bytes;
    return all == 0 ? 0 : static_cast<double>(used_bytes) * 100 / static_cast<double>(all);
  }
};
// nullopt where it cannot be asked.
std::optional<DiskFigures> read_disk(const std::string& path);

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
std::optional<DiskForecast> forecast(const DiskFigures& disk, const std::vector<DiskGrowth>& growth,
                                     int threshold, std::int64_t horizon_days = 30);

struct DiskFacts {
  DiskFigures disk;
  DiskLevel level = DiskLevel::kFine;
  int threshold = 95;
  bool are_apps_held = false;  // stopped because it was full
  std::optional<DiskForecast> forecast;
  std::uint64_t reserve_wanted = 0, reserve_bytes = 0;
};
// Findings of the overview.
std::vector<api::Check> disk_checks(const DiskFacts& facts);

}  // namespace berth::manager
