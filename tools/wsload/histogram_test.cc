#include "tools/wsload/histogram.h"

#include <gtest/gtest.h>

namespace berth::wsload {
namespace {

TEST(Histogram, GivesPercentilesWithinOneSixtyFourth) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.add(value);
  for (const double share : {0.5, 0.99, 0.999}) {
    const auto exact = share * 100'000;
    EXPECT_GE(static_cast<double>(histogram.percentile(share)), exact - 1);
    EXPECT_LE(static_cast<double>(histogram.percentile(share)), exact * (1 + 1.0 / 64) + 1);
  }
  EXPECT_EQ(histogram.percentile(1), 100'000u);
  EXPECT_EQ(histogram.count(), 100'000u);
}

TEST(Histogram, IsExactForSmallValuesAndTakesLargeOnes) {
  Histogram histogram;
  EXPECT_EQ(histogram.percentile(0.5), 0u);
  for (const std::uint64_t value : {3, 3, 7}) histogram.add(value);
  EXPECT_EQ(histogram.percentile(0.5), 3u);
  EXPECT_EQ(histogram.percentile(0.99), 7u);
  histogram.add(std::uint64_t{1} << 60);
  EXPECT_EQ(histogram.largest(), std::uint64_t{1} << 60);
}

}  // namespace
}  // namespace berth::wsload
