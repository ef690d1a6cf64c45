// A database in MySQL or MariaDB as a program sees it: there when it is needed, costing nothing when it is not. What
// db/database.h is for PostgreSQL, with the same promises.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "db/migrate.h"
#include "db/mysql.h"
#include "db/pool_options.h"

namespace berth::db {

class MysqlPool;
class MysqlTransaction;

// `connection.query_limit` is not used, but `query_limit`.
using MysqlDatabaseOptions = PoolOptions<MysqlOptions>;

// Owned by an instance; outlives every task that uses it. Any number of tasks at once: they share `max_connections`
// connections, first come, first served. Connects at the first statement, lets go of connections not used for
// `idle_release`, and connects anew after a loss, with growing pauses.
//
// Errors of all statements: MysqlFailure with the server's words; Failure(kUnavailable) when no connection could be had within
// `wait_limit`, or when one was lost after the statement was sent and it is not repeatable (whether it took effect is then
// unknown); kTimeout after `query_limit`. A statement that was never sent is sent again by itself.
class MysqlDatabase {
 public:
  MysqlDatabase(loop::Loop& loop, MysqlDatabaseOptions options);
  ~MysqlDatabase();  // closes; no task may be using it
  MysqlDatabase(const MysqlDatabase&) = delete;
  MysqlDatabase& operator=(const MysqlDatabase&) = delete;

  // co_await mysql.query("SELECT text FROM note WHERE id = ?", id);
  template <class... Args>
  Task<MysqlResult> query(std::string sql, const Args&... args) {
    return run(std::move(sql), {MysqlArgument(args)...}, false);
  }
  // The same for statements that may run twice without harm.
  template <class... Args>
  Task<MysqlResult> query_repeatable(std::string sql, const Args&... args) {
    return run(std::move(sql), {MysqlArgument(args)...}, true);
  }

  // START TRANSACTION; holds a connection until the transaction goes.
  Task<MysqlTransaction> begin();

  // Other place or password from the next connection on; idle connections are closed now, busy ones when they are free.
  void set_connection(MysqlOptions options);
  const MysqlOptions& connection_options() const;
  // From now on, as Database::set_limits().
  void set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit);
  // Closes all idle connections now (busy ones when free). They come back at the next statement.
  void release();

  std::size_t open_connections() const;
  const DatabaseCounters& counters() const;

 private:
  Task<MysqlResult> run(std::string sql, std::vector<MysqlArgument> arguments, bool safe_to_repeat);
  std::unique_ptr<MysqlPool> pool_;
};

// One transaction. Used by one task at a time. Destroying it without commit() closes its connection, which rolls back. The
// database outlives it. Statements that change tables themselves (CREATE, ALTER, …) commit by themselves: MySQL, "Statements
// That Cause an Implicit Commit".
class MysqlTransaction {
 public:
  MysqlTransaction(MysqlTransaction&& other) noexcept;
  MysqlTransaction& operator=(MysqlTransaction&& other) noexcept;
  ~MysqlTransaction();

  // As MysqlDatabase::query, but never repeated. Once a statement failed all further ones give kConflict: after a deadlock
  // the server has rolled back by itself, and they would take effect alone.
  template <class... Args>
  Task<MysqlResult> query(std::string sql, const Args&... args) {
    return run(std::move(sql), {MysqlArgument(args)...});
  }
  Task<void> run_script(std::string sql);

  // Afterwards the connection is back in the pool. kUnavailable: whether it was committed is unknown. A transaction in which a
  // statement failed cannot be committed: kConflict, rolled back.
  Task<void> commit();
  Task<void> roll_back();

 private:
  friend class MysqlDatabase;
  MysqlTransaction(MysqlPool& pool, std::unique_ptr<MysqlConnection> connection);
  Task<MysqlResult> run(std::string sql, std::vector<MysqlArgument> arguments);
  void refuse_if_failed() const;

  MysqlPool* pool_;
  std::unique_ptr<MysqlConnection> connection_;
  bool is_failed_ = false;
};

// As migrate() for PostgreSQL, with one difference: MySQL cannot take back CREATE TABLE and its like. Each migration is recorded
// when its last statement has run; one that was cut short runs again from its beginning at the next start, so write
// CREATE TABLE IF NOT EXISTS, ADD COLUMN IF NOT EXISTS, or one statement a migration.
Task<int> migrate(MysqlDatabase& database, std::vector<Migration> migrations);

}  // namespace berth::db
