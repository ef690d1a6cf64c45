// Taking an instance to another platform, as a journalled job of the platform it leaves (docs/decisions/0017).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/move.h"
#include "manager/move/arrivals.h"
#include "manager/move/move_data.h"
#include "manager/move/other_platform.h"

namespace berth::manager {

// Owned by the manager's main; its parts outlive it. Registers the job kind move, also for what arrives.
class MoveJobs {
 public:
  MoveJobs(loop::Loop& loop, JobRunner& runner, Instances& instances, InstanceJobs& instance_jobs,
           Arrivals& arrivals, const Settings& settings, const SecretBox& box, const Layout& layout,
           FindPlatform find_platform);

  // When the other platform falls silent just as it was to start the instance.
  struct Patience {
    int start_tries = 20;                          // a second apart
    std::chrono::milliseconds taken_back{35'000};  // after the last of them; longer than Arrivals::kTrial
  } patience;
  // As people call this platform, for the other one.
  std::function<std::string()> own_name;

  // Looks at both platforms; begins the job unless something hinders or `check_only`.
  Task<Result<api::MoveInstanceResult>> move(std::string name, std::string domain, MoveTarget to,
                                             bool check_only, std::string by);
  // Of an instance that has moved: nothing is passed on any more. kConflict if it has not moved.
  Task<void> end_forward(std::string name, std::string domain);
  // It runs here again, with the data as they were when it left. kConflict if it has not moved, or a job is on it.
  Task<void> undo(std::string name, std::string domain);
  // Puts into the bin what moved instances left here long enough ago.
  Task<void> look_after();

 private:
  struct Work;  // the connections of one step
  Task<std::unique_ptr<Work>> open(JobRun& run);
  Task<std::unique_ptr<OtherPlatform>> connect(const JobRun& run) const;
  api::PrepareArrival arrival_of(const InstanceRow& row, std::string token, std::uint64_t bytes) const;
  MoveTarget target_of(const JobRun& run) const;
  InstanceRow row_of(const JobRun& run) const;
  MoveData source_data(const JobRun& run) const;
  // What the row says of the move, durably and to everybody.
  Task<void> mark(InstanceRow row, std::optional<Moved> moved);
  Task<void> open_again(JobRun& run);

  JobRunner::Steps steps();
  JobStep prepare_step();
  JobStep log_step();
  JobStep copy_step();
  JobStep follow_step();
  JobStep pause_step();
  JobStep switch_step();
  JobStep confirm_step();
  JobStep clear_step();

  loop::Loop& loop_;
  JobRunner& runner_;
  Instances& instances_;
  InstanceJobs& instance_jobs_;
  Arrivals& arrivals_;
  const Settings& settings_;
  const SecretBox& box_;
  const Layout& layout_;
  FindPlatform find_platform_;
};

}  // namespace berth::manager
