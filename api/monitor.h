// What the platform recorded of itself: curves of 30 days, and what happened meanwhile; and the state of its disk.
#pragma once

#include "api/json.h"

namespace berth::api {

// One number over time. All are 0 or more; -1 stands for a moment of which nothing is known.
struct MonitorSeries {
  static constexpr std::string_view kName = "MonitorSeries";
  std::string
      subject;         // "platform", "manager", "webserver", "postgres", "service/ID", "instance/NAME@DOMAIN"
  std::string metric;  // docs/monitoring.md
  std::string unit;    // "bytes", "bytes/s", "percent", "1/s", "ms/s", or empty: a count
  std::vector<double> mean;  // one a step, oldest first
  std::vector<double> peak;  // highest of what was measured within the step; empty: a step is one measurement
  static constexpr auto fields() {
    return std::tuple(field("subject", &MonitorSeries::subject), field("metric", &MonitorSeries::metric),
                      with_default("unit", &MonitorSeries::unit), field("mean", &MonitorSeries::mean),
                      with_default("peak", &MonitorSeries::peak));
  }
};

// A moment that explains a bend in the curves.
struct MonitorMarker {
  static constexpr std::string_view kName = "MonitorMarker";
  std::string at;
  std::string kind;     // "start", "death" (of a process), or the kind of a job: "update", "backup", …
  std::string subject;  // as in MonitorSeries
  std::string text;     // how it died; title of the job
  std::string job;      // id of the job; empty: none
  bool is_failed = false;
  static constexpr auto fields() {
    return std::tuple(field("at", &MonitorMarker::at), field("kind", &MonitorMarker::kind),
                      field("subject", &MonitorMarker::subject), with_default("text", &MonitorMarker::text),
                      with_default("job", &MonitorMarker::job),
                      with_default("failed", &MonitorMarker::is_failed));
  }
};

// What the records take on the disk.
struct MonitorSpace {
  static constexpr std::string_view kName = "MonitorSpace";
  std::uint64_t bytes = 0;       // now
  std::uint64_t full_bytes = 0;  // once every record has been kept for 30 days
  std::uint64_t most_bytes = 0;  // setting monitorBytes: nothing new is recorded above it
  std::uint64_t subjects = 0;
  std::uint64_t left_out = 0;  // subjects for which there is no room
  static constexpr auto fields() {
    return std::tuple(
        with_default("bytes", &MonitorSpace::bytes), with_default("fullBytes", &MonitorSpace::full_bytes),
        with_default("mostBytes", &MonitorSpace::most_bytes),
        with_default("subjects", &MonitorSpace::subjects), with_default("leftOut", &MonitorSpace::left_out));
  }
};

struct GetMonitorResult {
  static constexpr std::string_view kMt = "GetMonitorResult";
  std::string from;        // begin of the first step
  std::uint64_t step = 0;  // seconds
  std::vector<MonitorSeries> series;
  std::vector<MonitorMarker> markers;  // of this time, oldest first, of all subjects
  MonitorSpace space;
  static constexpr auto fields() {
    return std::tuple(field("from", &GetMonitorResult::from), field("step", &GetMonitorResult::step),
                      field("series", &GetMonitorResult::series),
                      with_default("markers", &GetMonitorResult::markers),
                      with_default("space", &GetMonitorResult::space));
  }
};

struct GetMonitor {
  static constexpr std::string_view kMt = "GetMonitor";
  using Answer = GetMonitorResult;
  std::vector<std::string> subjects;  // at most 1,000; "service/*": all services, "instance/*": all instances
  std::vector<std::string> metrics;   // empty: all
  std::uint64_t seconds = 3600;       // 60 to 31 days, until
  std::optional<std::string> until;   // absent: now
  std::uint64_t points = 360;         // at most so many steps, 2 to 2,000
  static constexpr auto fields() {
    return std::tuple(field("subjects", &GetMonitor::subjects), with_default("metrics", &GetMonitor::metrics),
                      with_default("seconds", &GetMonitor::seconds), field("until", &GetMonitor::until),
                      with_default("points", &GetMonitor::points));
  }
};

struct GetMetricsResult {
  static constexpr std::string_view kMt = "GetMetricsResult";
  std::string text;  // OpenMetrics 1.0, as at /metrics
  static constexpr auto fields() { return std::tuple(field("text", &GetMetricsResult::text)); }
};

// What was measured last.
struct GetMetrics {
  static constexpr std::string_view kMt = "GetMetrics";
  using Answer = GetMetricsResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct DiskForecast {
  static constexpr std::string_view kName = "DiskForecast";
  std::int64_t days = 0;  // until the threshold
  std::string who;        // the instance that grows most
  std::int64_t bytes_a_day = 0;
  static constexpr auto fields() {
    return std::tuple(field("days", &DiskForecast::days), with_default("who", &DiskForecast::who),
                      with_default("bytesADay", &DiskForecast::bytes_a_day));
  }
};

struct GetDiskResult {
  static constexpr std::string_view kMt = "GetDiskResult";
  std::uint64_t total_bytes = 0;  // of the file system that holds the database
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;          // to others than root
  std::uint64_t threshold = 0;           // per cent of use at which all apps are stopped; 100: never
  std::uint64_t warning = 0;             // per cent at which it is an alarm
  std::string level;                     // "fine", "warning", "full"
  bool are_apps_held = false;            // stopped because it was full
  std::uint64_t reserve_bytes = 0;       // that an emergency can free
  std::uint64_t reserve_wanted = 0;      // setting reserveBytes
  std::optional<DiskForecast> forecast;  // absent: not within 30 days
  static constexpr auto fields() {
    return std::tuple(with_default("totalBytes", &GetDiskResult::total_bytes),
                      with_default("usedBytes", &GetDiskResult::used_bytes),
                      with_default("freeBytes", &GetDiskResult::free_bytes),
                      with_default("threshold", &GetDiskResult::threshold),
                      with_default("warning", &GetDiskResult::warning),
                      with_default("level", &GetDiskResult::level),
                      with_default("appsHeld", &GetDiskResult::are_apps_held),
                      with_default("reserveBytes", &GetDiskResult::reserve_bytes),
                      with_default("reserveWanted", &GetDiskResult::reserve_wanted),
                      field("forecast", &GetDiskResult::forecast));
  }
};

struct GetDisk {
  static constexpr std::string_view kMt = "GetDisk";
  using Answer = GetDiskResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
