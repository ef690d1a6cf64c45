// One connection to MySQL or MariaDB (libmariadb, its non-blocking functions): what an app service that is written for
// MySQL talks through, and what the manager tries such a database with.
#pragma once

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "db/connection_lost.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::db {

using loop::Task;

// A value. The password goes to libmariadb only: never logged, never part of describe().
struct MysqlOptions {
  std::string host;  // DNS name or address, or a socket's path (starts with '/')
  int port = 3306;
  std::string database, user, password;
  std::chrono::seconds connect_timeout{10};
  std::chrono::milliseconds query_limit{60'000};
  Tracer tracer;                 // where its statements are traced
  std::string describe() const;  // "notes on db.example.com:3306 as notes"
};

// What the server (or libmariadb) refused. `number`: of the server ("Server Error Codes", 1000 and up) or the client (2000
// and up).
class MysqlFailure : public Failure {
 public:
  MysqlFailure(Error error, unsigned number) : Failure(std::move(error)), number_(number) {}
  unsigned number() const { return number_; }

 private:
  unsigned number_;
};

// A '?' of a statement. Holds its own copy.
class MysqlArgument {
 public:
  MysqlArgument(std::nullopt_t) {}                              // NOLINT: implicit on purpose
  MysqlArgument(std::string text) : value_(std::move(text)) {}  // NOLINT
  MysqlArgument(std::string_view text) : value_(text) {}        // NOLINT
  MysqlArgument(const char* text) : value_(text) {}             // NOLINT
  MysqlArgument(bool value) : value_(value ? "1" : "0") {}      // NOLINT
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  MysqlArgument(T value) : value_(std::to_string(value)) {}  // NOLINT
  template <class T>
  MysqlArgument(const std::optional<T>& value) {  // NOLINT
    if (value) *this = MysqlArgument(*value);
  }
  const std::optional<std::string>& value() const { return value_; }

 private:
  std::optional<std::string> value_;
};

// Rows as texts; nullopt: NULL.
struct MysqlResult {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::uint64_t affected = 0;     // rows that a change changed
  std::uint64_t inserted_id = 0;  // AUTO_INCREMENT of the last INSERT

  // Of a row that is there, by the column's name. Throw Failure(kMalformed) when there is no such column, when the value is
  // NULL, or no integer.
  const std::string& text(std::size_t row, std::string_view column) const;
  std::int64_t number(std::size_t row, std::string_view column) const;
};

// Used by one task at a time. If that task is cancelled in mid-statement, is_usable() is false: drop it.
class MysqlConnection {
 public:
  // TLS if the server has it, else without (as libpq's sslmode=prefer); utf8mb4; sql_mode STRICT_ALL_TABLES. Names are
  // looked up in a helper thread. Throws MysqlFailure, Failure(kTimeout).
  static Task<std::unique_ptr<MysqlConnection>> open(loop::Loop& loop, MysqlOptions options);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  // One statement; each '?' outside of quotes is replaced by the next of `arguments`, quoted. Throws MysqlFailure;
  // ConnectionLost; Failure(kMalformed) when the numbers of '?' and arguments differ.
  Task<MysqlResult> query(std::string sql, std::vector<MysqlArgument> arguments = {});
  // Several statements, one after another; what came before one that fails has happened.
  Task<void> run_script(std::string sql);
  // The server ends a statement after `limit` (MySQL: those that only read). 0: never.
  Task<void> set_statement_limit(std::chrono::milliseconds limit);

  bool is_encrypted() const;
  bool is_usable() const;
  // False once the server has closed it (asks the socket, does not wait).
  bool is_alive() const;
  bool is_idle() const;  // no statement under way, no transaction open
  // False: what a cancelled task leaves ends with its connection: transaction, locks.
  Task<bool> settle(std::chrono::milliseconds limit);
  // Did the server get the last statement, so that it may have taken effect?
  bool was_sent() const;
  std::string server() const;     // "MariaDB 10.11.6", "MySQL 8.0.36"
  unsigned long version() const;  // 101106
  // Quoted for this connection's character set, with its quotes.
  std::string quote(std::string_view text) const;

  loop::TimePoint idle_since{};
  std::uint64_t generation = 0;  // of the pool's options it was made with

 private:
  class Impl;
  explicit MysqlConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// `name` in backquotes.
std::string quote_mysql_identifier(std::string_view name);

}  // namespace berth::db
