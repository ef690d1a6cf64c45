// Whose turn it is in a service: no instance holds up the others of its process for longer than a slice.
#pragma once

#include <chrono>
#include <deque>
#include <functional>

#include "loop/loop.h"

namespace berth::sdk {

class InstanceShare;

// All instances of a service share one thread. What comes from the webserver is dealt with as it is read, as long as nobody
// takes much: an instance that has worked for a slice within one turn of the loop, while others had something to do lately,
// waits for its next turn. Then each that waits gets a slice in rotation, one a turn, and in between everybody else is served.
// So what comes for a quiet instance waits for one slice, whatever the busy ones have before them; and what it answers goes out
// before the next slice begins, not after it.
// Owned by the service; outlives the shares of its instances.
class Turns {
 public:
  // Quiet instances wait for it; busy ones pay a look at the sockets and a write for each.
  static constexpr std::chrono::microseconds kSlice{200};
  // So long after another instance had something to do, one still makes room for others.
  static constexpr std::chrono::seconds kLately{10};

  // `spent`: time that an account has worked; tests have their own.
  explicit Turns(loop::Loop& loop,
                 std::function<loop::Duration(const loop::Account&)> spent = &loop::Account::spent);
  ~Turns();
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Called before a slice begins: sends what has been answered so far.
  std::function<void()> before_slice;

  loop::Loop& loop() const { return loop_; }
  loop::Duration spent(const loop::Account& account) const { return spent_(account); }
  // `share` works now. True if others had something to do lately.
  bool is_contended(const InstanceShare& share);
  // `share` has somebody waiting.
  void add(InstanceShare& share);
  void remove(const InstanceShare& share);

 private:
  void plan();
  void go_round();

  loop::Loop& loop_;
  const std::function<loop::Duration(const loop::Account&)> spent_;
  const InstanceShare* last_ = nullptr;  // that worked
  loop::TimePoint others_at_;
  std::deque<InstanceShare*> waiting_;  // in rotation
  loop::Deferred round_;
  loop::Timer later_;
};

}  // namespace berth::sdk
