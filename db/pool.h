// The connections of one Database and the tasks that wait for them.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "db/connection.h"
#include "db/database.h"
#include "loop/sync.h"
#include "loop/worker.h"

namespace berth::db {

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

// Fills in `hostaddr` for a DNS name: libpq would look it up blocking. In a helper thread, made at the
// first name; Unix sockets and addresses need none.
class HostLookup {
 public:
  explicit HostLookup(loop::Loop& loop) : loop_(loop) {}
  // Throws Failure(kUnavailable) when the name is not known.
  Task<ConnectionOptions> resolve(ConnectionOptions options);

 private:
  loop::Loop& loop_;
  std::unique_ptr<loop::Worker> worker_;
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

class Pool {
 public:
  // A connection lent to a task; goes back when the lease goes.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept : pool_(other.pool_), connection_(std::move(other.connection_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(connection_, other.connection_);
      return *this;
    }
    ~Lease() { give_back(); }
    Connection* operator->() const { return connection_.get(); }
    std::unique_ptr<Connection> release() { return std::move(connection_); }
    void give_back() {
      if (connection_) pool_->give_back(std::move(connection_));
    }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  Pool(loop::Loop& loop, DatabaseOptions options);
  ~Pool();

  Task<Lease> acquire();
  Task<Rows> run(Statement statement);
  Task<void> run_script(std::string sql);
  void give_back(std::unique_ptr<Connection> connection);
  void set_connection(ConnectionOptions options);
  void set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit);
  void release_idle();

  const DatabaseOptions& options() const { return options_; }
  std::size_t open() const { return open_; }
  DatabaseCounters& counters() { return counters_; }

 private:
  struct Ticket;
  Task<Lease> connect(loop::TimePoint deadline);
  std::unique_ptr<Connection> take_idle();
  bool may_take() const { return !idle_.empty() || open_ < options_.max_connections; }
  void wake_first();
  Task<void> settle(std::unique_ptr<Connection> connection);
  void keep(std::unique_ptr<Connection> connection);
  void discard(std::unique_ptr<Connection> connection);
  void close_unused();

  loop::Loop& loop_;
  DatabaseOptions options_;
  DatabaseCounters counters_;
  HostLookup lookup_;
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
