#include "db/logical_stream.h"

#include <gtest/gtest.h>

namespace berth::db {
namespace {

// PostgreSQL 15, "pg_lsn Type".
TEST(LogPlace, IsReadAndWrittenAsTheServerDoes) {
  EXPECT_EQ(parse_log_place("16/B374D848").value(), 0x16B374D848u);
  EXPECT_EQ(format_log_place(0x16B374D848u), "16/B374D848");
  EXPECT_EQ(format_log_place(0), "0/0");
  EXPECT_EQ(parse_log_place("FFFFFFFF/FFFFFFFF").value(), ~LogPlace{0});
  for (const char* wrong : {"", "/", "1", "1/", "/1", "1/2/3", "123456789/0", "g/1", " 1/2", "-1/2"})
    EXPECT_FALSE(parse_log_place(wrong)) << wrong;
}

}  // namespace
}  // namespace berth::db
