#include "sdk/websocket/peer_address.h"

#include <gtest/gtest.h>

namespace berth::sdk {
namespace {

TEST(PeerAddress, ComesOutAsItWasGiven) {
  for (const auto* text : {"127.0.0.1:51234", "192.0.2.255:1", "[::1]:443", "[2001:db8::1:0:0:1]:65535"})
    EXPECT_EQ(PeerAddress(text).format(), text);
}

TEST(PeerAddress, IsNothingForWhatIsNoAddress) {
  for (const auto* text : {"", "a", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "1.2.3:4",
                           "::1:443", "[]:1", "[::1]", "[1.2.3.4]:5"})
    EXPECT_EQ(PeerAddress(text).format(), "") << text;
}

}  // namespace
}  // namespace berth::sdk
