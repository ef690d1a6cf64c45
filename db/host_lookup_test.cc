#include "db/host_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop/sync.h"

namespace berth::db {
namespace {

using testing::HasSubstr;

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
