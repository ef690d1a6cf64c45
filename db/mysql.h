// One connection to MySQL or MariaDB (libmariadb, its non-blocking functions): what an app service that is written for
// MySQL talks through, and what the manager tries such a database with.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "loop/task.h"

namespace berth::loop {
class Loop;
}

namespace berth::db {

using loop::Task;

// A value. The password goes to libmariadb only: never logged, never part of describe().
struct MysqlOptions {
  std::string host;  // DNS name or address, or a socket's path (starts with '/')
  int port = 3306;
  std::string database, user, password;
  std::chrono::seconds connect_timeout{10};
  std::chrono::milliseconds query_limit{60'000};
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

// Rows as texts; nullopt: NULL.
struct MysqlResult {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::uint64_t affected = 0;     // rows that a change changed
  std::uint64_t inserted_id = 0;  // AUTO_INCREMENT of the last INSERT
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

  // One statement; each '?' outside of quotes is replaced by the next of `values`, quoted (nullopt: NULL). Throws
  // MysqlFailure; Failure(kMalformed) when the numbers of '?' and values differ.
  Task<MysqlResult> query(std::string sql, std::vector<std::optional<std::string>> values = {});

  bool is_encrypted() const;
  bool is_usable() const;
  std::string server() const;     // "MariaDB 10.11.6", "MySQL 8.0.36"
  unsigned long version() const;  // 101106
  // Quoted for this connection's character set, with its quotes.
  std::string quote(std::string_view text) const;

 private:
  class Impl;
  explicit MysqlConnection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// `name` in backquotes.
std::string quote_mysql_identifier(std::string_view name);

}  // namespace berth::db
