#include "manager/store/index.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

// Members as in reference/appstore.md.
constexpr const char* kIndex = R"({"apps":[
 {"id":"innovaphone-users","folder":"innovaphone-users","binary":"innovaphone-users","manufacturer":"innovaphone","title":"Users",
  "license_type":"free","langs":["de","en"],"categories":["administration"],
  "versions":[{"id":"13r1","build":"130001","label":"sr01","compatibilty":"13","copy":["extra.zip"]},{"id":"12r2","build":"120200","label":""}]},
 {"id":"../evil","versions":[{"id":"1","build":"1"}]},
 {"id":"nover","versions":[]},
 {"id":"badbuild","versions":[{"id":"1","build":"../../etc"}]},
 {"id":"badcopy","versions":[{"id":"1","build":"1","copy":["../x"]}]},
 {"id":"innovaphone-users","versions":[{"id":"1","build":"1"}]},
 7
]})";

TEST(StoreIndex, TakesWhatIsUsableAndTellsTheRest) {
  std::vector<std::string> problems;
  const auto index = parse_store_index(kIndex, &problems).value();
  ASSERT_EQ(index.apps.size(), 1u);
  EXPECT_EQ(problems.size(), 6u);
  const auto& users = index.apps[0];
  EXPECT_EQ(users.title, "Users");
  EXPECT_EQ(users.langs, (std::vector<std::string>{"de", "en"}));
  ASSERT_EQ(users.versions.size(), 2u);
  EXPECT_EQ(users.versions[0].compatibility, "13");     // spelt "compatibilty" on the wire
  EXPECT_EQ(find_version(users, "")->build, "130001");  // the store's order counts
  EXPECT_EQ(find_version(users, "12r2")->build, "120200");
  EXPECT_EQ(find_version(users, "9r1"), nullptr);
}

TEST(StoreIndex, RefusesWhatIsNoIndex) {
  for (const char* text : {"", "{", "[]", "{\"apps\":{}}", "{}"})
    EXPECT_FALSE(parse_store_index(text)) << text;
}

TEST(StoreIndex, FilesLieInBuildArchFolder) {
  const auto index = parse_store_index(kIndex).value();
  const auto files = package_files(index.apps[0], index.apps[0].versions[0], "x86_64").value();
  ASSERT_EQ(files.size(), 4u);
  EXPECT_EQ(files[0].path, "130001/x86_64/innovaphone-users/innovaphone-users");
  EXPECT_TRUE(files[0].is_required);
  EXPECT_EQ(files[1].name, "innovaphone-users.png");
  EXPECT_FALSE(files[1].is_required);
  EXPECT_EQ(files[3].name, "extra.zip");
  EXPECT_TRUE(files[3].is_required);
}

TEST(StoreIndex, HashesNameTheFilesAndTheArchitectures) {
  const std::string h(64, 'a');
  const std::string text =
      R"({"apps":[{"id":"notes","versions":[{"id":"1","build":"1a","label":"1.0","sha256":{"x86_64/notes.bin":")" +
      h + R"(","x86_64/notes.png":")" + h + R"(","x86_64/notes.debug":")" + h + R"("}}]}]})";
  const auto index = parse_store_index(text).value();
  const auto files = package_files(index.apps[0], index.apps[0].versions[0], "x86_64").value();
  ASSERT_EQ(files.size(), 2u);  // no debug file
  const auto packed =
      package_files(index.apps[0], index.apps[0].versions[0], "x86_64", DebugFiles::kTake).value();
  ASSERT_EQ(packed.size(), 3u) << "of a package it is taken";
  EXPECT_EQ(packed[1].path, "1a/x86_64/notes/notes.debug");
  EXPECT_EQ(files[0].name, "notes");
  EXPECT_EQ(files[0].path, "1a/x86_64/notes/notes.bin");  // older form with suffix
  EXPECT_EQ(files[0].sha256, h);
  const auto other = package_files(index.apps[0], index.apps[0].versions[0], "arm64");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kUnsupported);
  EXPECT_NE(other.error().detail.find("x86_64"), std::string::npos);

  EXPECT_EQ(parse_store_index(
                R"({"apps":[{"id":"n","versions":[{"id":"1","build":"1","sha256":{"x86_64/n":"abc"}}]}]})")
                .value()
                .apps.size(),
            0u);
}

TEST(StoreIndex, UrlMayNameTheFileOrItsFolder) {
  EXPECT_EQ(store_folder("https://store.test/release/download/apps.json"),
            "https://store.test/release/download");
  EXPECT_EQ(store_folder("https://store.test/release/download/"), "https://store.test/release/download");
  EXPECT_EQ(store_folder("https://store.test/x"), "https://store.test/x");
  EXPECT_EQ(store_folder("/srv/store/apps.json"), "/srv/store");
  EXPECT_EQ(store_folder("/"), "/");
}

TEST(StoreIndex, NewerBuildIsTheLargerNumber) {
  EXPECT_TRUE(is_newer_build("130011", "130004"));
  EXPECT_TRUE(is_newer_build("1a2c", "1a2b"));
  EXPECT_TRUE(is_newer_build("10", "9"));
  EXPECT_FALSE(is_newer_build("0009", "9"));
  EXPECT_FALSE(is_newer_build("9", "10"));
}

std::string elf(char word, char order, int machine) {
  std::string bytes(
      "\x7f"
      "ELF",
      4);
  bytes += word;
  bytes += order;
  bytes.resize(18, '\0');
  bytes += static_cast<char>(machine & 0xff);
  bytes += static_cast<char>(machine >> 8);
  return bytes;
}

TEST(Elf, ArchitectureIsInTheHeader) {
  EXPECT_EQ(architecture_of(elf(2, 1, 62)).value(), "x86_64");
  EXPECT_EQ(architecture_of(elf(2, 1, 183)).value(), "arm64");
  EXPECT_EQ(architecture_of(elf(1, 1, 40)).value(), "arm");
  EXPECT_EQ(architecture_of(elf(2, 1, 243)).error().code, Errc::kUnsupported);  // RISC-V
  EXPECT_EQ(architecture_of(elf(2, 2, 62)).error().code, Errc::kUnsupported);
  EXPECT_EQ(architecture_of("#!/bin/sh\necho hello\n").error().code, Errc::kMalformed);
  EXPECT_EQ(architecture_of("").error().code, Errc::kMalformed);
}

}  // namespace
}  // namespace berth::manager
