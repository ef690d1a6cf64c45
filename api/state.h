// The words that several messages share.
#pragma once

#include "api/fields.h"

namespace berth::api {

enum class ServiceState { kStopped, kStarting, kRunning, kStopping, kFailed, kCrashed };
template <>
struct Words<ServiceState> {
  static constexpr std::string_view kName = "ServiceState";
  static constexpr std::array<std::string_view, 6> kList = {"stopped",  "starting", "running",
                                                            "stopping", "failed",   "crashed"};
};

// As a service, and `deleted`: in the bin, can be undone until purgeAt.
enum class InstanceState { kStopped, kStarting, kRunning, kStopping, kFailed, kCrashed, kDeleted };
template <>
struct Words<InstanceState> {
  static constexpr std::string_view kName = "InstanceState";
  static constexpr std::array<std::string_view, 7> kList = {"stopped", "starting", "running", "stopping",
                                                            "failed",  "crashed",  "deleted"};
};

enum class PlatformState { kStarting, kRunning, kDegraded, kStopping };
template <>
struct Words<PlatformState> {
  static constexpr std::string_view kName = "PlatformState";
  static constexpr std::array<std::string_view, 4> kList = {"starting", "running", "degraded", "stopping"};
};

enum class Severity { kOk, kWarning, kError };
template <>
struct Words<Severity> {
  static constexpr std::string_view kName = "Severity";
  static constexpr std::array<std::string_view, 3> kList = {"ok", "warning", "error"};
};

enum class JobState { kWaiting, kRunning, kDone, kFailed, kCancelled };
template <>
struct Words<JobState> {
  static constexpr std::string_view kName = "JobState";
  static constexpr std::array<std::string_view, 5> kList = {"waiting", "running", "done", "failed",
                                                            "cancelled"};
};
// No more changes will come.
constexpr bool is_final(JobState state) { return state >= JobState::kDone; }

enum class JobKind {
  kInstall,
  kUpdate,
  kRemove,
  kCreate,
  kDelete,
  kUndo,
  kRestore,
  kBackup,
  kStart,
  kStop,
  kCommands,
  kOptimise,
  kCleanUp,
  kMoveData,
  kRename,
  kPrune,     // thins out backup sets
  kDrill,     // proves that they can be restored
  kFetch,     // restores out of a backup set, then kRestore
  kPlatform,  // brings a whole platform back
  kRewind,    // brings an instance back to a moment
  kBase,      // a base backup of the time machine
  kMove,      // takes an instance to another platform, or takes one in
};
template <>
struct Words<JobKind> {
  static constexpr std::string_view kName = "JobKind";
  static constexpr std::array<std::string_view, 22> kList = {
      "install", "update", "remove",   "create",   "delete",   "undo",      "restore", "backup",
      "start",   "stop",   "commands", "optimise", "clean-up", "move-data", "rename",  "prune",
      "drill",   "fetch",  "platform", "rewind",   "base",     "move"};
};

// Of a line of the command file: not due, to be done, done, not done.
enum class CommandState { kSkipped, kWaiting, kDone, kFailed };
template <>
struct Words<CommandState> {
  static constexpr std::string_view kName = "CommandState";
  static constexpr std::array<std::string_view, 4> kList = {"skipped", "waiting", "done", "failed"};
};

// What a subscription is about.
enum class Topic { kStatus, kServices, kInstances, kJobs, kStore };
template <>
struct Words<Topic> {
  static constexpr std::string_view kName = "Topic";
  static constexpr std::array<std::string_view, 5> kList = {"status", "services", "instances", "jobs",
                                                            "store"};
};

// `password` is text that is never told; only whether it is set.
enum class SettingType { kText, kPassword, kInteger, kBoolean, kChoice };
template <>
struct Words<SettingType> {
  static constexpr std::string_view kName = "SettingType";
  static constexpr std::array<std::string_view, 5> kList = {"text", "password", "integer", "boolean",
                                                            "choice"};
};

// A layer of the sandbox of one service.
enum class LayerState { kOn, kUnavailable, kOff };
template <>
struct Words<LayerState> {
  static constexpr std::string_view kName = "LayerState";
  static constexpr std::array<std::string_view, 3> kList = {"on", "unavailable", "off"};
};

}  // namespace berth::api
