#include "manager/backup/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(RestoreNames, StayWithinALimitOfBytes) {
  EXPECT_EQ(Restorer::beside_name("example.com_team", "7"), "example.com_team_restore_7");
  EXPECT_EQ(Restorer::old_name("example.com_team", "7"), "example.com_team_old_7");
  std::string umlauts;
  for (int i = 0; i < 31; ++i) umlauts += "ü";
  for (const std::string& name : {std::string(63, 'a'), std::string(62, 'a') + "b", umlauts, "a" + umlauts}) {
    const auto beside = Restorer::beside_name(name, "0123456789abcdef");
    EXPECT_TRUE(check_database_name(beside)) << beside;
  }
  EXPECT_NE(Restorer::beside_name(std::string(63, 'a'), "1"),
            Restorer::beside_name(std::string(62, 'a') + "b", "1"));
}

}  // namespace
}  // namespace berth::manager
