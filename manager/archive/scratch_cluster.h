// A cluster recovered to a moment, to read from and then throw away. Nobody but the manager reaches it: no TCP, its socket in
// a folder of its own (0700), no login but by peer.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loop/process.h"
#include "manager/archive/time_machine.h"

namespace berth::manager {

class ScratchCluster {
 public:
  // `name`: of its folder; [a-z0-9-]. `port` names its socket. The others outlive it.
  ScratchCluster(loop::Loop& loop, const Cluster& main, const TimeMachine& machine, std::string socket_folder,
                 std::string name, int port, std::string log_file);
  // Ends it like a power cut. Its files stay; remove() takes them away.
  ~ScratchCluster();

  // Anew from the beginning, whatever was there: files of `base` with `databases`, then the log up to `moment`. It answers
  // when this returns. Progress in per cent. Throws Failure: kNotFound (the log ends before), kMalformed (damaged),
  // kNoSpace, …. If cancelled, remove() cleans up.
  Task<void> recover(std::string base, std::vector<std::uint32_t> databases, std::chrono::sys_seconds moment,
                     std::function<void(std::uint64_t percent)> progress);
  Task<void> remove();

  bool is_running() const { return watch_ != nullptr && is_recovered_; }
  db::ConnectionOptions superuser(std::string database) const;

 private:
  Task<void> extract(std::string base, std::vector<std::uint32_t> databases,
                     std::function<void(std::uint64_t percent)> progress);
  void configure(std::chrono::sys_seconds moment) const;
  void spawn();
  Task<void> wait_until_recovered();
  Task<void> watch_end();
  [[noreturn]] void throw_last_words() const;

  loop::Loop& loop_;
  const Cluster& main_;
  const TimeMachine& machine_;
  std::string socket_folder_, folder_, log_file_;
  int port_;
  bool is_recovered_ = false, has_ended_ = false;
  std::unique_ptr<loop::ProcessWatch> watch_;
  std::unique_ptr<loop::Spawned<void>> ending_;  // last: uses the others
};

}  // namespace berth::manager
