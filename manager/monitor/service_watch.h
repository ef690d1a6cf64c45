// Services that take more than is good for them: descriptors up to their limit, logs without end.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"
#include "loop/sync.h"
#include "loop/worker.h"

namespace berth::manager {

struct WatchedService {
  std::string id, title, log_folder;
  pid_t pid = 0;  // 0: it does not run
};

// A file as stat(2) tells it.
struct LogFileState {
  std::uint64_t size = 0;
  std::chrono::nanoseconds changed{0};  // since 1970
};
// Bytes a second that rotated log files took in, from the end of the oldest that is left until `now`: what is in the others.
// 0 if nothing was rotated yet, or the clock was put back.
double log_rate(const std::vector<LogFileState>& files, std::chrono::nanoseconds now);

// The soft limit of "Max open files" in the text of /proc/PID/limits; 0: none, or unknown.
std::uint64_t parse_descriptor_limit(std::string_view limits);

struct ServiceBurden {
  std::uint64_t descriptors = 0, descriptor_limit = 0;  // 0: unknown
  double log_bytes = 0;                                 // a second
};
// What an admin should know of it. `flood_bytes` an hour are too much log; 0: nothing is.
std::vector<api::Check> find_burdens(const WatchedService& service, const ServiceBurden& burden,
                                     std::uint64_t flood_bytes);

struct ServiceWatchSources {
  std::function<std::vector<WatchedService>()> services;
  std::function<std::uint64_t()> flood_bytes;
};

// Looks every two seconds, in a thread of its own: a disk may hang. Also cuts what services print (output_file.h), which nobody
// else bounds while they run. Owned by the manager's main.
class ServiceWatch {
 public:
  static constexpr std::chrono::seconds kLook{2};
  static constexpr int kLooksToMeasure = 5;

  ServiceWatch(loop::Loop& loop, ServiceWatchSources sources);

  void begin();
  void stop() { tasks_.cancel_all(); }
  // One look; every kLooksToMeasure-th measures, too.
  loop::Task<void> look();
  std::vector<api::Check> checks() const;

 private:
  struct Known {
    WatchedService service;
    std::uint64_t output_size = 0;  // as of the last look
    std::uint64_t printed = 0;      // since the last measurement
    ServiceBurden burden;
  };
  using AllKnown = std::map<std::string, Known>;
  static AllKnown look_at(std::vector<WatchedService> services, AllKnown known, double measured_seconds);
  loop::Task<void> go_on();

  loop::Loop& loop_;
  ServiceWatchSources sources_;
  AllKnown known_;
  int looks_ = 0;
  loop::TimePoint measured_;
  loop::Worker worker_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
