#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "loop/sync.h"

namespace berth::loop {

// One helper thread for calls that block (getaddrinfo, bulk files, key generation).
class Worker {
 public:
  explicit Worker(Loop& loop);
  ~Worker();  // waits for the call that is running; drops queued ones

  // Runs `call` in the thread. If the task is cancelled the call still runs to its end, its result
  // is dropped.
  template <class F>
  Task<std::invoke_result_t<F>> run(F call) {
    using T = std::invoke_result_t<F>;
    struct State {
      explicit State(Loop& loop) : done(loop) {}
      Event done;
      std::optional<T> value;
      std::exception_ptr error;
    };
    // Shared, because the thread may finish after the task was cancelled.
    auto state = std::make_shared<State>(loop_);
    submit([this, state, call = std::move(call)]() mutable {
      try {
        state->value.emplace(call());
      } catch (...) {
        state->error = std::current_exception();
      }
      loop_.post([state = std::move(state)] { state->done.set(); });
    });
    co_await state->done.wait();
    if (state->error) std::rethrow_exception(state->error);
    co_return std::move(*state->value);
  }

 private:
  void submit(std::function<void()> call);
  void serve();
  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace berth::loop
