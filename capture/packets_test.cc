#include "capture/packets.h"

#include <gtest/gtest.h>

namespace berth::capture {
namespace {

// Ethernet, IPv4 without options, TCP from `from` to `to`.
Bytes ipv4(std::uint16_t from, std::uint16_t to, std::uint8_t protocol = 6) {
  Bytes frame(14 + 20 + 20);
  frame[12] = 0x08;
  frame[14] = 0x45;
  frame[23] = protocol;
  frame[34] = static_cast<std::uint8_t>(from >> 8);
  frame[35] = static_cast<std::uint8_t>(from);
  frame[36] = static_cast<std::uint8_t>(to >> 8);
  frame[37] = static_cast<std::uint8_t>(to);
  return frame;
}

TEST(OwnTraffic, IsKnownByItsPortsInBothDirections) {
  EXPECT_TRUE(is_of_ports(ipv4(2002, 50'000), 2002, 40'000));
  EXPECT_TRUE(is_of_ports(ipv4(50'000, 40'000), 2002, 40'000));
  EXPECT_FALSE(is_of_ports(ipv4(50'000, 443), 2002, 40'000));
  EXPECT_FALSE(is_of_ports(ipv4(2002, 50'000, 17), 2002, 40'000)) << "UDP";
}

TEST(OwnTraffic, IsKnownBehindOptionsVlanTagsAndInIpv6) {
  Bytes options = ipv4(0, 0);
  options[14] = 0x46;  // 24 bytes of header
  options[38] = 2002 >> 8;
  options[39] = 2002 & 0xff;
  EXPECT_TRUE(is_of_ports(options, 2002, 1));
  Bytes tagged = ipv4(2002, 9);
  const Bytes tag = {0x81, 0x00, 0x00, 0x05};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  EXPECT_TRUE(is_of_ports(tagged, 2002, 1));
  Bytes six(14 + 40 + 20);
  six[12] = 0x86;
  six[13] = 0xdd;
  six[20] = 6;
  six[54] = 2002 >> 8;
  six[55] = 2002 & 0xff;
  EXPECT_TRUE(is_of_ports(six, 2002, 1));
}

TEST(OwnTraffic, ShortFramesAreNobodys) {
  const Bytes whole = ipv4(2002, 2002);
  for (std::size_t size = 0; size < 38; ++size)
    EXPECT_FALSE(is_of_ports(ByteView(whole).first(size), 2002, 2002)) << size;
}

}  // namespace
}  // namespace berth::capture
