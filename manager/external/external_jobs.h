// An instance's data on a server that is not ours: going there, with or without the data, and coming back; and the watch
// over who has it.
#pragma once

#include <map>
#include <string>

#include "loop/sync.h"
#include "manager/external/external_database.h"
#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"

namespace berth::manager {

struct UseExternal {
  std::string name, domain;
  std::optional<ExternalPlace> place;  // absent: back to the platform's own database
  bool move = false;                   // the data go along; else the app finds what is there
  bool take_over = false;              // though another platform has it
  std::string by;
};

// Owned by the manager's main; its parts outlive it. Registers the job kind move-data.
class ExternalJobs {
 public:
  // How often it is looked whether the databases in use are still ours.
  static constexpr std::chrono::seconds kWatch{60};

  ExternalJobs(loop::Loop& loop, JobRunner& runner, Instances& instances, ExternalDatabases& externals,
               const SecretBox& box);

  // The place is tried before the job begins. kConflict: busy, in use by another platform, not empty (`move`), or there
  // already; kUnsupported: MySQL data cannot be moved; else as ExternalDatabases::check().
  Task<Result<api::Job>> use(UseExternal wanted);
  // Makes the database ours whoever has it, and starts the instance.
  Task<void> take_over(std::string name, std::string domain);

  // The watch; an instance whose database another platform took is stopped.
  void begin();
  void stop();
  Task<void> look();
  // Instances that the watch stopped, and who has their database; until they run again.
  const std::map<std::string, std::string>& taken() const { return taken_; }

 private:
  JobRunner::Steps steps();
  std::optional<ExternalPlace> place_of(const JobRun& run, std::string_view member) const;
  void put_place(api::JsonObject& data, std::string_view member,
                 const std::optional<ExternalPlace>& place) const;
  JobStep claim_step();
  JobStep copy_step();
  JobStep switch_step();

  loop::Loop& loop_;
  JobRunner& runner_;
  Instances& instances_;
  ExternalDatabases& externals_;
  const SecretBox& box_;
  std::map<std::string, std::string> taken_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
