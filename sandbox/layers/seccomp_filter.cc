#include "sandbox/layers/seccomp_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace berth::sandbox {

Result<UniqueFd> install_seccomp_filter(int filter_fd) {
  const auto size = ::lseek(filter_fd, 0, SEEK_END);
  if (size <= 0 || size % static_cast<off_t>(sizeof(sock_filter)) != 0)
    return fail(Errc::kMalformed, "no filter program");
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(filter_fd, program.data(), static_cast<std::size_t>(size), 0) != size)
    return fail_errno(errno, "read the filter program");
  const sock_fprog described{static_cast<unsigned short>(program.size()), program.data()};
  UniqueFd listener(static_cast<int>(
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &described)));
  if (!listener) return fail_errno(errno, "system call filter");
  return listener;
}

}  // namespace berth::sandbox
