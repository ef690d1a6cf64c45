#include "manager/settings/timed_mode.h"

#include "base/utc.h"
#include "manager/testing/jobs_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

class TimedModes : public JobsTest {
 protected:
  void set(const char* name, std::string value) {
    ASSERT_TRUE(run(rig_->settings.set(name, std::move(value))));
  }
};

TEST_F(TimedModes, AnEndThatWasNotWrittenIsWrittenByTheNextManager) {
  set("appSecurityOff", "true");
  set("appSecurityOffHours", "4");
  set("appSecurityOffEnds", "");
  TimedMode mode(loop_, rig_->settings, kAppSecurityOff);
  mode.begin();
  ASSERT_TRUE(loop_.run_until([&] { return !rig_->settings.text("appSecurityOffEnds").empty(); }));
  const auto left = *parse_utc(rig_->settings.text("appSecurityOffEnds")) - std::chrono::system_clock::now();
  EXPECT_GT(left, 3h);
  EXPECT_LE(left, 4h);
  mode.stop();
}

TEST_F(TimedModes, OneWhoseTimeIsOverIsSwitchedOff) {
  set("appSecurityOff", "true");
  set("appSecurityOffEnds", "2026-01-01T00:00:00Z");
  TimedMode mode(loop_, rig_->settings, kAppSecurityOff);
  mode.begin();
  EXPECT_TRUE(loop_.run_until([&] { return !rig_->settings.flag("appSecurityOff"); }));
  mode.stop();
}

}  // namespace
}  // namespace berth::manager
