#include "webserver/heap_relief.h"

#include <gtest/gtest.h>

namespace berth::webserver {
namespace {

struct HeapReliefTest : ::testing::Test {
  loop::Loop loop{loop::Loop::Time::kManual};
  int times = 0;
  HeapRelief relief{loop, [this] { ++times; }};

  void come(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) relief.note();
  }
};

TEST_F(HeapReliefTest, ComesOnceABurstIsOver) {
  come(HeapRelief::kBurst);
  EXPECT_EQ(times, 0);
  loop.advance(HeapRelief::kQuiet);
  EXPECT_EQ(times, 1);
  loop.advance(10 * HeapRelief::kQuiet);
  EXPECT_EQ(times, 1) << "an idle webserver does not wake up";
}

TEST_F(HeapReliefTest, WaitsWhileItGoesOn) {
  come(HeapRelief::kBurst);
  for (int second = 0; second < 5; ++second) {
    come(HeapRelief::kBurst);
    loop.advance(HeapRelief::kQuiet);
    EXPECT_EQ(times, 0) << second;
  }
  loop.advance(HeapRelief::kQuiet);
  EXPECT_EQ(times, 1);
}

TEST_F(HeapReliefTest, LeavesAFewAlone) {
  come(HeapRelief::kBurst - 1);
  loop.advance(10 * HeapRelief::kQuiet);
  EXPECT_EQ(times, 0);
  come(1);
  loop.advance(HeapRelief::kQuiet);
  EXPECT_EQ(times, 1) << "many few are a burst, too";
}

}  // namespace
}  // namespace berth::webserver
