#include "wire/minisign/minisign.h"

#include <cstdlib>

#include "base/file.h"

namespace berth::minisign {
namespace {

// Key and signatures made by minisign 0.11 (Debian 12): minisign -G -W; minisign -S -t …; minisign -S -l -t ….
constexpr const char* kPublic =
    "untrusted comment: minisign public key 45B42091AC3C1C0E\n"
    "RWQOHDyskSC0RW1KLKI2Z5ejnrGRO2MRStdMR7Lx41DBsm160Y1T8QQC\n";
constexpr const char* kSecret =
    "untrusted comment: minisign encrypted secret key\n"
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADhw8rJEgtEV8a6ZlbEG5Y8KuMikRQvYD"
    "TaMpx6EW9EOQ4Hky"
    "Iex48m1KLKI2Z5ejnrGRO2MRStdMR7Lx41DBsm160Y1T8QQCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr const char* kSecretWithPassword =
    "untrusted comment: minisign encrypted secret key\n"
    "RWRTY0IyFbs0Oc8hw5U1ewnOTrIBQ6hQU1ffeABT6x4bwtrDSfEAAAACAAAAAAAAAEAAAAAAyy2NOhUySk7QXdivQcLUcDd+"
    "eVYQGq9Ka+oBVpVK0mtTPcDY"
    "d7+vm/NjWBn9cIpz8oRX0Z4M0U0eDRkXs2sE28RkIAVg7LSY4kju+8uMxnbrUCmVfTl/SbQmIpFv9EsN9XygX87FjF4=\n";
constexpr const char* kContent = "hello berth\n";
constexpr const char* kPrehashed =
    "untrusted comment: signature from minisign secret key\n"
    "RUQOHDyskSC0Rd0U0fS3o9n743V65g8jWP6fGewpVHG7T2UJVwvCH2rpDry4kpvu4JMkWSuWi9RI9Zq/78EPf20u+LWejFMPSwI=\n"
    "trusted comment: made for a test\n"
    "NIaol86mgB413CHY+QImGy5siKvkFd2YyCXeQNP9uNrI50HJWGqKT7sdF8cTr2CIU28fWiLoKaUMyp4xli0GAA==\n";
constexpr const char* kLegacy =
    "untrusted comment: signature from minisign secret key\n"
    "RWQOHDyskSC0RXp/p/wHtVw7G6OQwLCQWGdqUbmfzRLWSH0TJGuLgl6ne1sS0aHSXLE4zeekjfSTbPj8+ExDB+UclyQ4I19fWws=\n"
    "trusted comment: legacy form\n"
    "C4Y4nG3LinPolun+T5H+PcTo71GOoOGdFy3rFuPW/a9bu5KCqOtwT8b/6R7fqDI7BPogKCTwAKdkjMyXuLcxCA==\n";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  return text.replace(text.find(what), what.size(), by);
}

TEST(Minisign, VerifiesWhatMinisignSigned) {
  const auto key = parse_public_key(kPublic).value();
  EXPECT_EQ(format_key_id(key.id), "45B42091AC3C1C0E");
  EXPECT_EQ(verify(key, kContent, kPrehashed).value(), "made for a test");
  EXPECT_EQ(verify(key, kContent, kLegacy).value(), "legacy form");
}

TEST(Minisign, RefusesAnyChange) {
  const auto key = parse_public_key(kPublic).value();
  for (const char* signature : {kPrehashed, kLegacy}) {
    EXPECT_EQ(verify(key, "hello Berth\n", signature).error().code, Errc::kDenied);
    EXPECT_EQ(verify(key, "", signature).error().code, Errc::kDenied);
  }
  EXPECT_EQ(verify(key, kContent, replaced(kPrehashed, "made for", "Made for")).error().detail,
            "trusted comment was changed");
  EXPECT_EQ(verify(key, kContent, replaced(kPrehashed, "Rd0U", "Rd0V")).error().code, Errc::kDenied);
}

TEST(Minisign, TellsThatAnotherKeySigned) {
  const auto other = make_secret_key().public_key();
  EXPECT_THAT(verify(other, kContent, kPrehashed).error().detail, testing::HasSubstr("45B42091AC3C1C0E"));
}

TEST(Minisign, VerifiesInPieces) {
  const auto key = parse_public_key(kPublic).value();
  auto verifier = Verifier::make(key, kPrehashed).value();
  verifier.update(as_bytes("hello "));
  verifier.update(as_bytes("berth\n"));
  EXPECT_EQ(verifier.finish().value(), "made for a test");
  auto wrong = Verifier::make(key, kPrehashed).value();
  wrong.update(as_bytes("hello"));
  EXPECT_EQ(wrong.finish().error().code, Errc::kDenied);
  EXPECT_EQ(Verifier::make(key, kLegacy).error().code, Errc::kUnsupported);
}

TEST(Minisign, ReadsAndWritesKeysAsMinisignDoes) {
  const auto key = parse_secret_key(kSecret).value();
  EXPECT_EQ(key.public_key(), parse_public_key(kPublic).value());
  EXPECT_EQ(format_public_key(key.public_key()), kPublic);
  EXPECT_EQ(parse_public_key("RWQOHDyskSC0RW1KLKI2Z5ejnrGRO2MRStdMR7Lx41DBsm160Y1T8QQC").value(),
            key.public_key());
  EXPECT_EQ(parse_secret_key(format_secret_key(key)).value().key, key.key);
  EXPECT_EQ(parse_secret_key(kSecretWithPassword).error().code, Errc::kUnsupported);
  EXPECT_EQ(parse_secret_key(replaced(kSecret, "a6Zl", "a6Zm")).error().detail, "the secret key is damaged");
}

TEST(Minisign, VerifiesItsOwnSignatures) {
  const auto key = make_secret_key();
  const auto signature = sign(key, "content", "timestamp:1");
  EXPECT_EQ(verify(key.public_key(), "content", signature).value(), "timestamp:1");
  EXPECT_FALSE(verify(key.public_key(), "other", signature));
}

TEST(Minisign, RefusesFilesOfAnotherKind) {
  for (const std::string& text :
       {std::string(), std::string("\n\n\n\n"), std::string("untrusted comment: x\n"),
        replaced(kPrehashed, "trusted comment: made", "comment: made"), replaced(kPrehashed, "RUQO", "RUQ"),
        std::string(kPrehashed) + "more\n"})
    EXPECT_EQ(parse_signature(text).error().code, Errc::kMalformed) << text;
  EXPECT_EQ(parse_signature(replaced(kPrehashed, "RUQO", "RVQO")).error().code, Errc::kUnsupported);
  EXPECT_FALSE(parse_public_key("hello"));
  EXPECT_FALSE(parse_public_key(kSecret));
}

TEST(Minisign, SignsSoThatMinisignVerifies) {
  if (std::system("minisign -v > /dev/null 2>&1") != 0) GTEST_SKIP() << "minisign is not installed";
  char folder[] = "/tmp/berth_minisign_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string root = folder;
  const auto key = make_secret_key();
  ASSERT_TRUE(write_file_durably(root + "/k.pub", format_public_key(key.public_key())));
  ASSERT_TRUE(write_file_durably(root + "/k.key", format_secret_key(key), 0600));
  ASSERT_TRUE(write_file_durably(root + "/f", "content"));
  ASSERT_TRUE(write_file_durably(root + "/f.minisig", sign(key, "content", "by us")));
  const auto run = [&](const std::string& command) {
    return std::system(("cd " + root + " && minisign " + command + " > /dev/null").c_str());
  };
  EXPECT_EQ(run("-V -p k.pub -m f"), 0);
  EXPECT_EQ(run("-S -s k.key -m f -x g.minisig -t 'by minisign'"), 0);
  EXPECT_EQ(verify(key.public_key(), "content", read_file(root + "/g.minisig").value()).value(),
            "by minisign");
  EXPECT_TRUE(remove_tree(root));
}

}  // namespace
}  // namespace berth::minisign
