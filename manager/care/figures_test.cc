#include "manager/care/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(Growth, IsTheSlopeOfTheLastMonth) {
  std::vector<api::DaySize> history = {{"2026-01-01", 900'000'000}};  // a month's sample, too old to count
  EXPECT_FALSE(growth_of(history)) << "one day says nothing";
  EXPECT_FALSE(growth_of({}));
  for (int day = 1; day <= 20; ++day)
    history.push_back({fmt::format("2026-11-{:02}", day), 1'000'000u + 5'000u * static_cast<unsigned>(day)});
  const auto growth = growth_of(history);
  ASSERT_TRUE(growth);
  EXPECT_EQ(growth->bytes_a_day, 5000);
  EXPECT_EQ(growth->days, 19u);
  const std::vector<api::DaySize> shrinking = {{"2026-11-01", 1000}, {"2026-11-03", 400}};
  EXPECT_EQ(growth_of(shrinking)->bytes_a_day, -300);
}

}  // namespace
}  // namespace berth::manager
