#include "sandbox/layers/namespaces.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace berth::sandbox {
namespace {

int write_text(const char* path, const char* text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const auto put = ::write(fd, text, std::strlen(text));
  const int number = put < 0 ? errno : 0;
  ::close(fd);
  return number;
}

// "ID ID 1": who it is outside, who it is inside, one id.
int write_map(const char* path, unsigned id) {
  char digits[16];
  std::size_t at = sizeof digits;
  digits[--at] = '\0';
  do digits[--at] = static_cast<char>('0' + id % 10);
  while (id /= 10);
  char line[48];
  std::size_t size = 0;
  for (int column = 0; column < 2; ++column) {
    for (const char* digit = digits + at; *digit; ++digit) line[size++] = *digit;
    line[size++] = ' ';
  }
  line[size++] = '1';
  line[size] = '\0';
  return write_text(path, line);
}

}  // namespace

Result<void> leave_ipc() {
  if (::unshare(CLONE_NEWIPC) != 0) return fail_errno(errno, "new IPC namespace");
  return {};
}

Result<void> leave_network() {
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno(errno, "new network namespace");
  return {};
}

int settle_in_user_namespace(uid_t uid, gid_t gid) {
  // user_namespaces(7): a group map of an ordinary user needs setgroups(2) denied first.
  if (const int number = write_text("/proc/self/setgroups", "deny")) return number;
  if (const int number = write_map("/proc/self/gid_map", gid)) return number;
  if (const int number = write_map("/proc/self/uid_map", uid)) return number;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return errno;
  data[0].inheritable = data[0].permitted;
  data[1].inheritable = data[1].permitted;
  if (::syscall(SYS_capset, &header, data) != 0) return errno;
  for (int capability = 0; capability < 64; ++capability) {
    const auto& word = data[capability / 32];
    if (!(word.permitted & (1U << (capability % 32)))) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return errno;
  }
  return 0;
}

}  // namespace berth::sandbox
