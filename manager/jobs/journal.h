// The journal of jobs in the manager's database: what must be finished after a power cut.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/job.h"
#include "db/database.h"
#include "manager/database/commit_sync.h"

namespace berth::manager {

using loop::Task;

// Where a job stands. kForward: steps below `step` are done, `step` may be half-done. kBackward: steps
// from `step` on are undone, those below are still to be undone.
enum class JobPhase : std::uint8_t { kWaiting, kForward, kBackward, kDone, kFailed, kCancelled };
std::string_view name_of(JobPhase phase);
std::optional<JobPhase> parse_job_phase(std::string_view word);
constexpr bool is_final(JobPhase phase) { return phase >= JobPhase::kDone; }

// One row. A value.
struct JobEntry {
  std::string id;
  api::JobKind kind{};
  std::string title;   // "Install Notes 1.0"
  std::string target;  // service id or name@domain: one job at a time for each
  std::string by;      // who asked
  JobPhase phase = JobPhase::kWaiting;
  std::size_t step = 0;
  std::size_t steps = 0;
  api::JsonObject data;  // what the steps need to run again; secrets in it are sealed by their owners
  std::string created, started, ended;  // ISO 8601 UTC; empty: not yet
  std::optional<Error> error;
  api::JsonObject result;
};

// Owned by the manager's main. Writes wait for the database to come back, however long that takes: a job
// never goes on with an unwritten step.
class Journal {
 public:
  Journal(loop::Loop& loop, db::Database& database) : loop_(loop), database_(database) {}

  // Gives the entry its id and writes it. Throws Failure(kUnavailable) if the database is away.
  Task<std::string> add(JobEntry entry);
  Task<void> write(JobEntry entry, CommitSync sync = CommitSync::kNow);
  Task<std::vector<JobEntry>> unfinished();               // oldest first
  Task<std::vector<JobEntry>> recent(std::size_t limit);  // newest first
  Task<std::optional<JobEntry>> find(std::string id);
  // Never throws: a lost line is no reason to fail. In order.
  Task<void> add_log(std::string id, std::string text);
  Task<std::vector<api::JobLogLine>> log(std::string id);
  // Keeps the newest `keep` finished jobs.
  Task<void> prune(std::size_t keep);

 private:
  loop::Loop& loop_;
  db::Database& database_;
};

}  // namespace berth::manager
