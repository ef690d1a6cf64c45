#include "manager/usage/limit_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/result.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ReadLimits read(std::string_view text) { return read_limits(json::parse_object(text).value()); }

TEST(LimitRanges, WhatIsWrittenDownComesBack) {
  const api::Limits limits{.database_bytes = 2'000'000'000, .requests = 0, .messages = 200};
  const auto text = format_limits(limits);
  const auto again = read(text);
  EXPECT_EQ(format_limits(again.limits), text);
  EXPECT_EQ(again.limits.requests, 0u) << "no limit is something else than nothing said";
  EXPECT_FALSE(again.limits.websockets);
  EXPECT_THAT(again.left_out, IsEmpty());
  EXPECT_TRUE(is_empty(read("{}").limits));
}

TEST(LimitRanges, NamesWhatItDoesNotKnowOrCannotTakeAndTakesTheRest) {
  const auto told = read(
      R"({"messages": 7, "gpuSeconds": 5, "databaseBytes": 1000, "requests": "many", "websockets": -1, "statementSeconds": null})");
  EXPECT_EQ(format_limits(told.limits), R"({"messages":7})");
  EXPECT_THAT(told.left_out,
              ElementsAre("gpuSeconds", "databaseBytes", "requests", "websockets", "statementSeconds"));
}

TEST(LimitRanges, RefusesWhatIsOutOfItsRangeWithTheRange) {
  check_ranges({.database_bytes = 16 << 20, .statement_seconds = 0});
  try {
    check_ranges({.database_connections = 101});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().detail, "databaseConnections: 0, or 1 to 100");
  }
}

}  // namespace
}  // namespace berth::manager
