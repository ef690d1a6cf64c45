#include "loop/readiness.h"

#include "base/result.h"

namespace berth::loop {

Readiness::Readiness(Loop& loop, int fd) : loop_(loop), fd_(fd) { loop_.watch(fd_, 0, *this); }

Readiness::~Readiness() {
  BERTH_CHECK(!reader_ && !writer_);
  if (watched_) loop_.unwatch(fd_);
}

void Readiness::Awaiter::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  auto& place = direction_ == EPOLLIN ? owner_.reader_ : owner_.writer_;
  BERTH_CHECK(!place);
  place = this;
  owner_.interest_ |= direction_;
  if (owner_.watched_) {
    owner_.loop_.change_interest(owner_.fd_, owner_.interest_);
  } else {
    owner_.loop_.watch(owner_.fd_, owner_.interest_, owner_);
    owner_.watched_ = true;
  }
}

Readiness::Awaiter::~Awaiter() {
  if (owner_.reader_ == this) owner_.reader_ = nullptr;
  if (owner_.writer_ == this) owner_.writer_ = nullptr;
}

void Readiness::wake(Awaiter*& waiter) {
  const auto handle = std::exchange(waiter, nullptr)->handle_;
  handle.resume();
}

void Readiness::on_io(std::uint32_t events) {
  const bool broken = events & (EPOLLHUP | EPOLLERR);
  const bool can_read = broken || (events & (EPOLLIN | EPOLLRDHUP));
  const bool can_write = broken || (events & EPOLLOUT);
  // Interest nobody waits for is dropped only when it fires: a task that reads in a loop then
  // costs no epoll_ctl at all.
  auto wanted = interest_;
  if (!reader_) wanted &= ~static_cast<std::uint32_t>(EPOLLIN);
  if (!writer_ || can_write) wanted &= ~static_cast<std::uint32_t>(EPOLLOUT);
  interest_ = wanted;
  loop_.change_interest(fd_, interest_);
  if (broken && !reader_ && !writer_) {
    // Errors cannot be masked and would spin; the next I/O call reports this one. The next wait
    // watches again.
    loop_.unwatch(fd_);
    watched_ = false;
    return;
  }
  if (can_write && writer_) {
    // A reader is woken by the next turn (level-triggered): waking both here would let the first
    // destroy us under the second.
    wake(writer_);
    return;
  }
  if (can_read && reader_) wake(reader_);
}

}  // namespace berth::loop
