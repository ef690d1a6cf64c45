#include "base/time_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <random>

#include "base/utc.h"

namespace berth {
namespace {

using namespace std::chrono;

TimeZone zone_of(std::string_view text) {
  auto zone = TimeZone::parse(text);
  EXPECT_TRUE(zone) << text << ": " << (zone ? "" : zone.error().detail);
  return zone ? std::move(*zone) : TimeZone();
}
sys_seconds utc(std::string_view iso) { return parse_utc(iso).value(); }
local_seconds wall(std::string_view iso) { return local_seconds(utc(iso).time_since_epoch()); }

const char* const kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

// The C library under another TZ, for as long as this lives; the test alone does so.
class Borrowed {
 public:
  explicit Borrowed(const std::string& text) {
    if (const char* present = ::getenv("TZ")) before_ = present;
    ::setenv("TZ", text.c_str(), 1);
    ::tzset();
  }
  ~Borrowed() {
    if (before_) ::setenv("TZ", before_->c_str(), 1);
    else ::unsetenv("TZ");
    ::tzset();
  }
  static seconds offset_at(sys_seconds moment) { return seconds(parts_at(moment).tm_gmtoff); }
  static bool is_summer_time(sys_seconds moment) { return parts_at(moment).tm_isdst > 0; }

 private:
  static std::tm parts_at(sys_seconds moment) {
    const std::time_t number = moment.time_since_epoch().count();
    std::tm parts{};
    ::localtime_r(&number, &parts);
    return parts;
  }
  std::optional<std::string> before_;
};

TEST(TimeZone, KnowsWhenClocksChange) {
  const auto berlin = zone_of(kBerlin);
  EXPECT_EQ(berlin.offset_at(utc("2026-03-29T00:59:59Z")), 1h);
  EXPECT_EQ(berlin.offset_at(utc("2026-03-29T01:00:00Z")), 2h);
  EXPECT_EQ(berlin.offset_at(utc("2026-10-25T00:59:59Z")), 2h);
  EXPECT_EQ(berlin.offset_at(utc("2026-10-25T01:00:00Z")), 1h);
  EXPECT_EQ(berlin.name_at(utc("2026-07-01T00:00:00Z")), "CEST");
  EXPECT_EQ(berlin.name_at(utc("2026-12-01T00:00:00Z")), "CET");
  // Summer over New Year; half an hour; summer time that is less than winter's (Dublin).
  EXPECT_EQ(zone_of("NZST-12NZDT,M9.5.0,M4.1.0/3").offset_at(utc("2027-01-01T00:00:00Z")), 13h);
  EXPECT_EQ(zone_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0").offset_at(utc("2026-07-01T00:00:00Z")),
            10h + 30min);
  EXPECT_EQ(zone_of("IST-1GMT0,M10.5.0,M3.5.0/1").offset_at(utc("2026-01-01T00:00:00Z")), 0h);
  // RFC 8536 section 3.3.1: summer time all the year round.
  const auto always = zone_of("EST5EDT,0/0,J365/25");
  EXPECT_EQ(always.offset_at(utc("2026-12-31T23:00:00Z")), -4h);
  EXPECT_EQ(always.offset_at(utc("2027-01-01T04:59:59Z")), -4h);
  EXPECT_EQ(always.offset_at(utc("2027-01-01T05:00:00Z")), -4h);
  EXPECT_EQ(zone_of("EST5EDT"), zone_of("EST5EDT4,M3.2.0,M11.1.0/2"));
  EXPECT_EQ(TimeZone().offset_at(utc("2026-07-01T00:00:00Z")), 0h);
}

TEST(TimeZone, AgreesWithTheCLibrary) {
  std::mt19937 random(20261122);
  const auto any = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  std::vector<std::string> texts = {kBerlin,
                                    "CET-1CEST-2,M3.5.0/2,M10.5.0/3",
                                    "EST5EDT,M3.2.0,M11.1.0",
                                    "NZST-12NZDT,M9.5.0,M4.1.0/3",
                                    "IST-1GMT0,M10.5.0,M3.5.0/1",
                                    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                                    "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45",
                                    "MSK-3"};
  // Away from the ends of the year, where the C library looks at one year only.
  const auto day = [&](bool is_early) {
    const int month = is_early ? any(2, 6) : any(7, 11);
    switch (any(0, 2)) {
      case 0: return fmt::format("M{}.{}.{}", month, any(1, 5), any(0, 6));
      case 1: return fmt::format("J{}", month * 30 - any(0, 20));
      default: return fmt::format("{}", month * 30 - any(0, 20));
    }
  };
  const auto time = [&] {
    return any(0, 3) == 0 ? std::string()
                          : fmt::format("/{}:{:02}:{:02}", any(0, 26), any(0, 59), any(0, 59));
  };
  for (int i = 0; i < 300; ++i) {
    const bool is_northern = any(0, 1) == 1;
    const int hours = any(-12, 12);
    texts.push_back(fmt::format("ABC{}:{:02}DEF{},{}{},{}{}", hours, any(0, 59),
                                any(0, 1) ? fmt::format("{}", hours - any(0, 2)) : "", day(is_northern),
                                time(), day(!is_northern), time()));
  }
  for (const auto& text : texts) {
    SCOPED_TRACE(text);
    const auto zone = zone_of(text);
    EXPECT_EQ(zone_of(zone.format()), zone) << zone.format();
    const Borrowed theirs(text);
    for (int i = 0; i < 300; ++i) {
      const auto moment = utc("2008-01-01T00:00:00Z") + seconds(std::int64_t{any(0, 2'000'000'000)} * 2);
      ASSERT_EQ(zone.offset_at(moment), Borrowed::offset_at(moment)) << moment.time_since_epoch().count();
      ASSERT_EQ(zone.is_summer_time(moment), Borrowed::is_summer_time(moment));
    }
    // And each hour of some days around the changes of a leap year and of another.
    for (const auto* year : {"2028-02-01T00:30:00Z", "2026-02-01T00:30:00Z"})
      for (auto moment = utc(year); moment < utc(year) + days(320); moment += hours(1))
        ASSERT_EQ(zone.offset_at(moment), Borrowed::offset_at(moment)) << moment.time_since_epoch().count();
  }
}

TEST(TimeZone, EveryWallClockTimeHasOneMoment) {
  const auto berlin = zone_of(kBerlin);
  // Twice there: the first. Not there: the change. Else the only one.
  EXPECT_EQ(berlin.to_utc(wall("2026-10-25T02:30:00Z")), utc("2026-10-25T00:30:00Z"));
  EXPECT_EQ(berlin.to_utc(wall("2026-03-29T02:30:00Z")), utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.to_utc(wall("2026-03-29T02:00:00Z")), utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.to_utc(wall("2026-03-29T03:00:00Z")), utc("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.to_utc(wall("2026-07-01T12:00:00Z")), utc("2026-07-01T10:00:00Z"));
  for (const char* text : {kBerlin, "NZST-12NZDT,M9.5.0,M4.1.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1", "EST5EDT"}) {
    const auto zone = zone_of(text);
    auto last = zone.to_utc(wall("2026-01-01T00:00:00Z"));
    for (auto local = wall("2026-01-01T00:05:00Z"); local < wall("2027-03-01T00:00:00Z");
         local += minutes(5)) {
      const auto moment = zone.to_utc(local);
      ASSERT_GE(moment, last) << text << ": a later clock time is never an earlier moment";
      ASSERT_GE(zone.to_local(moment), local) << text;
      last = moment;
    }
  }
}

TEST(TimeZone, EveryDayHasItsTimeOnceAlsoWhenClocksChange) {
  for (const char* text : {kBerlin, "NZST-12NZDT,M9.5.0,M4.1.0/3", "IST-1GMT0,M10.5.0,M3.5.0/1", ""})
    for (const auto time :
         {seconds(0h), seconds(2h), seconds(2h + 30min), seconds(3h), seconds(23h + 59min)}) {
      const auto zone = zone_of(text);
      auto moment = utc("2026-01-01T12:00:00Z");
      for (int n = 0; n < 730; ++n) {
        const auto next = zone.next_daily(moment, time);
        ASSERT_GT(next - moment, 0h) << text;
        ASSERT_LE(next - moment, 36h) << text;
        const auto day = floor<days>(zone.to_local(next));
        if (n > 0) {
          ASSERT_EQ(day - floor<days>(zone.to_local(moment)), days(1)) << text << " day " << n;
        }
        moment = next;
      }
    }
  EXPECT_EQ(zone_of(kBerlin).next_daily(utc("2026-11-22T01:00:00Z"), 2h), utc("2026-11-23T01:00:00Z"))
      << "strictly after";
}

TEST(TimeZone, SaysWhatItExpectedAndWhere) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {{"Europe/Berlin", "POSIX form"},
               {":CET", "character 1: expected the zone's name"},
               {"CE-1", "at least three letters"},
               {"<CET", "expected '>'"},
               {"CET", "character 4: expected a number from 0 to 24"},
               {"CET-25", "character 5: expected a number from 0 to 24"},
               {"CET-1:60", "a number from 0 to 59"},
               {"CET-1CEST,M3.5.0", "character 17: expected ',' and when summer time ends"},
               {"CET-1CEST,M13.5.0,M10.5.0", "from 1 to 12"},
               {"CET-1CEST,M3.6.0,M10.5.0", "from 1 to 5"},
               {"CET-1CEST,M3.5.7,M10.5.0", "from 0 to 6"},
               {"CET-1CEST,J0,M10.5.0", "from 1 to 365"},
               {"CET-1CEST,366,M10.5.0", "from 0 to 365"},
               {"CET-1CEST,M3.5.0/168,M10.5.0", "from 0 to 167"},
               {"CET-1CEST,M3.5.0,M10.5.0 ", "expected the end"}};
  for (const auto& c : cases) {
    const auto zone = TimeZone::parse(c.text);
    ASSERT_FALSE(zone) << c.text;
    EXPECT_EQ(zone.error().code, Errc::kMalformed);
    EXPECT_THAT(zone.error().detail, testing::HasSubstr(c.why)) << c.text;
  }
  EXPECT_EQ(TimeZone::parse(std::string(129, 'A')).error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace berth
