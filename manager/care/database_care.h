// Looking after the databases: every night by itself, and the jobs that people ask for.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "api/database.h"
#include "loop/sync.h"
#include "manager/care/figures.h"
#include "manager/care/night_plan.h"
#include "manager/database/maintenance.h"
#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// Owned by the manager's main. Registers the job kinds optimise and clean-up.
class DatabaseCare {
 public:
  using Now = std::function<std::chrono::sys_seconds()>;
  // Runs that are remembered, and told.
  static constexpr int kRuns = 60;

  DatabaseCare(loop::Loop& loop, JobRunner& runner, Instances& instances, Maintenance& maintenance,
               DatabaseFigures& figures, db::Database& database, const Settings& settings,
               const SecretBox& box, Now now);

  // From here on it looks at the clock, at least once an hour, and runs when the night's time has come. After the jobs
  // were resumed.
  void begin();
  // Settings have changed.
  void replan();
  void stop();
  // One look at the clock: enters today's sizes, starts the night's run if it is due.
  Task<void> look();

  // The night's work, now. kConflict if it is under way.
  Task<Result<api::Job>> optimise(std::string by);
  // kNotFound, kNoSpace with the numbers, kConflict (busy; external database).
  Task<Result<api::Job>> clean_up(std::string name, std::string domain, std::string by);
  // All databases, one after the other.
  Task<Result<api::Job>> clean_up_all(std::string by);

  Task<api::GetDatabasesResult> overview();
  Task<api::InstanceDatabase> of_instance(std::string name, std::string domain);
  // Of the last run that has ended; for findings.
  const std::optional<api::Optimisation>& last_run() const { return last_run_; }

 private:
  Task<Result<api::Job>> start_optimisation(std::string night, std::string by);
  JobRunner::Steps optimise_steps();
  JobRunner::Steps clean_up_steps();
  JobRunner::Steps clean_up_all_steps();
  Task<void> optimise_all(JobRun& run);
  Task<void> read_runs();
  std::optional<NightPlan> plan() const;
  void wait_until(std::chrono::sys_seconds moment);

  loop::Loop& loop_;
  JobRunner& runner_;
  Instances& instances_;
  Maintenance& maintenance_;
  DatabaseFigures& figures_;
  db::Database& database_;
  const Settings& settings_;
  const SecretBox& box_;
  Now now_;
  NightsDone done_;
  std::vector<api::Optimisation> runs_;  // newest first
  std::optional<api::Optimisation> last_run_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
  bool is_begun_ = false, is_looking_ = false;
};

}  // namespace berth::manager
