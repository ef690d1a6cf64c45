#include "webserver/wheel.h"

namespace berth::webserver {
namespace {

using namespace std::chrono_literals;

struct WheelTest : ::testing::Test {
  loop::Loop loop{loop::Loop::Time::kManual};
  std::vector<Deadline*> fired;
  Wheel wheel{loop, [this](Deadline& deadline) { fired.push_back(&deadline); }};
};

TEST_F(WheelTest, FiresOnceAndNeverEarly) {
  Deadline deadline;
  wheel.start(deadline, 200ms);
  loop.advance(200ms);
  EXPECT_TRUE(fired.empty());
  loop.advance(2 * Wheel::kTick);
  EXPECT_EQ(fired.size(), 1U);
  EXPECT_FALSE(deadline.is_running());
  loop.advance(10min);
  EXPECT_EQ(fired.size(), 1U);
}

TEST_F(WheelTest, KeepsWhatIsDueRoundsLater) {
  Deadline soon, late;
  wheel.start(late, 10min);
  wheel.start(soon, 1s);
  loop.advance(9min);
  EXPECT_EQ(fired, std::vector<Deadline*>{&soon});
  loop.advance(59s);
  EXPECT_EQ(fired.size(), 1U);
  loop.advance(2s);
  EXPECT_EQ(fired, (std::vector<Deadline*>{&soon, &late}));
}

TEST_F(WheelTest, CanBeRestartedCancelledAndForgotten) {
  Deadline restarted, cancelled;
  {
    Deadline gone;
    wheel.start(gone, 100ms);
  }
  wheel.start(restarted, 100ms);
  wheel.start(restarted, 1s);
  wheel.start(cancelled, 100ms);
  cancelled.cancel();
  loop.advance(500ms);
  EXPECT_TRUE(fired.empty());
  loop.advance(1s);
  EXPECT_EQ(fired, std::vector<Deadline*>{&restarted});
}

TEST_F(WheelTest, LetsACallbackStartDeadlinesAgain) {
  Deadline deadline;
  int count = 0;
  Wheel again(loop, [&](Deadline& due) {
    if (++count < 5) again.start(due, 100ms);
  });
  again.start(deadline, 100ms);
  loop.advance(5s);
  EXPECT_EQ(count, 5);
}

}  // namespace
}  // namespace berth::webserver
