// What one instance uses of its service, and how much of it it may have.
#pragma once

#include <coroutine>
#include <cstdint>
#include <list>
#include <optional>

#include "berth/app_instance.h"
#include "loop/loop.h"
#include "sdk/share/rate.h"
#include "sdk/share/turns.h"

namespace berth::sdk {

// Owned by the instance's runtime; outlives its streams.
//
// Who is above a limit is slowed, not refused: a message or request waits for its turn, meanwhile its stream gives no credit
// back, and so its sender waits. Refused are only WebSockets above their number, and requests that would wait for too long.
class InstanceShare {
 public:
  // Requests that wait for their turn; more are answered 503 at once, those that waited for so long then.
  static constexpr std::size_t kMostWaitingRequests = 1000;
  static constexpr std::chrono::seconds kLongestWait{10};

  explicit InstanceShare(Turns& turns);
  ~InstanceShare();
  InstanceShare(const InstanceShare&) = delete;
  InstanceShare& operator=(const InstanceShare&) = delete;

  InstanceCounters& counters() { return counters_; }
  // As they are now.
  const InstanceCounters& counted();
  loop::AccountId account() const { return account_.id(); }
  void set_limits(const InstanceLimits& limits);

  // --- WebSockets ---
  // False: there are as many as there may be; counted as refused.
  bool may_open_websocket();
  void websocket_opened() { count_websockets(1); }
  void websocket_closed() { count_websockets(-1); }

  // --- turns ---
  // Takes one message. False: it has to wait, by message_turn().
  bool try_message() {
    if (left_ > 0) {
      --left_;
      return true;
    }
    return refill();
  }
  bool try_request();

  // Resumes in turn; takes what it waited for. Gives false if that took too long (requests only). Cancelled, it leaves the
  // queue.
  class Waiter {
   public:
    Waiter(InstanceShare& share, bool is_request) : share_(share), is_request_(is_request) {}
    ~Waiter() { leave(); }
    Waiter(const Waiter&) = delete;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    bool await_resume() const { return has_turn_; }

   private:
    friend class InstanceShare;
    void leave();
    InstanceShare& share_;
    std::coroutine_handle<> handle_;
    std::list<Waiter*>::iterator position_;
    loop::TimePoint until_;
    const bool is_request_;
    bool is_queued_ = false;
    bool has_turn_ = false;
  };
  Waiter message_turn() { return Waiter(*this, false); }
  // To be asked only if can_request_wait().
  Waiter request_turn() { return Waiter(*this, true); }
  bool can_request_wait() const { return requests_waiting_.size() < kMostWaitingRequests; }
  void count_refused() { ++counters_.refused; }

  // --- of Turns ---
  bool is_waiting() const { return !messages_waiting_.empty() || !requests_waiting_.empty(); }
  // When somebody who waits may go on, or is late.
  loop::TimePoint next_turn();
  // Lets them go on until a slice is over.
  void take_turn();

 private:
  static constexpr std::uint32_t kMostAtOnce = 32;
  bool refill();
  // Time worked in this turn of the loop; zero as long as nobody else has anything to do.
  loop::Duration used_of_slice();
  void count_websockets(int more);
  void resume_first(std::list<Waiter*>& queue, bool has_turn);

  Turns& turns_;
  InstanceCounters counters_;
  const loop::Account account_;
  Rate messages_, requests_;
  std::uint64_t most_websockets_ = 0;     // 0: no limit
  std::uint32_t left_ = 0;                // messages that need no look at anything
  std::uint32_t at_once_ = 1;             // what left_ is filled with
  loop::TimePoint turn_;                  // of the loop, in which it was looked at last
  std::optional<loop::Duration> before_;  // spent before that turn; absent: nobody else was there
  loop::TimePoint websockets_changed_;
  loop::Duration websocket_time_{};
  std::list<Waiter*> messages_waiting_, requests_waiting_;
};

}  // namespace berth::sdk
