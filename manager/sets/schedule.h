// When a policy is due: a small grammar, in the platform's own time zone.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time_zone.h"

namespace berth::manager {

// One of
//   never
//   hourly [:MM]            daily [HH:MM]
//   weekly [DAY] [HH:MM]    monthly [DAY-OF-MONTH] [HH:MM]      DAY: mon … sun
//   MINUTE HOUR DAY-OF-MONTH MONTH DAY-OF-WEEK                  as crontab(5): *, 1,2, 1-5, */15; day of week 0-7
// Without a time it is 02:00, without a day Sunday or the 1st. A value.
class Schedule {
 public:
  // kMalformed names the part that is wrong and what it could be.
  static Result<Schedule> parse(std::string_view text);

  // The first due moment after `now`; nullopt for `never` and for days that do not come (30 February).
  // A wall-clock time that a change of the clocks leaves out counts as the moment of the change, one that comes twice
  // counts once, the first time: a daily schedule is due once a day, on those days too.
  std::optional<std::chrono::sys_seconds> next_after(std::chrono::sys_seconds now,
                                                     const TimeZone& zone) const;

 private:
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1…31
  std::bitset<13> months_;   // 1…12
  std::bitset<7> weekdays_;  // 0: Sunday
  // crontab(5): if both are restricted, either is enough.
  bool any_day_ = true, any_weekday_ = true;
  bool is_never_ = false;
};

}  // namespace berth::manager
