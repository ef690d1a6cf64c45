// Reports of processes that ended by themselves, and of services that somebody wants to know more of.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "loop/worker.h"
#include "manager/crashes/core_place.h"
#include "manager/crashes/report_store.h"
#include "manager/platform/layout.h"
#include "manager/services/service.h"

namespace berth::manager {

struct CrashSettings {
  std::uint64_t core_bytes = std::uint64_t{512}
                             << 20;  // of one core dump, as the process has it in memory; 0: none
  ReportLimits limits;
};

// What berth-core printed, taken into the report. Lines that it does not know are passed over.
void take_core_words(std::string_view output, api::CrashReport& report);

// Owned by the manager's main. What is going on when it goes is dropped: the report, not the process.
class CrashReports {
 public:
  static constexpr std::size_t kAtMostWaiting =
      8;  // crashes whose core dumps wait for their turn; of others only the rest is kept
  static constexpr std::chrono::minutes kAlarmPause{10};  // of one service, between two reports for alarms
  static constexpr std::size_t kFlightLines = 20'000;

  // `program`: path of berth-core.
  CrashReports(loop::Loop& loop, const Layout& layout, std::string program);
  ~CrashReports();

  std::function<CrashSettings()> settings;
  std::function<void(const api::CrashReport&)> made;  // a report is complete; may be empty

  // Brings what earlier managers left within the limits, in the background.
  void begin();

  // At once after the death, before it is started again: a second death would write over the first one's core dump.
  void service_died(Service& service, const Death& death);
  // Of the webserver and of PostgreSQL, which leave us no core dumps.
  void process_died(const std::string& name, const Death& death);
  // An alarm of `service` was raised: the flight recorder as it is then.
  void alarm_raised(Service& service, const std::string& text);
  // Throws Failure: kUnavailable if it does not run, kDenied if its memory may not be read.
  Task<api::CrashReport> make(Service& service, bool core);

  Task<api::GetCrashesResult> list(std::string service);
  Task<api::GetCrashResult> get(std::string id);
  Task<std::uint64_t> remove(api::RemoveCrashes which);
  Task<UniqueFd> open_core(std::string id);  // as it is kept, compressed

  const CorePlace& core_place() const { return core_place_; }
  // Everything that was begun is done. For tests.
  Task<void> settle();

 private:
  struct Pending {
    api::CrashReport report;
    UniqueFd core;
    bool of_living = false;
    std::string flight;      // memory of the flight recorder
    std::string log_folder;  // whose end is told if there is none
  };
  Task<void> complete(Pending pending);
  Task<api::CrashReport> finish(Pending pending);
  Task<void> reduce_core(Pending& pending);
  Task<UniqueFd> dump(pid_t pid, std::uint64_t limit_bytes);
  Pending begin_report(api::ReportCause cause, const std::string& service, std::uint64_t pid);
  Pending begin_report(api::ReportCause cause, const Service& service, pid_t pid);

  loop::Loop& loop_;
  const Layout& layout_;
  std::string program_;
  CorePlace core_place_;
  std::shared_ptr<ReportStore> store_;  // also used by calls in the worker that outlive their task
  loop::Worker worker_;
  loop::Semaphore one_at_a_time_;
  std::map<std::string, loop::TimePoint> alarms_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
