// Looking after databases while they are in use: statistics every night, giving space back on demand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/task.h"
#include "manager/database/cluster.h"

namespace berth::manager {

using loop::Task;

struct CleanUpProgress {
  std::string table;                     // schema.name, about to be rewritten
  std::uint64_t bytes_done = 0, of = 0;  // of all tables with their indexes
};

struct CleanUpResult {
  std::uint64_t bytes_before = 0, bytes_after = 0;
  std::size_t tables = 0;
};

// The disk that a clean-up asks for before it begins.
struct CleanUpNeed {
  std::string table;        // the largest; empty: there is none
  std::uint64_t bytes = 0;  // a copy of it, and what PostgreSQL's log takes meanwhile
};

// Owned by the manager's main. Any number of tasks at once, on different databases. If cancelled, the
// statement under way is broken off within seconds and changes nothing.
class Maintenance {
 public:
  Maintenance(loop::Loop& loop, const Cluster& cluster) : loop_(loop), cluster_(cluster) {}

  // All that let sessions in, by name.
  Task<std::vector<std::string>> databases();
  // As `vacuumdb -z`: dead rows marked free and statistics made anew; waits for no lock and shrinks nothing.
  Task<void> optimise(std::string database);

  Task<CleanUpNeed> clean_up_need(std::string database);
  // Bytes that the disk of the databases has free.
  Result<std::uint64_t> free_bytes() const;
  // "Clean up database": rewrites every table and its indexes without their gaps (VACUUM FULL, large objects too), which
  // locks each while it lasts. Waits for a lock in short turns, so that nobody queues behind it. Throws Failure:
  // kNoSpace before anything is done, or before a table for which the room has gone meanwhile; kTimeout when an app
  // holds a table for a minute. Cancelled or failed, the tables done so far are smaller, the others as they were.
  Task<CleanUpResult> clean_up(std::string database,
                               std::function<void(const CleanUpProgress&)> progress = {});
  // With the free space told instead of asked of the disk.
  Task<CleanUpResult> clean_up_within(std::string database, std::function<Result<std::uint64_t>()> free_bytes,
                                      std::function<void(const CleanUpProgress&)> progress);

 private:
  loop::Loop& loop_;
  const Cluster& cluster_;
};

}  // namespace berth::manager
