// The memory of a process that lives, as a core file that debuggers open.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace berth::crash {

// Writes a core file of `pid` to `fd`, a file that can be sought in; the process stands still meanwhile and goes on afterwards,
// whatever happens to us. Memory that cannot be read, and what the kernel would leave out of a dump (shared files, memory that says
// so), is left out. Above `limit_bytes` of memory the rest is left out, too. Gives the bytes of the file. kDenied without the
// right to look into the process (ptrace(2)), kNotFound, kNoSpace.
Result<std::uint64_t> write_live_dump(pid_t pid, int fd, std::uint64_t limit_bytes);

}  // namespace berth::crash
