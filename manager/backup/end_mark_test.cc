#include "manager/backup/end_mark.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(EndMark, IsFortyEightBytes) {
  EndMark mark{0x0102030405060708, sha256(as_bytes("abc"))};
  const auto bytes = format_end_mark(mark);
  EXPECT_EQ(format_hex(as_bytes(bytes)),
            "4245525448454e44"                                                    // BERTHEND
            "0807060504030201"                                                    // little-endian
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, "abc"
  const auto back = parse_end_mark(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->length, mark.length);
  EXPECT_EQ(back->sha256, mark.sha256);
  EXPECT_FALSE(parse_end_mark(bytes.substr(1)));
  EXPECT_FALSE(parse_end_mark(std::string(48, 'x')));
}

}  // namespace
}  // namespace berth::manager
