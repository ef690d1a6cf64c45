#include "manager/sets/manifest.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.id = "20261122-160512-3fa9";
  manifest.policy = "daily";
  manifest.started = "2026-11-22T16:05:12Z";
  manifest.platform_version = "0.1.0";
  manifest.architecture = "x86_64";
  manifest.platform_key = std::string(32, '\x07');
  ItemRow item;
  item.name = "te/am \"Grüße\"";
  item.domain = "example.com";
  item.service = "notes";
  item.build = "1a2b";
  item.object = "6439679a";
  item.bytes = 17'000'000'000;
  item.sha256 = std::string(64, 'a');
  item.rows = {{"public.note", 5000}, {"public.Odd \"Näme\" %/", 3}};
  manifest.items = {item};
  return manifest;
}

TEST(Manifest, IsReadAsItIsWritten) {
  const auto read = parse_manifest(format_manifest(example())).value();
  EXPECT_EQ(read.id, example().id);
  EXPECT_EQ(read.platform_key, example().platform_key);
  ASSERT_EQ(read.items.size(), 1u);
  EXPECT_EQ(read.items[0].key(), "te/am \"Grüße\"@example.com");
  EXPECT_EQ(read.items[0].bytes, 17'000'000'000u);
  EXPECT_EQ(read.items[0].rows, example().items[0].rows);
  EXPECT_EQ(read.items[0].set, example().id);
  EXPECT_EQ(format_manifest(read), format_manifest(example()));
}

TEST(Manifest, HasNoPlatformKeyUnlessThereIsOne) {
  auto manifest = example();
  manifest.platform_key.clear();
  EXPECT_EQ(format_manifest(manifest).find("platformKey"), std::string::npos);
  EXPECT_TRUE(parse_manifest(format_manifest(manifest))->platform_key.empty());
}

TEST(Manifest, OneFromTheFutureOrBrokenIsRefused) {
  EXPECT_EQ(parse_manifest(R"({"berthSet":2,"id":"x","items":[]})").error().code, Errc::kUnsupported);
  EXPECT_TRUE(parse_manifest(R"({"berthSet":1,"id":"x","items":[],"news":[1]})"));
  for (
      const char* text :
      {"", "[]", "{}", R"({"berthSet":1,"id":"x"})", R"({"berthSet":1,"id":"x","items":[7]})",
       R"({"berthSet":1,"id":"x","items":[{"name":"a"}]})",
       R"({"berthSet":1,"id":"x","items":[{"name":"","domain":"","object":"1","bytes":1,"sha256":"","rows":{"b":-1}}]})",
       R"({"berthSet":1,"id":"x","items":[],"platformKey":"AAAA"})"})
    EXPECT_EQ(parse_manifest(text).error().code, Errc::kMalformed) << text;
}

}  // namespace
}  // namespace berth::manager
