#include "manager/backup/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::HasSubstr;

TEST(Restorable, NamesFaultAndRemedy) {
  BackupMetadata metadata;
  metadata.service = "notes";
  metadata.build = 10024;
  EXPECT_TRUE(check_restorable(metadata, "notes", 10024));
  EXPECT_TRUE(check_restorable(metadata, "notes", 20000));
  const auto older = check_restorable(metadata, "notes", 10023);
  EXPECT_EQ(older.error().code, Errc::kUnsupported);
  EXPECT_THAT(older.error().detail, HasSubstr("update the service first"));
  const auto absent = check_restorable(metadata, "notes", std::nullopt);
  EXPECT_EQ(absent.error().code, Errc::kNotFound);
  EXPECT_THAT(absent.error().detail, HasSubstr("install it first"));
  EXPECT_EQ(check_restorable(metadata, "files", 1).error().code, Errc::kConflict);
}

}  // namespace
}  // namespace berth::manager
