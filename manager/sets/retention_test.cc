#include "manager/sets/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/utc.h"

namespace berth::manager {
namespace {

using namespace std::chrono;
using testing::ElementsAre;

const TimeZone utc;
const TimeZone plus_two = TimeZone::parse("EET-2").value();

std::vector<std::string> kept(const std::vector<Verdict>& verdicts) {
  std::vector<std::string> ids;
  for (const auto& verdict : verdicts)
    if (verdict.stays) ids.push_back(verdict.id);
  return ids;
}
DatedSet at(std::string_view time, bool is_good = true) {
  return {std::string(time), *parse_utc(time), is_good, {}};
}

TEST(Retention, KeepsTheNewestOfEachPeriod) {
  const std::vector<DatedSet> sets = {at("2026-11-22T02:00:00Z"), at("2026-11-22T14:00:00Z"),
                                      at("2026-11-21T02:00:00Z"), at("2026-11-16T02:00:00Z"),
                                      at("2026-11-15T02:00:00Z"), at("2026-10-31T02:00:00Z"),
                                      at("2026-10-01T02:00:00Z")};
  EXPECT_THAT(kept(decide_retention(sets, {.daily = 2}, utc)),
              ElementsAre("2026-11-22T14:00:00Z", "2026-11-21T02:00:00Z"));
  // Monday 16 November begins the week of the 22nd.
  EXPECT_THAT(kept(decide_retention(sets, {.weekly = 2}, utc)),
              ElementsAre("2026-11-22T14:00:00Z", "2026-11-15T02:00:00Z"));
  EXPECT_THAT(kept(decide_retention(sets, {.monthly = 5}, utc)),
              ElementsAre("2026-11-22T14:00:00Z", "2026-10-31T02:00:00Z"));
  EXPECT_THAT(kept(decide_retention(sets, {.last = 1, .monthly = 2}, utc)),
              ElementsAre("2026-11-22T14:00:00Z", "2026-10-31T02:00:00Z"));
  EXPECT_EQ(kept(decide_retention(sets, {}, utc)).size(), sets.size());
}

TEST(Retention, DaysAreThoseOfThePlatformsZone) {
  const std::vector<DatedSet> sets = {at("2026-11-22T10:00:00Z"), at("2026-11-21T23:00:00Z"),
                                      at("2026-11-21T10:00:00Z")};
  EXPECT_EQ(kept(decide_retention(sets, {.daily = 9}, utc)).size(), 2u);
  EXPECT_THAT(kept(decide_retention(sets, {.daily = 9}, plus_two)),
              ElementsAre("2026-11-22T10:00:00Z", "2026-11-21T10:00:00Z"));
}

TEST(Retention, ABrokenSetCountsForNothingAndGoesOnceANewerGoodOneIsThere) {
  const std::vector<DatedSet> sets = {at("2026-11-22T02:00:00Z", false), at("2026-11-21T02:00:00Z"),
                                      at("2026-11-20T02:00:00Z", false), at("2026-11-19T02:00:00Z")};
  EXPECT_THAT(kept(decide_retention(sets, {.last = 1}, utc)),
              ElementsAre("2026-11-22T02:00:00Z", "2026-11-21T02:00:00Z"));
  EXPECT_THAT(kept(decide_retention(sets, {.daily = 2}, utc)),
              ElementsAre("2026-11-22T02:00:00Z", "2026-11-21T02:00:00Z", "2026-11-19T02:00:00Z"));
}

TEST(Retention, TheNewestGoodBackupOfAnInstanceStaysWhateverTheRulesSay) {
  std::vector<DatedSet> sets = {at("2026-11-22T02:00:00Z"), at("2026-10-01T02:00:00Z")};
  sets[1].newest_of = {"team@example.com"};
  const auto verdicts = decide_retention(sets, {.last = 1}, utc);
  EXPECT_TRUE(verdicts[1].stays);
  EXPECT_THAT(verdicts[1].reasons, ElementsAre("newest backup of team@example.com"));
}

TEST(Retention, TellsWhy) {
  const auto verdicts = decide_retention({at("2026-11-22T02:00:00Z"), at("2026-11-21T02:00:00Z")},
                                         {.daily = 1, .weekly = 1}, utc);
  EXPECT_THAT(verdicts[0].reasons, ElementsAre("newest", "daily 2026-11-22", "weekly of 2026-11-16"));
  EXPECT_THAT(verdicts[1].reasons, ElementsAre("no rule keeps it"));
}

TEST(Retention, HoldsItsPromisesForAnyHistory) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 300; ++round) {
    std::vector<DatedSet> sets;
    const int count = static_cast<int>(random() % 60);
    for (int i = 0; i < count; ++i)
      sets.push_back({fmt::format("s{:03}", i),
                      sys_seconds(seconds(1'790'000'000 + random() % 20'000'000)),
                      random() % 5 != 0,
                      {}});
    const auto few = [&] { return static_cast<int>(random() % 6); };
    const KeepRules rules{few(), few(), few(), few(), few()};
    const auto verdicts = decide_retention(sets, rules, plus_two);
    SCOPED_TRACE(fmt::format("round {}: {}", round, format_keep_rules(rules)));
    ASSERT_EQ(verdicts.size(), sets.size());

    // The newest good one stays.
    const DatedSet* newest = nullptr;
    for (const auto& set : sets)
      if (set.is_good && (!newest || set.at > newest->at || (set.at == newest->at && set.id > newest->id)))
        newest = &set;
    const auto ids = kept(verdicts);
    if (newest) EXPECT_TRUE(std::find(ids.begin(), ids.end(), newest->id) != ids.end());
    // Nothing goes without a newer good one.
    for (const auto& verdict : verdicts)
      if (!verdict.stays) EXPECT_TRUE(newest != nullptr);
    // No more good ones stay than the rules count, and the newest.
    const auto is_good = [&](const std::string& id) {
      return std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return set.id == id; })->is_good;
    };
    const auto good = std::count_if(ids.begin(), ids.end(), is_good);
    if (!rules.keeps_all())
      EXPECT_LE(good, std::max(1, rules.last + rules.hourly + rules.daily + rules.weekly + rules.monthly));
    // The order in which they come does not matter.
    auto shuffled = sets;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    EXPECT_EQ(decide_retention(shuffled, rules, plus_two), verdicts);
    // Thinning out twice takes no more than once.
    std::vector<DatedSet> rest;
    for (const auto& set : sets)
      if (std::find(ids.begin(), ids.end(), set.id) != ids.end()) rest.push_back(set);
    EXPECT_EQ(kept(decide_retention(rest, rules, plus_two)), ids);
    // More of a rule never takes what less of it left.
    KeepRules more = rules;
    more.daily += 1 + few();
    if (rules.keeps_all()) continue;
    const auto wider = kept(decide_retention(sets, more, plus_two));
    for (const auto& id : ids) EXPECT_TRUE(std::find(wider.begin(), wider.end(), id) != wider.end()) << id;
  }
}

TEST(Retention, RulesAreReadAsTheyAreWritten) {
  EXPECT_EQ(parse_keep_rules("daily=7, last=3,monthly=12").value(),
            (KeepRules{.last = 3, .daily = 7, .monthly = 12}));
  EXPECT_EQ(format_keep_rules(parse_keep_rules("daily=7,last=3").value()), "last=3,daily=7");
  EXPECT_TRUE(parse_keep_rules("all").value().keeps_all());
  for (const char* text : {"", "daily", "daily=-1", "yearly=1", "last=0", "last=99999"})
    EXPECT_EQ(parse_keep_rules(text).error().code, Errc::kMalformed) << text;
}

}  // namespace
}  // namespace berth::manager
