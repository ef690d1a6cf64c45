// Out of backup sets back into instances: for good, and as drills that prove it.
#pragma once

#include <string>
#include <vector>

#include "manager/sets/backup_sets.h"

namespace berth::manager {

// Owned by the manager's main.
class SetRestore {
 public:
  explicit SetRestore(BackupSets& sets);

  // Brings an item back as the instance it was, or as `as_name`@`as_domain`. Says at once what does not fit:
  // kNotFound, kConflict (service not installed, target lost), kUnsupported (newer build). The job fetches the file,
  // hands it to an ordinary restore (beside, check, swap, undo for some days) and waits for that. `onto_external`: as for
  // InstanceJobs::restore().
  Task<Result<api::Job>> restore(std::string set, std::string name, std::string domain, std::string as_name,
                                 std::string as_domain, std::string by, bool onto_external = false);
  // Restores the newest backup of an instance into a database beside it, compares, drops it. Without a name: of all.
  Task<Result<api::Job>> drill(std::string name, std::string domain, std::string by);

 private:
  JobRunner::Steps restore_steps();
  JobRunner::Steps drill_steps();
  Task<void> fetch(JobRun& run);
  Task<void> hand_over(JobRun& run);
  Task<void> wait_for_restore(JobRun& run);
  Task<void> drill_all(JobRun& run);
  // What is wrong with it; nullopt: proven.
  Task<std::optional<Error>> drill_one(ItemRow item, std::string file, std::string id);
  Task<void> compare(ItemRow item, std::string database);
  Task<void> ask_service(InstanceRow instance, std::string service, std::string database);

  BackupSets& sets_;
};

}  // namespace berth::manager
