#include "loop/worker.h"

#include <signal.h>

namespace berth::loop {

Worker::Worker(Loop& loop) : loop_(loop), thread_([this] { serve(); }) {}

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    calls_.clear();
  }
  changed_.notify_one();
  thread_.join();
}

void Worker::submit(std::function<void()> call) {
  {
    const std::scoped_lock lock(mutex_);
    calls_.push_back(std::move(call));
  }
  changed_.notify_one();
}

void Worker::serve() {
  // Signals belong to the loop's thread.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    std::function<void()> call;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || !calls_.empty(); });
      if (ending_) return;
      call = std::move(calls_.front());
      calls_.pop_front();
    }
    call();
  }
}

}  // namespace berth::loop
