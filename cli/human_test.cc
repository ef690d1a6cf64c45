#include "cli/human.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "cli/table.h"

namespace berth::cli {
namespace {

using std::chrono::seconds;

TEST(Human, SizesHaveThreeDigitsAtMost) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1024), "1.0 KiB");
  EXPECT_EQ(format_size(10 * 1024), "10 KiB");
  EXPECT_EQ(format_size(1023 * 1024), "1.0 MiB");
  EXPECT_EQ(format_size(1536ull << 20), "1.5 GiB");
  EXPECT_EQ(format_size(~0ull), "16 EiB");
}

TEST(Human, OneIsNotMany) {
  EXPECT_EQ(format_count(0, "service"), "0 services");
  EXPECT_EQ(format_count(1, "service"), "1 service");
}

TEST(Human, TimesAreRelativeToNow) {
  const auto now = *parse_utc("2026-11-22T12:00:00.250Z");
  EXPECT_EQ(format_relative("2026-11-22T12:00:00Z", now), "just now");
  EXPECT_EQ(format_relative("2026-11-22T11:59:15Z", now), "45 s ago");
  EXPECT_EQ(format_relative("2026-11-22T09:00:00Z", now), "3 h ago");
  EXPECT_EQ(format_relative("2026-11-27T12:00:00Z", now), "in 5 d");
  EXPECT_EQ(format_relative("yesterday", now), "yesterday");
  EXPECT_EQ(format_relative("", now), "-");
}

TEST(Human, DurationsTakeAUnit) {
  EXPECT_EQ(parse_duration("45s"), seconds(45));
  EXPECT_EQ(parse_duration("30m"), seconds(1800));
  EXPECT_EQ(parse_duration("30min"), seconds(1800));
  EXPECT_EQ(parse_duration("2h"), seconds(7200));
  EXPECT_EQ(parse_duration("7d"), seconds(604'800));
  for (const char* text : {"", "30", "h", "-1h", "1.5h", "1 h", "2w", "99999999999h", "4294967295d"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Table, SetsNumbersToTheRightAndTextToTheLeft) {
  Table table({{"NAME"}, {"COUNT", true}});
  table.add({"a", "5"});
  table.add({"größer", "1000"});
  EXPECT_EQ(table.format(0, false), "NAME    COUNT\na           5\ngrößer   1000\n");
}

TEST(Table, CutsTheWidestColumnThatMayShrink) {
  Table table({{"ID"}, {"TEXT", false, true}});
  table.add({"12345678", "a long text that does not fit"});
  EXPECT_EQ(table.format(20, false), "ID        TEXT\n12345678  a long te…\n");
  EXPECT_EQ(cut_to_width("größer", 4), "grö…");
}

TEST(Table, KeepsControlCharactersOffTheTerminal) {
  Table table({{"NAME"}});
  table.add({"\x1b[31mred\x07\n"});
  EXPECT_EQ(table.format(0, false), "NAME\n[31mred\n");
}

}  // namespace
}  // namespace berth::cli
