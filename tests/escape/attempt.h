// Ways out of the sandbox, each tried by a service that means harm.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace berth::escape {

// What the test knows of the machine and the attacker could have guessed: "manager-pid", "neighbour-pid", ….
using Facts = std::map<std::string, std::string>;

struct Outcome {
  bool refused = true;
  std::string detail;  // what happened
};

struct Attempt {
  std::string name;
  Outcome (*run)(const Facts& facts);
};

// Outcome of a call that gave `result` (below 0: errno is set).
Outcome of_call(long result);
// Runs `attempt` in a child, whatever becomes of it: an exit code of 0 means that it got through.
Outcome in_child(int (*attempt)(const Facts&), const Facts& facts);
Outcome open_file(const std::string& path, int flags);
// errno is set if there is none.
UniqueFd connect_unix(const std::string& path, bool is_abstract = false);
std::string fact(const Facts& facts, const std::string& name);

std::vector<Attempt> file_attempts();
std::vector<Attempt> process_attempts();
std::vector<Attempt> kernel_attempts();
std::vector<Attempt> socket_attempts();
std::vector<Attempt> link_attempts();
std::vector<Attempt> greedy_attempts();
// Of a service with a network of its own, instead of the others.
std::vector<Attempt> network_attempts();

}  // namespace berth::escape
