// The loads: what the clients of a run do, and what is reported of it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/wsload/client.h"
#include "tools/wsload/histogram.h"
#include "tools/wsload/options.h"
#include "wire/json/json.h"

namespace berth::wsload {

// Runs the load that `options` ask for; ends after options.limit at the latest. Prints the "open" event itself
// and gives the "end" event.
json::Object run_load(loop::Loop& loop, const Options& options);

// CPU time of all threads of a process so far, in microseconds: what the scheduler counted (schedstat), of which
// utime + stime in proc(5) are the same sum in units of 10 ms. 0 if it is gone.
std::uint64_t cpu_time(pid_t pid);

// Opens its connections, a few at a time, and counts. The kinds of load derive from it.
class Load : public ClientObserver {
 public:
  Load(loop::Loop& loop, const Options& options);
  virtual ~Load() = default;
  json::Object run();

 protected:
  // All are open.
  virtual void start() = 0;
  virtual void add_to(json::Object& report) const {}
  void on_open(Client& client) override;
  void on_closed(Client& client, std::string_view error) override;

  void begin_measuring();  // after the warm-up
  void end_measuring();
  bool is_measuring() const { return measuring_; }
  void finish() { done_ = true; }
  void count_error(std::string_view what) { ++errors_[std::string(what)]; }
  std::size_t open_count() const { return open_; }

  // A message that differs from all others, and the check of what came back.
  ByteView make_message(Client& client);
  bool is_message(const Client& client, ByteView message);
  void note_latency(const Client& client);

  loop::Loop& loop_;
  const Options& options_;
  Target target_;
  std::deque<Client> clients_;  // stay where they are
  std::uint64_t measured_ = 0;  // echoes, connections or deliveries

 private:
  void open_more();
  void print_open();

  std::size_t begun_ = 0, open_ = 0, under_way_ = 0;
  bool started_ = false, measuring_ = false, done_ = false;
  loop::TimePoint began_, measured_since_, measured_until_;
  std::map<std::string, std::uint64_t> errors_;
  std::vector<std::uint64_t> cpu_before_, cpu_spent_;
  Histogram latency_;
  Bytes message_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace berth::wsload
