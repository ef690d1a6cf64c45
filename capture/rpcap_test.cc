// Byte for byte as libpcap's description of the protocol has them.
#include "capture/rpcap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::capture::rpcap {
namespace {

using testing::ElementsAre;

TEST(Rpcap, HeaderIsVersionTypeValueAndLength) {
  const Bytes bytes = {0, 0x88, 0x12, 0x34, 0, 0, 1, 2};
  const auto header = parse_header(bytes);
  EXPECT_EQ(header.type, 0x88);
  EXPECT_EQ(header.value, 0x1234);
  EXPECT_EQ(header.size, 0x102u);
  Bytes again;
  append_header(again, header);
  EXPECT_EQ(again, bytes);
}

TEST(Rpcap, LoginIsNobodyOrUserAndPassword) {
  const auto nobody = parse_auth(Bytes{0, 0, 0, 0, 0, 0, 0, 0});
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->is_null);
  const auto user = parse_auth(Bytes{0, 1, 0, 0, 0, 2, 0, 3, 'm', 'e', 'p', 'w', 'd'});
  ASSERT_TRUE(user);
  EXPECT_FALSE(user->is_null);
  EXPECT_EQ(user->user, "me");
  EXPECT_EQ(user->password, "pwd");
}

TEST(Rpcap, StartHasLengthFlagsPortAndFilter) {
  // 65,535 bytes, 1 s, promiscuous, port 0; "ret #96" (BPF_RET | BPF_K).
  const Bytes payload = {0, 0, 0xff, 0xff, 0, 0, 3, 0xe8, 0, 1, 0, 0,                // start
                         0, 1, 0,    0,    0, 0, 0, 1,    0, 6, 0, 0, 0, 0, 0, 96};  // filter
  const auto start = parse_start(payload);
  ASSERT_TRUE(start) << start.error().detail;
  EXPECT_EQ(start->snap_bytes, 65535u);
  EXPECT_EQ(start->flags, Start::kPromiscuous);
  ASSERT_EQ(start->filter.size(), 1u);
  EXPECT_EQ(start->filter[0].code, BPF_RET | BPF_K);
  EXPECT_EQ(start->filter[0].k, 96u);
}

TEST(Rpcap, WhatDoesNotFitIsRefusedAtEveryLength) {
  const Bytes login = {0, 1, 0, 0, 0, 2, 0, 3, 'm', 'e', 'p', 'w', 'd'};
  for (std::size_t size = 0; size < login.size(); ++size)
    EXPECT_FALSE(parse_auth(ByteView(login).first(size))) << size;
  EXPECT_FALSE(parse_auth(Bytes{0, 2, 0, 0, 0, 0, 0, 0})) << "another kind of login";
  EXPECT_FALSE(parse_filter(Bytes{0, 2, 0, 0, 0, 0, 0, 0})) << "another kind of filter";
  EXPECT_FALSE(parse_filter(Bytes{0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff})) << "instructions that are not there";
  EXPECT_TRUE(parse_filter(Bytes{0, 1, 0, 0, 0, 0, 0, 0})->empty());
}

TEST(Rpcap, APacketIsTimeLengthsNumberAndBytes) {
  const Bytes frame = {0xaa, 0xbb};
  Bytes out;
  append_packet(out, {1, 2, 1500, 7, frame});
  EXPECT_THAT(out, ElementsAre(0, 7, 0, 0, 0, 0, 0, 22, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 5, 0xdc, 0,
                               0, 0, 7, 0xaa, 0xbb));
}

TEST(Rpcap, AnInterfaceHasFourAddressesEachOf128Bytes) {
  const auto told = format_interfaces({{"lo", "Loopback", true, {{0x7f000001, 0xff000000}}}});
  EXPECT_EQ(told.size(), kHeaderSize + 12 + 2 + 8 + 4 * 128);
  EXPECT_EQ(told[1], 0x82);
  EXPECT_EQ(told[3], 1) << "one interface";
  EXPECT_THAT(Bytes(told.begin() + 30, told.begin() + 38), ElementsAre(0, 2, 0, 0, 127, 0, 0, 1));
}

TEST(Rpcap, OtherAnswers) {
  EXPECT_THAT(format_reply(Type::kEnd), ElementsAre(0, 0x8a, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(format_error(ErrorCode::kAuth, "no"), ElementsAre(0, 1, 0, 3, 0, 0, 0, 2, 'n', 'o'));
  EXPECT_THAT(format_opened(1), ElementsAre(0, 0x83, 0, 0, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0));
  EXPECT_THAT(format_started(0x10000, 2003),
              ElementsAre(0, 0x84, 0, 0, 0, 0, 0, 8, 0, 1, 0, 0, 7, 0xd3, 0, 0));
  EXPECT_THAT(format_stats(3, 1, 2),
              ElementsAre(0, 0x89, 0, 0, 0, 0, 0, 16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2));
}

}  // namespace
}  // namespace berth::capture::rpcap
