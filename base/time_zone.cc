#include "base/time_zone.h"

#include <algorithm>
#include <array>

namespace berth {

using namespace std::chrono;

namespace {

constexpr std::string_view kUsual = "CET-1CEST,M3.5.0,M10.5.0/3";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads the text from left to right; errors name the place.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }

  template <class... Args>
  tl::unexpected<Error> refuse(fmt::format_string<Args...> expected, Args&&... args) const {
    return fail(Errc::kMalformed, "time zone, character {}: expected {}; a whole one is \"{}\"", at_ + 1,
                fmt::format(expected, std::forward<Args>(args)...), kUsual);
  }

  Result<std::string> read_name() {
    const bool is_quoted = take('<');
    const std::size_t begin = at_;
    const auto belongs = [is_quoted](char c) {
      return is_letter(c) || (is_quoted && (is_digit(c) || c == '+' || c == '-'));
    };
    while (!at_end() && belongs(peek())) ++at_;
    std::string name(text_.substr(begin, at_ - begin));
    if (name.size() < 3) return refuse("the zone's name of at least three letters");
    if (name.size() > 32) return refuse("a name of at most 32 letters");
    if (is_quoted && !take('>')) return refuse("'>'");
    return name;
  }

  Result<int> read_number(int min, int max) {
    const std::size_t begin = at_;
    int number = 0;
    while (is_digit(peek()) && at_ - begin < 4) number = number * 10 + (text_[at_++] - '0');
    if (at_ == begin || number < min || number > max) {
      at_ = begin;
      return refuse("a number from {} to {}", min, max);
    }
    return number;
  }

  // [+-]hh[:mm[:ss]]
  Result<seconds> read_time(int max_hours) {
    const bool is_negative = take('-');
    if (!is_negative) (void)take('+');
    BERTH_TRY(const int hour, read_number(0, max_hours));
    int minute = 0, second = 0;
    if (take(':')) {
      BERTH_TRY(minute, read_number(0, 59));
      if (take(':')) {
        BERTH_TRY(second, read_number(0, 59));
      }
    }
    const seconds time = hours(hour) + minutes(minute) + seconds(second);
    return is_negative ? -time : time;
  }

  Result<ZoneDay> read_day() {
    ZoneDay day;
    if (take('M')) {
      day.form = ZoneDay::Form::kWeekday;
      BERTH_TRY(day.month, read_number(1, 12));
      if (!take('.')) return refuse("'.' and the week");
      BERTH_TRY(day.week, read_number(1, 5));
      if (!take('.')) return refuse("'.' and the weekday");
      BERTH_TRY(day.day, read_number(0, 6));
    } else if (take('J')) {
      BERTH_TRY(day.day, read_number(1, 365));
    } else {
      if (!is_digit(peek())) return refuse("the day of the change (Mm.w.d, Jn or n)");
      day.form = ZoneDay::Form::kZeroed;
      BERTH_TRY(day.day, read_number(0, 365));
    }
    if (take('/')) {
      BERTH_TRY(day.time, read_time(167));
    }
    return day;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Midnight of the day, and the time: what the clock that is about to change shows.
local_seconds change_in(const ZoneDay& rule, year in) {
  const local_days first{in / January / 1};
  local_days day = first;
  switch (rule.form) {
    case ZoneDay::Form::kJulian:
      day = first + days(rule.day - 1 + (in.is_leap() && rule.day >= 60 ? 1 : 0));
      break;
    case ZoneDay::Form::kZeroed: day = first + days(rule.day); break;
    case ZoneDay::Form::kWeekday: {
      const auto on = in / month(static_cast<unsigned>(rule.month));
      const weekday wanted(static_cast<unsigned>(rule.day));
      day = rule.week == 5 ? local_days(on / wanted[last])
                           : local_days(on / wanted[static_cast<unsigned>(rule.week)]);
    }
  }
  return local_seconds(day) + rule.time;
}

sys_seconds with_offset(local_seconds local, seconds offset) {
  return sys_seconds(local.time_since_epoch() - offset);
}

year year_of(sys_seconds moment) { return year_month_day(floor<days>(moment)).year(); }

std::string format_time(seconds time, bool is_offset) {
  if (is_offset) time = -time;  // POSIX counts west of Greenwich
  const auto parts = abs(time);
  std::string text = fmt::format("{}{}", time < seconds(0) ? "-" : "", duration_cast<hours>(parts).count());
  const auto rest = parts % hours(1);
  if (rest.count() == 0) return text;
  text += fmt::format(":{:02}", duration_cast<minutes>(rest).count());
  if (const auto last = rest % minutes(1); last.count() != 0) text += fmt::format(":{:02}", last.count());
  return text;
}

std::string format_name(const std::string& name) {
  return std::all_of(name.begin(), name.end(), is_letter) ? name : "<" + name + ">";
}

std::string format_day(const ZoneDay& day) {
  std::string text;
  switch (day.form) {
    case ZoneDay::Form::kJulian: text = fmt::format("J{}", day.day); break;
    case ZoneDay::Form::kZeroed: text = fmt::format("{}", day.day); break;
    case ZoneDay::Form::kWeekday: text = fmt::format("M{}.{}.{}", day.month, day.week, day.day);
  }
  return text + "/" + format_time(day.time, false);
}

}  // namespace

Result<TimeZone> TimeZone::parse(std::string_view text) {
  TimeZone zone;
  if (text.empty()) return zone;
  if (text.size() > 128) return fail(Errc::kTooLarge, "time zone of {} bytes, 128 are allowed", text.size());
  Reader reader(text);
  BERTH_TRY(zone.name_, reader.read_name());
  if (reader.peek() == '/')
    return fail(Errc::kMalformed,
                "\"{}\" looks like a name of the zone database; the POSIX form is asked for, as \"{}\"", text,
                kUsual);
  BERTH_TRY(const seconds west, reader.read_time(24));
  zone.offset_ = -west;
  if (reader.at_end()) return zone;

  Summer summer;
  BERTH_TRY(summer.name, reader.read_name());
  summer.offset = zone.offset_ + hours(1);
  if (!reader.at_end() && reader.peek() != ',') {
    BERTH_TRY(const seconds summer_west, reader.read_time(25));  // an hour more than 24, if left out
    summer.offset = -summer_west;
  }
  if (reader.at_end()) {
    summer.start = {ZoneDay::Form::kWeekday, 0, 3, 2};
    summer.end = {ZoneDay::Form::kWeekday, 0, 11, 1};
  } else {
    if (!reader.take(',')) return reader.refuse("',' and when summer time begins");
    BERTH_TRY(summer.start, reader.read_day());
    if (!reader.take(',')) return reader.refuse("',' and when summer time ends");
    BERTH_TRY(summer.end, reader.read_day());
    if (!reader.at_end()) return reader.refuse("the end");
  }
  zone.summer_ = std::move(summer);
  return zone;
}

// The summer that begins in that year; it may end in the next (southern hemisphere).
TimeZone::Interval TimeZone::summer_of(year in) const {
  const auto start = with_offset(change_in(summer_->start, in), offset_);
  auto end = with_offset(change_in(summer_->end, in), summer_->offset);
  if (end < start) end = with_offset(change_in(summer_->end, in + years(1)), summer_->offset);
  return {start, end};
}

bool TimeZone::is_summer_time(sys_seconds moment) const {
  if (!summer_) return false;
  // Rules of a week before or after the year's ends reach into its neighbours.
  const year now = year_of(moment);
  for (int more = -2; more <= 1; ++more) {
    const auto summer = summer_of(now + years(more));
    if (moment >= summer.start && moment < summer.end) return true;
  }
  return false;
}

seconds TimeZone::offset_at(sys_seconds moment) const {
  return is_summer_time(moment) ? summer_->offset : offset_;
}

const std::string& TimeZone::name_at(sys_seconds moment) const {
  return is_summer_time(moment) ? summer_->name : name_;
}

local_seconds TimeZone::to_local(sys_seconds moment) const {
  return local_seconds(moment.time_since_epoch() + offset_at(moment));
}

sys_seconds TimeZone::to_utc(local_seconds local) const {
  const auto normal = with_offset(local, offset_);
  if (!summer_) return normal;
  const auto summer = with_offset(local, summer_->offset);
  const auto early = std::min(normal, summer), late = std::max(normal, summer);
  if (to_local(early) == local) return early;
  if (to_local(late) == local) return late;
  // Left out: the change lies between.
  auto change = late;
  for (int more = -2; more <= 1; ++more) {
    const auto interval = summer_of(year_of(normal) + years(more));
    for (const auto boundary : {interval.start, interval.end})
      if (boundary > early && boundary <= late) change = std::min(change, boundary);
  }
  return change;
}

sys_seconds TimeZone::next_daily(sys_seconds after, seconds time_of_day) const {
  // From the day before: with offsets of two changes a day, to_utc() of a later day is never earlier than of an earlier.
  auto day = floor<days>(to_local(after)) - days(1);
  for (;; day += days(1))
    if (const auto moment = to_utc(local_seconds(day) + time_of_day); moment > after) return moment;
}

std::string TimeZone::format() const {
  if (*this == TimeZone()) return {};
  std::string text = format_name(name_) + format_time(offset_, true);
  if (!summer_) return text;
  return text + format_name(summer_->name) + format_time(summer_->offset, true) + "," +
         format_day(summer_->start) + "," + format_day(summer_->end);
}

}  // namespace berth
