#include "manager/capture/capture_switch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utc.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;

TEST(CaptureSettings, NameAddressesOfBothKinds) {
  const auto all = parse_capture_from("192.0.2.7, ::1  127.0.0.1");
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, ElementsAre("192.0.2.7", "::1", "127.0.0.1"));
  EXPECT_TRUE(parse_capture_from("")->empty());
  EXPECT_FALSE(parse_capture_from("192.0.2.0/24"));
  EXPECT_FALSE(
      parse_capture_from("1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                         "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1"))
      << "17 of them";
}

TEST(CaptureSettings, EndWithinADay) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_TRUE(check_capture_until(format_utc(now + std::chrono::hours(23))));
  EXPECT_FALSE(check_capture_until(format_utc(now + std::chrono::hours(25))));
  EXPECT_FALSE(check_capture_until("tomorrow"));
}

TEST(CaptureSettings, InterfacesAreNamesAndNoArguments) {
  EXPECT_TRUE(check_capture_interfaces("eth0 lo"));
  EXPECT_FALSE(check_capture_interfaces("--uid"));
  EXPECT_FALSE(check_capture_interfaces("../lo"));
  EXPECT_FALSE(check_capture_interfaces("sixteen_letters_"));
}

}  // namespace
}  // namespace berth::manager
