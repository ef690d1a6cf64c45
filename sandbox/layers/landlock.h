// The kernel's own access rules (landlock(7)): they hold whatever user, mounts and file permissions say.
#pragma once

#include "base/result.h"
#include "sandbox/launch_spec.h"

namespace berth::sandbox {

// What this kernel knows of Landlock: 0 none, 1 files (5.13), 2 moving between folders (5.19), 3 truncating (6.2), 4 TCP
// (6.7), 5 device controls (6.10), 6 signals and abstract sockets (6.12).
int landlock_version();

// Allows the calling process the system's files to read, the spec's places as they are used, /tmp and /dev/shm to write,
// and nothing else; without the machine's network also no TCP; no signal and no abstract socket out of the sandbox. Needs
// no_new_privs. `note` tells what an older kernel leaves out.
Result<void> restrict_access(const LaunchSpec& spec, std::string& note);

}  // namespace berth::sandbox
