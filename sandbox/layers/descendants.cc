#include "sandbox/layers/descendants.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace berth::sandbox {
namespace {

// 0: it has gone meanwhile. (proc(5), /proc/PID/stat: the name may hold anything, so from behind it.)
pid_t parent_of(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096).value_or("");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > text.size()) return 0;
  return static_cast<pid_t>(std::strtol(text.c_str() + name_end + 4, nullptr, 10));
}

// How many there were.
int kill_children() {
  DIR* processes = ::opendir("/proc");
  if (!processes) return 0;
  int found = 0;
  while (const dirent* entry = ::readdir(processes)) {
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid <= 0 || parent_of(pid) != ::getpid()) continue;
    ++found;
    ::kill(pid, SIGKILL);
  }
  ::closedir(processes);
  return found;
}

}  // namespace

Result<void> take_in_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return fail_errno(errno, "take in orphans");
  return {};
}

void end_descendants() {
  for (;;) {
    const int found = kill_children();
    // Each that ends may leave us children of its own, so one at a time.
    const pid_t ended = ::waitpid(-1, nullptr, found > 0 ? 0 : WNOHANG);
    if (ended < 0 && errno != EINTR) return;  // none is left
    if (ended == 0) return;                   // there are some that /proc does not show: they cannot be found
  }
}

}  // namespace berth::sandbox
