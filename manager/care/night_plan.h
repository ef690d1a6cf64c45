// When the databases are looked after: once a night, whatever the clocks do. Pure, so that nights can be tested by the
// thousand.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "base/time_zone.h"

namespace berth::manager {

// What is known of past runs.
struct NightsDone {
  std::set<std::chrono::local_days> nights;  // that had their run
  std::optional<std::chrono::sys_seconds> last_started;
};

// A value.
class NightPlan {
 public:
  // The random part, so that hundreds of platforms on one host do not begin at once, is at most this long.
  static constexpr std::chrono::hours kSpread{7};
  // A night that had no run so long after its latest beginning (machine off) is left out.
  static constexpr std::chrono::hours kGrace{1};
  // Between two runs whatever night they count for: settings or the clock were changed.
  static constexpr std::chrono::hours kApart{10};

  struct Run {
    std::chrono::local_days night;    // the day whose hour begins it
    std::chrono::sys_seconds moment;  // not before `now`
  };

  // `hour` 0 to 23 by `zone`. `delay_of`: 0 to kSpread, the same for the same night.
  NightPlan(TimeZone zone, int hour, std::function<std::chrono::seconds(std::chrono::local_days)> delay_of)
      : zone_(std::move(zone)), hour_(hour), delay_of_(std::move(delay_of)) {}

  // The next run; its moment is `now` if it is due.
  Run next(std::chrono::sys_seconds now, const NightsDone& done) const;

 private:
  TimeZone zone_;
  std::chrono::hours hour_;
  std::function<std::chrono::seconds(std::chrono::local_days)> delay_of_;
};

// "2026-11-22"
std::string format_day(std::chrono::local_days day);
std::optional<std::chrono::local_days> parse_day(std::string_view text);

}  // namespace berth::manager
