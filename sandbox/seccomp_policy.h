// Which system calls an app service may make, as a program for the kernel (seccomp(2)).
#pragma once

#include <linux/filter.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::sandbox {

// Further calls that a package may ask for, beside those that every service has.
struct SeccompGroup {
  std::string_view name;  // as a package's manifest writes it
  std::string_view what;  // for people
};
const std::vector<SeccompGroup>& seccomp_groups();

struct SeccompWishes {
  std::set<std::string> groups;  // of seccomp_groups()
  bool network = false;          // internet sockets, too
  bool operator<(const SeccompWishes& other) const {
    return std::tie(groups, network) < std::tie(other.groups, other.network);
  }
};

// Everything that is not allowed goes to the init that waits beside the service (SECCOMP_RET_USER_NOTIF), which refuses it
// and writes its name to the service's log. clone3(2) is told to be unknown (its flags lie in memory, out of the filter's
// sight; libraries then use clone(2)); another architecture's calls end the process.
// kMalformed if a group is unknown.
Result<std::vector<sock_filter>> make_seccomp_filter(const SeccompWishes& wishes);

// "bpf" of 321; "call 999" if it has no name.
std::string name_of_call(int number);
// The group that would allow it; empty: none.
std::string_view group_of_call(int number);

}  // namespace berth::sandbox
