// Who the service is, and what it can never become. Called by berth-launch, after everything that needs root.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"

namespace berth::sandbox {

// A Unix user of its own: the oldest wall. Files, signals, /proc and the peer credentials of sockets go by it, so one
// service cannot read, stop or pretend to be another.
Result<void> become_user(uid_t uid, gid_t gid);

// no_new_privs (prctl(2)): no program that is run from here on gains anything by being setuid or having file capabilities.
// Seccomp and Landlock of an ordinary user need it too.
Result<void> forbid_new_privileges();

// Empties the bounding set, so that not even a flaw in a setuid program brings a capability back. Needs CAP_SETPCAP, so
// it goes before become_user(); without it a normal user's bounding set stays, which no_new_privs makes worthless.
Result<void> empty_bounding_set();
// Empties what is held now: effective, permitted, inheritable, ambient.
Result<void> drop_capabilities();

// {RLIMIT_…, value} pairs, lowered to the hard limit there is: it cannot be raised without CAP_SYS_RESOURCE.
Result<void> set_limits(const std::vector<std::pair<int, std::uint64_t>>& limits);

}  // namespace berth::sandbox
