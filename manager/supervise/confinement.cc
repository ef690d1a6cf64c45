#include "manager/supervise/confinement.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::manager {
namespace {

int limit(int resource, std::uint64_t value) {
  rlimit current{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &current) != 0) return errno;
  rlimit wanted{};
  // Hard limits cannot be raised without CAP_SYS_RESOURCE: take what there is.
  wanted.rlim_max = std::min<rlim_t>(value, current.rlim_max);
  wanted.rlim_cur = wanted.rlim_max;
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &wanted) == 0 ? 0 : errno;
}

int drop_all_capabilities() {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;        // past the last one of this kernel
    if (errno != EPERM) return errno;  // EPERM: a normal user's bounding set stays; it holds nothing anyway
    break;
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capset, &header, data) != 0) return errno;
  return 0;
}

}  // namespace

int confine_self(const Confinement& confinement) {
  ::umask(027);
  if (const int number = limit(RLIMIT_CORE, confinement.core_bytes)) return number;
  if (const int number =
          limit(RLIMIT_NOFILE, confinement.open_files ? confinement.open_files : RLIM_INFINITY))
    return number;
  if (confinement.processes)
    if (const int number = limit(RLIMIT_NPROC, confinement.processes)) return number;
  // The bounding set needs CAP_SETPCAP, so it goes before the user.
  if (confinement.drop_capabilities)
    for (int capability = 0; capability < 64; ++capability)
      if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
  if (confinement.uid != 0) {
    if (::setgroups(0, nullptr) != 0) return errno;
    if (::setresgid(confinement.gid, confinement.gid, confinement.gid) != 0) return errno;
    if (::setresuid(confinement.uid, confinement.uid, confinement.uid) != 0) return errno;
  }
  if (confinement.drop_capabilities) {
    if (confinement.uid != 0 || ::geteuid() != 0)
      if (const int number = drop_all_capabilities()) return number;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  }
  // A changed user makes the process undumpable; its own /proc entries must stay readable to it.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return 0;
}

std::vector<SandboxLayer> describe_confinement(const Confinement& confinement, bool is_root) {
  const std::string not_root = "the manager does not run as root";
  std::vector<SandboxLayer> layers;
  const auto add = [&](std::string layer, bool on, std::string why) {
    layers.push_back({std::move(layer), on ? "on" : "unavailable", on ? "" : std::move(why)});
  };
  add("own user", confinement.uid != 0, not_root);
  add("no new privileges", confinement.drop_capabilities, "switched off");
  add("no capabilities", confinement.drop_capabilities && (is_root ? confinement.uid != 0 : true), not_root);
  add("limits", true, "");
  // These belong to the deep sandbox; until it is there an admin must see that they are missing.
  const std::string later = "not part of this version";
  for (const char* layer : {"mount namespace", "PID namespace", "IPC namespace", "seccomp", "Landlock",
                            "network namespace", "cgroup"})
    layers.push_back({layer, "unavailable", later});
  return layers;
}

}  // namespace berth::manager
