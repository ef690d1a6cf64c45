// Looking after databases while they are in use: statistics every night, giving space back on demand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "loop/task.h"
#include "manager/database/cluster.h"

namespace berth::manager {

using loop::Task;

struct MaintenanceProgress {
  std::string what;  // database, or table as schema.name
  std::size_t done = 0, of = 0;
};

struct CleanUpResult {
  std::uint64_t bytes_before = 0, bytes_after = 0;
};

// Owned by the manager's main. Any number of tasks at once, on different databases. If cancelled, the
// statement under way is broken off within seconds and changes nothing.
class Maintenance {
 public:
  Maintenance(loop::Loop& loop, const Cluster& cluster) : loop_(loop), cluster_(cluster) {}

  // Every night: dead rows marked free and statistics made anew in every database; locks nothing that apps
  // need, shrinks nothing. A database that fails is logged and passed over. Gives the number done.
  Task<std::size_t> vacuum_all(std::function<void(const MaintenanceProgress&)> progress = {});

  // "Clean up database": rewrites every table without its gaps (VACUUM FULL), which locks each while it
  // lasts and needs room for a copy of it. Throws Failure: kNoSpace before anything is done when the disk
  // has less free than the largest table takes, kTimeout when the app holds a table for a minute.
  Task<CleanUpResult> clean_up(std::string database,
                               std::function<void(const MaintenanceProgress&)> progress = {});
  // With the free space told instead of asked of the disk.
  Task<CleanUpResult> clean_up_within(std::string database, std::uint64_t free_bytes,
                                      std::function<void(const MaintenanceProgress&)> progress);

 private:
  loop::Loop& loop_;
  const Cluster& cluster_;
};

}  // namespace berth::manager
