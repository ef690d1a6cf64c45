#include "tools/make_store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/file.h"
#include "wire/json/json.h"
#include "wire/minisign/minisign.h"

namespace berth::make_store {
namespace {

using testing::ElementsAre;

class StoreMaker : public testing::Test {
 protected:
  StoreMaker() {
    std::string pattern = "/tmp/berth_store_test.XXXXXX";
    folder = ::mkdtemp(pattern.data());
    write("store.json", R"({"id":"acme-x","folder":"acme-x","binary":"acme-x","title":"X"})");
    write("program",
          "\x7f"
          "ELF and so on");
    write("icon.png", "PNG");
    order = {.out = folder + "/store",
             .key = folder + "/key",
             .build = "0001002a",
             .label = "1.0",
             .arch = "arm64",
             .apps = {{folder + "/store.json", folder + "/program", folder + "/icon.png"}}};
  }
  ~StoreMaker() override { (void)remove_tree(folder); }
  void write(const std::string& name, std::string_view content) {
    or_throw(write_file_durably(folder + "/" + name, content));
  }
  std::string read(const std::string& name) const { return or_throw(read_file(folder + "/" + name)); }

  std::string folder;
  Order order;
};

TEST_F(StoreMaker, PutsFilesWhereManagersLookAndTellsTheirHashes) {
  make_store(order);
  EXPECT_EQ(read("store/0001002a/arm64/acme-x/acme-x"), read("program"));
  EXPECT_EQ(read("store/0001002a/arm64/acme-x/acme-x.png"), "PNG");
  const auto index = json::parse_object(read("store/apps.json")).value();
  const auto& app = index.at("apps").at(0);
  EXPECT_EQ(app.at("title"), "X");
  const auto& version = app.at("versions").at(0);
  EXPECT_EQ(version.at("build"), "0001002a");
  EXPECT_EQ(version.at("sha256").at("arm64/acme-x.png").as_string(), sha256_hex("PNG"));
  EXPECT_EQ(version.at("size").at("arm64/acme-x.png"), 3);
}

TEST_F(StoreMaker, TheSignatureIsOfTheIndexAndTheSameKeyIsUsedAgain) {
  make_store(order);
  const auto key = read("store/minisign.pub");
  struct stat status{};
  ASSERT_EQ(::stat(order.key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  order.build = "0001002b";
  make_store(order);
  EXPECT_EQ(read("store/minisign.pub"), key);
  const auto comment = minisign::verify(minisign::parse_public_key(key).value(), read("store/apps.json"),
                                        read("store/apps.json.minisig"));
  ASSERT_TRUE(comment) << comment.error().detail;
  EXPECT_EQ(*comment, "file:apps.json build:0001002b");
  EXPECT_FALSE(path_exists(folder + "/store/0001002a")) << "the old build is gone";
  EXPECT_FALSE(path_exists(folder + "/store.new"));
}

TEST_F(StoreMaker, AMissingProgramLeavesTheOldStore) {
  make_store(order);
  const auto index = read("store/apps.json");
  order.apps[0].binary = folder + "/none";
  order.build = "0001002b";
  EXPECT_THROW(make_store(order), Failure);
  EXPECT_EQ(read("store/apps.json"), index);
}

}  // namespace
}  // namespace berth::make_store
