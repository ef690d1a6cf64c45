// One thread's event loop: descriptors, timers, deferred calls. epoll(7), level-triggered.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace berth::loop {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

// Told about readiness of a watched descriptor. Must outlive the watch.
class IoHandler {
 public:
  // `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR as epoll_wait(2) gave them.
  virtual void on_io(std::uint32_t events) = 0;

 protected:
  ~IoHandler() = default;
};

// For whom the thread works at a moment; 0: for nobody in particular.
using AccountId = std::uint32_t;

class Account;
class Loop;
class Timer;
class Deferred;

// Many descriptors of one kind whose owner keeps a record of each anyway: watching one costs the loop no
// memory. Goes before its loop.
class IoPool {
 public:
  explicit IoPool(Loop& loop);
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // `key` comes back with each event of `fd`. `interest` as in Loop::watch().
  void watch(int fd, std::uint32_t key, std::uint32_t interest) { control(EPOLL_CTL_ADD, fd, key, interest); }
  void change_interest(int fd, std::uint32_t key, std::uint32_t interest) {
    control(EPOLL_CTL_MOD, fd, key, interest);
  }
  // Before close(2). Events already fetched in this turn still come: the pool must not use `key` for
  // another descriptor before the next turn.
  void unwatch(int fd);

  virtual void on_pool_io(std::uint32_t key, std::uint32_t events) = 0;

 protected:
  ~IoPool();

 private:
  void control(int operation, int fd, std::uint32_t key, std::uint32_t interest);
  Loop& loop_;
  std::uint32_t number_ = 0;  // in the loop's list
};

// Owned by a thread's main function; everything else borrows it and must go before it does.
// Not thread-safe but for post() and stop().
class Loop {
 public:
  enum class Time { kReal, kManual };  // kManual: time moves only by advance(), for tests
  explicit Loop(Time time = Time::kReal);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Serves events until stop(). With kManual, returns when nothing is ready.
  void run();
  void stop();
  // One turn; waits at most `longest` for something to happen.
  void run_once(Duration longest);
  // Turns until `done()` holds or nothing happened for `limit`. Returns done(). For tests and mains.
  bool run_until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(30));

  // Time of the current turn (real time) or of the last advance() (manual).
  TimePoint now() const { return now_; }
  // Manual time only: moves it on and fires what is due, in order.
  void advance(Duration by);

  // One handler a descriptor. `interest`: EPOLLIN | EPOLLOUT | EPOLLRDHUP; errors always come.
  void watch(int fd, std::uint32_t interest, IoHandler& handler);
  void change_interest(int fd, std::uint32_t interest);
  // Before close(2). Events already fetched for `fd` in this turn are dropped.
  void unwatch(int fd);

  // From any thread: runs `call` in the loop's thread, soon.
  void post(std::function<void()> call);

  // Whose work goes on from here to the end of this callback (or the next call): see Account. Costs a comparison; the clock is
  // read only when it becomes another one's.
  void work_for(AccountId account) {
    if (account != working_for_) switch_account(account);
  }
  AccountId working_for() const { return working_for_; }

 private:
  friend class Account;
  friend class IoPool;
  friend class Timer;
  friend class Deferred;
  struct Slot {
    IoHandler* handler = nullptr;
    std::uint32_t generation = 0;
    std::uint32_t interest = 0;
    AccountId account = 0;
  };

  static constexpr std::size_t kSlotsInBlock = 64;
  using Block = std::array<Slot, kSlotsInBlock>;
  Slot& slot(int fd) {
    const auto number = static_cast<std::size_t>(fd);
    return (*blocks_[number / kSlotsInBlock])[number % kSlotsInBlock];
  }

  void take_posted();
  void fire_timers();
  void run_deferred();
  int wait_milliseconds(Duration longest) const;
  void switch_account(AccountId account);

  const Time time_;
  TimePoint now_;
  UniqueFd epoll_;
  UniqueFd wake_;
  // By descriptor. A block is there from its first watch on: descriptors of pools take no room.
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<IoPool*> pools_;  // null where one has gone
  std::multimap<TimePoint, Timer*> timers_;
  std::vector<Deferred*> deferred_;  // for the end of the turn; null = cancelled
  std::vector<Deferred*> round_;     // being run
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> stopping_ = false;
  AccountId working_for_ = 0;
  TimePoint working_since_{};
  std::vector<Duration> accounts_{1};  // by id; the first gets what is nobody's, and the waiting
  std::vector<AccountId> free_accounts_;
};

// How long a loop's thread worked for somebody: for what was done after work_for(), and for each descriptor watched and each
// Timer and Deferred (so each waiting task) made meanwhile, which carry it on. Goes before its loop. What outlives it is added to
// whoever gets its number next: a few microseconds in the wrong place, never a dangling pointer.
class Account {
 public:
  explicit Account(Loop& loop);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  AccountId id() const { return id_; }
  // Of real time, up to now.
  Duration spent() const;

 private:
  Loop& loop_;
  AccountId id_;
};

// Calls back once after a time. Restarting replaces; destruction takes it back.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop), account_(loop.working_for()) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  void start(Duration after, std::function<void()> call);
  void cancel();
  bool is_running() const { return running_; }

 private:
  friend class Loop;
  Loop& loop_;
  std::multimap<TimePoint, Timer*>::iterator position_;
  bool running_ = false;
  const AccountId account_;
  std::function<void()> call_;
};

// Calls back at the end of this turn, off the caller's stack. Destruction takes it back.
class Deferred {
 public:
  explicit Deferred(Loop& loop) : loop_(loop), account_(loop.working_for()) {}
  ~Deferred() { cancel(); }
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;
  void schedule(std::function<void()> call);  // replaces a scheduled one
  void cancel();
  bool is_scheduled() const { return scheduled_; }

 private:
  friend class Loop;
  Loop& loop_;
  bool scheduled_ = false;
  const AccountId account_;
  std::size_t index_ = 0;
  std::function<void()> call_;
};

}  // namespace berth::loop
