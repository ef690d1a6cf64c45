// Namespaces that the launcher makes for itself, and so for the service.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace berth::sandbox {

// SysV and POSIX message queues, semaphores and shared memory of the machine (PostgreSQL has some) are out of sight.
Result<void> leave_ipc();

// No interface but a loopback that is down: no address can be reached, no port opened, and abstract Unix sockets, the
// machine's and those of other services, are out of sight. Sockets with a path work on.
Result<void> leave_network();

// For a manager that is not root: between clone(2) with CLONE_NEWUSER and exec. Keeps uid and gid as they are, and hands
// the capabilities of the new user namespace on to the program that is run, which needs them to make the other walls.
// Async-signal-safe. 0 or an errno.
int settle_in_user_namespace(uid_t uid, gid_t gid);

}  // namespace berth::sandbox
