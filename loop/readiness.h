#pragma once

#include <coroutine>

#include "loop/loop.h"

namespace berth::loop {

// Lets tasks wait until one descriptor can be read or written. Borrows the descriptor: goes
// before it is closed. At most one task waits for each direction. Readiness is a hint: do the
// I/O non-blocking and wait again on EAGAIN.
class Readiness final : private IoHandler {
 public:
  Readiness(Loop& loop, int fd);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  class Awaiter {
   public:
    Awaiter(Readiness& owner, std::uint32_t direction) : owner_(owner), direction_(direction) {}
    ~Awaiter();
    Awaiter(const Awaiter&) = delete;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    void await_resume() const {}

   private:
    friend class Readiness;
    Readiness& owner_;
    std::uint32_t direction_;
    std::coroutine_handle<> handle_;
  };
  Awaiter readable() { return Awaiter(*this, EPOLLIN); }
  Awaiter writable() { return Awaiter(*this, EPOLLOUT); }

 private:
  void on_io(std::uint32_t events) override;
  void wake(Awaiter*& waiter);

  Loop& loop_;
  int fd_;
  std::uint32_t interest_ = 0;
  bool watched_ = true;
  Awaiter* reader_ = nullptr;
  Awaiter* writer_ = nullptr;
};

}  // namespace berth::loop
