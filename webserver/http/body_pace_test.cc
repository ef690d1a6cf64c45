#include "webserver/http/body_pace.h"

#include <gtest/gtest.h>

namespace berth::webserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BodyPaceTest : public testing::Test {
 protected:
  void SetUp() override { pace.begin(seconds(60), now); }
  void after(seconds time, std::size_t bytes, std::int64_t rate = 240) {
    now += time;
    pace.add(bytes, rate, now);
  }
  loop::TimePoint now{seconds(1000)};
  BodyPace pace;
};

TEST_F(BodyPaceTest, LosesWhatPassesAndGainsWhatItsBytesAreWorth) {
  EXPECT_EQ(pace.left(), seconds(60));
  after(seconds(30), 240);
  EXPECT_EQ(pace.left(), seconds(31));
  after(seconds(10), 2400);
  EXPECT_EQ(pace.left(), seconds(31));
}

TEST_F(BodyPaceTest, EndsAClientThatNeverStallsButIsTooSlow) {
  for (int i = 0; i < 59; ++i) after(seconds(1), 1);
  EXPECT_GT(pace.left(), milliseconds(0));
  after(seconds(2), 1);
  EXPECT_EQ(pace.left(), milliseconds(0));
}

TEST_F(BodyPaceTest, NeverEndsOneThatKeepsTheRate) {
  for (int i = 0; i < 1000; ++i) after(seconds(10), 2400);
  EXPECT_EQ(pace.left(), seconds(60));
}

TEST_F(BodyPaceTest, SavesNoMoreThanItBeganWith) {
  after(seconds(0), 1 << 30);
  EXPECT_EQ(pace.left(), seconds(60));
  after(seconds(50), 0);
  EXPECT_EQ(pace.left(), seconds(10));
}

TEST_F(BodyPaceTest, DoesNotCountTheTimeOfAPause) {
  after(seconds(20), 0);
  pace.pause();
  after(seconds(500), 0);
  EXPECT_EQ(pace.left(), seconds(40));
  after(seconds(1), 0);
  EXPECT_EQ(pace.left(), seconds(39));
}

TEST_F(BodyPaceTest, WithoutARateCountsStallingOnly) {
  for (int i = 0; i < 1000; ++i) after(seconds(59), 1, 0);
  EXPECT_EQ(pace.left(), seconds(60));
}

}  // namespace
}  // namespace berth::webserver
