// Long acts on instances, as journalled jobs: create, delete, undo, restore; and backup, which is none
// (it changes nothing).
#pragma once

#include <string>

#include "manager/backup/backup.h"
#include "manager/backup/restore.h"
#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"
#include "manager/settings/settings.h"

namespace berth::manager {

struct NewInstance {
  std::string service, name, domain;
  std::string path;                                        // empty: suggested
  std::string password;                                    // empty: generated
  std::string database, database_user, database_password;  // empty: suggested, generated
  std::optional<ExternalPlace> external;                   // absent: the platform's own database
  std::uint64_t log_flags = kDefaultTraceFlags;
  bool exclude_from_backup = false;
  bool isolated = false;
  api::Limits limits;
  bool start = true;
};

// Owned by the manager's main; its parts outlive it.
class InstanceJobs {
 public:
  InstanceJobs(JobRunner& runner, Instances& instances, BackupWriter& backups, BackupReader& reader,
               Restorer& restorer, Settings& settings, const SecretBox& box, const Layout& layout,
               std::string version);

  struct Created {
    api::Job job;
    InstanceRow row;  // with its passwords, to be told once
  };
  Task<Result<Created>> create(NewInstance wanted, std::string by);
  // `now`: for good; else to the bin (or for good if binDays is 0).
  Task<Result<api::Job>> remove(std::string name, std::string domain, bool now, std::string by);
  // From the bin; or, if it is not there, the data that a restore replaced (`kept`: which, empty: the newest).
  Task<Result<api::Job>> undo(std::string name, std::string domain, std::string kept, std::string by);
  // For good, and only these kept data.
  Task<Result<api::Job>> remove_kept(std::string name, std::string domain, std::string kept, std::string by);
  // `file` is looked into first; the job removes it at its end, and so does a refusal. Without a name the file's own. Data on a
  // server that is not ours are replaced only `onto_external`: somebody has said that they may be. `vouched_in`: its bytes are known to be
  // those that were backed up as long as this boot_id() lasts (a power cut may take some): it is not read as a whole before.
  // An instance that is there and has limits of its own keeps them; one that is not, or has none, gets those of the file.
  Task<Result<api::Job>> restore(std::string file, std::string name, std::string domain, std::string by,
                                 bool onto_external = false, std::string vouched_in = "");

  // Whether a restore may replace the data of this instance. kUnsupported says why not, and what else can be done.
  static Result<void> may_replace(const InstanceRow& row, bool onto_external);

  Task<BackupResult> backup(std::string name, std::string domain, BackupSink& sink);
  // The same without noting that it was backed up: what was written has yet to arrive.
  Task<BackupResult> write_backup(std::string name, std::string domain, BackupSink& sink,
                                  WriteOptions options = {},
                                  std::function<void(BackupProgress)> progress = {});
  // A path for an upload, below backup/.
  std::string upload_path() const;

  // Parts of a restore for jobs whose data come from elsewhere (manager/archive): their entries hold put_row()'s members,
  // and replace, days. What is beside goes in; what it replaces is kept.
  void put_row(api::JsonObject& data, const InstanceRow& row) const;
  InstanceRow row_of(const JobRun& run) const;
  Result<InstanceRow> complete(NewInstance wanted) const;
  // kInOrder: the job goes on to InstanceRepository::enter().
  JobStep reserve_step(std::string text, CommitSync sync = CommitSync::kNow);
  JobStep make_step(std::string text, CommitSync sync = CommitSync::kNow);
  JobRunner::Steps swap_steps();
  // Deletes for good what has been in the bin, or kept beside an instance, long enough.
  Task<void> purge();
  // Removes uploads that no job knows (a manager that died while one came).
  Task<void> remove_stray_uploads();

 private:
  JobRunner::Steps create_steps();
  JobRunner::Steps delete_steps(const JobEntry& entry);
  JobRunner::Steps undo_steps();
  JobRunner::Steps remove_kept_steps();
  JobRunner::Steps turn_back_steps();
  JobRunner::Steps restore_steps();
  JobRunner::Steps restore_onto_steps();
  JobRunner::Steps turn_back_onto_steps();
  JobStep check_step();
  JobStep load_step();
  JobStep save_aside_step();
  JobStep put_onto_step(std::function<std::string(JobRun&)> source);
  Task<BackupKeys> keys();
  Task<void> take_limits(JobRun& run);
  Task<void> give_back_limits(JobRun& run);

  JobRunner& runner_;
  Instances& instances_;
  BackupWriter& backups_;
  BackupReader& reader_;
  Restorer& restorer_;
  Settings& settings_;
  const SecretBox& box_;
  const Layout& layout_;
  std::string version_;
};

}  // namespace berth::manager
