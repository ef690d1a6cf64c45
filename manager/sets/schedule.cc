#include "manager/sets/schedule.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace berth::manager {
namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int kHorizonDays = 366 * 5;  // 29 February comes within it

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (const auto word : split(text, ' '))
    if (!trim(word).empty()) words.push_back(trim(word));
  return words;
}

// "1,2", "1-5", "*/15", "8-18/2": sets the numbers; true if it was not just "*".
template <std::size_t N>
Result<bool> parse_field(std::string_view text, int low, int high, std::string_view what,
                         std::bitset<N>& into) {
  const auto number = [&](std::string_view digits) -> Result<int> {
    const auto value = parse_integer(digits);
    if (!value || *value < low || *value > high)
      return fail(Errc::kMalformed, "\"{}\" is no {}: {} to {}, a list 1,2, a range 1-5, or *", digits, what,
                  low, high);
    return static_cast<int>(*value);
  };
  for (const auto part : split(text, ',')) {
    std::string_view range = part;
    int step = 1;
    if (const auto slash = part.find('/'); slash != std::string_view::npos) {
      const auto value = parse_integer(part.substr(slash + 1));
      if (!value || *value < 1 || *value > high)
        return fail(Errc::kMalformed, "\"{}\": the step of a {} is a number from 1 to {}", part, what, high);
      step = static_cast<int>(*value);
      range = part.substr(0, slash);
    }
    int first = low, last = high;
    if (const auto dash = range.find('-'); range != "*") {
      BERTH_TRY(first, number(range.substr(0, dash)));
      last = first;
      if (dash != std::string_view::npos) {
        BERTH_TRY(last, number(range.substr(dash + 1)));
      } else if (step > 1) {
        last = high;
      }
    }
    if (last < first) return fail(Errc::kMalformed, "\"{}\": the range of a {} runs backwards", part, what);
    for (int value = first; value <= last; value += step) into.set(static_cast<std::size_t>(value));
  }
  return text != "*";
}

Result<std::pair<int, int>> parse_time(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos) {
    const auto hour = parse_integer(text.substr(0, colon)), minute = parse_integer(text.substr(colon + 1));
    if (hour && minute && *hour >= 0 && *hour <= 23 && *minute >= 0 && *minute <= 59)
      return std::pair(static_cast<int>(*hour), static_cast<int>(*minute));
  }
  return fail(Errc::kMalformed, "\"{}\" is no time of day: 00:00 to 23:59", text);
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text) {
  const std::string lower = to_lower(trim(text));
  const auto words = words_of(lower);
  Schedule schedule;
  if (words.empty())
    return fail(
        Errc::kMalformed,
        "a schedule is never, hourly, daily HH:MM, weekly DAY HH:MM, monthly D HH:MM or five fields as in a "
        "crontab");
  if (words.size() == 5) {
    BERTH_TRY_VOID(parse_field(words[0], 0, 59, "minute", schedule.minutes_));
    BERTH_TRY_VOID(parse_field(words[1], 0, 23, "hour", schedule.hours_));
    BERTH_TRY(const bool has_days, parse_field(words[2], 1, 31, "day of the month", schedule.days_));
    BERTH_TRY_VOID(parse_field(words[3], 1, 12, "month", schedule.months_));
    std::bitset<8> week;
    BERTH_TRY(const bool has_week, parse_field(words[4], 0, 7, "day of the week", week));
    for (std::size_t day = 0; day < 8; ++day)
      if (week[day]) schedule.weekdays_.set(day % 7);
    schedule.any_day_ = !has_days;
    schedule.any_weekday_ = !has_week;
    return schedule;
  }
  schedule.days_.set();
  schedule.months_.set();
  schedule.weekdays_.set();
  std::size_t next = 1;
  if (words[0] == "never") {
    schedule.is_never_ = true;
  } else if (words[0] == "hourly") {
    schedule.hours_.set();
    int minute = 0;
    if (next < words.size()) {
      if (words[next].front() != ':')
        return fail(Errc::kMalformed, "\"{}\": hourly takes a minute as :30", words[next]);
      BERTH_TRY(const auto time, parse_time("0" + std::string(words[next++])));
      minute = time.second;
    }
    schedule.minutes_.set(static_cast<std::size_t>(minute));
    if (next == words.size()) return schedule;
  } else if (words[0] == "weekly") {
    std::size_t day = 0;
    if (next < words.size() && words[next].find(':') == std::string_view::npos) {
      const auto found = std::find(kDays.begin(), kDays.end(), words[next].substr(0, 3));
      if (found == kDays.end())
        return fail(Errc::kMalformed, "\"{}\" is no day: mon, tue, wed, thu, fri, sat, sun", words[next]);
      day = static_cast<std::size_t>(found - kDays.begin());
      ++next;
    }
    schedule.weekdays_.reset();
    schedule.weekdays_.set(day);
    schedule.any_weekday_ = false;
  } else if (words[0] == "monthly") {
    std::int64_t day = 1;
    if (next < words.size() && words[next].find(':') == std::string_view::npos) {
      day = parse_integer(words[next]).value_or(0);
      if (day < 1 || day > 28)
        return fail(Errc::kMalformed, "\"{}\": a day that every month has is expected, 1 to 28", words[next]);
      ++next;
    }
    schedule.days_.reset();
    schedule.days_.set(static_cast<std::size_t>(day));
    schedule.any_day_ = false;
  } else if (words[0] != "daily") {
    return fail(Errc::kMalformed,
                "\"{}\": a schedule is never, hourly, daily HH:MM, weekly DAY HH:MM, monthly D HH:MM or five "
                "fields as in "
                "a crontab",
                words[0]);
  }
  if (!schedule.is_never_) {
    std::pair<int, int> time{2, 0};
    if (next < words.size()) {
      BERTH_TRY(time, parse_time(words[next]));
      ++next;
    }
    schedule.hours_.set(static_cast<std::size_t>(time.first));
    schedule.minutes_.set(static_cast<std::size_t>(time.second));
  }
  if (next != words.size())
    return fail(Errc::kMalformed, "\"{}\": nothing is expected after the time", words[next]);
  return schedule;
}

std::optional<sys_seconds> Schedule::next_after(sys_seconds now, const TimeZone& zone) const {
  if (is_never_) return std::nullopt;
  const auto today = floor<days>(zone.to_local(now));
  for (int ahead = -1; ahead <= kHorizonDays; ++ahead) {
    const auto day = today + days(ahead);
    const year_month_day date(day);
    if (!months_[unsigned(date.month())]) continue;
    const bool day_fits = days_[unsigned(date.day())], week_fits = weekdays_[weekday(day).c_encoding()];
    const bool fits = any_day_ || any_weekday_ ? (any_day_ || day_fits) && (any_weekday_ || week_fits)
                                               : day_fits || week_fits;
    if (!fits) continue;
    std::optional<sys_seconds> found;
    for (std::size_t hour = 0; hour < 24; ++hour)
      for (std::size_t minute = 0; hours_[hour] && minute < 60; ++minute) {
        if (!minutes_[minute]) continue;
        const auto due = zone.to_utc(day + hours(hour) + minutes(minute));
        if (due > now && (!found || due < *found)) found = due;
      }
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace berth::manager
