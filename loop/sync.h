// Waiting inside tasks: events, channels, permits, sleep, time-outs; and owners of running tasks.
// All single-threaded. A waiter is resumed at the end of the turn, never on the waker's stack.
#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::loop {

// Level: once set, wait() goes through until reset(). Any number of waiters.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}
  ~Event() { BERTH_CHECK(waiters_.empty()); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void set();
  void reset() { set_ = false; }
  bool is_set() const { return set_; }

  class Waiter {
   public:
    explicit Waiter(Event& event) : event_(event), deferred_(event.loop_) {}
    ~Waiter() {
      if (queued_) event_.waiters_.erase(position_);
    }
    Waiter(const Waiter&) = delete;
    bool await_ready() const { return event_.set_; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      position_ = event_.waiters_.insert(event_.waiters_.end(), this);
      queued_ = true;
    }
    void await_resume() const {}

   private:
    friend class Event;
    Event& event_;
    Deferred deferred_;
    std::coroutine_handle<> handle_;
    std::list<Waiter*>::iterator position_;
    bool queued_ = false;
  };
  Waiter wait() { return Waiter(*this); }

 private:
  Loop& loop_;
  bool set_ = false;
  std::list<Waiter*> waiters_;
};

inline void Event::set() {
  set_ = true;
  while (!waiters_.empty()) {
    Waiter* waiter = waiters_.front();
    waiters_.pop_front();
    waiter->queued_ = false;
    waiter->deferred_.schedule([waiter] { waiter->handle_.resume(); });
  }
}

// co_await sleep_for(loop, 5s);
class SleepAwaiter {
 public:
  SleepAwaiter(Loop& loop, Duration time) : timer_(loop), time_(time) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    timer_.start(time_, [handle] { handle.resume(); });
  }
  void await_resume() const {}

 private:
  Timer timer_;
  Duration time_;
};
inline SleepAwaiter sleep_for(Loop& loop, Duration time) { return SleepAwaiter(loop, time); }

// A queue of at most `capacity` values between tasks.
template <class T>
class Channel {
 public:
  Channel(Loop& loop, std::size_t capacity) : capacity_(capacity), filled_(loop), drained_(loop) {
    drained_.set();
  }

  // False if full or closed; the value is then untouched.
  bool try_send(T& value) {
    if (closed_ || values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    filled_.set();
    if (values_.size() >= capacity_) drained_.reset();
    return true;
  }
  // Waits for room. False if closed meanwhile.
  Task<bool> send(T value) {
    while (!try_send(value)) {
      if (closed_) co_return false;
      co_await drained_.wait();
    }
    co_return true;
  }
  // nullopt once closed and drained. If cancelled nothing is taken.
  Task<std::optional<T>> receive() {
    while (values_.empty()) {
      if (closed_) co_return std::nullopt;
      co_await filled_.wait();
    }
    T value = std::move(values_.front());
    values_.pop_front();
    if (values_.empty() && !closed_) filled_.reset();
    if (!closed_) drained_.set();
    co_return std::move(value);
  }
  void close() {
    closed_ = true;
    filled_.set();
    drained_.set();
  }
  bool is_closed() const { return closed_; }
  std::size_t size() const { return values_.size(); }

 private:
  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> values_;
  Event filled_;
  Event drained_;
};

// At most `count` holders at once; a Semaphore of 1 is a mutex. First come, first served.
class Semaphore {
 public:
  Semaphore(Loop& loop, int count) : free_(count), changed_(loop) {}
  class Permit {
   public:
    explicit Permit(Semaphore* from) : from_(from) {}
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Permit() {
      if (from_) from_->give_back();
    }

   private:
    Semaphore* from_;
  };
  Task<Permit> acquire() {
    while (free_ == 0) {
      changed_.reset();
      co_await changed_.wait();
    }
    --free_;
    co_return Permit(this);
  }

 private:
  void give_back() {
    ++free_;
    changed_.set();
  }
  int free_;
  Event changed_;
};

namespace detail {
// The coroutine that drives a spawned task. Suspended at its end; its owner destroys it.
struct Runner {
  struct promise_type {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    Runner get_return_object() { return Runner{std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};
}  // namespace detail

// Runs a task from now on; destroying it cancels the task. Not to be destroyed by its own task.
template <class T>
class Spawned {
 public:
  Spawned(Loop& loop, Task<T> task) : done_(loop) {
    runner_ = run(std::move(task));
    runner_.handle.resume();
  }
  ~Spawned() { runner_.handle.destroy(); }
  Spawned(const Spawned&) = delete;
  Spawned& operator=(const Spawned&) = delete;

  bool is_done() const { return done_.is_set(); }
  Event& done() { return done_; }
  // Waits for the end; gives the result once or throws what the task threw.
  Task<T> join() {
    co_await done_.wait();
    co_return take();
  }
  T take() {
    BERTH_CHECK(is_done());
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  detail::Runner run(Task<T> task) {
    try {
      // A local, so that the task's frame, and what its parameters own, goes when it is done.
      const Task<T> local = std::move(task);
      if constexpr (std::is_void_v<T>) co_await local;
      else value_.emplace(co_await local);
    } catch (...) {
      error_ = std::current_exception();
    }
    done_.set();
  }
  struct Nothing {};
  Event done_;
  std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> value_;
  std::exception_ptr error_;
  detail::Runner runner_;
};

// A coroutine that begins at once and that nobody waits for: no result, and no exception may leave it. One frame
// and nothing else, for what happens with each message. Destroying cancels it; not to be destroyed by itself.
class Errand {
 public:
  struct promise_type {
    Errand get_return_object() { return Errand(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const { std::terminate(); }
  };
  Errand() = default;
  Errand(Errand&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Errand& operator=(Errand&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Errand() {
    if (handle_) handle_.destroy();
  }
  bool is_done() const { return !handle_ || handle_.done(); }

 private:
  explicit Errand(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// Owns tasks that nobody waits for one by one. An exception that leaves a task is the boundary's
// business: it is logged with the group's name. Destroying the group cancels all.
class TaskGroup {
 public:
  TaskGroup(Loop& loop, std::string name) : loop_(loop), name_(std::move(name)), reap_(loop), empty_(loop) {
    empty_.set();
  }
  ~TaskGroup() { cancel_all(); }
  void spawn(Task<void> task) {
    reap();
    empty_.reset();
    ++running_;
    tasks_.push_back(std::make_unique<Spawned<void>>(loop_, guard(std::move(task))));
  }
  void cancel_all() {
    reap_.cancel();
    tasks_.clear();
    running_ = 0;
    empty_.set();
  }
  std::size_t size() const { return running_; }
  // Set while no task runs.
  Event& empty() { return empty_; }

 private:
  Task<void> guard(Task<void> task) {
    try {
      const Task<void> local = std::move(task);
      co_await local;
    } catch (...) {
      log_error(name_, {{"error", current_error().detail}});
    }
    if (--running_ == 0) empty_.set();
    reap_.schedule([this] { reap(); });
  }
  void reap() {
    std::erase_if(tasks_, [](const auto& task) { return task->is_done(); });
  }
  Loop& loop_;
  std::string name_;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Spawned<void>>> tasks_;
  Deferred reap_;
  Event empty_;
};

// The result of `task`, or Failure(kTimeout) after `limit`; the task is then cancelled.
template <class T>
Task<T> with_timeout(Loop& loop, Duration limit, Task<T> task, std::string what = "operation") {
  Spawned<T> spawned(loop, std::move(task));
  Timer timer(loop);
  bool late = false;
  timer.start(limit, [&] {
    late = true;
    spawned.done().set();
  });
  co_await spawned.done().wait();
  if (late)
    throw_failure(Errc::kTimeout, "{} took longer than {} ms", what,
                  std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
  co_return spawned.take();
}

// Runs a task to its end on this loop; for mains and tests.
template <class T>
T run_task(Loop& loop, Task<T> task) {
  Spawned<T> spawned(loop, std::move(task));
  while (!spawned.is_done()) loop.run_once(std::chrono::hours(1));
  return spawned.take();
}

}  // namespace berth::loop
