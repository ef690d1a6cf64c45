#include "sdk/share/instance_share.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace berth::sdk {

InstanceShare::InstanceShare(Turns& turns)
    : turns_(turns), account_(turns.loop()), websockets_changed_(turns.loop().now()) {}

InstanceShare::~InstanceShare() {
  BERTH_CHECK(!is_waiting());
  turns_.remove(*this);
}

const InstanceCounters& InstanceShare::counted() {
  using namespace std::chrono;
  count_websockets(0);
  counters_.websocket_ms = static_cast<std::uint64_t>(duration_cast<milliseconds>(websocket_time_).count());
  counters_.busy_us = static_cast<std::uint64_t>(duration_cast<microseconds>(turns_.spent(account_)).count());
  return counters_;
}

void InstanceShare::count_websockets(int more) {
  const auto now = turns_.loop().now();
  websocket_time_ += (now - websockets_changed_) * static_cast<std::int64_t>(counters_.websockets);
  websockets_changed_ = now;
  counters_.websockets += static_cast<std::uint64_t>(more);
}

void InstanceShare::set_limits(const InstanceLimits& limits) {
  const auto now = turns_.loop().now();
  most_websockets_ = limits.websockets;
  messages_.set(limits.messages, now);
  requests_.set(limits.requests, now);
  left_ = 0;
  if (is_waiting()) turns_.add(*this);
}

bool InstanceShare::may_open_websocket() {
  if (most_websockets_ == 0 || counters_.websockets < most_websockets_) return true;
  ++counters_.refused;
  return false;
}

// Looks at the clock at most once in `kMostAtOnce` messages of an instance that has many, and for each of one that has few.
bool InstanceShare::refill() {
  if (is_waiting()) {  // first come, first served
    if (messages_.per_second() > 0) ++counters_.slowed;
    return false;
  }
  const auto now = turns_.loop().now();
  const bool is_new_turn = turn_ != now;
  const auto used = used_of_slice();
  if (used >= Turns::kSlice) return false;
  at_once_ = is_new_turn || used * 2 >= Turns::kSlice ? 1 : std::min(at_once_ * 2, kMostAtOnce);
  const auto taken = messages_.take(at_once_, now);
  if (taken == 0) {
    ++counters_.slowed;
    return false;
  }
  left_ = taken - 1;
  return true;
}

bool InstanceShare::try_request() {
  if (is_waiting()) {
    if (requests_.per_second() > 0) ++counters_.slowed;
    return false;
  }
  if (used_of_slice() >= Turns::kSlice) return false;
  if (requests_.take(1, turns_.loop().now()) > 0) return true;
  ++counters_.slowed;
  return false;
}

loop::Duration InstanceShare::used_of_slice() {
  const auto now = turns_.loop().now();
  const bool is_new_turn = std::exchange(turn_, now) != now;
  if (!turns_.is_contended(*this)) {
    before_.reset();
    return loop::Duration::zero();
  }
  const auto spent = turns_.spent(account_);
  if (is_new_turn || !before_) before_ = spent;
  return spent - *before_;
}

void InstanceShare::Waiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  until_ = is_request_ ? share_.turns_.loop().now() + kLongestWait : loop::TimePoint::max();
  auto& queue = is_request_ ? share_.requests_waiting_ : share_.messages_waiting_;
  position_ = queue.insert(queue.end(), this);
  is_queued_ = true;
  share_.turns_.add(share_);
}

void InstanceShare::Waiter::leave() {
  if (!is_queued_) return;
  (is_request_ ? share_.requests_waiting_ : share_.messages_waiting_).erase(position_);
  is_queued_ = false;
}

loop::TimePoint InstanceShare::next_turn() {
  const auto now = turns_.loop().now();
  auto next = loop::TimePoint::max();
  if (!messages_waiting_.empty()) next = messages_.next(now);
  if (!requests_waiting_.empty())
    next = std::min({next, requests_.next(now), requests_waiting_.front()->until_});
  return next;
}

void InstanceShare::resume_first(std::list<Waiter*>& queue, bool has_turn) {
  Waiter* first = queue.front();
  first->leave();
  first->has_turn_ = has_turn;
  first->handle_.resume();
}

void InstanceShare::take_turn() {
  const auto now = turns_.loop().now();
  turns_.loop().work_for(account_.id());
  const auto before = turns_.spent(account_);
  do {
    if (!requests_waiting_.empty() && requests_waiting_.front()->until_ <= now) {
      resume_first(requests_waiting_, false);
    } else {
      bool any = false;
      if (!messages_waiting_.empty() && messages_.take(1, now) > 0) {
        resume_first(messages_waiting_, true);
        any = true;
      }
      if (!requests_waiting_.empty() && requests_.take(1, now) > 0) {
        resume_first(requests_waiting_, true);
        any = true;
      }
      if (!any) return;
    }
  } while (turns_.spent(account_) - before < Turns::kSlice);
}

}  // namespace berth::sdk
