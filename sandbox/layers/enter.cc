#include "sandbox/layers/enter.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "sandbox/layers/identity.h"

namespace berth::sandbox {
namespace {

// Joining the namespace in which one is already is refused for users, and needless for all.
bool is_another(pid_t pid, const char* kind) {
  struct stat own{}, other{};
  return ::stat(fmt::format("/proc/self/ns/{}", kind).c_str(), &own) != 0 ||
         ::stat(fmt::format("/proc/{}/ns/{}", pid, kind).c_str(), &other) != 0 ||
         own.st_ino != other.st_ino || own.st_dev != other.st_dev;
}

Result<gid_t> group_of(pid_t pid) {
  BERTH_TRY(const auto status, read_file(fmt::format("/proc/{}/status", pid), 1 << 16));
  for (const auto line : split(status, '\n')) {
    if (!line.starts_with("Gid:\t")) continue;
    if (const auto gid = parse_integer(line.substr(5, line.find('\t', 5) - 5)))
      return static_cast<gid_t>(*gid);
  }
  return fail(Errc::kMalformed, "process {} has no group", pid);
}

}  // namespace

Result<void> enter_namespaces(pid_t pid, uid_t uid) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return fail_errno(errno, fmt::format("process {}", pid));
  int kinds = 0;
  if (is_another(pid, "user")) {
    kinds |= CLONE_NEWUSER;
    if (::geteuid() == 0 && uid != 0) {
      BERTH_TRY(const auto gid, group_of(pid));
      BERTH_TRY_VOID(become_user(uid, gid));
    }
  }
  if (is_another(pid, "mnt")) kinds |= CLONE_NEWNS;
  if (is_another(pid, "pid")) kinds |= CLONE_NEWPID;
  if (is_another(pid, "ipc")) kinds |= CLONE_NEWIPC;
  if (is_another(pid, "net")) kinds |= CLONE_NEWNET;
  if (kinds != 0 && ::setns(process.get(), kinds) != 0)
    return fail_errno(errno, fmt::format("enter the sandbox of process {}", pid));
  return {};
}

Result<void> become_guest(uid_t uid) {
  BERTH_TRY_VOID(empty_bounding_set());
  if (::geteuid() != uid) BERTH_TRY_VOID(become_user(uid, uid));
  BERTH_TRY_VOID(drop_capabilities());
  return forbid_new_privileges();
}

}  // namespace berth::sandbox
