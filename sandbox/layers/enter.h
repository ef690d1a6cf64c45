// The way into a running service's sandbox, for an admin who looks for a fault there.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace berth::sandbox {

// Moves the calling process into the namespaces of `pid`, a service's program: it finds the files, sockets and network that the
// service finds. The PID namespace is that of the children made from then on. As root, or as the user that runs the platform; into a
// user namespace of that user root goes as him, for there is no root in there.
Result<void> enter_namespaces(pid_t pid, uid_t uid);

// Makes the calling process no more than the service: its user (if we are root), no capabilities, and no way to get any. There
// is no system call filter and no Landlock: debuggers work.
Result<void> become_guest(uid_t uid);

}  // namespace berth::sandbox
