// Which databases are near their limit, and which can only be read because they are above it. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"

namespace berth::manager {

// A database near its limit is told from so many per cent on; one that reads only writes again below kLiftBelow, so that it
// does not change with each row.
inline constexpr std::uint64_t kNearPercent = 90, kLiftBelowPercent = 95;

struct QuotaFact {
  std::string name, domain;
  std::uint64_t bytes = 0;
  std::uint64_t limit = 0;         // its own; 0: none
  std::uint64_t domain_limit = 0;  // of all databases of the domain together; 0: none
  bool is_read_only = false;       // now
  bool is_locked_out = false;      // now
  bool may_write_anyway = false;   // an admin has allowed it for a while
};

// What a database may grow by though it is only to be read: vacuum writes maps, and what had begun before comes to its end.
constexpr std::uint64_t growth_of_a_reader(std::uint64_t limit) {
  return std::max<std::uint64_t>(16 << 20, limit / 100);
}

struct QuotaState {
  enum class Level : std::uint8_t { kFine, kNear, kAbove };
  std::string name, domain;
  Level level = Level::kFine;
  bool is_by_domain = false;           // the domain's limit is what counts
  std::uint64_t bytes = 0, limit = 0;  // that count
  bool is_read_only = false;           // as it should be
  bool is_locked_out = false;          // likewise: only as long as it is to read
  bool may_write_anyway = false;
};

// In the order of `facts`.
std::vector<QuotaState> judge_quota(const std::vector<QuotaFact>& facts);
// Who is near or above, what it means, and what to do. Ids "quota-reached-team@example.com", "quota-near-…", "quota-locked-out-…",
// and of a domain's limit "quota-domain-reached-…", "quota-domain-near-…".
std::vector<api::Check> quota_checks(const std::vector<QuotaState>& states);

}  // namespace berth::manager
