// App instances: a service for a customer, with database, path and password of its own.
#pragma once

#include "api/external.h"
#include "api/job.h"
#include "api/json.h"
#include "api/state.h"
#include "api/trace.h"

namespace berth::api {

// The data from before a restore (or before the undo of one).
struct KeptData {
  static constexpr std::string_view kName = "KeptData";
  std::string id;
  std::string replaced_at;
  std::string purge_at;  // after this they cannot be brought back
  std::uint64_t database_bytes = 0;
  static constexpr auto fields() {
    return std::tuple(field("id", &KeptData::id), with_default("replacedAt", &KeptData::replaced_at),
                      with_default("purgeAt", &KeptData::purge_at),
                      with_default("databaseBytes", &KeptData::database_bytes));
  }
};

// That an instance goes to another platform, has gone there, or is just coming from one.
struct MovedInstance {
  static constexpr std::string_view kName = "MovedInstance";
  std::string state;                 // arriving, leaving, moved
  std::string url;                   // of the other platform's manager
  std::string at;                    // since when
  std::optional<std::string> until;  // moved: what is left here goes to the bin then
  bool forwards = false;             // moved: requests for its path are passed on to the other platform
  static constexpr auto fields() {
    return std::tuple(field("state", &MovedInstance::state), with_default("url", &MovedInstance::url),
                      with_default("at", &MovedInstance::at), field("until", &MovedInstance::until),
                      with_default("forwards", &MovedInstance::forwards));
  }
};

struct Instance {
  static constexpr std::string_view kName = "Instance";
  std::string service;
  std::string name;
  std::string domain;
  InstanceState state = InstanceState{};
  std::string detail;  // why it is in this state, if that needs saying
  std::string path;    // "/example.com/team"
  std::string url;     // of its first app's page
  std::string app;     // name of its first app
  std::string database;
  std::string database_user;
  std::string database_host;                 // empty: the platform's own
  std::optional<ExternalDatabase> external;  // where the data are then; `database` is there, too, and unused
  std::uint64_t database_bytes = 0;
  std::uint64_t sessions = 0;
  std::optional<std::string> created_at;
  std::optional<std::string> backed_up_at;  // when the last backup of it was complete
  std::uint64_t log_flags = 0;
  bool exclude_from_backup = false;
  std::optional<std::string> deleted_at;
  std::optional<std::string> purge_at;  // after this it cannot be undone
  std::vector<KeptData> kept;           // newest first
  std::optional<MovedInstance> moved;
  std::optional<TraceSwitch> trace;  // flags that hold for a while instead of log_flags
  bool isolated = false;             // runs in a process of its own (Service::processes)
  static constexpr auto fields() {
    return std::tuple(
        field("service", &Instance::service), field("name", &Instance::name),
        field("domain", &Instance::domain), field("state", &Instance::state),
        with_default("detail", &Instance::detail), with_default("path", &Instance::path),
        with_default("url", &Instance::url), with_default("app", &Instance::app),
        with_default("database", &Instance::database), with_default("databaseUser", &Instance::database_user),
        with_default("databaseHost", &Instance::database_host), field("external", &Instance::external),
        with_default("databaseBytes", &Instance::database_bytes),
        with_default("sessions", &Instance::sessions), field("createdAt", &Instance::created_at),
        field("backedUpAt", &Instance::backed_up_at), with_default("logFlags", &Instance::log_flags),
        with_default("excludeFromBackup", &Instance::exclude_from_backup),
        field("deletedAt", &Instance::deleted_at), field("purgeAt", &Instance::purge_at),
        with_default("kept", &Instance::kept), field("moved", &Instance::moved),
        field("trace", &Instance::trace), with_default("isolated", &Instance::isolated));
  }
};

struct GetInstancesResult {
  static constexpr std::string_view kMt = "GetInstancesResult";
  std::vector<Instance> instances;
  static constexpr auto fields() { return std::tuple(field("instances", &GetInstancesResult::instances)); }
};

struct GetInstances {
  static constexpr std::string_view kMt = "GetInstances";
  using Answer = GetInstancesResult;
  bool deleted = false;  // also those in the bin
  static constexpr auto fields() { return std::tuple(with_default("deleted", &GetInstances::deleted)); }
};

struct GetInstanceResult {
  static constexpr std::string_view kMt = "GetInstanceResult";
  Instance instance;
  static constexpr auto fields() { return std::tuple(field("instance", &GetInstanceResult::instance)); }
};

struct GetInstance {
  static constexpr std::string_view kMt = "GetInstance";
  using Answer = GetInstanceResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &GetInstance::name), field("domain", &GetInstance::domain));
  }
};

// Tells generated passwords, this once.
struct CreateInstanceResult {
  static constexpr std::string_view kMt = "CreateInstanceResult";
  Job job;
  Instance instance;
  Password password;
  Password database_password;
  static constexpr auto fields() {
    return std::tuple(field("job", &CreateInstanceResult::job),
                      field("instance", &CreateInstanceResult::instance),
                      field("password", &CreateInstanceResult::password),
                      field("databasePassword", &CreateInstanceResult::database_password));
  }
};

struct CreateInstance {
  static constexpr std::string_view kMt = "CreateInstance";
  using Answer = CreateInstanceResult;
  std::string service;
  std::string name;
  std::string domain;
  std::optional<Password> password;  // absent: generated
  std::optional<std::string> path;
  std::optional<std::string> database;
  std::optional<Password> database_password;
  std::optional<ExternalDatabase> external;  // where the data are to be; a database is made here, too
  bool start = true;
  static constexpr auto fields() {
    return std::tuple(field("service", &CreateInstance::service), field("name", &CreateInstance::name),
                      field("domain", &CreateInstance::domain), field("password", &CreateInstance::password),
                      field("path", &CreateInstance::path), field("database", &CreateInstance::database),
                      field("databasePassword", &CreateInstance::database_password),
                      field("external", &CreateInstance::external),
                      with_default("start", &CreateInstance::start));
  }
};

struct FieldProblem {
  static constexpr std::string_view kName = "FieldProblem";
  std::string field_name;  // member of CreateInstance
  std::string text;
  static constexpr auto fields() {
    return std::tuple(field("field", &FieldProblem::field_name), field("text", &FieldProblem::text));
  }
};

struct SuggestInstanceResult {
  static constexpr std::string_view kMt = "SuggestInstanceResult";
  std::string name;
  std::string path;
  std::string database;
  std::vector<FieldProblem> problems;
  static constexpr auto fields() {
    return std::tuple(with_default("name", &SuggestInstanceResult::name),
                      with_default("path", &SuggestInstanceResult::path),
                      with_default("database", &SuggestInstanceResult::database),
                      with_default("problems", &SuggestInstanceResult::problems));
  }
};

// For forms: what the rest would be, and what is wrong so far.
struct SuggestInstance {
  static constexpr std::string_view kMt = "SuggestInstance";
  using Answer = SuggestInstanceResult;
  std::string service;
  std::string domain;
  std::optional<std::string> name;
  std::optional<std::string> path, database;  // as for CreateInstance; absent: suggested
  static constexpr auto fields() {
    return std::tuple(field("service", &SuggestInstance::service),
                      with_default("domain", &SuggestInstance::domain), field("name", &SuggestInstance::name),
                      field("path", &SuggestInstance::path), field("database", &SuggestInstance::database));
  }
};

struct StopInstanceResult {
  static constexpr std::string_view kMt = "StopInstanceResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct StopInstance {
  static constexpr std::string_view kMt = "StopInstance";
  using Answer = StopInstanceResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &StopInstance::name), field("domain", &StopInstance::domain));
  }
};

struct RestartInstanceResult {
  static constexpr std::string_view kMt = "RestartInstanceResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct RestartInstance {
  static constexpr std::string_view kMt = "RestartInstance";
  using Answer = RestartInstanceResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &RestartInstance::name), field("domain", &RestartInstance::domain));
  }
};

struct EditInstanceResult {
  static constexpr std::string_view kMt = "EditInstanceResult";
  Instance instance;
  static constexpr auto fields() { return std::tuple(field("instance", &EditInstanceResult::instance)); }
};

// Absent members stay as they are.
struct EditInstance {
  static constexpr std::string_view kMt = "EditInstance";
  using Answer = EditInstanceResult;
  std::string name;
  std::string domain;
  std::optional<std::string> new_name;
  std::optional<std::string> new_domain;
  std::optional<std::string> path;
  std::optional<std::uint64_t> log_flags;
  std::optional<bool> exclude_from_backup;
  std::optional<bool> isolated;  // a change restarts the instance
  static constexpr auto fields() {
    return std::tuple(field("name", &EditInstance::name), field("domain", &EditInstance::domain),
                      field("newName", &EditInstance::new_name),
                      field("newDomain", &EditInstance::new_domain), field("path", &EditInstance::path),
                      field("logFlags", &EditInstance::log_flags),
                      field("excludeFromBackup", &EditInstance::exclude_from_backup),
                      field("isolated", &EditInstance::isolated));
  }
};

struct DeleteInstanceResult {
  static constexpr std::string_view kMt = "DeleteInstanceResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &DeleteInstanceResult::job)); }
};

struct DeleteInstance {
  static constexpr std::string_view kMt = "DeleteInstance";
  using Answer = DeleteInstanceResult;
  std::string name;
  std::string domain;
  bool now = false;                 // at once and for good; else to the bin
  std::optional<std::string> kept;  // not the instance, only these of its kept data, for good
  static constexpr auto fields() {
    return std::tuple(field("name", &DeleteInstance::name), field("domain", &DeleteInstance::domain),
                      with_default("now", &DeleteInstance::now), field("kept", &DeleteInstance::kept));
  }
};

struct UndoDeleteResult {
  static constexpr std::string_view kMt = "UndoDeleteResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &UndoDeleteResult::job)); }
};

// Brings it back from the bin. If it is not there: brings back the data that the last restore replaced; those that are
// live until then are kept in their place, so that this can be undone, too.
struct UndoDelete {
  static constexpr std::string_view kMt = "UndoDelete";
  using Answer = UndoDeleteResult;
  std::string name;
  std::string domain;
  std::optional<std::string> kept;  // these of its kept data instead of the newest
  static constexpr auto fields() {
    return std::tuple(field("name", &UndoDelete::name), field("domain", &UndoDelete::domain),
                      field("kept", &UndoDelete::kept));
  }
};

struct SetInstancePasswordResult {
  static constexpr std::string_view kMt = "SetInstancePasswordResult";
  std::optional<Password> password;  // if generated
  static constexpr auto fields() {
    return std::tuple(field("password", &SetInstancePasswordResult::password));
  }
};

struct SetInstancePassword {
  static constexpr std::string_view kMt = "SetInstancePassword";
  using Answer = SetInstancePasswordResult;
  std::string name;
  std::string domain;
  std::optional<Password> password;  // absent: generated
  static constexpr auto fields() {
    return std::tuple(field("name", &SetInstancePassword::name),
                      field("domain", &SetInstancePassword::domain),
                      field("password", &SetInstancePassword::password));
  }
};

struct SetDatabasePasswordResult {
  static constexpr std::string_view kMt = "SetDatabasePasswordResult";
  std::optional<Password> password;  // if generated
  static constexpr auto fields() {
    return std::tuple(field("password", &SetDatabasePasswordResult::password));
  }
};

struct SetDatabasePassword {
  static constexpr std::string_view kMt = "SetDatabasePassword";
  using Answer = SetDatabasePasswordResult;
  std::string name;
  std::string domain;
  std::optional<Password> password;  // absent: generated
  static constexpr auto fields() {
    return std::tuple(field("name", &SetDatabasePassword::name),
                      field("domain", &SetDatabasePassword::domain),
                      field("password", &SetDatabasePassword::password));
  }
};

struct BackupInstanceResult {
  static constexpr std::string_view kMt = "BackupInstanceResult";
  std::uint64_t bytes = 0;
  static constexpr auto fields() { return std::tuple(with_default("bytes", &BackupInstanceResult::bytes)); }
};

// With a descriptor to write to; by manager.sock only (else HTTP backup).
// Answered when all is written.
struct BackupInstance {
  static constexpr std::string_view kMt = "BackupInstance";
  using Answer = BackupInstanceResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &BackupInstance::name), field("domain", &BackupInstance::domain));
  }
};

struct RestoreInstanceResult {
  static constexpr std::string_view kMt = "RestoreInstanceResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &RestoreInstanceResult::job)); }
};

// With the descriptor of a backup file; by manager.sock only (else HTTP restore).
struct RestoreInstance {
  static constexpr std::string_view kMt = "RestoreInstance";
  using Answer = RestoreInstanceResult;
  std::optional<std::string> name;  // absent: the name in the file
  std::optional<std::string> domain;
  bool onto_external = false;  // data on a server that is not ours may be replaced
  static constexpr auto fields() {
    return std::tuple(field("name", &RestoreInstance::name), field("domain", &RestoreInstance::domain),
                      with_default("ontoExternal", &RestoreInstance::onto_external));
  }
};

struct InstanceChanged {
  static constexpr std::string_view kMt = "InstanceChanged";
  Instance instance;
  static constexpr auto fields() { return std::tuple(field("instance", &InstanceChanged::instance)); }
};

struct InstanceRemoved {
  static constexpr std::string_view kMt = "InstanceRemoved";
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &InstanceRemoved::name), field("domain", &InstanceRemoved::domain));
  }
};

}  // namespace berth::api
