#include "manager/database/superuser_password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/result.h"

namespace berth::manager {
namespace {

using testing::HasSubstr;

class SuperuserPasswordTest : public testing::Test {
 protected:
  ~SuperuserPasswordTest() override { (void)remove_tree(folder_); }

  std::string refusal() const {
    try {
      (void)password_.read();
    } catch (const Failure& failure) {
      return failure.error().detail;
    }
    return "";
  }
  void write(const std::string& path, const std::string& text, mode_t mode = 0600) {
    ASSERT_TRUE(write_file_durably(path, text, mode));
  }

  static std::string make_folder() {
    char path[] = "/tmp/berth-password-XXXXXX";
    const char* made = ::mkdtemp(path);
    BERTH_CHECK(made != nullptr);
    return made;
  }

  const std::string folder_ = make_folder();
  SuperuserPassword password_{folder_ + "/pgsql"};
};

TEST_F(SuperuserPasswordTest, IsMadeOnceForOurUserAlone) {
  const auto made = password_.read();
  EXPECT_GE(made.size(), 16u);
  EXPECT_EQ(password_.read(), made);
  struct stat info{};
  ASSERT_EQ(::stat(password_.new_file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  password_.note_is_set();
  EXPECT_FALSE(path_exists(password_.new_file()));
  EXPECT_EQ(password_.read(), made);
}

TEST_F(SuperuserPasswordTest, WhatPostgresqlKnowsGoesBeforeWhatItDoesNot) {
  write(password_.file(), "known\n");
  write(password_.new_file(), "new\n");
  EXPECT_EQ(password_.read(), "known");
}

TEST_F(SuperuserPasswordTest, AnEmptyFileIsNoPassword) {
  write(password_.file(), "\n");
  EXPECT_THAT(refusal(), HasSubstr("is empty: remove it"));
}

TEST_F(SuperuserPasswordTest, OthersMayNotReadIt) {
  write(password_.file(), "known\n", 0640);
  EXPECT_THAT(refusal(), HasSubstr("chmod 600"));
}

TEST_F(SuperuserPasswordTest, ALinkIsNotFollowedAndNothingElseTakesItsPlace) {
  ASSERT_EQ(::symlink("/nonexistent", password_.file().c_str()), 0);
  EXPECT_THAT(refusal(), HasSubstr("must be a file of the platform's user"));
  EXPECT_FALSE(path_exists(password_.new_file()));
}

TEST_F(SuperuserPasswordTest, OneThatIsTooLongIsRefusedAndNotReplaced) {
  write(password_.file(), std::string(2000, 'x'));
  EXPECT_NE(refusal(), "");
  EXPECT_FALSE(path_exists(password_.new_file()));
}

}  // namespace
}  // namespace berth::manager
