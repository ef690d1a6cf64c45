// For tests: the trace lines that are written while it lives, by any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"

namespace berth::test {

class Traced {
 public:
  explicit Traced(std::uint64_t flags) : before_(trace_flags()) {
    set_trace_flags(flags);
    set_log_sink([this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    });
  }
  ~Traced() {
    set_log_sink(nullptr);
    set_trace_flags(before_);
  }
  Traced(const Traced&) = delete;
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::uint64_t before_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace berth::test
