// How slowly a client may send the body of a request.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "loop/loop.h"

namespace berth::webserver {

// An account of time: what passes is taken off, each byte gives back its share of a second, up to what it began
// with. So a client may stall now and then, but one that is slower than the rate for as long as that runs out (slow
// POST). Time in which nobody would take its bytes is not its own: pause().
class BodyPace {
 public:
  using Milliseconds = std::chrono::milliseconds;

  void begin(Milliseconds most, loop::TimePoint now) {
    most_ = left_ = most;
    since_ = now;
    is_paused_ = false;
  }
  // `rate`: bytes a second. 0: any; then only stalling is counted.
  void add(std::size_t bytes, std::int64_t rate, loop::TimePoint now) {
    const auto passed = is_paused_ ? Milliseconds(0) : std::chrono::duration_cast<Milliseconds>(now - since_);
    since_ = now;
    is_paused_ = false;
    const auto enough = rate * most_.count() / 1000;
    const auto given = static_cast<std::int64_t>(bytes);
    left_ = given >= enough ? most_ : std::min(most_, left_ - passed + Milliseconds(given * 1000 / rate));
  }
  void pause() { is_paused_ = true; }
  Milliseconds left() const { return std::max(left_, Milliseconds(0)); }

 private:
  Milliseconds most_{}, left_{};
  loop::TimePoint since_;
  bool is_paused_ = false;
};

}  // namespace berth::webserver
