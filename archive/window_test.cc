#include "archive/window.h"

#include <gtest/gtest.h>

namespace berth::archive {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Moment at(int second) { return Moment(seconds(1'800'000'000 + second)); }
StoredSegment segment(std::uint64_t number, int stored, std::uint32_t timeline = 1) {
  return {{timeline, number}, at(stored), 100};
}
BaseFacts base(const std::string& id, std::uint64_t start, std::uint64_t stop, int started, int stopped) {
  return {id, start, stop, at(started), at(stopped)};
}

TEST(Window, ReachesFromTheEndOfTheBaseToNowWhileNothingIsMissing) {
  const std::vector<StoredSegment> segments = {segment(5, 10), segment(6, 20), segment(7, 30)};
  const auto ranges = reachable_ranges({base("a", 5, 5, 8, 9)}, segments, true);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0], (Range{at(9), std::nullopt}));
}

TEST(Window, AFreshBaseReachesToNowThoughItsLogIsNotArchivedYet) {
  EXPECT_EQ(reachable_ranges({base("a", 5, 5, 8, 9)}, {segment(4, 5)}, true).size(), 1u);
  EXPECT_EQ(reachable_ranges({base("a", 5, 5, 8, 9)}, {}, true).size(), 1u);
  EXPECT_TRUE(reachable_ranges({base("a", 5, 5, 8, 9)}, {segment(4, 5)}, false).empty());
}

TEST(Window, AHoleEndsTheRangeAndTheNextBaseBeginsAnotherOne) {
  const std::vector<StoredSegment> segments = {segment(5, 10), segment(6, 20), segment(7, 30), segment(9, 50),
                                               segment(10, 60)};
  const std::vector<BaseFacts> bases = {base("a", 5, 5, 8, 9), base("b", 9, 9, 45, 47)};
  const auto ranges = reachable_ranges(bases, segments, true);
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0], (Range{at(9), at(20)})) << "what the last segment before the hole holds is uncertain";
  EXPECT_EQ(ranges[1], (Range{at(47), std::nullopt}));

  EXPECT_EQ(find_base(bases, segments, true, at(15))->id, "a");
  EXPECT_EQ(find_base(bases, segments, true, at(40)), nullptr) << "in the hole";
  EXPECT_EQ(find_base(bases, segments, true, at(46)), nullptr) << "that backup was still being made";
  EXPECT_EQ(find_base(bases, segments, true, at(47))->id, "b");
  EXPECT_EQ(find_base(bases, segments, true, at(8)), nullptr) << "before all";
}

TEST(Window, ALogThatIsSwitchedOffEndsTheRange) {
  const std::vector<StoredSegment> segments = {segment(5, 10), segment(6, 20), segment(7, 30)};
  const auto ranges = reachable_ranges({base("a", 5, 5, 8, 9)}, segments, false);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].to, at(20));
}

TEST(Window, TheNewestBaseIsTakenAndOverlappingOnesMakeOneRange) {
  const std::vector<StoredSegment> segments = {segment(5, 10), segment(6, 20), segment(7, 30)};
  const std::vector<BaseFacts> bases = {base("a", 5, 5, 8, 9), base("b", 6, 7, 15, 18)};
  EXPECT_EQ(reachable_ranges(bases, segments, true).size(), 1u);
  EXPECT_EQ(find_base(bases, segments, true, at(100))->id, "b");
  EXPECT_EQ(find_base(bases, segments, true, at(17))->id, "a");
}

TEST(Window, ATimelineGoesOnWithTheSameNumbers) {
  const std::vector<StoredSegment> segments = {segment(5, 10), segment(6, 20), segment(7, 30, 2)};
  EXPECT_EQ(reachable_ranges({base("a", 5, 5, 8, 9)}, segments, false)[0].to, at(20));
}

TEST(Window, BasesGoAsLongAsAnotherReachesBackFarEnough) {
  const std::vector<BaseFacts> bases = {base("a", 5, 5, 0, 1), base("b", 8, 8, 100, 101),
                                        base("c", 9, 9, 200, 201)};
  auto expiry = plan_expiry(bases, at(250), seconds(300));
  EXPECT_TRUE(expiry.bases.empty());
  EXPECT_EQ(expiry.first_segment, 5u);
  expiry = plan_expiry(bases, at(250), seconds(100));
  EXPECT_EQ(expiry.bases, std::vector<std::string>{"a"}) << "b reaches 100 s back";
  EXPECT_EQ(expiry.first_segment, 8u);
  expiry = plan_expiry(bases, at(9000), seconds(100));
  EXPECT_EQ(expiry.bases, (std::vector<std::string>{"a", "b"})) << "the newest stays";
  EXPECT_EQ(plan_expiry({}, at(0), seconds(1)).first_segment, 0u);
}

TEST(Window, AnIdlePlatformMakesNoBaseAndABusyOneItsNightly) {
  BaseDue facts{.now = at(0)};
  EXPECT_TRUE(is_base_due(facts)) << "the first";
  facts.last = at(0) - hours(1000);
  facts.is_night = true;
  EXPECT_FALSE(is_base_due(facts)) << "nothing was written since";
  facts.log_bytes = kSegmentBytes;
  EXPECT_TRUE(is_base_due(facts));
  facts.last = at(0) - hours(24);
  EXPECT_TRUE(is_base_due(facts));
  facts.is_night = false;
  EXPECT_FALSE(is_base_due(facts));
  facts.last = at(0) - hours(48);
  EXPECT_TRUE(is_base_due(facts)) << "a machine that is off at night";
  facts.last = at(0) - hours(2);
  facts.log_bytes = std::uint64_t{3} << 30;
  EXPECT_TRUE(is_base_due(facts)) << "so much to replay";
  facts.cluster_bytes = std::uint64_t{100} << 30;
  EXPECT_FALSE(is_base_due(facts));
  facts.has_hole = true;
  EXPECT_TRUE(is_base_due(facts));
  facts.has_hole = false;
  facts.last = at(0) + hours(5);
  EXPECT_TRUE(is_base_due(facts)) << "the clock was set back";
}

}  // namespace
}  // namespace berth::archive
