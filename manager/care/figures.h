// How large an instance's database is, what of it is air, and how it grows.
#pragma once

#include <string>
#include <vector>

#include "api/database.h"
#include "db/database.h"
#include "manager/database/cluster.h"
#include "manager/database/instance_database.h"
#include "manager/disk/disk_policy.h"

namespace berth::manager {

using loop::Task;

// Owned by the manager's main. Any number of tasks at once.
class DatabaseFigures {
 public:
  // Of the history of an instance: each day for so long, then the first sample of each month for so long.
  static constexpr int kDays = 62, kMonths = 60;
  // Tables that are told by name.
  static constexpr std::size_t kTables = 20;

  // `manager`: database manager; `admin`: superuser on database postgres.
  DatabaseFigures(loop::Loop& loop, const Cluster& cluster, db::Database& manager, db::Database& admin)
      : loop_(loop), cluster_(cluster), manager_(manager), admin_(admin) {}

  // Opens the database; a database whose tables have no statistics yet tells no bloat. Throws Failure.
  Task<api::InstanceDatabase> of(std::string name, std::string domain, std::string database);
  // Of each instance whose growth is known.
  Task<std::vector<DiskGrowth>> growth();
  // Of the whole cluster; runs and nextRun stay empty.
  Task<api::GetDatabasesResult> of_all();

  // Enters today's size of every instance, once a day (UTC), and thins out what is old. True if there was something
  // to enter.
  Task<bool> sample(std::string today);

 private:
  loop::Loop& loop_;
  const Cluster& cluster_;
  db::Database &manager_, &admin_;
};

// Growth in bytes a day by least squares over the last `window_days` of `history` (oldest first); nullopt if it has
// fewer than two days. `days`: between first and last day that were looked at.
struct Growth {
  std::int64_t bytes_a_day;
  std::uint64_t days;
};
std::optional<Growth> growth_of(const std::vector<api::DaySize>& history, int window_days = 30);

}  // namespace berth::manager
