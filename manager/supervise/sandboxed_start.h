// Starting a program behind walls: berth-launch, in the namespaces that only its parent can give it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <linux/filter.h>

#include "base/result.h"
#include "loop/process.h"
#include "loop/task.h"
#include "sandbox/launch_spec.h"

namespace berth::manager {

struct SandboxPlan {
  std::string launcher;  // absolute path of berth-launch
  sandbox::LaunchSpec spec;
  std::shared_ptr<const std::vector<sock_filter>> filter;  // shared by all starts with the same wishes
};

struct SandboxedStart {
  pid_t pid = 0;   // of the launcher, which becomes the service's init: the one to watch
  UniqueFd ready;  // at its end as soon as the program runs, or cannot
};

// `spawn`: descriptors and in_child as for spawn(); its program, arguments and environment are those of the plan.
// `notes`: the file that note_own_pid() writes in in_child; the launcher goes on there (sandbox/launch_notes.h). As root the
// launcher begins in a new PID namespace; otherwise in a new user namespace as well, which lets an ordinary user have the
// others. Where the kernel refuses, it begins without, and reports that.
Result<SandboxedStart> start_sandboxed(SandboxPlan plan, loop::SpawnOptions spawn, const std::string& notes);

// Done when the program runs or cannot; false after `limit`.
loop::Task<bool> wait_until_launched(loop::Loop& loop, UniqueFd ready, loop::Duration limit);

}  // namespace berth::manager
