#include "base/utc.h"

#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(Utc, RefusesWhatIsNoTime) {
  EXPECT_EQ(parse_utc("2026-02-30T00:00:00Z"), std::nullopt);
  EXPECT_EQ(parse_utc("2026-11-22T12:00:00+01:00"), std::nullopt);
  EXPECT_EQ(parse_utc(""), std::nullopt);
  EXPECT_EQ(parse_utc("1970-01-02T00:00:01Z")->time_since_epoch(), std::chrono::seconds(86401));
  EXPECT_EQ(parse_utc("1970-01-02T00:00:01.250Z"), parse_utc("1970-01-02T00:00:01Z"));
}

}  // namespace
}  // namespace berth
