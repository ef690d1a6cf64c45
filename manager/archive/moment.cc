#include "manager/archive/moment.h"

#include <charconv>
#include <optional>

#include "base/text.h"

namespace berth::manager {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Takes exactly `digits` digits from the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

struct Wall {
  std::chrono::local_seconds time;
  std::optional<seconds> offset;  // east of UTC
};

std::optional<seconds> parse_offset(std::string_view text) {
  if (text == "Z" || text == "z" || equal_ignoring_case(text, "UTC") || equal_ignoring_case(text, "GMT"))
    return seconds(0);
  const bool is_west = text.starts_with('-');
  if (!is_west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_number(text, 2);
  int minute = 0;
  if (hour && !text.empty()) {
    take(text, ':');
    const auto number = take_number(text, 2);
    if (!number) return std::nullopt;
    minute = *number;
  }
  if (!hour || !text.empty() || *hour > 15 || minute > 59) return std::nullopt;
  const seconds offset = hours(*hour) + minutes(minute);
  return is_west ? -offset : offset;
}

std::optional<Wall> parse_wall(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !(take(text, ' ') || take(text, 'T') || take(text, 't'))) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute) return std::nullopt;
  int second = 0;
  if (take(text, ':')) {
    const auto number = take_number(text, 2);
    if (!number) return std::nullopt;
    second = *number;
    if (take(text, '.')) {
      if (!take_number(text, 1)) return std::nullopt;
      while (take_number(text, 1)) {}
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  Wall wall;
  wall.time = std::chrono::local_days(date) + hours(*hour) + minutes(*minute) + seconds(second);
  text = trim(text);
  if (text.empty()) return wall;
  wall.offset = parse_offset(text);
  if (!wall.offset) return std::nullopt;
  return wall;
}

}  // namespace

Result<std::chrono::sys_seconds> parse_moment(std::string_view text, const TimeZone& zone) {
  const auto wall = parse_wall(trim(text));
  if (!wall)
    return fail(Errc::kMalformed,
                "\"{}\" is no moment: write it as \"2026-11-22 14:32:07\", with a zone of its own as "
                "\"2026-11-22T13:32:07Z\" or \"2026-11-22 14:32:07 +01:00\"",
                text);
  if (!wall->offset) return zone.to_utc(wall->time);
  return std::chrono::sys_seconds(wall->time.time_since_epoch() - *wall->offset);
}

}  // namespace berth::manager
