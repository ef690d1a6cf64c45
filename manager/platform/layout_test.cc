#include "manager/platform/layout.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"

namespace berth::manager {
namespace {

class LayoutTest : public testing::Test {
 protected:
  LayoutTest() {
    char name[] = "/tmp/berth-layout-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~LayoutTest() override { (void)remove_tree(directory_); }
  std::string directory_;
};

TEST_F(LayoutTest, MakesTheFoldersOfARoot) {
  const auto layout = open_root(directory_ + "/new", false);
  ASSERT_TRUE(layout) << layout.error().detail;
  EXPECT_EQ(layout->root, directory_ + "/new");
  for (const auto& path : {layout->etc(), layout->apps(), layout->run(), layout->logs()})
    EXPECT_TRUE(path_exists(path)) << path;
}

TEST_F(LayoutTest, SecondLockNamesTheHolder) {
  const auto layout = open_root(directory_, false).value();
  const auto first = lock_root(layout);
  ASSERT_TRUE(first);
  const auto second = lock_root(layout);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
}

TEST_F(LayoutTest, LockIsFreeAgainWhenTheHolderGoes) {
  const auto layout = open_root(directory_, false).value();
  { const auto first = lock_root(layout); }
  EXPECT_TRUE(lock_root(layout));
}

TEST_F(LayoutTest, AnInstancesFolderIsBelowItsServicesWhateverItsDatabaseIsCalled) {
  Layout layout;
  layout.root = "/r";
  const std::string notes = "/r/var/lib/berth/work/notes/";
  EXPECT_EQ(layout.work_of("notes", "example.com_team"), notes + "example.com_team");
  EXPECT_EQ(layout.work_of("notes", "Grüße \"it's\""), notes + "Grüße \"it's\"");
  EXPECT_EQ(layout.work_of("notes", "../../etc"), notes + "..%2F..%2Fetc");
  EXPECT_EQ(layout.work_of("notes", "a%2Fb"), notes + "a%252Fb");
  EXPECT_EQ(layout.work_of("notes", "."), notes + "%2E");
  EXPECT_EQ(layout.work_of("notes", ".."), notes + "%2E%2E");
}

TEST_F(LayoutTest, RefusesARootTooLongForSockets) {
  const auto layout = open_root(directory_ + "/" + std::string(90, 'x'), false);
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().code, Errc::kTooLarge);
  EXPECT_NE(layout.error().detail.find("shorter --root"), std::string::npos);
}

TEST_F(LayoutTest, SeesWhetherOthersCanReachAFolder) {
  EXPECT_TRUE(is_reachable_by_others("/usr/lib"));
  EXPECT_FALSE(is_reachable_by_others(directory_));  // mkdtemp makes 0700
  ::chmod(directory_.c_str(), 0711);
  EXPECT_TRUE(is_reachable_by_others(directory_));
}

}  // namespace
}  // namespace berth::manager
