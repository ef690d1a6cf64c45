#include "manager/archive/moment.h"

#include <gtest/gtest.h>

#include "base/utc.h"

namespace berth::manager {
namespace {

const TimeZone kBerlin = TimeZone::parse("CET-1CEST,M3.5.0,M10.5.0/3").value();

std::string read(std::string_view text, const TimeZone& zone = kBerlin) {
  const auto moment = parse_moment(text, zone);
  return moment ? format_utc(*moment) : "refused";
}

TEST(Moment, IsReadOnThePlatformsClockUnlessItNamesAZone) {
  EXPECT_EQ(read("2026-11-22 14:32:07"), "2026-11-22T13:32:07Z");
  EXPECT_EQ(read("2026-07-22 14:32:07"), "2026-07-22T12:32:07Z") << "summer time";
  EXPECT_EQ(read("2026-11-22 14:32:07", TimeZone()), "2026-11-22T14:32:07Z");
  EXPECT_EQ(read(" 2026-11-22T14:32 "), "2026-11-22T13:32:00Z");
  EXPECT_EQ(read("2026-11-22T14:32:07.999Z"), "2026-11-22T14:32:07Z");
  EXPECT_EQ(read("2026-11-22 14:32:07 UTC"), "2026-11-22T14:32:07Z");
  EXPECT_EQ(read("2026-11-22 14:32:07+05:30"), "2026-11-22T09:02:07Z");
  EXPECT_EQ(read("2026-11-22 14:32:07 -0800"), "2026-11-22T22:32:07Z");
  EXPECT_EQ(read("2026-11-22 14:32:07+01"), "2026-11-22T13:32:07Z");
}

TEST(Moment, EveryTimeOfANightWhenClocksChangeHasOneMoment) {
  EXPECT_EQ(read("2026-10-25 02:30:00"), "2026-10-25T00:30:00Z") << "shown twice: the first";
  EXPECT_EQ(read("2026-10-25 02:30:00 +01:00"), "2026-10-25T01:30:00Z") << "the second has to be said";
  EXPECT_EQ(read("2026-03-29 02:30:00"), "2026-03-29T01:00:00Z") << "left out: the change";
}

TEST(Moment, RefusesWhatIsNone) {
  for (const char* text : {"", "now", "14:32", "2026-11-22", "2026-13-22 14:32:07", "2026-02-30 14:32:07",
                           "2026-11-22 24:00:00", "2026-11-22 14:60:00", "2026-11-22 14:32:61",
                           "26-11-22 14:32:07", "2026-11-22 14:32:07 Europe/Berlin", "2026-11-22 14:32:07 +1",
                           "2026-11-22 14:32:07.", "2026-11-22 14:32:07 +99:00", "2026-11-22  14:32:07"})
    EXPECT_EQ(read(text), "refused") << text;
}

}  // namespace
}  // namespace berth::manager
