// A database as a program sees it: there when it is needed, costing nothing when it is not.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/connection_options.h"
#include "db/pool_options.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/sql_failure.h"
#include "loop/task.h"

namespace berth::loop {
class Loop;
}

namespace berth::db {

using loop::Task;

class Connection;
class Pool;

using DatabaseOptions = PoolOptions<ConnectionOptions>;

class Transaction;

// Owned by an instance (or a main); outlives every task that uses it. Any number of tasks at once:
// they share `max_connections` connections, first come, first served. Connects at the first
// statement, lets go of connections not used for `idle_release`, and connects anew after a loss,
// with growing pauses.
//
// Errors of all statements: SqlFailure with the server's words; Failure(kUnavailable) when no
// connection could be had within `wait_limit`, or when one was lost after the statement was sent and
// it is not marked safe_to_repeat (whether it took effect is then unknown); Failure(kTimeout) after
// `query_limit`. A statement that was never sent is sent again by itself. If the task is cancelled
// the statement may or may not take effect.
class Database {
 public:
  Database(loop::Loop& loop, DatabaseOptions options);
  ~Database();  // closes; no task may be using it
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Task<Rows> run(Statement statement);

  // co_await database.query("SELECT text FROM note WHERE id = $1", id);
  template <class... Args>
  Task<Rows> query(std::string sql, const Args&... args) {
    return run(Statement{.sql = std::move(sql), .arguments = {Argument(args)...}});
  }
  // The same for statements that may run twice without harm.
  template <class... Args>
  Task<Rows> query_repeatable(std::string sql, const Args&... args) {
    return run(Statement{.sql = std::move(sql), .arguments = {Argument(args)...}, .safe_to_repeat = true});
  }
  // One large bytea of the first row's first column, without its hex form; nullopt: no row or null.
  template <class... Args>
  Task<std::optional<Bytes>> query_bytes(std::string sql, const Args&... args) {
    return first_bytes(run(Statement{.sql = std::move(sql),
                                     .arguments = {Argument(args)...},
                                     .safe_to_repeat = true,
                                     .binary_result = true}));
  }
  // Several statements in one text, without arguments, as one implicit transaction.
  Task<void> run_script(std::string sql);

  // Holds a connection until the Transaction goes. Do not use the Database itself meanwhile in the
  // same task when max_connections is 1: it would wait for you.
  Task<Transaction> begin();
  // BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY, …: the words after BEGIN.
  Task<Transaction> begin(std::string mode);

  // Other place or password from the next connection on; idle connections are closed now, busy ones
  // when they are free. For a changed database password, a moved database.
  void set_connection(ConnectionOptions options);
  const ConnectionOptions& connection_options() const;

  // From now on. Connections beyond `max_connections` (1 at least) are closed when they are free; `query_limit` holds for
  // connections that are opened from now on, and so idle ones are closed.
  void set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit);

  // Closes all idle connections now (busy ones when free). They come back at the next statement.
  void release();

  std::size_t open_connections() const;
  const DatabaseCounters& counters() const;

 private:
  static Task<std::optional<Bytes>> first_bytes(Task<Rows> rows);
  std::unique_ptr<Pool> pool_;
};

// One transaction. Used by one task at a time. Destroying it without commit() rolls back (in the
// background; the connection is free again after that). The Database outlives it.
class Transaction {
 public:
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&& other) noexcept;
  ~Transaction();

  // As Database::run, but never repeated: after a loss everything of the transaction is gone.
  Task<Rows> run(Statement statement);
  template <class... Args>
  Task<Rows> query(std::string sql, const Args&... args) {
    return run(Statement{.sql = std::move(sql), .arguments = {Argument(args)...}});
  }
  Task<void> run_script(std::string sql);

  // Afterwards the connection is back in the pool. kUnavailable: whether it was committed is unknown.
  // A transaction in which a statement failed cannot be committed: kConflict, rolled back.
  Task<void> commit();
  Task<void> roll_back();

 private:
  friend class Database;
  Transaction(Pool& pool, std::unique_ptr<Connection> connection);
  Pool* pool_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace berth::db
