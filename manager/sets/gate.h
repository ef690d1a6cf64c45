// Many may read and write at a target at once, but nobody while its sets are thinned out.
#pragma once

#include <utility>

#include "loop/sync.h"

namespace berth::manager {

// Lives as long as those who hold it. First come is not first served: who wants it alone waits until nobody has it.
class Gate {
 public:
  explicit Gate(loop::Loop& loop) : changed_(loop) {}

  class Hold {
   public:
    Hold(Hold&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), alone_(other.alone_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (!gate_) return;
      if (alone_) gate_->alone_ = false;
      else --gate_->sharing_;
      gate_->changed_.set();
    }

   private:
    friend class Gate;
    Hold(Gate* gate, bool alone) : gate_(gate), alone_(alone) {}
    Gate* gate_;
    bool alone_;
  };

  loop::Task<Hold> share() {
    while (alone_) {
      changed_.reset();
      co_await changed_.wait();
    }
    ++sharing_;
    co_return Hold(this, false);
  }
  loop::Task<Hold> alone() {
    while (alone_ || sharing_ > 0) {
      changed_.reset();
      co_await changed_.wait();
    }
    alone_ = true;
    co_return Hold(this, true);
  }

 private:
  int sharing_ = 0;
  bool alone_ = false;
  loop::Event changed_;
};

}  // namespace berth::manager
