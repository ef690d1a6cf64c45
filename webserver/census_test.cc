#include "webserver/census.h"

#include <arpa/inet.h>

namespace berth::webserver {
namespace {

PeerKey key_of(const char* text) {
  sockaddr_storage address{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    address.ss_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
  }
  return PeerKey::of(address);
}

TEST(PeerKey, IsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_EQ(key_of("192.0.2.1"), key_of("::ffff:192.0.2.1"));
  EXPECT_FALSE(key_of("192.0.2.1") == key_of("192.0.2.2"));
  EXPECT_EQ(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:2:ffff::9"));
  EXPECT_FALSE(key_of("2001:db8:1:2::1") == key_of("2001:db8:1:3::1"));
}

TEST(Census, CountsInAllAndOfEachPeer) {
  Census census;
  const auto a = key_of("192.0.2.1"), b = key_of("192.0.2.2"), c = key_of("192.0.2.3");
  EXPECT_EQ(census.enter(a, 3, 2), Census::Verdict::kWelcome);
  EXPECT_EQ(census.enter(a, 3, 2), Census::Verdict::kWelcome);
  EXPECT_EQ(census.enter(a, 3, 2), Census::Verdict::kPeerFull);
  EXPECT_EQ(census.enter(b, 3, 2), Census::Verdict::kWelcome);
  EXPECT_EQ(census.enter(c, 3, 2), Census::Verdict::kFull);
  census.leave(a);
  EXPECT_EQ(census.enter(c, 3, 2), Census::Verdict::kWelcome);
  EXPECT_EQ(census.connections(), 3U);
}

}  // namespace
}  // namespace berth::webserver
