#include "db/connection_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::db {
namespace {

using namespace std::chrono_literals;

TEST(ReconnectPause, DoublesUpToASecond) {
  ReconnectPause pause;
  std::vector<int> seen;
  for (int i = 0; i < 9; ++i) seen.push_back(static_cast<int>(pause.after_failure().count()));
  EXPECT_THAT(seen, testing::ElementsAre(50, 100, 200, 400, 800, 1000, 1000, 1000, 1000));
  pause.after_success();
  EXPECT_EQ(pause.after_failure(), 50ms);
}

}  // namespace
}  // namespace berth::db
