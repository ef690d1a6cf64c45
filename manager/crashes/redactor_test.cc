#include "manager/crashes/redactor.h"

#include <gmock/gmock.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"

namespace berth::manager {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Redactor, TakesKnownSecretsOutInEverySpelling) {
  Redactor redactor;
  const std::string secret = "tR\"u/b a+dour&3";
  redactor.add(secret);
  for (const std::string& spelling : {secret, std::string("tR\\\"u/b a+dour&3"), percent_encode(secret),
                                      format_hex(as_bytes(secret)), format_base64(as_bytes(secret))}) {
    SCOPED_TRACE(spelling);
    std::uint64_t found = 0;
    const auto text = redactor.redact("before " + spelling + " after", &found);
    EXPECT_THAT(text, Not(HasSubstr(spelling)));
    EXPECT_THAT(text, testing::StartsWith("before [removed]"));
    EXPECT_THAT(text, testing::EndsWith(" after"));
    EXPECT_EQ(found, 1u);
  }
}

TEST(Redactor, FindsSecretsThatTouchEachOtherAndBeginAlike) {
  Redactor redactor;
  redactor.add("secretA");
  redactor.add("secretABC");
  redactor.add("zzzzzz");
  EXPECT_EQ(redactor.redact("secretABCsecretAzzzzzz!"), "[removed][removed][removed]!");
  EXPECT_EQ(redactor.redact("secret"), "secret");
  EXPECT_EQ(redactor.redact(""), "");
}

TEST(Redactor, LeavesShortOnesThatWouldTakeWordsOut) {
  Redactor redactor;
  redactor.add("team");
  EXPECT_EQ(redactor.size(), 0u);
  EXPECT_EQ(redactor.redact("team@example.com"), "team@example.com");
}

TEST(Redactor, RemovesWhatATextItselfCallsSecret) {
  const Redactor redactor;
  EXPECT_EQ(redactor.redact("host=a password=x1 user=b"), "host=a password=[removed] user=b");
  EXPECT_EQ(redactor.redact(R"({"user":"a","password":"b \" c","n":1})"),
            R"({"user":"a","password":"[removed]","n":1})");
  EXPECT_EQ(redactor.redact(R"({"password":""})"), R"({"password":""})");
  EXPECT_EQ(redactor.redact("Authorization: Basic YWJj\nHost: a"), "Authorization: [removed]\nHost: a");
  EXPECT_EQ(redactor.redact("dbPassword: 'it'"), "dbPassword: '[removed]'");
  EXPECT_EQ(redactor.redact("GET /a?token=abc&b=1"), "GET /a?token=[removed]&b=1");
  EXPECT_EQ(redactor.redact(R"({"secret":true,"token":null})"), R"({"secret":true,"token":null})");
  EXPECT_EQ(redactor.redact("the password is wrong"), "the password is wrong");
  EXPECT_EQ(redactor.redact("from https://me:pw@example.com/x"), "from https://[removed]@example.com/x");
}

TEST(Redactor, RemovesPrivateKeysButNoCertificates) {
  const Redactor redactor;
  EXPECT_EQ(redactor.redact("a\n-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\nb"),
            "a\n[removed]\nb");
  EXPECT_EQ(redactor.redact("-----BEGIN PRIVATE KEY-----\ncut off"), "[removed]");
  EXPECT_EQ(redactor.redact("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----"),
            "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----");
}

TEST(Redactor, IsQuickWithManySecretsAndLongTexts) {
  Redactor redactor;
  for (int i = 0; i < 5'000; ++i) redactor.add(fmt::format("pass{}word{}", i * 7919, i));
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += fmt::format("11-22 22:41:07.042 team@example.com line {}\n", i);
  EXPECT_EQ(redactor.redact(text), text);
}

TEST(RedactUrl, KeepsWhoIsAskedOnly) {
  EXPECT_EQ(redact_url("https://hooks.example.com/services/T0/B0/secret"),
            "https://hooks.example.com/[removed]");
  EXPECT_EQ(redact_url("https://user:pw@example.com"), "https://example.com");
  EXPECT_EQ(redact_url("http://example.com/?key=1"), "http://example.com/[removed]");
  EXPECT_EQ(redact_url("/a/folder"), "/a/folder");
}

}  // namespace
}  // namespace berth::manager
