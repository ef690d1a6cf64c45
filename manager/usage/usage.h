// What instances and domains used: counted with each measurement of the monitor, kept by day.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/usage.h"
#include "db/database.h"
#include "loop/sync.h"
#include "manager/monitor/monitor.h"
#include "manager/usage/usage_book.h"

namespace berth::manager {

using loop::Task;

struct UsageSources {
  std::function<std::vector<WatchedInstance>()> instances;
  std::function<std::string()> time_zone;   // setting timezone
  std::function<std::int64_t()> kept_days;  // setting usageDays
  std::function<std::chrono::sys_seconds()> now;
};

// Owned by the manager's main.
class Usage {
 public:
  // Rows are written so often, and when they are asked for.
  static constexpr std::chrono::minutes kWriteEvery{5};
  static constexpr std::size_t kMostRows = 20'000;  // of an answer
  static constexpr int kMostDays = 3661;            // of a question

  Usage(loop::Loop& loop, db::Database& database, UsageSources sources);

  // What was counted before. Nothing is counted until then.
  Task<void> load();
  void begin();
  // The last rows; throws nothing: what could not be written is counted again after the next start.
  Task<void> stop();

  // From the monitor, every ten seconds.
  void measured(const std::vector<ServiceMeasurement>& services);

  // From the webserver, with each answer about its counters.
  void served_files(const std::string& run, const json::Array& files);

  // Throws Failure: kMalformed, kTooLarge (more than kMostRows).
  Task<api::GetUsageResult> tell(api::GetUsage request);

 private:
  std::string today() const;
  void plan();
  Task<void> write();
  Task<void> write_rows();
  Task<void> write_unwritten();

  db::Database& database_;
  UsageSources sources_;
  UsageBook book_;
  bool is_loaded_ = false;
  std::int64_t written_ = 0;  // number of the last write
  struct Unwritten {
    std::int64_t number;
    std::string rows, marks;  // as SQL gets them
  };
  std::optional<Unwritten> unwritten_;  // goes before anything else, under the same number
  std::string purged_;                  // the day on which old rows were deleted
  bool is_failing_ = false;
  loop::Semaphore writing_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
