// The time machine's long acts, as journalled jobs: a base backup, and one instance brought back to a moment.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "manager/archive/scratch_cluster.h"
#include "manager/archive/time_machine.h"
#include "manager/backup/restore.h"
#include "manager/instances/instance_jobs.h"
#include "manager/jobs/runner.h"

namespace berth::manager {

// What is asked of rewind(). `as_name` empty: the instance itself.
struct RewindRequest {
  std::string name, domain;
  std::chrono::sys_seconds moment;
  std::string as_name, as_domain;
};

// Owned by the manager's main; its parts outlive it. One cluster is recovered at a time, others wait for their turn.
class TimeMachineJobs {
 public:
  TimeMachineJobs(loop::Loop& loop, JobRunner& runner, TimeMachine& machine, Instances& instances,
                  InstanceJobs& instance_jobs, Restorer& restorer, const Cluster& cluster,
                  db::Database& admin, db::Database& database, Settings& settings, const SecretBox& box,
                  const Layout& layout);

  Task<Result<api::Job>> make_base(std::string by);
  // What it would take. kNotFound: the moment, or the instance then, is out of reach (the text names the window);
  // kNoSpace with numbers; kConflict: in the bin.
  Task<Result<api::RewindPlan>> plan(RewindRequest request);
  Task<Result<api::Job>> rewind(RewindRequest request, std::string by);

  ~TimeMachineJobs();

  // Every hour, at the start and when settings changed: switches on or off, removes what is too old, makes a base backup
  // when one is due.
  Task<void> look_after();
  // Before jobs are resumed: knows what is on, and removes what an earlier manager's jobs left of scratch clusters.
  Task<void> begin();

 private:
  struct Recovered;
  struct Source {
    std::string database;
    std::string host;  // empty: the platform's own
    InstanceRow row;
  };
  JobRunner::Steps base_steps();
  JobRunner::Steps rewind_steps();
  Task<void> make_copy(JobRun& run);
  Task<void> prepare(JobRun& run);
  Task<Source> recover(JobRun& run);
  Task<std::optional<Source>> find_source(const Recovered& recovered, std::string name, std::string domain,
                                          std::string created);
  Task<std::vector<std::uint32_t>> guess_databases(const archive::Manifest& manifest, std::string name,
                                                   std::string domain, std::chrono::sys_seconds moment);
  Task<std::uint32_t> oid_of(std::string database);
  Task<bool> has_been_known(std::string key);
  Task<void> load(JobRun& run);
  Task<void> forget(std::string job);
  Task<std::string> created_at(std::string name, std::string domain);
  std::string window_text() const;

  loop::Loop& loop_;
  JobRunner& runner_;
  TimeMachine& machine_;
  Instances& instances_;
  InstanceJobs& instance_jobs_;
  Restorer& restorer_;
  const Cluster& cluster_;
  db::Database& admin_;     // database postgres
  db::Database& database_;  // of the manager
  Settings& settings_;
  const SecretBox& box_;
  const Layout& layout_;
  loop::Semaphore turn_;
  std::map<std::string, std::unique_ptr<Recovered>> recovered_;  // by job
  bool looking_after_ = false;
};

}  // namespace berth::manager
