#include "archive/manifest.h"

#include <gtest/gtest.h>

namespace berth::archive {
namespace {

using namespace std::chrono_literals;

Manifest example() {
  Manifest manifest;
  manifest.id = "20261122T020000-17";
  manifest.system = "7575757575757575757";
  manifest.started = std::chrono::sys_seconds(1'795'312'800s);
  manifest.stopped = std::chrono::sys_seconds(1'795'312'810s);
  manifest.start = {1, 0x1fe};
  manifest.stop = {1, 0x200};
  manifest.label = "START WAL LOCATION: 1/FE000028 (file 0000000100000001000000FE)\n";
  manifest.databases = {{5, "postgres"}, {16390, "example.com_team \"ä\""}};
  manifest.instances = {{"team \"ä\"", "example.com", "2026-11-20T10:00:00Z", "example.com_team \"ä\""}};
  manifest.files.groups = {{0, "20261122T020000-17-0-0.tar.zst", "", 1000, 10},
                           {16390, "20261121T020000-16-16390-0.tar.zst", "ab", 1 << 30, 1 << 20}};
  manifest.files.large_files = {{16390, "base/16390/16400.1", 1 << 30}};
  manifest.files.new_bytes = 10;
  return manifest;
}

TEST(Manifest, ReadsWhatItWrites) {
  const auto manifest = example();
  const auto read = parse_manifest(format_manifest(manifest));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, manifest);
  EXPECT_EQ(read->files.bytes_of(16390), 1u << 30);
}

TEST(Manifest, RefusesWhatIsNoneIsNewerOrLeavesItsFolder) {
  const auto changed = [](const std::string& from, const std::string& to) {
    auto text = format_manifest(example());
    text.replace(text.find(from), from.size(), to);
    return parse_manifest(text).error().code;
  };
  EXPECT_EQ(parse_manifest("{}").error().code, Errc::kMalformed);
  EXPECT_EQ(parse_manifest("").error().code, Errc::kMalformed);
  EXPECT_EQ(changed("\"format\":1", "\"format\":2"), Errc::kUnsupported);
  EXPECT_EQ(changed("20261121T020000-16-16390-0.tar.zst", "../../x"), Errc::kMalformed);
  EXPECT_EQ(changed("base/16390/16400.1", "base/../../pgsql/x"), Errc::kMalformed);
  EXPECT_EQ(changed("0000000100000001000000FE\"", "0000000100000001000001FE\""), Errc::kMalformed);
}

TEST(SegmentName, CountsAcrossTheLogFilesAsPostgresDoes) {
  // 256 segments of 16 MiB make one "log file" of 4 GiB (xlog_internal.h, XLogFileName).
  EXPECT_EQ(parse_segment_name("000000020000000100000003"), (SegmentName{2, 0x103}));
  EXPECT_EQ(format_segment_name({2, 0x103}), "000000020000000100000003");
  for (const char* name :
       {"", "00000002000000010000010", "000000020000000100000100", "00000002000000010000000g",
        "00000002000000010000000a", "0000000200000001000000030"})
    EXPECT_FALSE(parse_segment_name(name)) << name;
  for (const char* name : {"000000020000000100000003", "000000020000000100000003.partial", "00000002.history",
                           "000000020000000100000003.00000028.backup"})
    EXPECT_TRUE(is_log_file_name(name)) << name;
  for (const char* name : {"", "..", "000000020000000100000003.zst", "00000002.histor", "x.history",
                           "../../00000002.history", "000000020000000100000003.00000028.backuq"})
    EXPECT_FALSE(is_log_file_name(name)) << name;
}

}  // namespace
}  // namespace berth::archive
