// Switches that lower the platform's guard do not stay on because somebody forgot them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loop/sync.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// The settings of one such switch: itself, the hours that it lasts, and the moment at which it ends.
struct TimedModeNames {
  std::string_view flag, hours, ends;
};
inline constexpr TimedModeNames kDeveloperMode{"developerMode", "developerHours", "developerModeEnds"};
inline constexpr TimedModeNames kAppSecurityOff{"appSecurityOff", "appSecurityOffHours",
                                                "appSecurityOffEnds"};

// Switched on, the flag gets an end, so many hours later, that stands in a setting (so a new manager knows it, and an admin can
// put it off); then it is switched off. Owned by the manager's main.
class TimedMode {
 public:
  TimedMode(loop::Loop& loop, Settings& settings, TimedModeNames names);

  // After the settings are loaded, and whenever some have changed. Database trouble is logged, and tried again.
  void begin();
  void changed(const std::vector<std::string>& names);
  void stop();

 private:
  Task<void> set_end();
  Task<void> look();

  Settings& settings_;
  const TimedModeNames names_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

// A moment as `developerModeEnds` takes it: 2026-11-23T08:00:00Z.
Result<void> check_moment(std::string_view text);

}  // namespace berth::manager
