#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace berth::manager {

// How long to wait before starting a process again after it died. A process that was at work and was
// ended from outside comes back at once; one that dies early, or by its own fault, waits: the wait doubles
// with each such death up to `longest`, and a run of at least `healthy` starts afresh. Outside kills that
// come too thick (`kBurst` in a row, each within `kBurstGap`) count as faults too, so that an out-of-memory
// killer cannot make a busy loop. (Policy stands apart from mechanism: no clock here.)
class RestartPolicy {
 public:
  using Milliseconds = std::chrono::milliseconds;
  struct Limits {
    Milliseconds first{100};
    Milliseconds longest{60'000};
    Milliseconds healthy{300'000};
    Milliseconds at_once{20};
  };
  // From this many faults in a row on the process counts as crashing over and over.
  static constexpr int kLoopFaults = 5;
  static constexpr int kBurst = 50;
  static constexpr Milliseconds kBurstGap{2'000};

  struct Run {
    Milliseconds lasted{0};           // between the start and the death
    bool was_ready = false;           // it had said that it works
    bool ended_from_outside = false;  // SIGKILL, SIGTERM; or unknown, because it was not our child
  };

  RestartPolicy() = default;
  explicit RestartPolicy(Limits limits) : limits_(limits), next_(limits.first) {}

  Milliseconds delay_after(Run run) {
    if (run.lasted >= limits_.healthy) forget();
    if (run.was_ready && run.ended_from_outside) {
      burst_ = run.lasted < kBurstGap ? burst_ + 1 : 0;
      if (burst_ < kBurst) return limits_.at_once;
    }
    ++faults_;
    return std::exchange(next_, std::min(next_ * 2, limits_.longest));
  }

  bool is_crash_loop() const { return faults_ >= kLoopFaults; }
  int faults() const { return faults_; }
  // An admin asked for a start: the past does not count.
  void forget() {
    next_ = limits_.first;
    faults_ = 0;
    burst_ = 0;
  }

 private:
  Limits limits_{};
  Milliseconds next_{100};
  int faults_ = 0;
  int burst_ = 0;
};

}  // namespace berth::manager
