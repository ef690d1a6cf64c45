// Which processes run, kept in run/berth/processes.json so that the next manager can adopt them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "sandbox/launch_notes.h"

namespace berth::manager {

struct ProcessRecord {
  std::string name;  // "webserver", "postgres", or the service's id
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot: with the pid it names the process for good
  std::string program;
  std::string started_at;  // ISO 8601 UTC
};

// Owned by the supervisor. Every change is on disk before the call returns.
class ProcessTable {
 public:
  // `file`: processes.json; `starting`: the folder in which a child notes its own pid before exec, which
  // closes the gap between fork and the entry in the file.
  ProcessTable(std::string file, std::string starting);

  // Reads what the previous manager left. A file that is not there or does not parse is an empty table.
  void load();
  // The record of `name` if that very process still lives and runs what was started.
  std::optional<ProcessRecord> find_survivor(const std::string& name, const std::string& program) const;
  Result<void> put(ProcessRecord record);
  Result<void> remove(const std::string& name);
  // What is `successor` becomes `name`, and what was `name` becomes `former`, in one write: a manager that comes after us
  // finds the one or the other.
  Result<void> succeed(const std::string& name, const std::string& successor, const std::string& former);
  const std::map<std::string, ProcessRecord>& records() const { return records_; }

  // What is known of a start beside that: written by the child itself (note_own_pid) and by its launcher.
  sandbox::LaunchNotes read_notes(const std::string& name) const;
  // Path in which a starting child writes its pid (see note_own_pid).
  std::string starting_path(const std::string& name) const { return starting_ + "/" + name; }

 private:
  Result<void> save() const;
  std::string file_, starting_;
  std::map<std::string, ProcessRecord> records_;
};

// In a child between fork and exec: writes our pid to `path`. Async-signal-safe. 0 or an errno.
int note_own_pid(const char* path);

std::string format_process_table(const std::map<std::string, ProcessRecord>& records);
Result<std::map<std::string, ProcessRecord>> parse_process_table(std::string_view text);

}  // namespace berth::manager
