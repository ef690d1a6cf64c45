// Limits of the kernel's control groups on memory, tasks and CPU, whichever of its two hierarchies there is (cgroups(7)).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace berth::sandbox {

struct CgroupLimits {
  std::uint64_t memory_bytes = 0;  // 0: none
  std::uint64_t tasks = 0;         // processes and threads; 0: none
  std::uint64_t cpu_percent = 0;   // of one core, so that 200 are two; 0: none
};

// Where groups of ours can be made: below the manager's own, so that what limits the manager limits the services too.
struct CgroupTree {
  bool is_v2 = false;
  std::string memory, tasks, cpu;  // folders; the same one for all in version 2. cpu may be empty

  // By /proc/self/cgroup's and /proc/self/mountinfo's text. kUnsupported says why nothing can be limited here. Does not look
  // whether we may write there.
  static Result<CgroupTree> find(std::string_view own_cgroups, std::string_view mounts);
  // Of this process. In version 2 a group with processes can have no limited groups below it, so the manager (and nobody
  // else: kUnsupported if there is) moves into a group "manager" first.
  static Result<CgroupTree> of_this_process();
};

// Makes (or takes over) the group `name` with these limits and gives its folders, to be joined by whoever is limited.
Result<std::vector<std::string>> make_cgroup(const CgroupTree& tree, const std::string& name,
                                             const CgroupLimits& limits);
// Removes groups in which nobody is left; others stay.
void remove_cgroups(const std::vector<std::string>& folders);

// True if the kernel ended a process of these groups because their memory was used up.
bool ran_out_of_memory(const std::vector<std::string>& folders);

}  // namespace berth::sandbox
