// Deadlines of connections: coarse, one node each, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "loop/loop.h"

namespace berth::webserver {

class Wheel;

// One deadline; fires once. Destruction takes it back.
class Deadline {
 public:
  Deadline() = default;
  ~Deadline() { cancel(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  void cancel();
  bool is_running() const { return previous_ != nullptr; }
  void* owner = nullptr;  // for the wheel's callback

 private:
  friend class Wheel;
  Deadline* previous_ = nullptr;
  Deadline* next_ = nullptr;
  std::uint64_t due_ = 0;  // tick
};

// A ring of lists, one tick apart. The loop is woken only for a tick that has something in it.
class Wheel {
 public:
  static constexpr std::chrono::milliseconds kTick{50};
  // `expired` is called with each deadline that is due.
  Wheel(loop::Loop& loop, std::function<void(Deadline&)> expired);

  // Fires between `after` and `after` + two ticks from now. Restarting replaces.
  void start(Deadline& deadline, std::chrono::milliseconds after);

 private:
  static constexpr std::size_t kSlots = 512;  // 25 s; what is due later goes round again
  std::uint64_t current_tick() const;
  void arm();
  void turn();

  loop::Loop& loop_;
  std::function<void(Deadline&)> expired_;
  const loop::TimePoint begin_;
  std::array<Deadline, kSlots> slots_;  // heads of circular lists
  std::uint64_t done_ = 0;              // all ticks up to here have fired
  std::uint64_t armed_for_ = ~std::uint64_t{0};
  loop::Timer timer_;
};

}  // namespace berth::webserver
