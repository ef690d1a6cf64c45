#include "manager/commands/command_file.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using std::chrono::minutes;

CommandFile parse(std::string_view text) { return parse_command_file(text).value(); }

std::string fault_of(std::string_view line) {
  const auto file = parse(line);
  if (file.faults.size() != 1) return fmt::format("{} faults", file.faults.size());
  EXPECT_TRUE(file.commands.empty()) << line;
  return file.faults[0].text;
}

TEST(CommandFileText, CommandsComeInOrderWithWhatStandsAboveThem) {
  const auto file = parse(
      "// nightly\r\n"
      "poll 30m\n"
      "hours 22-5,12\n"
      "days mo-fr\n"
      "every 20h\n"
      "backup https://backup.example.com/#D/#I-#b6.dump user=berth password=\"a \\\"b\\\" c\" auth=digest\n"
      "\n"
      "hours *\n"
      "once 2026-11\n"
      "  backup http://h/m.sql what=manager format=sql fingerprint=AB:CD\n"
      "backup http://h/t what=team@example.com");
  ASSERT_TRUE(file.faults.empty());
  EXPECT_EQ(file.poll, minutes(30));
  ASSERT_EQ(file.commands.size(), 3u);
  const auto& all = file.commands[0];
  EXPECT_EQ(all.line, 6u);
  EXPECT_EQ(all.what, "all");
  EXPECT_EQ(all.place.user, "berth");
  EXPECT_EQ(all.place.password, "a \"b\" c");
  EXPECT_TRUE(all.place.digest);
  EXPECT_EQ(all.guard.every, minutes(20 * 60));
  EXPECT_EQ(all.guard.once, "");
  EXPECT_TRUE(all.guard.allows(23, 1));
  EXPECT_TRUE(all.guard.allows(5, 5));
  EXPECT_TRUE(all.guard.allows(12, 3));
  EXPECT_FALSE(all.guard.allows(6, 3));
  EXPECT_FALSE(all.guard.allows(23, 0));
  const auto& manager = file.commands[1];
  EXPECT_EQ(manager.what, "manager");
  EXPECT_EQ(manager.format, ExportFormat::kSql);
  EXPECT_EQ(manager.place.fingerprint, "AB:CD");
  EXPECT_EQ(manager.guard.once, "2026-11");
  EXPECT_TRUE(manager.guard.allows(7, 2));
  EXPECT_FALSE(manager.guard.allows(7, 6));
  EXPECT_EQ(file.commands[2].line, 11u);
}

TEST(CommandFileText, AFaultIsNamedWithItsLineAndTheOthersStand) {
  const auto file = parse("backup http://h/#I\nfly to the moon\nbackup http://h/2/#I\nbackup http://h/#x-#I");
  EXPECT_EQ(file.commands.size(), 2u);
  ASSERT_EQ(file.faults.size(), 2u);
  EXPECT_EQ(file.faults[0].line, 2u);
  EXPECT_NE(file.faults[0].text.find("unknown command \"fly\""), std::string::npos);
  EXPECT_EQ(file.faults[1].line, 4u);
  EXPECT_NE(file.faults[1].text.find("unknown placeholder #x"), std::string::npos);
}

TEST(CommandFileText, FaultsNameTheRemedy) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"backup", "backup needs the address"},
      {"backup ftp://h/#I", "http:// or https://"},
      {"backup https://user:secret@h/#I", "user= and password="},
      {"backup https://h/all.dump", "needs #I"},
      {"backup https://h/#I what=team", "NAME@DOMAIN"},
      {"backup https://h/#I format=xml", "dump or sql"},
      {"backup https://h/#I auth=digest", "needs user and password"},
      {"backup https://h/#I colour=red", "not \"colour\""},
      {"backup https://h/#I password=\"x", "not closed"},
      {"hours 24", "no hour"},
      {"hours", "takes one word"},
      {"days monday", "no day"},
      {"every 5y", "no time"},
      {"every 0h", "no time"},
      {"poll 99999999999999999999m", "no time"},
      {"poll 2w", "no time"},
  };
  for (const auto& [line, expected] : table)
    EXPECT_NE(fault_of(line).find(expected), std::string::npos) << line << ": " << fault_of(line);
}

TEST(CommandFileText, NoSecretIsInWhatIsShown) {
  const auto file = parse(
      "backup https://h/p/#I?token=secret user=u password=secret\nbackup https://h/#I password=\"secret");
  EXPECT_EQ(file.commands.at(0).shown, "backup https://h/p/#I what=all");
  EXPECT_EQ(file.faults.at(0).text.find("secret"), std::string::npos);
  EXPECT_EQ(shown_url("https://user:secret@host/a@b?c"), "https://host/a@b");
  EXPECT_EQ(shown_url("http://host/a"), "http://host/a");
}

TEST(CommandFileText, WhatIsNoCommandFileIsRefusedWhole) {
  EXPECT_EQ(parse_command_file("<!doctype html><p>404").error().code, Errc::kMalformed);
  EXPECT_EQ(parse_command_file(std::string_view("a\0b", 3)).error().code, Errc::kMalformed);
  EXPECT_EQ(parse_command_file("\xff\xfe").error().code, Errc::kMalformed);
  EXPECT_EQ(parse_command_file(std::string(kMaxCommandFile + 1, ' ')).error().code, Errc::kTooLarge);
  std::string many;
  for (std::size_t i = 0; i <= kMaxCommands; ++i) many += "backup http://h/#I\n";
  const auto file = parse(many);
  EXPECT_EQ(file.commands.size(), kMaxCommands);
  EXPECT_EQ(file.faults.size(), 1u);
  EXPECT_TRUE(parse("").commands.empty());
}

}  // namespace
}  // namespace berth::manager
