// The connections of one database and the tasks that wait for them; the same for each kind of server.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/log.h"
#include "db/connection_lost.h"
#include "db/pool_options.h"
#include "loop/loop.h"
#include "loop/sync.h"

namespace berth::db {

using loop::Task;

// Pauses between attempts to connect: 50 ms, doubling to 1 s, so that an app is not without its data much longer than the
// database is away; a success starts afresh.
class ReconnectPause {
 public:
  static constexpr std::chrono::milliseconds kFirst{50}, kLongest{1000};
  std::chrono::milliseconds after_failure() { return std::exchange(next_, std::min(next_ * 2, kLongest)); }
  void after_success() { next_ = kFirst; }

 private:
  std::chrono::milliseconds next_ = kFirst;
};

// Adds the time it lives to what the database was busy.
class BusyTime {
 public:
  explicit BusyTime(DatabaseCounters& counters) : counters_(counters) {}
  BusyTime(const BusyTime&) = delete;
  BusyTime& operator=(const BusyTime&) = delete;
  ~BusyTime() {
    counters_.busy += std::chrono::duration_cast<std::chrono::microseconds>(loop::Clock::now() - began_);
  }

 private:
  DatabaseCounters& counters_;
  const loop::TimePoint began_ = loop::Clock::now();
};

// Would trying again soon help? Not with a wrong password or name.
bool is_final(const Error& error);

// `Connection`: is_alive(), is_idle(), settle(limit), was_sent(), idle_since, generation, as db/connection.h has them; its
// statements throw ConnectionLost when it is gone. `Place`: describe(), tracer.
template <class Connection, class Place>
class ConnectionPool {
 public:
  using Options = PoolOptions<Place>;

  // A connection lent to a task; goes back when the lease goes.
  class Lease {
   public:
    Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept : pool_(other.pool_), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(connection_, other.connection_);
      return *this;
    }
    ~Lease() { give_back(); }
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    std::unique_ptr<Connection> release() { return std::move(connection_); }
    void give_back() {
      if (connection_) pool_->give_back(std::move(connection_));
    }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  ConnectionPool(loop::Loop& loop, Options options)
      : loop_(loop),
        options_(std::move(options)),
        idle_timer_(loop),
        settling_(loop, "database connection not settled") {
    BERTH_CHECK(options_.max_connections > 0);
  }
  virtual ~ConnectionPool() {
    settling_.cancel_all();
    BERTH_CHECK(waiting_.empty());
  }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  Task<Lease> acquire() {
    if (waiting_.size() >= options_.max_waiting)
      throw_failure(Errc::kUnavailable, "{} tasks wait for the database already", waiting_.size());
    const auto deadline = loop_.now() + options_.wait_limit;
    {
      Ticket ticket(*this);
      while (!ticket.is_first() || !may_take()) {
        if (ticket.late)
          throw_failure(Errc::kUnavailable, "no free connection to {} within {} ms",
                        options_.connection.describe(), options_.wait_limit.count());
        if (!ticket.late_timer.is_running())
          ticket.late_timer.start(options_.wait_limit, [&ticket] {
            ticket.late = true;
            ticket.ready.set();
          });
        ticket.ready.reset();
        co_await ticket.ready.wait();
      }
      if (auto connection = take_idle()) co_return Lease(*this, std::move(connection));
      ++open_;  // our slot; the next in the queue may take another
    }
    struct Slot {
      ConnectionPool* pool;
      ~Slot() {
        if (!pool) return;
        --pool->open_;
        pool->wake_first();
      }
    } slot{this};
    auto lease = co_await connect(deadline);
    slot.pool = nullptr;  // the connection holds it now
    co_return std::move(lease);
  }

  // `act`: a function of a Connection& that gives a task. Once more with another connection if the first was lost before
  // anything was sent, or if doing it twice does no harm.
  template <class Act>
  std::invoke_result_t<Act&, Connection&> with_connection(bool safe_to_repeat, Act act) {
    ++counters_.queries;
    for (int attempt = 1;; ++attempt) {
      auto lease = co_await acquire();
      const BusyTime busy(counters_);
      try {
        co_return co_await act(*lease);
      } catch (const ConnectionLost& lost) {
        const bool may_repeat = !lease->was_sent() || safe_to_repeat;
        if (!may_repeat || attempt >= kAttempts) {
          if (!lease->was_sent()) throw;
          throw_failure(Errc::kUnavailable, "{}; whether the statement took effect is not known",
                        lost.error().detail);
        }
        BERTH_TRACE(options_.connection.tracer, kDatabase, "statement sent again",
                    {"error", lost.error().detail});
      }
    }
  }

  void give_back(std::unique_ptr<Connection> connection) {
    if (connection->generation != generation_ && connection->is_idle()) return discard(std::move(connection));
    if (connection->is_idle() && connection->is_alive()) return keep(std::move(connection));
    settling_.spawn(settle(std::move(connection)));
  }

  void set_connection(Place place) {
    options_.connection = std::move(place);
    pause_.after_success();
    not_before_ = {};
    release_idle();
  }

  void set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit) {
    BERTH_CHECK(max_connections > 0);
    if (options_.max_connections == max_connections && options_.query_limit == query_limit) return;
    options_.max_connections = max_connections;
    options_.query_limit = query_limit;
    release_idle();
    wake_first();
  }

  void release_idle() {
    open_ -= idle_.size();
    idle_.clear();
    ++generation_;  // busy ones follow when they come back
  }

  const Options& options() const { return options_; }
  std::size_t open() const { return open_; }
  DatabaseCounters& counters() { return counters_; }

 protected:
  loop::Loop& loop() const { return loop_; }

 private:
  static constexpr std::chrono::seconds kSettleLimit{1};
  static constexpr int kAttempts = 3;  // of a statement that may be sent again

  // A new connection as options() say.
  virtual Task<std::unique_ptr<Connection>> open_connection() = 0;

  // A task's place in the queue. Leaves it when it goes, whether it got a connection or was cancelled.
  struct Ticket {
    explicit Ticket(ConnectionPool& owner) : pool(owner), ready(owner.loop_), late_timer(owner.loop_) {
      place = pool.waiting_.insert(pool.waiting_.end(), this);
    }
    ~Ticket() {
      pool.waiting_.erase(place);
      pool.wake_first();
    }
    Ticket(const Ticket&) = delete;
    bool is_first() const { return pool.waiting_.front() == this; }

    ConnectionPool& pool;
    loop::Event ready;
    loop::Timer late_timer;
    bool late = false;
    typename std::list<Ticket*>::iterator place;
  };

  bool may_take() const { return !idle_.empty() || open_ < options_.max_connections; }
  void wake_first() {
    if (!waiting_.empty() && may_take()) waiting_.front()->ready.set();
  }

  // The most recently used that still lives; nullptr if there is none.
  std::unique_ptr<Connection> take_idle() {
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (connection->is_alive()) return connection;
      ++counters_.lost;
      --open_;
    }
    return nullptr;
  }

  Task<Lease> connect(loop::TimePoint deadline) {
    std::string last_reason = "the time was over before the first attempt";
    for (;;) {
      if (const auto now = loop_.now(); not_before_ > now) {
        const auto pause = std::min(not_before_, deadline) - now;
        co_await loop::sleep_for(loop_, pause);
      }
      if (loop_.now() >= deadline)
        throw_failure(Errc::kUnavailable, "no connection to {} within {} ms: {}",
                      options_.connection.describe(), options_.wait_limit.count(), last_reason);
      try {
        const auto generation = generation_;
        auto connection = co_await open_connection();
        connection->generation = generation;
        ++counters_.connects;
        pause_.after_success();
        not_before_ = {};
        BERTH_TRACE(options_.connection.tracer, kDatabase, "connected",
                    {"to", options_.connection.describe()});
        co_return Lease(*this, std::move(connection));
      } catch (const Failure& failure) {
        ++counters_.failed_connects;
        BERTH_TRACE(options_.connection.tracer, kDatabase, "connect failed",
                    {"error", failure.error().detail});
        if (is_final(failure.error())) throw;
        last_reason = failure.error().detail;
      }
      not_before_ = loop_.now() + pause_.after_failure();
    }
  }

  Task<void> settle(std::unique_ptr<Connection> connection) {
    const bool usable = co_await connection->settle(kSettleLimit);
    if (usable && connection->generation == generation_) keep(std::move(connection));
    else discard(std::move(connection));
  }

  void keep(std::unique_ptr<Connection> connection) {
    connection->idle_since = loop_.now();
    idle_.push_back(std::move(connection));
    if (options_.idle_release.count() > 0 && !idle_timer_.is_running())
      idle_timer_.start(options_.idle_release, [this] { close_unused(); });
    wake_first();
  }

  void discard(std::unique_ptr<Connection> connection) {
    if (!connection->is_alive()) ++counters_.lost;
    connection.reset();
    --open_;
    wake_first();
  }

  void close_unused() {
    const auto limit = loop_.now() - options_.idle_release;
    open_ -=
        std::erase_if(idle_, [limit](const auto& connection) { return connection->idle_since <= limit; });
    if (!idle_.empty()) idle_timer_.start(idle_.front()->idle_since - limit, [this] { close_unused(); });
  }

  loop::Loop& loop_;
  Options options_;
  DatabaseCounters counters_;
  std::uint64_t generation_ = 0;
  std::size_t open_ = 0;                           // connections and attempts
  std::vector<std::unique_ptr<Connection>> idle_;  // the most recently used last
  std::list<Ticket*> waiting_;                     // first come, first served
  ReconnectPause pause_;
  loop::TimePoint not_before_{};  // of the next attempt to connect
  loop::Timer idle_timer_;
  loop::TaskGroup settling_;
};

}  // namespace berth::db
