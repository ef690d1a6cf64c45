// Whatever a process has started, however it hid itself: by setsid(2), by double forks, in the background.
#pragma once

#include "base/result.h"

namespace berth::sandbox {

// From now on what our descendants leave behind becomes our child instead of that of init (prctl(2), PR_SET_CHILD_SUBREAPER).
Result<void> take_in_orphans();

// Kills all children, and what becomes a child of ours by that, until there is none. To be called by a process that has taken in
// orphans, with /proc of its own PID namespace.
void end_descendants();

}  // namespace berth::sandbox
