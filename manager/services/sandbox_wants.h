// What a package says it needs of the machine, beside what every app has: its manifest's member "sandbox".
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "wire/json/json_fwd.h"

namespace berth::manager {

struct SandboxWants {
  bool network = false;            // connects to other machines
  std::vector<std::string> hosts;  // names or IPv4 addresses; a network of its own leads there only
  std::uint64_t memory_bytes = 0;  // 0: the platform's default
  std::uint64_t tasks = 0;
  std::uint64_t cpu_percent = 0;         // of one core; 0: as much as there is
  std::set<std::string> seccomp_groups;  // of sandbox::seccomp_groups()
  bool operator==(const SandboxWants&) const = default;
};

// {"network": true, "hosts": ["mail.example.com"], "memory": bytes, "tasks": 64, "cpu": 150, "seccomp": ["exec"]}, as member
// `sandbox` of an app's entry in the store; without it the app has no wishes. kMalformed: a wrong type, a number out of its
// range, a group that this platform does not know (a wish that is not understood must not look like none). A member that it
// does not know is passed over: what is installed already, by an older platform or a newer one, has to start.
Result<SandboxWants> parse_sandbox_wants(const json::Object& entry);
// The same of what is about to be installed, where such a member is refused, too.
Result<SandboxWants> parse_new_sandbox_wants(const json::Object& entry);

// One line each, for the admin who is about to install it; empty if it wants nothing.
std::vector<std::string> describe(const SandboxWants& wants);

}  // namespace berth::manager
