#include "manager/usage/quota.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using Level = QuotaState::Level;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint64_t kMb = 1 << 20;

QuotaFact fact(std::uint64_t bytes, std::uint64_t limit, std::uint64_t domain_limit = 0) {
  QuotaFact fact;
  fact.name = "team";
  fact.domain = "example.com";
  fact.bytes = bytes;
  fact.limit = limit;
  fact.domain_limit = domain_limit;
  return fact;
}

TEST(Quota, WithoutALimitThereIsNothingToTell) {
  const auto states = judge_quota({fact(std::uint64_t{1} << 50, 0)});
  EXPECT_EQ(states[0].level, Level::kFine);
  EXPECT_TRUE(quota_checks(states).empty());
}

TEST(Quota, WarnsFromNinetyPerCentOn) {
  EXPECT_EQ(judge_quota({fact(89 * kMb, 100 * kMb)})[0].level, Level::kFine);
  const auto near = judge_quota({fact(90 * kMb, 100 * kMb)});
  EXPECT_EQ(near[0].level, Level::kNear);
  EXPECT_FALSE(near[0].is_read_only);
  const auto checks = quota_checks(near);
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_EQ(checks[0].severity, api::Severity::kWarning);
  EXPECT_EQ(checks[0].text, "team@example.com is near its limit: its database takes 90 of 100 MB");
}

TEST(Quota, AtTheLimitItCanOnlyReadAndSaysWhatToDo) {
  const auto states = judge_quota({fact(100 * kMb, 100 * kMb)});
  EXPECT_TRUE(states[0].is_read_only);
  const auto checks = quota_checks(states);
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_EQ(checks[0].severity, api::Severity::kError);
  EXPECT_EQ(checks[0].command, "berth limit allow-writes team@example.com --minutes 60");
}

TEST(Quota, WritesAgainOnlyWhenItIsWellBelow) {
  auto held = fact(97 * kMb, 100 * kMb);
  held.is_read_only = true;
  EXPECT_TRUE(judge_quota({held})[0].is_read_only);
  EXPECT_THAT(quota_checks(judge_quota({held})), SizeIs(1));
  held.bytes = 94 * kMb;
  EXPECT_FALSE(judge_quota({held})[0].is_read_only);
  held.bytes = 97 * kMb;
  held.limit = 200 * kMb;
  EXPECT_FALSE(judge_quota({held})[0].is_read_only) << "its limit was raised";
  held.limit = 0;
  EXPECT_FALSE(judge_quota({held})[0].is_read_only) << "or taken away";
}

TEST(Quota, WhoWroteAllTheSameStaysLockedOutAsLongAsItIsToRead) {
  auto rogue = fact(120 * kMb, 100 * kMb);
  rogue.is_read_only = rogue.is_locked_out = true;
  const auto states = judge_quota({rogue});
  EXPECT_TRUE(states[0].is_locked_out);
  const auto checks = quota_checks(states);
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_EQ(checks[0].id, "quota-locked-out-team@example.com");
  EXPECT_EQ(checks[0].severity, api::Severity::kError);
  rogue.bytes = 90 * kMb;
  EXPECT_FALSE(judge_quota({rogue})[0].is_locked_out);
  rogue.bytes = 120 * kMb;
  rogue.may_write_anyway = true;
  EXPECT_FALSE(judge_quota({rogue})[0].is_locked_out);
}

TEST(Quota, AReaderMayGrowALittleAsVacuumHasItGrow) {
  EXPECT_EQ(growth_of_a_reader(20 * kMb), 16 * kMb);
  EXPECT_EQ(growth_of_a_reader(10'000 * kMb), 100 * kMb);
}

TEST(Quota, AnAdminMayLetItWriteForAWhile) {
  auto allowed = fact(150 * kMb, 100 * kMb);
  allowed.may_write_anyway = true;
  const auto states = judge_quota({allowed});
  EXPECT_FALSE(states[0].is_read_only);
  EXPECT_EQ(states[0].level, Level::kAbove);
  EXPECT_THAT(quota_checks(states), SizeIs(1)) << "it stays a finding";
}

TEST(Quota, OfADomainIsForAllItsDatabasesTogether) {
  auto first = fact(60 * kMb, 0, 100 * kMb), second = fact(50 * kMb, 0, 100 * kMb), other = fact(90 * kMb, 0);
  second.name = "files";
  other.domain = "example.org";
  const auto states = judge_quota({first, second, other});
  EXPECT_TRUE(states[0].is_read_only);
  EXPECT_TRUE(states[1].is_read_only);
  EXPECT_FALSE(states[2].is_read_only);
  EXPECT_EQ(states[0].bytes, 110 * kMb);
  EXPECT_THAT(quota_checks(states)[0].text, HasSubstr("all databases of example.com take 110 of 100 MB"));
}

TEST(Quota, DoesNotOverflowWithTheLargestNumbers) {
  constexpr auto kMost = ~std::uint64_t{0};
  EXPECT_EQ(judge_quota({fact(kMost, kMost)})[0].level, Level::kAbove);
  EXPECT_EQ(judge_quota({fact(kMost / 2, kMost)})[0].level, Level::kFine);
}

}  // namespace
}  // namespace berth::manager
