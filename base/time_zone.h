// Time zones as POSIX writes them in TZ (IEEE 1003.1, "Environment Variables", 8.3): "CET-1CEST,M3.5.0,M10.5.0/3". The
// rule is a value: nothing here reads or changes the zone of the process or of the machine.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth {

// The day on which the clocks change, every year anew.
struct ZoneDay {
  enum class Form : std::uint8_t {
    kJulian,   // Jn: 1..365, 29 February never counts
    kZeroed,   // n: 0..365, it does
    kWeekday,  // Mm.w.d: d-th weekday (0: Sunday) of week w (5: the last) of month m
  };
  Form form = Form::kJulian;
  int day = 1;  // n, or d
  int month = 0, week = 0;
  std::chrono::seconds time{2 *
                            3600};  // wall clock before the change; -167 h to 167 h (RFC 8536 section 3.3.1)
  bool operator==(const ZoneDay&) const = default;
};

class TimeZone {
 public:
  // UTC.
  TimeZone() = default;

  // Empty text is UTC. A summer time without rules follows those of the USA (",M3.2.0,M11.1.0"), as in the C library.
  // kMalformed says at which character and what was expected; names of the zone database ("Europe/Berlin") and the
  // form ":characters" are refused.
  static Result<TimeZone> parse(std::string_view text);

  // East of UTC, at that moment. Years 0 to 9999; beyond, whatever falls out.
  std::chrono::seconds offset_at(std::chrono::sys_seconds moment) const;
  bool is_summer_time(std::chrono::sys_seconds moment) const;
  // "CET", "CEST"; "UTC" for the empty text.
  const std::string& name_at(std::chrono::sys_seconds moment) const;
  // What a clock on the wall shows.
  std::chrono::local_seconds to_local(std::chrono::sys_seconds moment) const;

  // When a clock on the wall shows `local`: of two such moments (clocks put back) the first, and for a time that is
  // left out (clocks put forward) the moment of the change. So each time of each day has exactly one.
  std::chrono::sys_seconds to_utc(std::chrono::local_seconds local) const;

  // The next moment after `after` (strictly) at which it is `time_of_day` (0 to below 24 h) by to_utc().
  std::chrono::sys_seconds next_daily(std::chrono::sys_seconds after, std::chrono::seconds time_of_day) const;

  // parse(format(zone)) is the same zone; all that may be left out is written.
  std::string format() const;

  bool operator==(const TimeZone&) const = default;

 private:
  struct Summer {
    std::string name;
    std::chrono::seconds offset;  // east of UTC
    ZoneDay start, end;
    bool operator==(const Summer&) const = default;
  };
  struct Interval {
    std::chrono::sys_seconds start, end;
  };
  Interval summer_of(std::chrono::year year) const;

  std::string name_ = "UTC";
  std::chrono::seconds offset_{0};
  std::optional<Summer> summer_;
};

}  // namespace berth
