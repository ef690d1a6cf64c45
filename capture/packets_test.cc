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

TEST(OwnTraffic, IsKnownByBothItsPortsInBothDirections) {
  EXPECT_TRUE(is_between(ipv4(2002, 50'000), {2002, 50'000}));
  EXPECT_TRUE(is_between(ipv4(50'000, 2002), {2002, 50'000}));
  EXPECT_FALSE(is_between(ipv4(2002, 50'001), {2002, 50'000})) << "another client's connection";
  EXPECT_FALSE(is_between(ipv4(2002, 2002), {2002, 50'000}));
  EXPECT_FALSE(is_between(ipv4(2002, 50'000, 17), {2002, 50'000})) << "UDP";
}

TEST(OwnTraffic, IsKnownBehindOptionsVlanTagsAndInIpv6) {
  Bytes options = ipv4(0, 0);
  options[14] = 0x46;  // 24 bytes of header
  options[38] = 2002 >> 8;
  options[39] = 2002 & 0xff;
  EXPECT_TRUE(is_between(options, {2002, 0}));
  Bytes tagged = ipv4(2002, 9);
  const Bytes tag = {0x81, 0x00, 0x00, 0x05};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  EXPECT_TRUE(is_between(tagged, {9, 2002}));
  Bytes six(14 + 40 + 20);
  six[12] = 0x86;
  six[13] = 0xdd;
  six[20] = 6;
  six[54] = 2002 >> 8;
  six[55] = 2002 & 0xff;
  EXPECT_TRUE(is_between(six, {2002, 0}));
}

TEST(OwnTraffic, ShortFramesAreNobodys) {
  const Bytes whole = ipv4(2002, 2002);
  for (std::size_t size = 0; size < 38; ++size)
    EXPECT_FALSE(is_between(ByteView(whole).first(size), {2002, 2002})) << size;
}

TEST(VlanTag, StandsBehindTheAddressesAgain) {
  Bytes room(kVlanTag + 16);
  for (std::size_t i = 0; i < 16; ++i) room[kVlanTag + i] = static_cast<std::uint8_t>(i + 1);
  put_back_vlan_tag(room, 0x88a8, 0x6005);
  EXPECT_EQ(room, (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x88, 0xa8, 0x60, 0x05, 13, 14, 15, 16}));
}

TEST(Packets, AreNotThoseOfAllInterfacesIfTheirsIsNotThere) {
  const auto packets = Packets::open("no_such_one", false);
  ASSERT_FALSE(packets);
  EXPECT_EQ(packets.error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace berth::capture
