// A whole platform out of one set, onto a platform that has no instances yet: services with their binaries, settings,
// certificate, passwords, policies, instances.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "manager/sets/set_restore.h"

namespace berth::manager {

// What would be done, found out before anything is moved.
struct PlatformPlan {
  Manifest manifest;              // of the set; without its key
  std::vector<std::string> sets;  // all that could be taken, newest first
  std::uint64_t bytes = 0;        // of all its files
  // What stands in the way, each with the way on; empty: nothing.
  std::vector<std::string> obstacles;
  // What will not be as it was.
  std::vector<std::string> remarks;
};

// Owned by the manager's main. Nothing of the old manager's database replaces ours: its rows are taken over, its
// secrets sealed anew with our key, so that each step can be done again after a power cut.
class PlatformRestore {
 public:
  PlatformRestore(BackupSets& sets, SetRestore& restore);

  // Settings, certificate and domains were taken over: read them anew.
  std::function<Task<void>()> taken_over;

  // Looks into the target (which is not kept). `set` empty: the newest that holds the manager's database.
  Task<PlatformPlan> plan(TargetRow target, std::string set);
  // Refuses what plan() finds. kConflict if there are instances here.
  Task<Result<api::Job>> restore(TargetRow target, std::string set, std::string by);

 private:
  struct Found {
    Manifest manifest;
    std::string object;  // of its set.json
    std::vector<std::string> sets;
  };
  Task<Found> find_set(TargetRow target, std::string set);
  JobRunner::Steps steps();
  Task<void> keep_target(JobRun& run);
  Task<void> load_manager(JobRun& run);
  Task<void> take_over(JobRun& run);
  Task<void> start_services(JobRun& run);
  Task<void> restore_instances(JobRun& run);
  Task<void> clean_up(JobRun& run);
  InstanceDatabaseNames scratch_names(const JobRun& run) const;
  db::ConnectionOptions scratch_place(const JobRun& run) const;

  BackupSets& sets_;
  SetRestore& restore_;
};

}  // namespace berth::manager
