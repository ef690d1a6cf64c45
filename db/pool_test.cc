#include "db/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ReconnectPause, DoublesUpToASecond) {
  ReconnectPause pause;
  std::vector<int> seen;
  for (int i = 0; i < 9; ++i) seen.push_back(static_cast<int>(pause.after_failure().count()));
  EXPECT_THAT(seen, testing::ElementsAre(50, 100, 200, 400, 800, 1000, 1000, 1000, 1000));
  pause.after_success();
  EXPECT_EQ(pause.after_failure(), 50ms);
}

TEST(HostLookup, ResolvesNamesOffTheLoop) {
  loop::Loop loop;
  HostLookup lookup(loop);
  ConnectionOptions options;
  options.host = "localhost";
  const auto resolved = loop::run_task(loop, lookup.resolve(options));
  ASSERT_EQ(resolved.other.size(), 1u);
  EXPECT_EQ(resolved.other[0].first, "hostaddr");
  EXPECT_THAT(resolved.other[0].second, testing::AnyOf(HasSubstr("127.0.0.1"), HasSubstr("::1")));
  options.host = "/run/socket";
  EXPECT_TRUE(loop::run_task(loop, lookup.resolve(options)).other.empty());
  options.host = "127.0.0.1";
  EXPECT_TRUE(loop::run_task(loop, lookup.resolve(options)).other.empty());
}

}  // namespace
}  // namespace berth::db
