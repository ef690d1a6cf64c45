#include "manager/traces/trace_switches.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "base/utc.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {
constexpr auto kLongestWait = 1h;  // the machine's clock may be set meanwhile
}

TraceSwitches::TraceSwitches(loop::Loop& loop, db::Database& database, Now now)
    : database_(database), now_(std::move(now)), timer_(loop), tasks_(loop, "traces") {}

Task<void> TraceSwitches::load() {
  const auto rows = co_await database_.query_repeatable(
      "SELECT target, flags::text AS flags, extract(epoch FROM until)::bigint AS until, by FROM "
      "trace_switch");
  for (const auto row : rows) {
    Switch one;
    one.flags = row.get<std::uint64_t>("flags");
    one.until = std::chrono::sys_seconds(std::chrono::seconds(row.get<std::int64_t>("until")));
    one.by = row.get<std::string>("by");
    switches_[row.get<std::string>("target")] = std::move(one);
  }
  end_due();
  plan();
}

void TraceSwitches::apply_all() {
  if (!apply) return;
  for (const auto& [target, one] : switches_) apply(target, one.flags);
}

Task<std::optional<api::TraceSwitch>> TraceSwitches::set(std::string target,
                                                         std::optional<std::uint64_t> flags,
                                                         std::uint64_t minutes, std::string by) {
  const auto usual_flags = usual(target);
  if (!usual_flags) throw_failure(Errc::kNotFound, "there is nothing to trace called {}", target);
  if (!flags) {
    switches_.erase(target);
    co_await forget(target);
    apply(target, *usual_flags);
    plan();
    log_info("traces end", {{"target", target}, {"by", by}});
    co_return std::nullopt;
  }
  if (minutes < 1 || minutes > kMostMinutes)
    throw_failure(Errc::kMalformed, "minutes: a number from 1 to {} is expected", kMostMinutes);
  if (*flags > kAllTraceFlags) throw_failure(Errc::kMalformed, "there are 34 trace flags");
  const Switch one{*flags, now_() + std::chrono::minutes(minutes), by};
  const std::string text = std::to_string(one.flags);
  const std::int64_t until = one.until.time_since_epoch().count();
  co_await database_.query_repeatable(
      "INSERT INTO trace_switch (target, flags, until, by) VALUES ($1, $2::numeric, "
      "to_timestamp($3::bigint), $4) "
      "ON CONFLICT (target) DO UPDATE SET flags = $2::numeric, until = to_timestamp($3::bigint), by = $4",
      target, text, until, by);
  switches_[target] = one;
  apply(target, one.flags);
  plan();
  log_info("traces begin",
           {{"target", target}, {"flags", format_trace_flags(one.flags)}, {"minutes", minutes}, {"by", by}});
  co_return view(target, one);
}

api::TraceSwitch TraceSwitches::view(const std::string& target, const Switch& one) const {
  const auto usual_flags = usual ? usual(target) : std::nullopt;
  return {target, one.flags, usual_flags.value_or(kDefaultTraceFlags), format_utc(one.until), one.by};
}

std::vector<api::TraceSwitch> TraceSwitches::list() const {
  std::vector<api::TraceSwitch> all;
  for (const auto& [target, one] : switches_) all.push_back(view(target, one));
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.until, a.target) < std::tie(b.until, b.target);
  });
  return all;
}

std::optional<api::TraceSwitch> TraceSwitches::find(const std::string& target) const {
  const auto found = switches_.find(target);
  if (found == switches_.end()) return std::nullopt;
  return view(target, found->second);
}

void TraceSwitches::plan() {
  if (switches_.empty()) {
    timer_.cancel();
    return;
  }
  auto first = std::chrono::sys_seconds::max();
  for (const auto& [target, one] : switches_) first = std::min(first, one.until);
  const auto wait = std::clamp<std::chrono::seconds>(first - now_(), 0s, kLongestWait);
  timer_.start(wait, [this] {
    end_due();
    plan();
  });
}

void TraceSwitches::end_due() {
  for (auto one = switches_.begin(); one != switches_.end();) {
    if (one->second.until > now_()) {
      ++one;
      continue;
    }
    const std::string target = one->first;
    one = switches_.erase(one);
    tasks_.spawn(forget(target));
    const auto usual_flags = usual ? usual(target) : std::nullopt;
    if (usual_flags && apply) apply(target, *usual_flags);
    log_info("traces end", {{"target", target}});
  }
}

Task<void> TraceSwitches::forget(std::string target) {
  try {
    co_await database_.query_repeatable("DELETE FROM trace_switch WHERE target = $1", target);
  } catch (const Failure& failure) {
    // The next manager ends it: its time is over.
    log_warning("the end of a trace is not kept", {{"target", target}, {"error", failure.error().detail}});
  }
}

}  // namespace berth::manager
