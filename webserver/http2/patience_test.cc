#include "webserver/http2/patience.h"

#include <gtest/gtest.h>

namespace berth::webserver::http2 {
namespace {

using std::chrono::seconds;
const loop::TimePoint kStart{seconds(1000)};

TEST(Patience, EndsAfterItsNumberOfFrames) {
  Patience patience(100, kStart);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(patience.spend(Patience::kFrame, kStart)) << i;
  EXPECT_FALSE(patience.spend(Patience::kFrame, kStart));
}

TEST(Patience, AResetCostsAsMuchAsFiveFrames) {
  Patience patience(100, kStart);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(patience.spend(Patience::kReset, kStart)) << i;
  EXPECT_FALSE(patience.spend(Patience::kReset, kStart));
}

TEST(Patience, ComesBackByATenthEachSecond) {
  Patience patience(100, kStart);
  EXPECT_TRUE(patience.spend(100, kStart));
  EXPECT_TRUE(patience.spend(10, kStart + seconds(1)));
  EXPECT_FALSE(patience.spend(2, kStart + seconds(1)));
  EXPECT_TRUE(patience.spend(90, kStart + seconds(20)));
}

TEST(Patience, ComesBackWithAnswersButNeverHoldsMoreThanItsMost) {
  Patience patience(100, kStart);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(patience.spend(Patience::kAnswered, kStart)) << i;
    patience.earn(Patience::kAnswered);
  }
  patience.earn(1'000'000);
  EXPECT_FALSE(patience.spend(101, kStart));
}

}  // namespace
}  // namespace berth::webserver::http2
