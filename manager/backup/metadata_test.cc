#include "manager/backup/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::HasSubstr;
using testing::Not;

BackupMetadata team() {
  BackupMetadata metadata;
  metadata.name = "team";
  metadata.domain = "example.com";
  metadata.path = "/example.com/team";
  metadata.password = "sesame \"<:ß";
  metadata.service = "notes";
  metadata.build = 10024;
  metadata.label = "14r2";
  metadata.database = metadata.database_user = "example.com_team";
  metadata.log_flags = 0x200000003;
  metadata.exclude_from_backup = true;
  metadata.isolated = true;
  metadata.created = "2026-11-22T10:00:00Z";
  metadata.limits_json = R"({"messages":200,"databaseBytes":2000000000})";
  metadata.extra_json = R"({"isolate":true})";
  return metadata;
}

TEST(BackupMetadata, ComesBackWhole) {
  const auto read = parse_metadata(format_metadata(team(), nullptr), {});
  ASSERT_TRUE(read) << read.error().detail;
  const auto& metadata = read->metadata;
  EXPECT_EQ(metadata.name, "team");
  EXPECT_EQ(metadata.domain, "example.com");
  EXPECT_EQ(metadata.path, "/example.com/team");
  EXPECT_EQ(metadata.password, "sesame \"<:ß");
  EXPECT_EQ(metadata.service, "notes");
  EXPECT_EQ(metadata.build, 10024u);
  EXPECT_EQ(metadata.label, "14r2");
  EXPECT_EQ(metadata.database, "example.com_team");
  EXPECT_EQ(metadata.log_flags, 0x200000003u);
  EXPECT_TRUE(metadata.exclude_from_backup);
  EXPECT_TRUE(metadata.isolated);
  EXPECT_EQ(metadata.created, "2026-11-22T10:00:00Z");
  EXPECT_EQ(metadata.limits_json, R"({"messages":200,"databaseBytes":2000000000})");
  EXPECT_EQ(metadata.extra_json, R"({"isolate":true})");
  EXPECT_EQ(read->key_id, "");
  EXPECT_FALSE(read->missing_key);
}

TEST(BackupMetadata, IsSealedWithAKeyAndSaysWithWhich) {
  const auto key = BackupKey::from_bytes(std::string(32, 'k')).value();
  const auto other = BackupKey::from_bytes(std::string(32, 'o')).value();
  const auto text = format_metadata(team(), &key);
  EXPECT_THAT(text, Not(HasSubstr("sesame")));
  EXPECT_THAT(text, HasSubstr(key.id()));
  EXPECT_THAT(text, HasSubstr("example.com"));

  const auto with_key = parse_metadata(text, {.keys = {other, key}});
  ASSERT_TRUE(with_key);
  EXPECT_EQ(with_key->metadata.password, "sesame \"<:ß");

  const auto without = parse_metadata(text, {.keys = {other}});
  ASSERT_TRUE(without);
  ASSERT_TRUE(without->missing_key);
  EXPECT_THAT(*without->missing_key, HasSubstr(key.id()));
  EXPECT_EQ(without->metadata.password, "");
  EXPECT_EQ(without->metadata.name, "team") << "the rest is readable";
}

TEST(BackupMetadata, OpensWithThePassphraseAlone) {
  const auto key = BackupKey::from_passphrase("correct horse", BackupKey::new_salt()).value();
  const auto text = format_metadata(team(), &key);
  const auto read = parse_metadata(text, {.passphrase = "correct horse"});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->metadata.password, "sesame \"<:ß");
  const auto wrong = parse_metadata(text, {.passphrase = "battery staple"});
  ASSERT_TRUE(wrong);
  ASSERT_TRUE(wrong->missing_key);
  EXPECT_THAT(*wrong->missing_key, HasSubstr("passphrase"));
}

TEST(BackupMetadata, NoticesChangesAfterSealing) {
  const auto key = BackupKey::from_bytes(std::string(32, 'k')).value();
  auto text = format_metadata(team(), &key);
  text.replace(text.find("/example.com/team"), 17, "/example.com/evil");
  const auto read = parse_metadata(text, {.keys = {key}});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().detail, HasSubstr("changed after it was sealed"));
}

TEST(BackupMetadata, RefusesNewerFormatsAndNonsense) {
  auto newer = format_metadata(team(), nullptr);
  newer.replace(newer.find("\"berthBackup\":1"), 15, "\"berthBackup\":2");
  const auto read = parse_metadata(newer, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kUnsupported);
  EXPECT_THAT(read.error().detail, HasSubstr("Update this one first"));
  for (const char* text : {"", "{}", "[]", "{\"berthBackup\":1}", "{\"berthBackup\":1,\"instance\":\"x\"}",
                           "{\"berthBackup\":1,\"instance\":\"{}\",\"secret\":\"{}\"}"})
    EXPECT_EQ(parse_metadata(text, {}).error().code, Errc::kMalformed) << text;
}

TEST(BackupKey, WantsItsLength) {
  EXPECT_FALSE(BackupKey::from_bytes("short"));
  EXPECT_FALSE(BackupKey::from_passphrase("x", "short"));
  EXPECT_FALSE(BackupKey::from_passphrase("", BackupKey::new_salt()));
  EXPECT_NE(BackupKey::new_salt(), BackupKey::new_salt());
}

}  // namespace
}  // namespace berth::manager
