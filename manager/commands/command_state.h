// What the manager's database remembers of the command file: when each of its commands did well, and the last report.
#pragma once

#include <chrono>
#include <string>

#include "api/commands.h"
#include "db/database.h"
#include "manager/commands/command_file.h"

namespace berth::manager {

using loop::Task;

// Of one command for one instance, told apart by address, what and format. A value.
struct CommandMemory {
  std::string once;                 // token of the last time
  std::chrono::sys_seconds done{};  // the epoch: never
  int next_index = 0;               // of "#bn"
};

// Why `command` is not due, for people; empty: it is. Hours and days are the caller's: they are the same for all.
std::string why_not_due(const BackupCommand& command, const CommandMemory& memory,
                        std::chrono::sys_seconds now);

// Owned by the manager's main.
class CommandStore {
 public:
  explicit CommandStore(db::Database& database) : database_(database) {}

  Task<CommandMemory> find(BackupCommand command, std::string target);
  // It did well now, with `memory.next_index`; `limit` is n of "#bn". Idempotent for the same `memory`.
  Task<void> done(BackupCommand command, std::string target, CommandMemory memory, int limit);

  Task<api::CommandFileReport> report();
  Task<void> set_report(api::CommandFileReport report);

 private:
  db::Database& database_;
};

}  // namespace berth::manager
