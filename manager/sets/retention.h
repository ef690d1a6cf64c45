// Which sets of a policy stay and which may go, and why. Pure, so that it can be shown before it is done.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time_zone.h"

namespace berth::manager {

// For each of the newest `daily` days that have a good set, the newest of that day stays; the others likewise. Weeks
// begin on Monday. All zero: everything stays.
struct KeepRules {
  int last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0;
  bool operator==(const KeepRules&) const = default;
  bool keeps_all() const { return *this == KeepRules{}; }
};
// "last=3,daily=7,weekly=4,monthly=12" in any order; "all" for no limit. Each 0 to 10000.
Result<KeepRules> parse_keep_rules(std::string_view text);
std::string format_keep_rules(const KeepRules& rules);

struct DatedSet {
  std::string id;
  std::chrono::sys_seconds at;
  bool is_good = true;  // whole, and not found damaged
  // Instances that are there and whose newest good backup is in this set: it stays on their account.
  std::vector<std::string> newest_of;
};

struct Verdict {
  std::string id;
  bool stays = true;
  std::vector<std::string>
      reasons;  // "newest", "daily 2026-11-22", "newest backup of team@example.com", "not whole"
  bool operator==(const Verdict&) const = default;
};

// Newest first. The newest good set always stays; one that is not good stays until a newer good one is there.
std::vector<Verdict> decide_retention(std::vector<DatedSet> sets, const KeepRules& rules,
                                      const TimeZone& zone);

}  // namespace berth::manager
