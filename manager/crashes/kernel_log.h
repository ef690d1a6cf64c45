// What the kernel's log says of processes that it ended for want of memory.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace berth::manager {

// The kernel's word for ending `pid` because memory was used up; empty if there is none. `log`: lines as of /dev/kmsg.
std::string find_oom_kill(std::string_view log, pid_t pid);

// The newest part of the kernel's log, 256 KiB at most; empty where it may not be read. Does not wait.
std::string read_kernel_log();

}  // namespace berth::manager
