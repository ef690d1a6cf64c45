#include "wire/json/json.h"

namespace berth::json {
namespace {

TEST(Json, IsWrittenAsJsonStringifyDoes) {
  const auto text =
      R"({"z":1,"a":[true,null,-5,1.5,1e+21,0.1,18446744073709551615],"s":"ä/\"\\\n\u0001😀","e":{}})";
  EXPECT_EQ(json::serialize(parse(text).value()), text);
  EXPECT_EQ(json::serialize(Value(1.0)), "1");
  EXPECT_EQ(json::serialize(Value(-0.0)), "0");
  EXPECT_EQ(json::serialize(Value(std::numeric_limits<double>::infinity())), "null");
  EXPECT_EQ(json::serialize(Object{{"b", 1}, {"a", 2}}), R"({"b":1,"a":2})");
}

TEST(Json, RefusesWhatIsNoJson) {
  for (const char* text : {"", " ", "{", "{}{}", "{\"a\":1,}", "{a:1}", "[1 2]", "nul", "01", "'a'",
                           "\"\x01\"", "\"\xc3\x28\"", "// x\n1", "\"\\ud800\""}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse(text).error().code, Errc::kMalformed);
  }
}

TEST(Json, KeepsItsLimits) {
  EXPECT_TRUE(parse(std::string(32, '[') + std::string(32, ']')));
  EXPECT_EQ(parse(std::string(33, '[') + std::string(33, ']')).error().code, Errc::kTooLarge);
  EXPECT_EQ(parse("[1,2,3]", {.size_bytes = 6}).error().code, Errc::kTooLarge);
}

TEST(Json, TellsWhereTheFaultIs) {
  EXPECT_THAT(parse(R"({"a":1,"b":x})").error().detail, testing::HasSubstr("at byte 11"));
}

TEST(JsonGetters, FallBackWhereAMemberIsAbsentOrOfAnotherType) {
  const auto object =
      parse_object(R"({"s":"x","n":5,"t":"7","b":true,"bt":"false","d":1.5,"o":{},"a":[]})").value();
  EXPECT_EQ(get_string(object, "s"), "x");
  EXPECT_EQ(get_string(object, "n"), "5");
  EXPECT_EQ(get_string(object, "none", "y"), "y");
  EXPECT_EQ(get_integer(object, "n"), 5);
  EXPECT_EQ(get_integer(object, "t"), 7);
  EXPECT_EQ(get_integer(object, "d", -1), -1);
  EXPECT_EQ(get_integer(object, "s", -1), -1);
  EXPECT_TRUE(get_bool(object, "b"));
  EXPECT_FALSE(get_bool(object, "bt", true));
  EXPECT_TRUE(get_bool(object, "s", true));
  EXPECT_EQ(get_number(object, "d"), 1.5);
  EXPECT_NE(find_object(object, "o"), nullptr);
  EXPECT_EQ(find_object(object, "a"), nullptr);
  EXPECT_NE(find_array(object, "a"), nullptr);
  EXPECT_EQ(find_string(object, "n"), std::nullopt);
}

TEST(JsonGetters, TakeNumbersOutsideOfDoubleForNone) {
  const auto object = parse_object(R"({"big":1e999,"odd":0e999,"wide":1e30})").value();
  EXPECT_EQ(get_number(object, "big", -1), -1);
  EXPECT_EQ(get_number(object, "odd", -1), -1);
  EXPECT_EQ(get_integer(object, "big", -1), -1);
  EXPECT_EQ(get_integer(object, "odd", -1), -1);
  EXPECT_FALSE(require_integer(object, "wide"));
}

TEST(JsonGetters, NameTheMemberThatIsWrong) {
  const auto object = parse_object(R"({"port":70000,"name":5,"half":1.5,"long":"abc"})").value();
  EXPECT_EQ(require_string(object, "path").error().detail, "'path': missing");
  EXPECT_EQ(require_string(object, "name").error().detail, "'name': text expected");
  EXPECT_EQ(require_string(object, "long", 2).error().detail, "'long': at most 2 bytes expected");
  EXPECT_EQ(require_integer(object, "port", 1, 65535).error().detail, "'port': 1 to 65535 expected");
  EXPECT_EQ(require_integer(object, "half").error().detail, "'half': whole number expected");
  EXPECT_EQ(require_bool(object, "port").error().detail, "'port': true or false expected");
  EXPECT_EQ(require_integer(object, "port").value(), 70000);
}

}  // namespace
}  // namespace berth::json
