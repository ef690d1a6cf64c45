// Reports of processes: of those that crashed, and of those that were looked at while they lived.
#pragma once

#include "api/json.h"
#include "api/trace.h"

namespace berth::api {

// Why there is a report: the process ended by itself, an alarm of it was raised, somebody asked.
enum class ReportCause { kCrash, kAlarm, kRequest };
template <>
struct Words<ReportCause> {
  static constexpr std::string_view kName = "ReportCause";
  static constexpr std::array<std::string_view, 3> kList = {"crash", "alarm", "request"};
};

// One call that had not returned.
struct StackFrame {
  static constexpr std::string_view kName = "StackFrame";
  std::string function;  // empty: unknown
  std::string place;     // "notes.cc:120"; empty: unknown
  std::string module;    // program or library
  std::string address;   // within the module, "0x1f3a0"
  static constexpr auto fields() {
    return std::tuple(with_default("function", &StackFrame::function),
                      with_default("place", &StackFrame::place), with_default("module", &StackFrame::module),
                      with_default("address", &StackFrame::address));
  }
};

struct CrashReport {
  static constexpr std::string_view kName = "CrashReport";
  std::string id;
  ReportCause cause = ReportCause{};
  std::string service;                  // also "webserver", "postgres"
  std::optional<std::string> instance;  // whose own process it was
  std::string build, label;
  std::string at;
  std::string text;  // "signal 11 (Segmentation fault) at address 0x10", "exit code 3", the alarm's text
  std::uint64_t signal = 0;
  bool out_of_memory = false;
  std::uint64_t pid = 0;
  std::uint64_t ran_seconds = 0;
  std::string group;  // crashes of one service with the same cause at the same place have the same
  std::string place;  // the innermost call that is the app's own, "notes::save (notes.cc:120)"; may be empty
  std::vector<StackFrame> stack;  // of the thread that crashed, the innermost first
  std::uint64_t threads = 0;
  std::uint64_t core_bytes = 0;   // of the compressed core dump; 0: there is none
  std::string core_note;          // why there is none, or no stack
  std::uint64_t trace_lines = 0;  // of the flight recorder
  static constexpr auto fields() {
    return std::tuple(
        field("id", &CrashReport::id), field("cause", &CrashReport::cause),
        field("service", &CrashReport::service), field("instance", &CrashReport::instance),
        with_default("build", &CrashReport::build), with_default("label", &CrashReport::label),
        field("at", &CrashReport::at), with_default("text", &CrashReport::text),
        with_default("signal", &CrashReport::signal),
        with_default("outOfMemory", &CrashReport::out_of_memory), with_default("pid", &CrashReport::pid),
        with_default("ranSeconds", &CrashReport::ran_seconds), with_default("group", &CrashReport::group),
        with_default("place", &CrashReport::place), with_default("stack", &CrashReport::stack),
        with_default("threads", &CrashReport::threads), with_default("coreBytes", &CrashReport::core_bytes),
        with_default("coreNote", &CrashReport::core_note),
        with_default("traceLines", &CrashReport::trace_lines));
  }
};

// Crashes that are the same one.
struct CrashGroup {
  static constexpr std::string_view kName = "CrashGroup";
  std::string group;
  std::string service;
  std::string text;         // of the newest
  std::string place;        // the innermost call that is the app's own; may be empty
  std::uint64_t count = 0;  // reports that were removed for their age count on
  std::string first_at, last_at;
  std::vector<std::string> builds;  // in which it happened, oldest first
  std::string last_report;          // its id; empty: removed
  static constexpr auto fields() {
    return std::tuple(
        field("group", &CrashGroup::group), field("service", &CrashGroup::service),
        with_default("text", &CrashGroup::text), with_default("place", &CrashGroup::place),
        with_default("count", &CrashGroup::count), with_default("firstAt", &CrashGroup::first_at),
        with_default("lastAt", &CrashGroup::last_at), with_default("builds", &CrashGroup::builds),
        with_default("lastReport", &CrashGroup::last_report));
  }
};

struct GetCrashesResult {
  static constexpr std::string_view kMt = "GetCrashesResult";
  std::vector<CrashGroup> groups;    // the newest first
  std::vector<CrashReport> reports;  // the newest first, without stacks
  std::uint64_t bytes = 0;           // that all of it takes
  std::string core_note;             // why the system lets us have no core dumps; empty: it does
  static constexpr auto fields() {
    return std::tuple(field("groups", &GetCrashesResult::groups),
                      field("reports", &GetCrashesResult::reports),
                      with_default("bytes", &GetCrashesResult::bytes),
                      with_default("coreNote", &GetCrashesResult::core_note));
  }
};

struct GetCrashes {
  static constexpr std::string_view kMt = "GetCrashes";
  using Answer = GetCrashesResult;
  std::optional<std::string> service;
  static constexpr auto fields() { return std::tuple(field("service", &GetCrashes::service)); }
};

struct GetCrashResult {
  static constexpr std::string_view kMt = "GetCrashResult";
  CrashReport report;
  std::vector<std::string> trace;  // the newest lines before its end, oldest first, at most 5,000
  static constexpr auto fields() {
    return std::tuple(field("report", &GetCrashResult::report),
                      with_default("trace", &GetCrashResult::trace));
  }
};

struct GetCrash {
  static constexpr std::string_view kMt = "GetCrash";
  using Answer = GetCrashResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &GetCrash::id)); }
};

struct RemoveCrashesResult {
  static constexpr std::string_view kMt = "RemoveCrashesResult";
  std::uint64_t removed = 0;
  static constexpr auto fields() { return std::tuple(field("removed", &RemoveCrashesResult::removed)); }
};

// Reports with their core dumps and traces: one, or all of a group, or all.
struct RemoveCrashes {
  static constexpr std::string_view kMt = "RemoveCrashes";
  using Answer = RemoveCrashesResult;
  std::optional<std::string> id, group;
  static constexpr auto fields() {
    return std::tuple(field("id", &RemoveCrashes::id), field("group", &RemoveCrashes::group));
  }
};

struct MakeReportResult {
  static constexpr std::string_view kMt = "MakeReportResult";
  CrashReport report;
  static constexpr auto fields() { return std::tuple(field("report", &MakeReportResult::report)); }
};

// Of a service that lives: saves its flight recorder and, if wanted, its memory (it stands still meanwhile).
struct MakeReport {
  static constexpr std::string_view kMt = "MakeReport";
  using Answer = MakeReportResult;
  std::string service;
  bool core = false;
  static constexpr auto fields() {
    return std::tuple(field("service", &MakeReport::service), with_default("core", &MakeReport::core));
  }
};

// A file that waits to be fetched over HTTP. The address is a secret.
struct Download {
  static constexpr std::string_view kName = "Download";
  std::string address;        // "download?key=…", below the manager's path; serves once
  std::string name;           // under which a browser saves it
  std::uint64_t seconds = 0;  // until which it must have been asked for; and no longer than the session lives
  static constexpr auto fields() {
    return std::tuple(field("address", &Download::address), field("name", &Download::name),
                      field("seconds", &Download::seconds));
  }
};

struct FetchCoreResult {
  static constexpr std::string_view kMt = "FetchCoreResult";
  std::uint64_t bytes = 0;
  std::optional<Download> download;
  static constexpr auto fields() {
    return std::tuple(with_default("bytes", &FetchCoreResult::bytes),
                      field("download", &FetchCoreResult::download));
  }
};

// The core dump as a debugger wants it: by manager.sock into the descriptor that comes along, else as a download.
struct FetchCore {
  static constexpr std::string_view kMt = "FetchCore";
  using Answer = FetchCoreResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &FetchCore::id)); }
};

struct MakeSupportBundleResult {
  static constexpr std::string_view kMt = "MakeSupportBundleResult";
  std::uint64_t bytes = 0;
  std::optional<Download> download;
  static constexpr auto fields() {
    return std::tuple(with_default("bytes", &MakeSupportBundleResult::bytes),
                      field("download", &MakeSupportBundleResult::download));
  }
};

// A tar.zst: by manager.sock into the descriptor that comes along, else as a download.
struct MakeSupportBundle {
  static constexpr std::string_view kMt = "MakeSupportBundle";
  using Answer = MakeSupportBundleResult;
  bool cores = false;  // with core dumps, which hold whatever was in memory
  static constexpr auto fields() { return std::tuple(with_default("cores", &MakeSupportBundle::cores)); }
};

}  // namespace berth::api
