#include "base/disk_space.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace berth {
namespace {

TEST(DiskSpace, IsThatOfTheFileSystemThePathIsOn) {
  const auto space = read_disk_space("/");
  ASSERT_TRUE(space);
  EXPECT_EQ(space->total_bytes, std::filesystem::space("/").capacity);
  EXPECT_LE(space->used_bytes + space->free_bytes, space->total_bytes);
}

TEST(DiskSpace, APathThatIsNotThereIsNamed) {
  const auto space = read_disk_space("/nonexistent/place");
  ASSERT_FALSE(space);
  EXPECT_EQ(space.error().code, Errc::kNotFound);
  EXPECT_NE(space.error().detail.find("/nonexistent/place"), std::string::npos);
}

// df(1) of an ext4 file system with 5 % for root: 1K-blocks 102400, used 47488, available 49792, Use% 49.
TEST(DiskSpace, WhatIsRootsCountsNeitherAsUsedNorAsFree) {
  const DiskSpace space{102'400 << 10, 47'488 << 10, 49'792 << 10};
  EXPECT_NEAR(space.used_percent(), 48.8, 0.05);
  EXPECT_EQ(DiskSpace{}.used_percent(), 0);
}

}  // namespace
}  // namespace berth
