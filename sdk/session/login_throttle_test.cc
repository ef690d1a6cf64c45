#include "sdk/session/login_throttle.h"

namespace berth::sdk {
namespace {

using std::chrono::milliseconds;
constexpr LoginThrottle::Time kNow{std::chrono::hours(100)};

TEST(LoginThrottle, FirstFailuresAreAnsweredAtOnceLaterOnesEverSlower) {
  LoginThrottle throttle;
  EXPECT_EQ(throttle.failed("192.0.2.1:1", kNow).answer, milliseconds(0));
  EXPECT_EQ(throttle.failed("192.0.2.1:2", kNow).answer, milliseconds(0));
  EXPECT_EQ(throttle.failed("192.0.2.1:3", kNow).answer, milliseconds(250));
  EXPECT_EQ(throttle.failed("192.0.2.1:4", kNow).answer, milliseconds(500));
  for (int i = 0; i < 100; ++i) throttle.failed("192.0.2.1:5", kNow);
  EXPECT_EQ(throttle.failed("192.0.2.1:6", kNow).answer, milliseconds(8000));
}

TEST(LoginThrottle, ClosesNeverBefore100MillisecondsAndGrows) {
  LoginThrottle throttle;
  EXPECT_EQ(throttle.failed("[2001:db8::1]:1", kNow).close, milliseconds(100));
  EXPECT_EQ(throttle.failed("[2001:db8::1]:2", kNow).close, milliseconds(200));
  EXPECT_EQ(throttle.failed("[2001:db8::2]:2", kNow).close, milliseconds(100));  // another peer
}

TEST(LoginThrottle, ForgetsAfterASuccessAndAfterAWhile) {
  LoginThrottle throttle;
  for (int i = 0; i < 5; ++i) throttle.failed("192.0.2.1:1", kNow);
  throttle.succeeded("192.0.2.1:9");
  EXPECT_EQ(throttle.failed("192.0.2.1:1", kNow).close, milliseconds(100));
  for (int i = 0; i < 5; ++i) throttle.failed("192.0.2.1:1", kNow);
  EXPECT_EQ(throttle.failed("192.0.2.1:1", kNow + std::chrono::minutes(16)).close, milliseconds(100));
}

TEST(LoginThrottle, KeepsABoundedNumberOfPeers) {
  LoginThrottle throttle;
  for (std::size_t i = 0; i < LoginThrottle::kMostPeers + 10; ++i)
    throttle.failed("peer" + std::to_string(i) + ":1", kNow + milliseconds(i));
  EXPECT_EQ(throttle.known_peers(), LoginThrottle::kMostPeers);
}

}  // namespace
}  // namespace berth::sdk
