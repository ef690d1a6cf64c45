#include "manager/platform/own_mac.h"

#include <gtest/gtest.h>

#include "base/traced_for_test.h"

namespace berth::manager {
namespace {

TEST(OwnMac, IsTwelveHexDigitsAndTracedWithItsInterface) {
  test::Traced traced(kEthernet);
  const auto mac = own_mac();
  if (mac.empty()) GTEST_SKIP() << "this machine has no network interface";
  EXPECT_EQ(mac.find_first_not_of("0123456789abcdef"), std::string::npos) << mac;
  EXPECT_EQ(mac.size(), 12u);
  ASSERT_EQ(traced.lines().size(), 1u);
  EXPECT_TRUE(traced.lines()[0].starts_with("hardware address interface=")) << traced.lines()[0];
  EXPECT_TRUE(traced.lines()[0].ends_with("mac=" + mac)) << traced.lines()[0];
}

}  // namespace
}  // namespace berth::manager
