#include "manager/platform/options.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace berth::manager {
namespace {

TEST(ManagerOptions, TakesBothSpellingsAndDefaults) {
  const auto options =
      parse_options({"--root", "/r", "--http=18080", "--https", "18443"}, "/x/bin/berth-manager").value();
  EXPECT_EQ(options.root, "/r");
  EXPECT_EQ(options.http, 18080);
  EXPECT_EQ(options.https, 18443);
  const auto defaults = parse_options({"--root", "/r"}, "x").value();
  EXPECT_EQ(defaults.http, 8080);
  EXPECT_EQ(defaults.https, 8443);
  EXPECT_EQ(parse_options({"--root", "/r", "--http", "off"}, "x")->http, -1);
}

TEST(ManagerOptions, SaysWhatIsWrong) {
  struct Case {
    std::vector<std::string> arguments;
    const char* word;
  };
  const Case cases[] = {
      {{}, "--root"},
      {{"--root"}, "needs a value"},
      {{"--root", "/r", "--http", "70000"}, "65535"},
      {{"--root", "/r", "--nonsense", "1"}, "--nonsense"},
      {{"--root", "/r", "--http", "off", "--https", "off"}, "both off"},
      {{"--root", "/r", "--store", "/nowhere/store"}, "/nowhere/store"},
  };
  for (const auto& c : cases) {
    const auto options = parse_options(c.arguments, "/x/bin/berth-manager");
    ASSERT_FALSE(options) << c.word;
    EXPECT_NE(options.error().detail.find(c.word), std::string::npos) << options.error().detail;
  }
}

TEST(ManagerOptions, DemoStoreLiesBesideTheBinaryAndBringsItsKey) {
  char name[] = "/tmp/berth-options-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  ASSERT_FALSE(parse_options({"--root", "/r", "--store", "demo"}, folder + "/bin/berth-manager"));
  ASSERT_TRUE(make_directories(folder + "/bin"));
  ASSERT_TRUE(make_directories(folder + "/store/demo"));
  ASSERT_TRUE(write_file_durably(folder + "/store/demo/minisign.pub", "untrusted comment: x\nRWQ\n"));
  const auto options =
      parse_options({"--root", "/r", "--store", "demo"}, folder + "/bin/berth-manager").value();
  EXPECT_EQ(options.store, folder + "/store/demo");
  EXPECT_EQ(options.store_key, "untrusted comment: x\nRWQ\n");
  (void)remove_tree(folder);
}

}  // namespace
}  // namespace berth::manager
