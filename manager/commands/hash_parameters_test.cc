#include "manager/commands/hash_parameters.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

// The platform of reference/sysclient.md 4.2.
const HashParameters kSample{"10024", "130004", "rep1", "example.com", "00ab11eeff01", "20051010-170130", 2};

std::string expand(std::string_view text, bool escape_url = false) {
  const auto expanded = expand_hashes(text, kSample, escape_url);
  return expanded ? *expanded : "error: " + expanded.error().detail;
}

TEST(HashParameters, EachStandsForItsValue) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"", ""},
      {"plain", "plain"},
      {"#L", "10024"},
      {"#A", "130004"},
      {"#I", "rep1"},
      {"#D", "example.com"},
      {"#m", "00ab11eeff01"},
      {"#d", "20051010-170130"},
      {"#b0", "2"},
      {"#b9", "2"},
      {"##", "#"},
      {"##L", "#L"},
      {"###L", "#10024"},
      {"a#Ib", "arep1b"},
      {"#I#D", "rep1example.com"},
      {"https://h/b/#D/#I-#A-#m-#b3-#d##.dump",
       "https://h/b/example.com/rep1-130004-00ab11eeff01-2-20051010-170130#.dump"},
  };
  for (const auto& [text, expected] : table) EXPECT_EQ(expand(text), expected) << text;
}

TEST(HashParameters, UnknownAndCutOnesAreRefusedByName) {
  EXPECT_NE(expand("#x").find("unknown placeholder #x"), std::string::npos);
  EXPECT_NE(expand("#i").find("unknown placeholder #i"), std::string::npos);  // case matters
  EXPECT_NE(expand("a#").find("## stands for one hash"), std::string::npos);
  EXPECT_NE(expand("#b").find("#b needs one digit"), std::string::npos);
  EXPECT_NE(expand("#bx").find("#b needs one digit"), std::string::npos);
  EXPECT_EQ(expand("#b12"), "22");  // one digit: the 2 behind it is text
}

TEST(HashParameters, ValuesAreEscapedInAddressesAndTextIsNot) {
  HashParameters odd = kSample;
  odd.instance = "Zürich/a b%#?";
  EXPECT_EQ(expand_hashes("https://h/x y/#I##", odd, true).value(),
            "https://h/x y/Z%C3%BCrich%2Fa%20b%25%23%3F%23");
}

TEST(HashParameters, TheRollingIndexHasOneLimit) {
  EXPECT_EQ(find_rolling_limit("https://h/#I").value(), std::nullopt);
  EXPECT_EQ(find_rolling_limit("https://h/#b5-#b5").value(), 5);
  EXPECT_EQ(find_rolling_limit("##b5").value(), std::nullopt);
  EXPECT_FALSE(find_rolling_limit("#b5#b6"));
  EXPECT_FALSE(find_rolling_limit("#b"));
}

}  // namespace
}  // namespace berth::manager
