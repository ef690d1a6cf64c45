// One connection to PostgreSQL. Programs use Database; this is what stands below it.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "db/connection_lost.h"
#include "db/connection_options.h"
#include "db/listener.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/sql_failure.h"
#include "loop/loop.h"
#include "loop/task.h"

struct pg_conn;

namespace berth::db {

using loop::Task;

class SocketWait;

// Used by one task at a time. If that task is cancelled in mid-statement, settle() before the next.
class Connection {
 public:
  // Statements kept prepared on the server; the least recently used goes.
  static constexpr std::size_t kMaxPrepared = 100;

  // Connects. Throws SqlFailure with the server's SQLSTATE when it refuses, ConnectionLost when it cannot
  // be reached, Failure(kTimeout) after connect_timeout. If cancelled the attempt is dropped.
  static Task<std::unique_ptr<Connection>> open(loop::Loop& loop, ConnectionOptions options,
                                                std::chrono::milliseconds query_limit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Borrows the statement until the task is done.
  Task<Rows> run(const Statement& statement);
  Task<void> run_script(const std::string& sql);
  // COPY … FROM STDIN: begin, any number of pieces (cut anywhere), end. Give it up by closing the connection.
  Task<void> begin_copy(std::string sql);
  Task<void> put_copy(std::string piece);
  Task<void> end_copy();
  // For replication connections, which know simple queries only (LogicalStream).
  Task<Rows> run_simple(std::string sql);
  Task<void> begin_stream(std::string sql);
  // The next piece that comes in the stream; nullopt: none within `limit`. Throws ConnectionLost, SqlFailure.
  Task<std::optional<std::string>> take_stream(std::chrono::milliseconds limit);
  // Waits for and takes what NOTIFY brought. Throws ConnectionLost.
  Task<std::vector<Notification>> notifications();

  // Reads what is left of a cancelled statement and rolls back an open transaction. False if that
  // did not work within `limit`: then close it.
  Task<bool> settle(std::chrono::milliseconds limit);

  // False once the server has closed it (asks the socket, does not wait).
  bool is_alive();
  bool is_idle() const;  // no statement under way, no transaction open
  bool is_in_failed_transaction() const;
  // Did the server get the last statement, so that it may have taken effect?
  bool was_sent() const { return sent_; }

  loop::TimePoint idle_since{};
  std::uint64_t generation = 0;  // of the pool's options it was made with

 private:
  struct Prepared {
    std::string name;  // empty: seen once, not prepared yet
    std::list<std::string>::iterator used;
  };

  Connection(loop::Loop& loop, pg_conn* connection, std::chrono::milliseconds query_limit);
  Task<void> connect(std::chrono::milliseconds limit, std::string place);
  Task<void> send(const Statement& statement, std::string name);
  void send_simple(const std::string& sql);
  Task<std::string> prepared_name(const std::string& sql, std::size_t arguments);
  void forget_prepared() { prepared_.clear(), recent_.clear(); }
  Task<Rows> collect();
  Task<void> flush();
  Task<void> until_result();
  // `wanted`: the ExecStatusType that begins it; else SqlFailure, or kMalformed with `otherwise`.
  Task<void> begin_transfer(std::string sql, int wanted, const char* otherwise);
  void watch_socket();
  void leave_lost_socket();
  [[noreturn]] void throw_lost();

  loop::Loop& loop_;
  pg_conn* connection_;
  std::chrono::milliseconds query_limit_;
  Tracer tracer_;
  std::unique_ptr<SocketWait> wait_;
  bool sent_ = false;
  bool hung_ = false;  // did not answer in time: unusable
  std::uint64_t next_name_ = 1;
  std::list<std::string> recent_;  // SQL texts, the most recent first
  std::unordered_map<std::string, Prepared> prepared_;
};

}  // namespace berth::db
