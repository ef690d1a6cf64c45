#include "wire/mail/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace berth::mail {
namespace {

using namespace std::chrono;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Message sample() {
  Message message;
  message.from = "berth@example.com";
  message.from_name = "Berth";
  message.to = {"admin@example.com"};
  message.subject = "Disk full";
  message.text = "one\n.\ntwo\n";
  message.date = sys_days(2026y / 11 / 22) + 19h + 48min;
  message.id = "<1.set@ap.example.com>";
  return message;
}

TEST(MailMessage, HasTheHeadersOfItsThreadAndAnEncodedBody) {
  auto message = sample();
  message.reply_to = "<1@ap.example.com>";
  const auto text = format_message(message);
  EXPECT_THAT(text, HasSubstr("Date: Sun, 22 Nov 2026 19:48:00 +0000\r\n"));
  EXPECT_THAT(text, HasSubstr("From: \"Berth\" <berth@example.com>\r\n"));
  EXPECT_THAT(text, HasSubstr("Subject: Disk full\r\n"));
  EXPECT_THAT(text, HasSubstr("In-Reply-To: <1@ap.example.com>\r\nReferences: <1@ap.example.com>\r\n"));
  // printf 'one\r\n.\r\ntwo\r\n' | base64
  EXPECT_THAT(text, testing::EndsWith("\r\n\r\nb25lDQouDQp0d28NCg==\r\n"));
  for (const auto line : split(text, '\n')) EXPECT_LE(line.size(), 79u) << line;
}

TEST(MailMessage, NobodyWritesAHeaderThroughATextOfTheirs) {
  auto message = sample();
  message.subject = "x\r\nBcc: thief@example.org\r\n\r\nbody";
  message.from_name = "a\nB: c";
  const auto text = format_message(message);
  EXPECT_THAT(text, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(text, Not(HasSubstr("\nB: c")));
}

TEST(MailMessage, WritesOtherAlphabetsAsEncodedWordsThatEndBetweenCharacters) {
  // Python: email.header.Header('Größe', 'utf-8').encode() has the same base64.
  EXPECT_EQ(format_header_text("Größe"), "=?UTF-8?B?R3LDtsOfZQ==?=");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ü";
  for (const auto line : split(format_header_text("a" + umlauts), '\n')) EXPECT_LE(line.size(), 76u);
  // What looks like an encoded word is not taken for one.
  EXPECT_THAT(format_header_text("=?UTF-8?B?aGk=?="), testing::StartsWith("=?UTF-8?B?PT9V"));
}

TEST(MailMessage, ReadsTheAddressesOfASetting) {
  EXPECT_THAT(parse_addresses(" a@x, b@y;c@z d@w\n"), ElementsAre("a@x", "b@y", "c@z", "d@w"));
  EXPECT_THAT(parse_addresses(""), ElementsAre());
}

}  // namespace
}  // namespace berth::mail
