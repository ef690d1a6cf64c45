// Another domain or web path for many instances at once (a customer, or the platform, has a new name).
#pragma once

#include <string>
#include <vector>

#include "api/rename.h"
#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"

namespace berth::manager {

// What `asked` would do to `rows`, in their order, without those that stay as they are. Pure. A problem is a name or path
// that is not allowed, or that two would have; instances in the bin keep their name, and count as taken.
std::vector<api::Renaming> plan_renaming(const std::vector<InstanceRow>& rows,
                                         const api::RenameInstances& asked);

// Owned by the manager's main. Registers the job kind rename: one step an instance; all of them, or none.
class RenameJobs {
 public:
  RenameJobs(JobRunner& runner, Instances& instances);
  // kMalformed: nothing that would change; kConflict: a problem (each is in the dry run), an instance is busy.
  Task<Result<api::RenameInstancesResult>> rename(api::RenameInstances asked, std::string by);

 private:
  JobRunner::Steps steps(const JobEntry& entry);
  Task<void> apply(api::Renaming one, JobRun* run);

  JobRunner& runner_;
  Instances& instances_;
};

}  // namespace berth::manager
