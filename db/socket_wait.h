#pragma once

#include <coroutine>
#include <cstdint>

#include "loop/loop.h"

namespace berth::db {

// Lets one task wait until libpq's socket can be read *or* written: while a large statement goes
// out the server may want to be read, or both would wait for each other (libpq, PQflush). Borrows the
// descriptor; goes before libpq closes it.
class SocketWait final : private loop::IoHandler {
 public:
  SocketWait(loop::Loop& loop, int fd) : loop_(loop), fd_(fd), timer_(loop) { loop_.watch(fd_, 0, *this); }
  ~SocketWait() {
    if (watched_) loop_.unwatch(fd_);
  }
  SocketWait(const SocketWait&) = delete;
  SocketWait& operator=(const SocketWait&) = delete;

  // From now on waits end after `limit` too and is_late() holds. 0: no limit.
  void set_limit(loop::Duration limit) {
    late_ = false;
    timer_.cancel();
    if (limit.count() > 0) timer_.start(limit, [this] { on_late(); });
  }
  bool is_late() const { return late_; }

  class Awaiter {
   public:
    Awaiter(SocketWait& owner, std::uint32_t wanted) : owner_(owner), wanted_(wanted) {}
    ~Awaiter() {
      if (owner_.waiter_ == this) owner_.waiter_ = nullptr;
    }
    Awaiter(const Awaiter&) = delete;
    bool await_ready() const { return owner_.late_; }
    void await_suspend(std::coroutine_handle<> handle) {
      handle_ = handle;
      owner_.waiter_ = this;
      owner_.want(owner_.interest_ | wanted_);
    }
    void await_resume() const {}

   private:
    friend class SocketWait;
    SocketWait& owner_;
    std::uint32_t wanted_;
    std::coroutine_handle<> handle_;
  };
  Awaiter wait(std::uint32_t wanted) { return Awaiter(*this, wanted); }

 private:
  void want(std::uint32_t interest) {
    if (!watched_) loop_.watch(fd_, interest, *this);
    else if (interest != interest_) loop_.change_interest(fd_, interest);
    watched_ = true;
    interest_ = interest;
  }
  void resume() {
    const auto handle = waiter_->handle_;
    waiter_ = nullptr;
    handle.resume();  // may destroy us
  }
  void on_io(std::uint32_t events) override {
    const bool broken = events & (EPOLLHUP | EPOLLERR);
    if (!waiter_) {
      // Nobody asks. A broken socket cannot be masked and would spin; the next wait watches again.
      if (broken) {
        loop_.unwatch(fd_);
        watched_ = false;
      } else {
        want(0);
      }
      return;
    }
    if (events & EPOLLOUT) want(interest_ & ~static_cast<std::uint32_t>(EPOLLOUT));
    if (broken || (events & (waiter_->wanted_ | EPOLLRDHUP))) resume();
  }
  void on_late() {
    late_ = true;
    if (waiter_) resume();
  }

  loop::Loop& loop_;
  int fd_;
  bool watched_ = true;
  bool late_ = false;
  std::uint32_t interest_ = 0;
  Awaiter* waiter_ = nullptr;
  loop::Timer timer_;
};

}  // namespace berth::db
