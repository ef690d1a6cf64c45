// What a started process may do: user, capabilities, limits. The deeper layers (namespaces, seccomp,
// Landlock) get their place here; each layer is reported, never silently missing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace berth::manager {

struct Confinement {
  uid_t uid = 0;  // 0: stays the manager's own user
  gid_t gid = 0;
  bool drop_capabilities = true;  // bounding set emptied, no ambient, no_new_privs
  std::uint64_t open_files = 0;   // RLIMIT_NOFILE; 0: as high as the manager's hard limit
  std::uint64_t core_bytes = 0;   // RLIMIT_CORE
  std::uint64_t processes = 0;    // RLIMIT_NPROC; 0: as the manager's
};

// State of one layer for one process: "on", "unavailable" (with why), "off" (an admin or a later stage).
struct SandboxLayer {
  std::string layer;
  std::string state;
  std::string why;
};

// Runs in the child between fork and exec; async-signal-safe. 0 or an errno.
int confine_self(const Confinement& confinement);

// What confine_self will reach, told by whether the manager runs as root.
std::vector<SandboxLayer> describe_confinement(const Confinement& confinement, bool is_root);

}  // namespace berth::manager
