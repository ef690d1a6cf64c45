// Developer mode does not stay on because somebody forgot it.
#pragma once

#include <string>
#include <vector>

#include "loop/sync.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// Switched on, `developerMode` gets an end, `developerHours` later, that stands in `developerModeEnds` (so a new manager knows
// it, and an admin can put it off); then it is switched off. Owned by the manager's main.
class DeveloperMode {
 public:
  DeveloperMode(loop::Loop& loop, Settings& settings);

  // After the settings are loaded, and whenever some have changed. Database trouble is logged, and tried again.
  void begin();
  void changed(const std::vector<std::string>& names);
  void stop();

 private:
  Task<void> set_end();
  Task<void> look();

  Settings& settings_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

// A moment as `developerModeEnds` takes it: 2026-11-23T08:00:00Z.
Result<void> check_moment(std::string_view text);

}  // namespace berth::manager
