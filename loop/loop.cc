#include "loop/loop.h"

#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>

#include "base/result.h"

namespace berth::loop {
namespace {

// What comes back with an event (epoll_event::data): of a slot its descriptor and generation, of a pool its
// key and number with the highest bit set, of the wake-up all bits.
constexpr std::uint64_t kWake = ~std::uint64_t{0};
constexpr std::uint64_t kPoolBit = std::uint64_t{1} << 63;
constexpr std::uint32_t kGenerations = 0x7fffffff;

epoll_event make_event(std::uint32_t interest, std::uint32_t low, std::uint64_t high) {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = high << 32 | low;
  return event;
}

}  // namespace

Loop::Loop(Time time)
    : time_(time),
      now_(Clock::now()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  BERTH_CHECK(epoll_ && wake_);
  // A peer that is gone is told by EPIPE, also where a library writes (OpenSSL, libcurl, libpq).
  ::signal(SIGPIPE, SIG_IGN);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  BERTH_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0);
}

Loop::~Loop() = default;

void Loop::run() {
  while (!stopping_.load(std::memory_order_relaxed)) run_once(std::chrono::hours(1));
  stopping_ = false;
}

void Loop::stop() {
  stopping_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(wake_.get(), &one, sizeof one);
}

bool Loop::run_until(const std::function<bool()>& done, Duration limit) {
  const auto deadline = Clock::now() + limit;
  while (!done()) {
    const auto left = deadline - Clock::now();
    if (left <= Duration::zero()) return done();
    run_once(std::min<Duration>(left, std::chrono::milliseconds(100)));
  }
  return true;
}

int Loop::wait_milliseconds(Duration longest) const {
  if (!deferred_.empty() || time_ == Time::kManual) return 0;
  auto wait = longest;
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first - Clock::now());
  if (wait <= Duration::zero()) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

void Loop::run_once(Duration longest) {
  epoll_event events[256];
  const int count = ::epoll_wait(epoll_.get(), events, 256, wait_milliseconds(longest));
  BERTH_CHECK(count >= 0 || errno == EINTR);
  if (time_ == Time::kReal) now_ = Clock::now();
  for (int i = 0; i < count; ++i) {
    const auto data = events[i].data.u64;
    const auto low = static_cast<std::uint32_t>(data);
    const auto high = static_cast<std::uint32_t>(data >> 32);
    if (data == kWake) {
      work_for(0);
      take_posted();
    } else if (data & kPoolBit) {
      work_for(0);
      if (auto* pool = pools_[high & kGenerations]) pool->on_pool_io(low, events[i].events);
    } else {
      const Slot& watched = slot(static_cast<int>(low));
      if (!watched.handler || watched.generation != high) continue;
      work_for(watched.account);
      watched.handler->on_io(events[i].events);
    }
  }
  if (time_ == Time::kReal) fire_timers();
  run_deferred();
  work_for(0);
}

void Loop::advance(Duration by) {
  BERTH_CHECK(time_ == Time::kManual);
  const auto target = now_ + by;
  while (!timers_.empty() && timers_.begin()->first <= target) {
    now_ = std::max(now_, timers_.begin()->first);
    fire_timers();
    run_deferred();
  }
  now_ = target;
  run_once(Duration::zero());
}

void Loop::fire_timers() {
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->running_ = false;
    work_for(timer->account_);
    const auto call = std::move(timer->call_);  // the call may destroy or restart the timer
    call();
  }
}

void Loop::run_deferred() {
  // Rounds, not a growing list: what a deferred call defers waits for the next turn, so that
  // descriptors get their share. Cancelled entries are null.
  round_.swap(deferred_);
  for (std::size_t i = 0; i < round_.size(); ++i) {
    // Taken out first: it may be rescheduled at the same index of the next round and then cancelled.
    Deferred* deferred = std::exchange(round_[i], nullptr);
    if (!deferred) continue;
    deferred->scheduled_ = false;
    work_for(deferred->account_);
    const auto call = std::move(deferred->call_);  // the call may destroy or reschedule it
    call();
  }
  round_.clear();
}

void Loop::watch(int fd, std::uint32_t interest, IoHandler& handler) {
  BERTH_CHECK(fd >= 0);
  const auto block = static_cast<std::size_t>(fd) / kSlotsInBlock;
  if (blocks_.size() <= block) blocks_.resize(block + 1);
  if (!blocks_[block]) blocks_[block] = std::make_unique<Block>();
  Slot& watched = slot(fd);
  BERTH_CHECK(!watched.handler);
  watched.handler = &handler;
  watched.interest = interest;
  watched.account = working_for_;
  watched.generation = (watched.generation + 1) & kGenerations;
  auto event = make_event(interest, static_cast<std::uint32_t>(fd), watched.generation);
  BERTH_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void Loop::change_interest(int fd, std::uint32_t interest) {
  Slot& watched = slot(fd);
  BERTH_CHECK(watched.handler);
  if (watched.interest == interest) return;
  watched.interest = interest;
  auto event = make_event(interest, static_cast<std::uint32_t>(fd), watched.generation);
  BERTH_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void Loop::unwatch(int fd) {
  Slot& watched = slot(fd);
  BERTH_CHECK(watched.handler);
  watched.handler = nullptr;
  watched.generation = (watched.generation + 1) & kGenerations;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

IoPool::IoPool(Loop& loop) : loop_(loop), number_(static_cast<std::uint32_t>(loop.pools_.size())) {
  loop.pools_.push_back(this);
}

IoPool::~IoPool() { loop_.pools_[number_] = nullptr; }

void IoPool::control(int operation, int fd, std::uint32_t key, std::uint32_t interest) {
  auto event = make_event(interest, key, kPoolBit >> 32 | number_);
  BERTH_CHECK(::epoll_ctl(loop_.epoll_.get(), operation, fd, &event) == 0);
}

void IoPool::unwatch(int fd) { ::epoll_ctl(loop_.epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void Loop::post(std::function<void()> call) {
  {
    const std::scoped_lock lock(posted_mutex_);
    posted_.push_back(std::move(call));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto put = ::write(wake_.get(), &one, sizeof one);
}

void Loop::take_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
  std::vector<std::function<void()>> calls;
  {
    const std::scoped_lock lock(posted_mutex_);
    calls.swap(posted_);
  }
  for (const auto& call : calls) call();
}

void Loop::switch_account(AccountId account) {
  const auto now = Clock::now();
  accounts_[working_for_] += now - working_since_;
  working_since_ = now;
  working_for_ = account;
}

Account::Account(Loop& loop) : loop_(loop) {
  if (loop.free_accounts_.empty()) {
    id_ = static_cast<AccountId>(loop.accounts_.size());
    loop.accounts_.push_back(Duration::zero());
  } else {
    id_ = loop.free_accounts_.back();
    loop.free_accounts_.pop_back();
    loop.accounts_[id_] = Duration::zero();
  }
}

Account::~Account() {
  loop_.work_for(0);
  loop_.free_accounts_.push_back(id_);
}

Duration Account::spent() const {
  const auto before = loop_.accounts_[id_];
  return loop_.working_for_ == id_ ? before + (Clock::now() - loop_.working_since_) : before;
}

void Timer::start(Duration after, std::function<void()> call) {
  cancel();
  call_ = std::move(call);
  // Real time has moved on since the turn began; a timer must not fire early.
  const auto from = loop_.time_ == Loop::Time::kReal ? Clock::now() : loop_.now_;
  position_ = loop_.timers_.emplace(from + after, this);
  running_ = true;
}

void Timer::cancel() {
  if (!running_) return;
  running_ = false;
  loop_.timers_.erase(position_);
  call_ = nullptr;
}

void Deferred::schedule(std::function<void()> call) {
  call_ = std::move(call);
  if (scheduled_) return;
  scheduled_ = true;
  index_ = loop_.deferred_.size();
  loop_.deferred_.push_back(this);
}

void Deferred::cancel() {
  if (!scheduled_) return;
  scheduled_ = false;
  call_ = nullptr;
  // Its entry moved to round_ if a round that began after schedule() is under way.
  auto& list = index_ < loop_.round_.size() && loop_.round_[index_] == this ? loop_.round_ : loop_.deferred_;
  list[index_] = nullptr;
}

}  // namespace berth::loop
