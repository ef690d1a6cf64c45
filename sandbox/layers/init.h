// The process beside the service: first in its PID namespace, its parent, and the one that says no.
#pragma once

#include <sys/types.h>

#include "base/unique_fd.h"

namespace berth::sandbox {

// Blocks all signals, so that none is lost before run_init() takes them. To be called before the service is forked.
void hold_signals();
// In the service's process, before exec: as a program expects them.
void release_signals();

// Stands beside `main`, the service's process, until it ends; then writes how into `notes_fd` and ends itself, with its
// exit code or 128 and its signal. (The first process of a namespace is not killed by signals that it does not handle,
// abort() in it ends as another signal, and nobody else reaps orphans: a service that was the first itself would behave
// otherwise than anywhere else.) Passes on signals. Answers the calls that the filter holds back on `listener`: the first
// exec goes on, it is the service's own program; everything else is refused, and told on standard error.
[[noreturn]] void run_init(pid_t main, UniqueFd listener, int notes_fd);

}  // namespace berth::sandbox
