// Carries what is typed and told between an admin and a shell within an app.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "base/unique_fd.h"

namespace berth::cli {

// Our ends of what a shell has as 0, 1 and 2. Of a terminal: to_in alone, for all three.
struct ShellEnds {
  UniqueFd to_in, from_out, from_errors;
  bool is_terminal = false;
};

// The signals that relay() waits for reach this process by it alone from now on. To be called before the child that relay() gets
// is made, so that its end is not missed.
void block_relayed_signals();

// The size of our terminal for `terminal`.
void copy_terminal_size(int terminal);

// Between our standard input, output and error and `ends`, until `shell`, a child of ours, has ended and all that it said is
// delivered. Earlier at SIGTERM, SIGHUP, SIGINT or SIGQUIT, and a moment after `until`, whoever has not read yet: then `shell` is
// killed. Each direction is a process of its own, so that nobody who stands still (a terminal that is stopped, a shell that
// reads nothing) holds up the other directions, the window's size or the end. Our terminal is raw meanwhile, and in the end as
// it was. Gives the shell's exit code, as a shell tells it.
int relay(ShellEnds ends, pid_t shell, std::optional<std::chrono::system_clock::time_point> until);

}  // namespace berth::cli
