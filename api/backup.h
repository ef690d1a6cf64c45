// Backup sets: where they go, what is in them, how long they stay, and how they come back.
#pragma once

#include "api/job.h"
#include "api/json.h"

namespace berth::api {

enum class BackupScope { kAll, kDomain, kInstance, kManager };
template <>
struct Words<BackupScope> {
  static constexpr std::string_view kName = "BackupScope";
  static constexpr std::array<std::string_view, 4> kList = {"all", "domain", "instance", "manager"};
};

// `partial`: some databases could not be read. `damaged`: the target gives back other data than it was given.
enum class BackupSetState { kRunning, kGood, kPartial, kFailed, kDamaged };
template <>
struct Words<BackupSetState> {
  static constexpr std::string_view kName = "BackupSetState";
  static constexpr std::array<std::string_view, 5> kList = {"running", "good", "partial", "failed",
                                                            "damaged"};
};

enum class BackupItemState { kWaiting, kWritten, kFailed, kDamaged };
template <>
struct Words<BackupItemState> {
  static constexpr std::string_view kName = "BackupItemState";
  static constexpr std::array<std::string_view, 4> kList = {"waiting", "written", "failed", "damaged"};
};

struct BackupOption {
  static constexpr std::string_view kName = "BackupOption";
  std::string name;
  std::string value;
  static constexpr auto fields() {
    return std::tuple(field("name", &BackupOption::name), field("value", &BackupOption::value));
  }
};

struct BackupTarget {
  static constexpr std::string_view kName = "BackupTarget";
  std::string name;
  std::string kind;                   // directory, sftp, s3, webdav, dropbox
  std::string place;                  // a folder, or a URL
  std::vector<BackupOption> options;  // what is no secret
  bool append_only = false;           // nothing is ever removed from it
  std::optional<std::string> made_at, tested_at;
  std::string error;  // of the last try; empty: it went well
  static constexpr auto fields() {
    return std::tuple(field("name", &BackupTarget::name), field("kind", &BackupTarget::kind),
                      field("place", &BackupTarget::place), with_default("options", &BackupTarget::options),
                      with_default("appendOnly", &BackupTarget::append_only),
                      field("madeAt", &BackupTarget::made_at), field("testedAt", &BackupTarget::tested_at),
                      with_default("error", &BackupTarget::error));
  }
};

struct BackupPolicy {
  static constexpr std::string_view kName = "BackupPolicy";
  std::string name;
  std::string target;
  BackupScope scope = BackupScope{};  // all: every instance, and the manager
  std::string instance, domain;       // of scope instance and domain
  std::vector<std::string> excluded;  // name@domain
  std::string schedule;               // "daily 02:00"
  std::string keep;                   // "last=1,daily=7,weekly=4", "all"
  bool enabled = true;
  bool verify = true;                      // each set is read back
  std::optional<std::string> due_at;       // set by the manager
  std::vector<std::string> would_back_up;  // set by the manager: "manager", name@domain
  static constexpr auto fields() {
    return std::tuple(
        field("name", &BackupPolicy::name), field("target", &BackupPolicy::target),
        with_default("scope", &BackupPolicy::scope), with_default("instance", &BackupPolicy::instance),
        with_default("domain", &BackupPolicy::domain), with_default("excluded", &BackupPolicy::excluded),
        with_default("schedule", &BackupPolicy::schedule), with_default("keep", &BackupPolicy::keep),
        with_default("enabled", &BackupPolicy::enabled), with_default("verify", &BackupPolicy::verify),
        field("dueAt", &BackupPolicy::due_at), with_default("wouldBackUp", &BackupPolicy::would_back_up));
  }
};

// One database in a set; without name and domain the manager's own.
struct BackupItem {
  static constexpr std::string_view kName = "BackupItem";
  std::string set;
  std::string name, domain;
  std::string service, build, label;
  BackupItemState state = BackupItemState{};
  std::string error;
  std::uint64_t bytes = 0;
  std::string sha256;                  // of the file without its end mark
  std::uint64_t tables = 0, rows = 0;  // at the moment of the backup
  std::optional<std::string> written_at, verified_at;
  static constexpr auto fields() {
    return std::tuple(
        field("set", &BackupItem::set), with_default("name", &BackupItem::name),
        with_default("domain", &BackupItem::domain), with_default("service", &BackupItem::service),
        with_default("build", &BackupItem::build), with_default("label", &BackupItem::label),
        field("state", &BackupItem::state), with_default("error", &BackupItem::error),
        with_default("bytes", &BackupItem::bytes), with_default("sha256", &BackupItem::sha256),
        with_default("tables", &BackupItem::tables), with_default("rows", &BackupItem::rows),
        field("writtenAt", &BackupItem::written_at), field("verifiedAt", &BackupItem::verified_at));
  }
};

struct BackupSet {
  static constexpr std::string_view kName = "BackupSet";
  std::string id;
  std::string policy, target;  // may be gone meanwhile
  std::string job;
  BackupSetState state = BackupSetState{};
  std::string error;
  std::optional<std::string> started_at, ended_at, verified_at;
  static constexpr auto fields() {
    return std::tuple(field("id", &BackupSet::id), with_default("policy", &BackupSet::policy),
                      with_default("target", &BackupSet::target), with_default("job", &BackupSet::job),
                      field("state", &BackupSet::state), with_default("error", &BackupSet::error),
                      field("startedAt", &BackupSet::started_at), field("endedAt", &BackupSet::ended_at),
                      field("verifiedAt", &BackupSet::verified_at));
  }
};

// What restore drills showed of an instance.
struct BackupProof {
  static constexpr std::string_view kName = "BackupProof";
  std::string name, domain;
  std::string set;  // of the last drill
  std::optional<std::string> drilled_at;
  std::string error;                     // of the last drill; empty: it went well
  std::optional<std::string> proven_at;  // the last that went well
  std::uint64_t proven_ms = 0;           // how long that restore took
  static constexpr auto fields() {
    return std::tuple(field("name", &BackupProof::name), field("domain", &BackupProof::domain),
                      with_default("set", &BackupProof::set), field("drilledAt", &BackupProof::drilled_at),
                      with_default("error", &BackupProof::error), field("provenAt", &BackupProof::proven_at),
                      with_default("provenMs", &BackupProof::proven_ms));
  }
};

struct BackupVerdict {
  static constexpr std::string_view kName = "BackupVerdict";
  std::string set;
  std::optional<std::string> started_at;
  bool stays = true;
  std::vector<std::string> reasons;
  static constexpr auto fields() {
    return std::tuple(field("set", &BackupVerdict::set), field("startedAt", &BackupVerdict::started_at),
                      with_default("stays", &BackupVerdict::stays),
                      with_default("reasons", &BackupVerdict::reasons));
  }
};

struct GetBackupTargetsResult {
  static constexpr std::string_view kMt = "GetBackupTargetsResult";
  std::vector<BackupTarget> targets;
  static constexpr auto fields() { return std::tuple(field("targets", &GetBackupTargetsResult::targets)); }
};

struct GetBackupTargets {
  static constexpr std::string_view kMt = "GetBackupTargets";
  using Answer = GetBackupTargetsResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct SetBackupTargetResult {
  static constexpr std::string_view kMt = "SetBackupTargetResult";
  BackupTarget target;
  std::optional<Password> private_key;  // of a new drop box: told this once, and kept nowhere
  static constexpr auto fields() {
    return std::tuple(field("target", &SetBackupTargetResult::target),
                      field("privateKey", &SetBackupTargetResult::private_key));
  }
};

// New, or changed if there is one of that name. It is tried out afterwards by TestBackupTarget.
struct SetBackupTarget {
  static constexpr std::string_view kMt = "SetBackupTarget";
  using Answer = SetBackupTargetResult;
  std::string name;
  std::string kind;
  std::string place;
  std::vector<BackupOption> options;
  std::optional<Password> password;  // of the account there; absent: as it was
  std::optional<Password>
      repository_key;  // of a repository that is there already; absent: as it was, or generated
  bool append_only = false;
  static constexpr auto fields() {
    return std::tuple(field("name", &SetBackupTarget::name), field("kind", &SetBackupTarget::kind),
                      field("place", &SetBackupTarget::place),
                      with_default("options", &SetBackupTarget::options),
                      field("password", &SetBackupTarget::password),
                      field("repositoryKey", &SetBackupTarget::repository_key),
                      with_default("appendOnly", &SetBackupTarget::append_only));
  }
};

struct TestBackupTargetResult {
  static constexpr std::string_view kMt = "TestBackupTargetResult";
  std::uint64_t took_ms = 0;
  static constexpr auto fields() {
    return std::tuple(with_default("tookMs", &TestBackupTargetResult::took_ms));
  }
};

// Writes something small there, reads it back and removes it. Its failure is the answer's error.
struct TestBackupTarget {
  static constexpr std::string_view kMt = "TestBackupTarget";
  using Answer = TestBackupTargetResult;
  std::string name;
  static constexpr auto fields() { return std::tuple(field("name", &TestBackupTarget::name)); }
};

struct RemoveBackupTargetResult {
  static constexpr std::string_view kMt = "RemoveBackupTargetResult";
  static constexpr auto fields() { return std::tuple(); }
};

// What lies there stays. kConflict while a policy uses it.
struct RemoveBackupTarget {
  static constexpr std::string_view kMt = "RemoveBackupTarget";
  using Answer = RemoveBackupTargetResult;
  std::string name;
  static constexpr auto fields() { return std::tuple(field("name", &RemoveBackupTarget::name)); }
};

struct GetBackupPoliciesResult {
  static constexpr std::string_view kMt = "GetBackupPoliciesResult";
  std::vector<BackupPolicy> policies;
  static constexpr auto fields() { return std::tuple(field("policies", &GetBackupPoliciesResult::policies)); }
};

struct GetBackupPolicies {
  static constexpr std::string_view kMt = "GetBackupPolicies";
  using Answer = GetBackupPoliciesResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct SetBackupPolicyResult {
  static constexpr std::string_view kMt = "SetBackupPolicyResult";
  BackupPolicy policy;
  static constexpr auto fields() { return std::tuple(field("policy", &SetBackupPolicyResult::policy)); }
};

// New, or changed as a whole if there is one of that name. Empty schedule and keep: daily 02:00, all.
struct SetBackupPolicy {
  static constexpr std::string_view kMt = "SetBackupPolicy";
  using Answer = SetBackupPolicyResult;
  BackupPolicy policy;
  static constexpr auto fields() { return std::tuple(field("policy", &SetBackupPolicy::policy)); }
};

struct RemoveBackupPolicyResult {
  static constexpr std::string_view kMt = "RemoveBackupPolicyResult";
  static constexpr auto fields() { return std::tuple(); }
};

// Its sets stay, for good.
struct RemoveBackupPolicy {
  static constexpr std::string_view kMt = "RemoveBackupPolicy";
  using Answer = RemoveBackupPolicyResult;
  std::string name;
  static constexpr auto fields() { return std::tuple(field("name", &RemoveBackupPolicy::name)); }
};

struct RunBackupResult {
  static constexpr std::string_view kMt = "RunBackupResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &RunBackupResult::job)); }
};

struct RunBackup {
  static constexpr std::string_view kMt = "RunBackup";
  using Answer = RunBackupResult;
  std::string policy;
  static constexpr auto fields() { return std::tuple(field("policy", &RunBackup::policy)); }
};

struct GetBackupSetsResult {
  static constexpr std::string_view kMt = "GetBackupSetsResult";
  std::vector<BackupSet> sets;      // newest first
  std::vector<BackupItem> newest;   // the newest good backup of each database
  std::vector<BackupProof> proofs;  // what drills showed
  static constexpr auto fields() {
    return std::tuple(field("sets", &GetBackupSetsResult::sets),
                      with_default("newest", &GetBackupSetsResult::newest),
                      with_default("proofs", &GetBackupSetsResult::proofs));
  }
};

struct GetBackupSets {
  static constexpr std::string_view kMt = "GetBackupSets";
  using Answer = GetBackupSetsResult;
  std::uint64_t limit = 100;
  std::optional<std::string> policy;
  static constexpr auto fields() {
    return std::tuple(with_default("limit", &GetBackupSets::limit), field("policy", &GetBackupSets::policy));
  }
};

struct GetBackupSetResult {
  static constexpr std::string_view kMt = "GetBackupSetResult";
  BackupSet set;
  std::vector<BackupItem> items;
  static constexpr auto fields() {
    return std::tuple(field("set", &GetBackupSetResult::set), field("items", &GetBackupSetResult::items));
  }
};

struct GetBackupSet {
  static constexpr std::string_view kMt = "GetBackupSet";
  using Answer = GetBackupSetResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &GetBackupSet::id)); }
};

struct FetchBackupResult {
  static constexpr std::string_view kMt = "FetchBackupResult";
  std::uint64_t bytes = 0;
  static constexpr auto fields() { return std::tuple(with_default("bytes", &FetchBackupResult::bytes)); }
};

// With a descriptor to write the backup file to; by manager.sock only (else HTTP backup with `set`).
struct FetchBackup {
  static constexpr std::string_view kMt = "FetchBackup";
  using Answer = FetchBackupResult;
  std::string set;
  std::string name, domain;  // neither: the manager's own database
  static constexpr auto fields() {
    return std::tuple(field("set", &FetchBackup::set), with_default("name", &FetchBackup::name),
                      with_default("domain", &FetchBackup::domain));
  }
};

struct VerifyBackupResult {
  static constexpr std::string_view kMt = "VerifyBackupResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &VerifyBackupResult::job)); }
};

// Reads everything back: checksums, tables of contents.
struct VerifyBackup {
  static constexpr std::string_view kMt = "VerifyBackup";
  using Answer = VerifyBackupResult;
  std::string set;
  static constexpr auto fields() { return std::tuple(field("set", &VerifyBackup::set)); }
};

struct DrillBackupResult {
  static constexpr std::string_view kMt = "DrillBackupResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &DrillBackupResult::job)); }
};

// Restores the newest backup beside the instance, compares, drops it. Without a name: of all.
struct DrillBackup {
  static constexpr std::string_view kMt = "DrillBackup";
  using Answer = DrillBackupResult;
  std::string name, domain;
  static constexpr auto fields() {
    return std::tuple(with_default("name", &DrillBackup::name), with_default("domain", &DrillBackup::domain));
  }
};

struct PlanBackupPruneResult {
  static constexpr std::string_view kMt = "PlanBackupPruneResult";
  std::vector<BackupVerdict> verdicts;  // newest first
  static constexpr auto fields() { return std::tuple(field("verdicts", &PlanBackupPruneResult::verdicts)); }
};

// What would go, what would stay, and why.
struct PlanBackupPrune {
  static constexpr std::string_view kMt = "PlanBackupPrune";
  using Answer = PlanBackupPruneResult;
  std::string policy;
  std::optional<std::string> keep;  // instead of the policy's own: what if
  static constexpr auto fields() {
    return std::tuple(field("policy", &PlanBackupPrune::policy), field("keep", &PlanBackupPrune::keep));
  }
};

struct PruneBackupsResult {
  static constexpr std::string_view kMt = "PruneBackupsResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &PruneBackupsResult::job)); }
};

struct PruneBackups {
  static constexpr std::string_view kMt = "PruneBackups";
  using Answer = PruneBackupsResult;
  std::string policy;
  static constexpr auto fields() { return std::tuple(field("policy", &PruneBackups::policy)); }
};

struct RestoreFromSetResult {
  static constexpr std::string_view kMt = "RestoreFromSetResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &RestoreFromSetResult::job)); }
};

struct RestoreFromSet {
  static constexpr std::string_view kMt = "RestoreFromSet";
  using Answer = RestoreFromSetResult;
  std::string set;
  std::string name, domain;
  std::optional<std::string> as_name, as_domain;  // another name for it
  bool onto_external = false;                     // data on a server that is not ours may be replaced
  static constexpr auto fields() {
    return std::tuple(field("set", &RestoreFromSet::set), field("name", &RestoreFromSet::name),
                      field("domain", &RestoreFromSet::domain), field("asName", &RestoreFromSet::as_name),
                      field("asDomain", &RestoreFromSet::as_domain),
                      with_default("ontoExternal", &RestoreFromSet::onto_external));
  }
};

struct RestorePlatformResult {
  static constexpr std::string_view kMt = "RestorePlatformResult";
  std::string set;
  std::optional<std::string> started_at;  // of the set
  std::string version;                    // of the platform that wrote it
  std::vector<std::string> sets;          // all that could be taken, newest first
  std::vector<BackupItem> items;
  std::vector<std::string> obstacles;  // what stands in the way, each with the way on
  std::vector<std::string> remarks;    // what will not be as it was
  std::optional<Job> job;              // absent: nothing was started
  static constexpr auto fields() {
    return std::tuple(
        field("set", &RestorePlatformResult::set), field("startedAt", &RestorePlatformResult::started_at),
        with_default("version", &RestorePlatformResult::version),
        with_default("sets", &RestorePlatformResult::sets),
        with_default("items", &RestorePlatformResult::items),
        with_default("obstacles", &RestorePlatformResult::obstacles),
        with_default("remarks", &RestorePlatformResult::remarks), field("job", &RestorePlatformResult::job));
  }
};

// Brings a whole platform back, onto one without instances. With `check_only`, or if something stands in the way,
// nothing is moved.
struct RestorePlatform {
  static constexpr std::string_view kMt = "RestorePlatform";
  using Answer = RestorePlatformResult;
  SetBackupTarget target;          // where the sets lie, with the key of the key sheet
  std::optional<std::string> set;  // absent: the newest with the manager's database
  bool check_only = false;
  static constexpr auto fields() {
    return std::tuple(field("target", &RestorePlatform::target), field("set", &RestorePlatform::set),
                      with_default("checkOnly", &RestorePlatform::check_only));
  }
};

// What opens the backups when this machine is gone: for paper, or a safe.
struct BackupKey {
  static constexpr std::string_view kName = "BackupKey";
  std::string target, kind, place;
  std::vector<BackupOption> options;
  Password key;
  static constexpr auto fields() {
    return std::tuple(field("target", &BackupKey::target), field("kind", &BackupKey::kind),
                      field("place", &BackupKey::place), with_default("options", &BackupKey::options),
                      field("key", &BackupKey::key));
  }
};

struct GetBackupKeysResult {
  static constexpr std::string_view kMt = "GetBackupKeysResult";
  std::vector<BackupKey> keys;
  static constexpr auto fields() { return std::tuple(field("keys", &GetBackupKeysResult::keys)); }
};

struct GetBackupKeys {
  static constexpr std::string_view kMt = "GetBackupKeys";
  using Answer = GetBackupKeysResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
