// Measures the platform every ten seconds, keeps it for 30 days, and tells it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/job.h"
#include "api/monitor.h"
#include "db/database.h"
#include "loop/sync.h"
#include "loop/worker.h"
#include "manager/monitor/machine.h"
#include "manager/monitor/open_metrics.h"
#include "manager/monitor/store.h"
#include "wire/json/json.h"

namespace berth::manager {

using loop::Task;

struct WatchedProcess {
  Subject subject;
  pid_t pid = 0;           // 0: it does not run
  bool is_up = false;      // as it is wanted to
  std::string started_at;  // ISO 8601 UTC
  int restarts = 0;        // after deaths
  std::string last_exit;
};

struct WatchedInstance {
  std::string key, service, database;
  std::uint64_t database_bytes = 0;
  std::string process;  // of the service, in which it is
  std::string path;
};

// A service that runs and has answered.
struct ServiceMeasurement {
  WatchedProcess process;
  ProcessFigures figures;
  json::Object counters;  // its answer to GetCounters
};

// What the monitor asks. Tests have their own.
struct MonitorSources {
  std::function<std::vector<WatchedProcess>()> processes;
  std::function<std::vector<WatchedInstance>()> instances;
  std::function<Task<json::Object>()> webserver;  // its counters
  std::function<std::optional<std::uint64_t>(pid_t)> wakeups = read_wakeups;
  std::function<Task<json::Object>(std::string id)> service;  // of each service that runs
  std::function<Task<void>()> sizes;                          // looks at the sizes of databases
  std::function<Task<db::Rows>(std::string sql)> query;       // of PostgreSQL
  // Told with each measurement what it found; may be empty.
  std::function<void(const std::vector<ServiceMeasurement>&)> measured;
  std::function<std::uint64_t()> most_bytes;                     // setting monitorBytes
  std::function<std::map<std::string, std::uint64_t>()> alarms;  // that are set, by severity
  std::string disk;                                              // a folder of the file system that is told
  std::string version, build;
};

// Owned by the manager's main. Files are touched by a thread of its own only.
class Monitor {
 public:
  // No source may take longer: what does not answer is not recorded this time.
  static constexpr std::chrono::seconds kSourceLimit{3};
  static constexpr std::int64_t kSizesEvery = 600;  // seconds

  Monitor(loop::Loop& loop, std::string folder, MonitorSources sources);

  void begin();
  void stop();
  // One measurement, at seconds since 1970. begin() has it done every ten seconds.
  Task<void> measure(std::int64_t now);

  // Long work that bends curves is marked in them.
  void job_changed(const api::Job& job);

  // Throws Failure: kMalformed (outside of the ranges), kNotFound (no such subject or metric).
  Task<api::GetMonitorResult> curves(api::GetMonitor request, std::int64_t now);
  std::string open_metrics() const;

 private:
  struct Gathered;
  struct Written {
    Subject subject;
    std::vector<float> values;
  };
  Task<void> go_on();
  Task<void> ask(Gathered& gathered);
  Task<void> ask_webserver(Gathered& gathered, pid_t pid);
  Task<void> ask_service(Gathered& gathered, std::string id);
  Task<void> ask_postgres(Gathered& gathered);
  Task<void> write(std::int64_t now, std::vector<Written> rows, std::vector<Marker> markers, bool is_whole);
  std::vector<Written> values_of(const Gathered& gathered, const std::vector<WatchedProcess>& processes);
  void add_instances(const Gathered& gathered, std::vector<Written>& rows);
  std::vector<Marker> starts(const std::vector<WatchedProcess>& processes);
  void keep(const Subject& subject, std::vector<std::pair<std::string, std::string>> labels, RawValues raw,
            std::vector<Written>& rows);
  struct Named {
    Subject subject;
    std::string name;  // as messages tell it
  };
  static std::string name_of(const Subject& subject);
  std::vector<Named> subjects_of(const std::vector<std::string>& names) const;

  loop::Loop& loop_;
  MonitorSources sources_;
  MonitorStore store_;  // in the worker's thread only
  Rates rates_, instance_rates_;
  std::map<std::string, SteadySum> service_sums_;
  std::optional<CpuTimes> cpu_times_;
  std::set<std::string, std::less<>> disks_;
  std::map<Subject, std::string> known_starts_;
  std::map<Subject, int> known_restarts_;
  std::map<Subject, OpenMetricsSubject> last_;  // for OpenMetrics
  std::vector<std::pair<std::string, bool>> up_;
  std::set<std::string> marked_jobs_;
  std::int64_t next_instances_ = 0, next_sizes_ = 0, next_purge_ = 0;
  std::optional<json::Object> last_webserver_;
  // Wake-ups of an unused webserver (no connection, and nothing happened between two answers) after its last answer.
  std::optional<std::uint64_t> webserver_sleeps_at_;
  int unasked_ticks_ = 0;
  bool is_measuring_ = false, is_failing_ = false;
  loop::Worker worker_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
