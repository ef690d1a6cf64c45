#include "manager/usage/quota.h"

#include <fmt/format.h>

#include <map>

namespace berth::manager {
namespace {

using Level = QuotaState::Level;

bool reaches(std::uint64_t bytes, std::uint64_t limit, std::uint64_t percent) {
  using Wide = unsigned __int128;
  return limit > 0 && static_cast<Wide>(bytes) * 100 >= static_cast<Wide>(limit) * percent;
}

Level level_of(std::uint64_t bytes, std::uint64_t limit) {
  return reaches(bytes, limit, 100)            ? Level::kAbove
         : reaches(bytes, limit, kNearPercent) ? Level::kNear
                                               : Level::kFine;
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{}", (bytes + (1 << 19)) >> 20); }

}  // namespace

std::vector<QuotaState> judge_quota(const std::vector<QuotaFact>& facts) {
  std::map<std::string, std::uint64_t> of_domain;
  for (const auto& fact : facts) of_domain[fact.domain] += fact.bytes;
  std::vector<QuotaState> states;
  for (const auto& fact : facts) {
    const auto domain_bytes = of_domain[fact.domain];
    const auto own = level_of(fact.bytes, fact.limit), shared = level_of(domain_bytes, fact.domain_limit);
    QuotaState state;
    state.name = fact.name;
    state.domain = fact.domain;
    state.is_by_domain = shared > own;
    state.level = state.is_by_domain ? shared : own;
    state.bytes = state.is_by_domain ? domain_bytes : fact.bytes;
    state.limit = state.is_by_domain ? fact.domain_limit : fact.limit;
    state.may_write_anyway = fact.may_write_anyway;
    const bool is_held = fact.is_read_only && (reaches(fact.bytes, fact.limit, kLiftBelowPercent) ||
                                               reaches(domain_bytes, fact.domain_limit, kLiftBelowPercent));
    state.is_read_only = !fact.may_write_anyway && (state.level == Level::kAbove || is_held);
    state.is_locked_out = state.is_read_only && fact.is_locked_out;
    states.push_back(std::move(state));
  }
  return states;
}

std::vector<api::Check> quota_checks(const std::vector<QuotaState>& states) {
  std::vector<api::Check> checks;
  for (const auto& state : states) {
    if (state.level == Level::kFine && !state.is_read_only) continue;
    const std::string key = state.name + "@" + state.domain;
    const std::string whose =
        state.is_by_domain ? fmt::format("all databases of {} take", state.domain) : "its database takes";
    api::Check check;
    const std::string kind = state.is_by_domain ? "quota-domain" : "quota";
    const std::string bytes = megabytes(state.bytes), limit = megabytes(state.limit);
    if (state.is_locked_out) {
      check.id = fmt::format("quota-locked-out-{}", key);
      check.severity = api::Severity::kError;
      check.text = fmt::format(
          "{} is locked out of its database: it went on writing though it is above its limit ({} of {} MB)",
          key, bytes, limit);
      check.why =
          "Its app has switched its sessions back to writing. Until its database is below the limit again it "
          "does not get at its data.";
      check.fix =
          "Ask whoever made the app. To let it in again raise its limit, or let it write for an hour; a "
          "restore needs that, too.";
      check.command = fmt::format("berth limit allow-writes {} --minutes 60", key);
    } else if (state.is_read_only) {
      check.id = fmt::format("{}-reached-{}", kind, key);
      check.severity = api::Severity::kError;
      check.text = fmt::format("{} can only read: {} {} of {} MB", key, whose, bytes, limit);
      check.why = "Its users can change nothing until it is below its limit again.";
      check.fix =
          "Raise its limit; or let it write for an hour, have its users delete what they do not need, and "
          "then "
          "clean up its database.";
      check.command = fmt::format("berth limit allow-writes {} --minutes 60", key);
    } else {
      check.id = fmt::format("{}-near-{}", kind, key);
      check.severity = api::Severity::kWarning;
      check.text = fmt::format("{} is near its limit: {} {} of {} MB", key, whose, bytes, limit);
      check.why = "At its limit it can only read.";
      check.fix = "Raise its limit, or clean up its database.";
      check.command = fmt::format("berth instance clean-up {}", key);
    }
    check.values = {key, state.is_by_domain ? state.domain : "", bytes, limit};
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace berth::manager
