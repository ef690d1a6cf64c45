// The time machine: one instance brought back to any second of the kept window while all others go on.
#pragma once

#include "api/job.h"
#include "api/json.h"
#include "api/state.h"

namespace berth::api {

// `off`: as set, or because it cannot be (`reason`). `starting`: no moment can be reached yet. `failing`: the log is not
// archived now; `reason` says why.
enum class TimeMachineState { kOff, kStarting, kOn, kFailing };
template <>
struct Words<TimeMachineState> {
  static constexpr std::string_view kName = "TimeMachineState";
  static constexpr std::array<std::string_view, 4> kList = {"off", "starting", "on", "failing"};
};

// Moments that can be reached, both ends included.
struct ReachableRange {
  static constexpr std::string_view kName = "ReachableRange";
  std::string from;
  std::optional<std::string> to;  // absent: up to now
  static constexpr auto fields() {
    return std::tuple(field("from", &ReachableRange::from), field("to", &ReachableRange::to));
  }
};

// A copy of the whole cluster from which the log leads on.
struct BaseBackup {
  static constexpr std::string_view kName = "BaseBackup";
  std::string id;
  std::string made_at;
  std::uint64_t bytes = 0;      // of the cluster then
  std::uint64_t new_bytes = 0;  // that it takes up on disk; what had not changed is shared with earlier ones
  static constexpr auto fields() {
    return std::tuple(field("id", &BaseBackup::id), with_default("madeAt", &BaseBackup::made_at),
                      with_default("bytes", &BaseBackup::bytes),
                      with_default("newBytes", &BaseBackup::new_bytes));
  }
};

struct TimeMachine {
  static constexpr std::string_view kName = "TimeMachine";
  TimeMachineState state = TimeMachineState{};
  std::string reason;
  std::uint64_t days = 0;              // for which moments are kept
  std::vector<ReachableRange> ranges;  // oldest first; several when the log had holes
  std::vector<BaseBackup> bases;       // oldest first
  std::uint64_t base_bytes = 0;        // on disk, all base backups
  std::uint64_t log_bytes = 0;         // on disk, the log
  std::uint64_t log_bytes_per_day = 0;
  std::uint64_t waiting_segments = 0;  // of 16 MiB, not archived yet
  std::string time_zone;               // in which a moment without zone is read, as in setting timezone
  static constexpr auto fields() {
    return std::tuple(field("state", &TimeMachine::state), with_default("reason", &TimeMachine::reason),
                      with_default("days", &TimeMachine::days), with_default("ranges", &TimeMachine::ranges),
                      with_default("bases", &TimeMachine::bases),
                      with_default("baseBytes", &TimeMachine::base_bytes),
                      with_default("logBytes", &TimeMachine::log_bytes),
                      with_default("logBytesPerDay", &TimeMachine::log_bytes_per_day),
                      with_default("waitingSegments", &TimeMachine::waiting_segments),
                      with_default("timeZone", &TimeMachine::time_zone));
  }
};

struct GetTimeMachineResult {
  static constexpr std::string_view kMt = "GetTimeMachineResult";
  TimeMachine time_machine;
  static constexpr auto fields() {
    return std::tuple(field("timeMachine", &GetTimeMachineResult::time_machine));
  }
};

struct GetTimeMachine {
  static constexpr std::string_view kMt = "GetTimeMachine";
  using Answer = GetTimeMachineResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct MakeBaseBackupResult {
  static constexpr std::string_view kMt = "MakeBaseBackupResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &MakeBaseBackupResult::job)); }
};

// Now, not when it is due.
struct MakeBaseBackup {
  static constexpr std::string_view kMt = "MakeBaseBackup";
  using Answer = MakeBaseBackupResult;
  static constexpr auto fields() { return std::tuple(); }
};

// What bringing an instance back will take.
struct RewindPlan {
  static constexpr std::string_view kName = "RewindPlan";
  std::string at;    // ISO 8601 UTC
  std::string base;  // id of the base backup it starts from
  std::string base_made_at;
  std::uint64_t log_bytes = 0;     // of the log to go through from there
  std::uint64_t needed_bytes = 0;  // of disk, for a while
  std::uint64_t free_bytes = 0;
  static constexpr auto fields() {
    return std::tuple(field("at", &RewindPlan::at), with_default("base", &RewindPlan::base),
                      with_default("baseMadeAt", &RewindPlan::base_made_at),
                      with_default("logBytes", &RewindPlan::log_bytes),
                      with_default("neededBytes", &RewindPlan::needed_bytes),
                      with_default("freeBytes", &RewindPlan::free_bytes));
  }
};

struct RewindInstanceResult {
  static constexpr std::string_view kMt = "RewindInstanceResult";
  RewindPlan plan;
  std::optional<Job> job;  // absent if only the plan was asked for
  static constexpr auto fields() {
    return std::tuple(field("plan", &RewindInstanceResult::plan), field("job", &RewindInstanceResult::job));
  }
};

// Brings the data of an instance back as they were at a moment: beside the live ones, then swapped. What they replace is
// kept (Instance.kept). An instance that was deleted since is made again.
struct RewindInstance {
  static constexpr std::string_view kMt = "RewindInstance";
  using Answer = RewindInstanceResult;
  std::string name;
  std::string domain;
  std::string
      at;  // "2026-11-22 14:32:07" in the platform's zone, or with zone: "2026-11-22T13:32:07Z", "… +01:00"
  std::optional<std::string> as_name;  // beside it, as a new instance of this name
  std::optional<std::string> as_domain;
  bool only_plan = false;
  static constexpr auto fields() {
    return std::tuple(field("name", &RewindInstance::name), field("domain", &RewindInstance::domain),
                      field("at", &RewindInstance::at), field("asName", &RewindInstance::as_name),
                      field("asDomain", &RewindInstance::as_domain),
                      with_default("onlyPlan", &RewindInstance::only_plan));
  }
};

}  // namespace berth::api
