// Backup sets: a policy run as a job, each part of a set written, proven, read back, thinned out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/time_zone.h"
#include "manager/backup/backup.h"
#include "manager/instances/instance_jobs.h"
#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"
#include "manager/sets/gate.h"
#include "manager/sets/manifest.h"
#include "manager/sets/schedule.h"
#include "manager/sets/set_rows.h"
#include "manager/sets/target_kinds.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// What the parts of manager/sets work on. Its parts outlive it.
struct SetParts {
  loop::Loop& loop;
  net::HttpClient& http;
  db::Database& database;  // of the manager
  JobRunner& jobs;
  Instances& instances;
  InstanceJobs& instance_jobs;
  BackupWriter& backups;
  BackupReader& reader;
  Restorer& restorer;
  Settings& settings;
  const SecretBox& box;
  const Layout& layout;
  std::string version, build;
  std::function<bool(int port)> is_own_port;
};

// One plan of what goes and what stays, of one policy.
struct RetentionPlan {
  std::string policy, target;
  std::vector<SetRow> sets;       // newest first
  std::vector<Verdict> verdicts;  // of each of them
};

// A sealed row of the settings: somebody has seen the keys.
inline constexpr std::string_view kKeysShownRow = "backupKeysShown";

// Owned by the manager's main.
class BackupSets {
 public:
  explicit BackupSets(SetParts parts);
  ~BackupSets();  // stops all jobs where they are: their steps hold gates of ours

  // How targets are opened; tests put bad ones here.
  OpenTarget open;

  SetStore& store() { return store_; }
  // What the overview tells, as it was last read; reading needs no database.
  struct Overview {
    std::map<std::string, ProofRow> proofs;  // by key
    std::vector<std::pair<std::string, std::string>>
        targets;  // of enabled policies: name, error of the last try
    bool has_sets = false, keys_were_shown = false;
  };
  const Overview& overview() const { return overview_; }
  Task<void> refresh_overview();
  const SetParts& parts() const { return parts_; }
  TimeZone zone() const;  // of the platform; UTC while the setting is no zone
  std::unique_ptr<Target> open_ready(const TargetRow& row) { return open(row); }

  // Makes the default target and policy on the first start. Idempotent.
  Task<void> make_defaults();

  // Checks, completes and keeps it; tried out by test_target. What is told once and not kept comes back among its
  // secrets as kToldOnce.
  Task<TargetRow> put_target(TargetRow row);
  Task<void> remove_target(std::string name);  // kConflict while a policy uses it
  // Uses it, and notes how that went. Throws what the target says.
  Task<void> test_target(std::string name);

  // Checks and keeps it, with its next due moment.
  Task<PolicyRow> put_policy(PolicyRow row);
  // The keys of what a run of it would back up now.
  std::vector<std::string> selection(const PolicyRow& policy) const;

  // kConflict while it runs already.
  Task<Result<api::Job>> run_policy(std::string policy, std::string by);
  Task<Result<api::Job>> verify_set(std::string set, std::string by);
  Task<Result<api::Job>> prune(std::string policy, std::string by);
  Task<RetentionPlan> plan_retention(PolicyRow policy);
  // The file of one item, proven at its end. Gives its bytes.
  Task<std::uint64_t> get(std::string set, std::string name, std::string domain, BackupSink& sink);
  // Into a file; what is there already goes. Whether the target vouches for its bytes.
  Task<bool> get_file(ItemRow item, std::string path);

  Gate& gate(const std::string& target);

 private:
  JobRunner::Steps run_steps();
  JobRunner::Steps verify_steps();
  JobRunner::Steps prune_steps();
  Task<void> begin_set(JobRun& run);
  Task<void> write_items(JobRun& run);
  Task<void> write_item(Target& target, ItemRow item, JobRun& run);
  Task<void> close_set(JobRun& run);
  Task<void> check_set(JobRun& run, bool again);
  Task<void> thin_out(JobRun& run);
  Task<void> report(JobRun& run);
  Task<BackupResult> write_manager(BackupSink& sink, WriteOptions options,
                                   std::function<void(BackupProgress)> progress);
  Task<std::uint64_t> remove_sets(RetentionPlan plan);
  std::vector<ItemRow> select(const PolicyRow& policy, const std::string& set) const;
  // Runs something at a target and notes in its row how that went.
  Task<void> noting(std::string target, Task<void> act);
  std::chrono::seconds stall() const;

  SetParts parts_;
  SetStore store_;
  Overview overview_;
  std::map<std::string, std::unique_ptr<Gate>> gates_;
  int writing_ = 0;  // dumps under way, of all policies
  loop::Event written_;
};

}  // namespace berth::manager
