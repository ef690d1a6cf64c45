#include "manager/care/night_plan.h"

#include <fmt/format.h>

#include "base/utc.h"

namespace berth::manager {

using namespace std::chrono;

NightPlan::Run NightPlan::next(sys_seconds now, const NightsDone& done) const {
  // Last night's may still be due after midnight.
  auto night = floor<days>(zone_.to_local(now)) - days(1);
  for (;; night += days(1)) {
    if (done.nights.contains(night)) continue;
    const auto begin = zone_.to_utc(local_seconds(night) + hour_);
    const auto latest = begin + kSpread + kGrace;
    auto moment = std::max(now, begin + std::min<seconds>(delay_of_(night), kSpread));
    if (done.last_started && *done.last_started <= now)
      moment = std::max(moment, *done.last_started + kApart);
    if (moment <= latest) return {night, moment};
  }
}

std::string format_day(local_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::optional<local_days> parse_day(std::string_view text) {
  const auto moment = parse_utc(fmt::format("{}T00:00:00Z", text));
  if (!moment) return std::nullopt;
  return local_days(floor<days>(*moment).time_since_epoch());
}

}  // namespace berth::manager
