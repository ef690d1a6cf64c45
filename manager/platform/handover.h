// The manager becomes a newer build of itself: execve(2) over the running program. Pid, children and the sockets that
// listen stay; everything else is found again as after a death (docs/decisions/0019-replaced-while-it-runs.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "loop/process.h"

namespace berth::manager {

// What one manager leaves to its successor.
struct Handover {
  UniqueFd lock;               // of the root, held
  UniqueFd control, admin;     // listening: control.sock, manager.sock
  std::string version, build;  // who leaves it
  bool webserver = false;  // the successor is to look whether the webserver's program is another one by now
  std::string error;       // why there was no successor: its reader is the old manager, which goes on
};

// What a program that could take over says of itself.
struct Successor {
  std::string version, build;
};

// --self-check: one line of JSON for check_successor().
std::string describe_self();

// Runs `program` with our arguments and --self-check. Throws Failure, with what to do: kUnsupported if it is too old to take
// over (its build cannot, or the database is ahead of it), kFailed if it cannot run, kTimeout.
loop::Task<Successor> check_successor(loop::Loop& loop, std::string program,
                                      std::vector<std::string> arguments);

// Becomes `program`. Returns only if that fails, with everything as it was. Nothing of the handover is in its arguments: it
// is in a memory file whose number an environment variable tells.
Error become_successor(const std::string& program, const std::vector<std::string>& arguments,
                       const Handover& handover);

// What the program before us left; nullopt if there was none. Takes the variable away, so that no child inherits it.
// kMalformed if it cannot be understood.
Result<std::optional<Handover>> take_handover();

// Takes leave of the children that ended while nobody looked. Before anybody watches one.
void reap_ended_children();
// Our children that are there now.
std::vector<pid_t> own_children();

}  // namespace berth::manager
