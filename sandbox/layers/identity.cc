#include "sandbox/layers/identity.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::sandbox {

Result<void> become_user(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0) return fail_errno(errno, "give up supplementary groups");
  if (::setresgid(gid, gid, gid) != 0) return fail_errno(errno, fmt::format("become group {}", gid));
  if (::setresuid(uid, uid, uid) != 0) return fail_errno(errno, fmt::format("become user {}", uid));
  return {};
}

Result<void> forbid_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "no_new_privs");
  return {};
}

Result<void> empty_bounding_set() {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // past the last one of this kernel
    if (errno == EPERM && ::geteuid() != 0) break;
    return fail_errno(errno, fmt::format("drop capability {}", capability));
  }
  return {};
}

Result<void> drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capset, &header, data) != 0) return fail_errno(errno, "drop capabilities");
  return {};
}

Result<void> set_limits(const std::vector<std::pair<int, std::uint64_t>>& limits) {
  for (const auto& [resource, value] : limits) {
    const auto which = static_cast<__rlimit_resource>(resource);
    rlimit limit{};
    if (::getrlimit(which, &limit) != 0) return fail_errno(errno, fmt::format("limit {}", resource));
    limit.rlim_max = std::min<rlim_t>(value, limit.rlim_max);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(which, &limit) != 0) return fail_errno(errno, fmt::format("limit {}", resource));
  }
  return {};
}

}  // namespace berth::sandbox
