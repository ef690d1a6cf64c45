// Child processes and signals as tasks.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/readiness.h"
#include "loop/sync.h"

namespace berth::loop {

struct ExitStatus {
  bool known = false;  // false: not our child, so the kernel did not tell
  int code = -1;       // exit code, or -1
  int signal = 0;      // signal that ended it, or 0
  bool is_success() const { return known && code == 0; }
  std::string describe() const;  // "exit code 3", "signal 11 (Segmentation fault)"
};

struct SpawnOptions {
  std::string program;                                  // absolute path
  std::vector<std::string> arguments;                   // without argv[0]
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; absent: ours
  std::string directory;                                // empty: ours
  // {ours, child's}: all other descriptors but 0, 1, 2 are closed in the child. 0, 1, 2 not named
  // here become /dev/null, /dev/null and our stderr.
  std::vector<std::pair<int, int>> descriptors;
  // Runs in the child between fork and exec; only async-signal-safe calls. Returns 0 or an errno.
  std::function<int()> in_child;
  bool new_session = true;  // setsid: no signals from our terminal
  // CLONE_NEW… flags of clone(2): the child begins in namespaces of its own (and, with CLONE_NEWPID, is their init).
  int namespaces = 0;
};

// Starts a process. Errors of exec and of in_child are reported here, not by the child's exit.
Result<pid_t> spawn(const SpawnOptions& options);

// Watches a process by pidfd, child or not. Does not end it when destroyed.
class ProcessWatch {
 public:
  // kNotFound if there is no such process.
  static Result<std::unique_ptr<ProcessWatch>> make(Loop& loop, pid_t pid);
  pid_t pid() const { return pid_; }
  // Ends when the process has ended; reaps it if it is our child.
  Task<ExitStatus> wait();
  // Safe against reuse of the pid.
  void send_signal(int signal) const;

 private:
  ProcessWatch(Loop& loop, pid_t pid, UniqueFd pidfd);
  pid_t pid_;
  UniqueFd pidfd_;
  Readiness readiness_;
};

// Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it
// names a process for good. nullopt if there is none.
std::optional<std::uint64_t> process_start_time(pid_t pid);

struct CommandResult {
  ExitStatus status;
  std::string output;  // stdout, at most `limit_bytes`
  std::string errors;  // stderr, its last 8192 bytes
};
struct CommandOptions {
  SpawnOptions spawn;  // descriptors 0, 1, 2 are set by run_command unless named there
  std::string input;
  std::size_t limit_bytes = 1 << 20;
};
// Runs a command to its end. If cancelled the process is killed. Throws Failure if it cannot be
// started or writes more than the limit; a bad exit code is the caller's to judge.
Task<CommandResult> run_command(Loop& loop, CommandOptions options);

// Blocks the given signals in this thread and gives them one by one.
class Signals {
 public:
  Signals(Loop& loop, std::initializer_list<int> signals);
  Task<int> next();

 private:
  UniqueFd fd_;
  Readiness readiness_;
};

}  // namespace berth::loop
