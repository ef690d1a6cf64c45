#include "manager/sets/schedule.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "manager/platform/clock.h"

namespace berth::manager {
namespace {

using namespace std::chrono;

const TimeZone utc;
// The clocks change on 29 March and on 25 October 2026 at 01:00 UTC.
const TimeZone berlin = TimeZone::parse("CET-1CEST,M3.5.0,M10.5.0/3").value();
std::string next(std::string_view schedule, std::string_view now, const TimeZone& zone = utc) {
  const auto due = Schedule::parse(schedule).value().next_after(*parse_utc(now), zone);
  return due ? format_utc(*due) : "never";
}

TEST(Schedule, FindsTheNextDueMoment) {
  struct Case {
    const char* schedule;
    const char* now;
    const char* due;
  };
  // Days of the week as in any calendar of 2026: 22 November is a Sunday.
  const Case cases[] = {
      {"daily", "2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z"},
      {"daily", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"},
      {"daily 23:15", "2026-12-31T23:20:00Z", "2027-01-01T23:15:00Z"},
      {"hourly", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"},
      {"hourly :30", "2026-11-22T10:00:00Z", "2026-11-22T10:30:00Z"},
      {"weekly", "2026-11-22T02:00:00Z", "2026-11-29T02:00:00Z"},
      {"weekly wed 04:05", "2026-11-22T10:00:00Z", "2026-11-25T04:05:00Z"},
      {"Weekly Wednesday 04:05", "2026-11-22T10:00:00Z", "2026-11-25T04:05:00Z"},
      {"monthly", "2026-11-22T10:00:00Z", "2026-12-01T02:00:00Z"},
      {"monthly 15 06:30", "2026-11-22T10:00:00Z", "2026-12-15T06:30:00Z"},
      {"*/15 8-18 * * 1-5", "2026-11-20T18:46:00Z", "2026-11-23T08:00:00Z"},
      {"0 0 29 2 *", "2026-11-22T10:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 30 2 *", "2026-11-22T10:00:00Z", "never"},
      {"0 12 13 * 5", "2026-11-22T10:00:00Z", "2026-11-27T12:00:00Z"},  // crontab(5): either is enough
      {"0 12 * * 7", "2026-11-22T10:00:00Z", "2026-11-22T12:00:00Z"},
      {"never", "2026-11-22T10:00:00Z", "never"},
  };
  for (const auto& one : cases) EXPECT_EQ(next(one.schedule, one.now), one.due) << one.schedule;
}

TEST(Schedule, FollowsTheClockOnTheWall) {
  EXPECT_EQ(next("daily 02:00", "2026-11-22T00:30:00Z", berlin), "2026-11-22T01:00:00Z");
  EXPECT_EQ(next("daily 02:00", "2026-07-22T00:30:00Z", berlin), "2026-07-23T00:00:00Z");
  EXPECT_EQ(next("weekly mon 00:30", "2026-07-19T00:00:00Z", berlin), "2026-07-19T22:30:00Z");
}

TEST(Schedule, IsDueOnceADayWhenTheClocksChange) {
  // 02:30 does not exist on 29 March and comes twice on 25 October.
  auto at = *parse_utc("2026-03-27T12:00:00Z");
  const auto schedule = Schedule::parse("daily 02:30").value();
  std::vector<std::string> days;
  for (int i = 0; i < 3; ++i) days.push_back(format_utc(at = *schedule.next_after(at, berlin)));
  EXPECT_EQ(days, (std::vector<std::string>{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z",
                                            "2026-03-30T00:30:00Z"}));
  at = *parse_utc("2026-10-24T12:00:00Z");
  days.clear();
  for (int i = 0; i < 3; ++i) days.push_back(format_utc(at = *schedule.next_after(at, berlin)));
  EXPECT_EQ(days, (std::vector<std::string>{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z",
                                            "2026-10-27T01:30:00Z"}));
}

TEST(Schedule, IsDueOnEachDayOfAYearExactlyOnce) {
  const auto schedule = Schedule::parse("daily 02:00").value();
  auto at = *parse_utc("2025-12-31T12:00:00Z");
  for (int day = 0; day < 365; ++day) {
    const auto due = *schedule.next_after(at, berlin);
    EXPECT_EQ(floor<std::chrono::days>(berlin.to_local(due)) - floor<std::chrono::days>(berlin.to_local(at)),
              std::chrono::days(1))
        << format_utc(due);
    at = due;
  }
}

TEST(Schedule, SaysWhatIsWrong) {
  for (const char* text :
       {"", "sometimes", "daily 24:00", "daily 02:00 please", "weekly someday", "monthly 31", "60 * * * *",
        "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "hourly 30"})
    EXPECT_EQ(Schedule::parse(text).error().code, Errc::kMalformed) << text;
  EXPECT_NE(Schedule::parse("61 * * * *").error().detail.find("\"61\" is no minute: 0 to 59"),
            std::string::npos);
}

}  // namespace
}  // namespace berth::manager
