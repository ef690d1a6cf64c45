#include "webserver/relay/refusals.h"

#include <gtest/gtest.h>

namespace berth::webserver {
namespace {

using namespace std::chrono_literals;

TEST(Refusals, AreToldTenTimesAMinuteAndThenCounted) {
  Refusals refusals;
  loop::TimePoint now{};
  for (int i = 0; i < Refusals::kToldAMinute; ++i) EXPECT_EQ(refusals.note(70'001, now), 1u);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(refusals.note(70'001, now += 10ms), std::nullopt);
  EXPECT_EQ(refusals.note(70'001, now += 50s), 1'001u);
  EXPECT_EQ(refusals.note(70'001, now), 1u) << "a new minute";
}

TEST(Refusals, OfOneUserHideThoseOfNoOther) {
  Refusals refusals;
  const loop::TimePoint now{};
  for (int i = 0; i < 100; ++i) (void)refusals.note(70'001, now);
  EXPECT_EQ(refusals.note(70'001, now), std::nullopt);
  EXPECT_EQ(refusals.note(70'002, now), 1u);
}

TEST(Refusals, OfManyUsersTakeNoMoreRoomThanOfAThousand) {
  Refusals refusals;
  const loop::TimePoint now{};
  for (int i = 0; i < 100; ++i) (void)refusals.note(1, now);
  for (uid_t user = 2; user <= Refusals::kMostUsers; ++user) EXPECT_TRUE(refusals.note(user, now));
  EXPECT_FALSE(refusals.note(1, now));
  EXPECT_TRUE(refusals.note(5'000, now));
  EXPECT_TRUE(refusals.note(1, now)) << "forgotten";
}

}  // namespace
}  // namespace berth::webserver
