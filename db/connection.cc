#include "db/connection.h"

#include <libpq-fe.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "base/text.h"
#include "db/socket_wait.h"

namespace berth::db {
namespace {

// The server ends a statement at the limit; if even that answer does not come, we end the connection.
constexpr std::chrono::seconds kGrace{5};

void log_notice(void* tracer, const PGresult* result) {
  const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  BERTH_TRACE(*static_cast<const Tracer*>(tracer), kDatabase, "notice", {"text", text ? text : ""});
}

// "connection to server on socket … failed: FATAL:  28P01: password authentication failed for …
//  LOCATION:  …" → {28P01, what people should read}.
std::pair<std::string, std::string> read_refusal(std::string_view message) {
  std::string state;
  std::string text;
  for (const auto line : split(message, '\n')) {
    if (line.starts_with("LOCATION:") || trim(line).empty()) continue;
    if (!text.empty()) text += ' ';
    text += trim(line);
  }
  static constexpr std::string_view kFatal = "FATAL:  ";
  const auto at = text.find(kFatal);
  if (at != std::string::npos && text.size() > at + kFatal.size() + 7 &&
      text[at + kFatal.size() + 5] == ':') {
    state = text.substr(at + kFatal.size(), 5);
    text.erase(0, at + kFatal.size() + 7);
  }
  return {std::move(state), std::move(text)};
}

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text ? text : "";
}

SqlFailure failure_of(const PGresult* result) {
  std::string state = field(result, PG_DIAG_SQLSTATE);
  std::string text = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (text.empty()) text = trim(PQresultErrorMessage(result));
  if (const auto detail = field(result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) text += ": " + detail;
  if (const auto hint = field(result, PG_DIAG_MESSAGE_HINT); !hint.empty()) text += " (" + hint + ")";
  const Errc code = errc_of_sqlstate(state);
  return SqlFailure(Error{code, std::move(text)}, std::move(state), field(result, PG_DIAG_CONSTRAINT_NAME));
}

}  // namespace

Connection::Connection(loop::Loop& loop, pg_conn* connection, std::chrono::milliseconds query_limit)
    : loop_(loop), connection_(connection), query_limit_(query_limit) {}

Connection::~Connection() {
  wait_.reset();  // before the socket is closed
  PQfinish(connection_);
}

Task<std::unique_ptr<Connection>> Connection::open(loop::Loop& loop, ConnectionOptions options,
                                                   std::chrono::milliseconds query_limit) {
  std::vector<std::pair<std::string, std::string>> settings;
  const auto add = [&settings](std::string keyword, std::string value) {
    if (!value.empty()) settings.emplace_back(std::move(keyword), std::move(value));
  };
  add("host", options.host);
  add("port", std::to_string(options.port));
  add("dbname", options.database);
  add("user", options.user);
  add("password", options.password);
  add("application_name", options.application_name);
  add("sslmode", options.sslmode);
  add("client_encoding", "UTF8");
  std::string server_options;
  if (query_limit.count() > 0) server_options = fmt::format("-c statement_timeout={}", query_limit.count());
  for (const auto& [keyword, value] : options.other) {
    if (keyword == "options") server_options += ' ' + value;
    else add(keyword, value);
  }
  add("options", server_options);
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : settings) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PGconn* raw = PQconnectStartParams(keywords.data(), values.data(), 0);
  BERTH_CHECK(raw);
  std::unique_ptr<Connection> connection(new Connection(loop, raw, query_limit));
  connection->tracer_ = options.tracer;
  co_await connection->connect(options.connect_timeout, options.describe());
  co_return std::move(connection);
}

Task<void> Connection::connect(std::chrono::milliseconds limit, std::string place) {
  // libpq tells the SQLSTATE of a refusal only within the verbose text.
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection_, log_notice, &tracer_);
  const auto deadline = loop_.now() + limit;
  auto state = PQstatus(connection_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (state == PGRES_POLLING_READING || state == PGRES_POLLING_WRITING) {
    watch_socket();
    wait_->set_limit(std::max<loop::Duration>(deadline - loop_.now(), std::chrono::milliseconds(1)));
    co_await wait_->wait(state == PGRES_POLLING_READING ? EPOLLIN : EPOLLOUT);
    const bool late = wait_->is_late();
    wait_.reset();  // the poll may close this socket and open another
    if (late) throw_failure(Errc::kTimeout, "connect to {}: no answer within {} ms", place, limit.count());
    state = PQconnectPoll(connection_);
  }
  if (state == PGRES_POLLING_FAILED) {
    auto [sqlstate, text] = read_refusal(PQerrorMessage(connection_));
    if (sqlstate.empty())
      throw ConnectionLost(Error{Errc::kUnavailable, fmt::format("connect to {}: {}", place, text)});
    const Errc code = errc_of_sqlstate(sqlstate);
    throw SqlFailure(Error{code, fmt::format("connect to {}: {}", place, text)}, std::move(sqlstate), "");
  }
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  PQsetnonblocking(connection_, 1);
  watch_socket();
}

void Connection::watch_socket() { wait_ = std::make_unique<SocketWait>(loop_, PQsocket(connection_)); }

// libpq closes the socket itself when it sees its end; the number may then be somebody else's
// before we come back, so the watch must go in the same breath.
void Connection::leave_lost_socket() {
  if (PQsocket(connection_) < 0) wait_.reset();
}

void Connection::throw_lost() {
  std::string text(trim(PQerrorMessage(connection_)));
  for (char& c : text)
    if (c == '\n') c = ' ';
  throw ConnectionLost(Error{Errc::kUnavailable, "connection to the database lost: " + text});
}

bool Connection::is_alive() {
  if (hung_ || !wait_ || PQstatus(connection_) != CONNECTION_OK) return false;
  // A server that ended the session says so before the end itself, and libpq reads one piece at a time.
  bool alive = true;
  char next = 0;
  for (int pieces = 0; alive && pieces < 2; ++pieces) {
    if (::recv(PQsocket(connection_), &next, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN) break;
    alive = PQconsumeInput(connection_) == 1 && PQstatus(connection_) == CONNECTION_OK;
    leave_lost_socket();
  }
  return alive && wait_;
}

bool Connection::is_idle() const { return !hung_ && PQtransactionStatus(connection_) == PQTRANS_IDLE; }
bool Connection::is_in_failed_transaction() const {
  return PQtransactionStatus(connection_) == PQTRANS_INERROR;
}

Task<void> Connection::until_result() {
  for (;;) {
    const int unsent = PQflush(connection_);
    leave_lost_socket();
    if (!wait_) co_return;  // PQgetResult tells why
    if (unsent <= 0 && !PQisBusy(connection_)) co_return;
    co_await wait_->wait(unsent > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    if (wait_->is_late()) {
      hung_ = true;
      throw_failure(Errc::kTimeout, "no answer from the database within {} ms", query_limit_.count());
    }
    const bool lost = PQconsumeInput(connection_) == 0;
    leave_lost_socket();
    if (lost) co_return;
  }
}

Task<Rows> Connection::collect() {
  std::optional<SqlFailure> failed;
  Rows rows;
  for (;;) {
    co_await until_result();
    PGresult* result = PQgetResult(connection_);
    leave_lost_socket();
    if (!result) break;
    Rows taken(result);
    switch (PQresultStatus(result)) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY: rows = std::move(taken); break;
      case PGRES_COPY_IN: PQputCopyEnd(connection_, "COPY FROM STDIN is not used here"); break;
      case PGRES_COPY_OUT:
        // Nobody takes the data; closing is the way out that always ends.
        hung_ = true;
        throw_failure(Errc::kUnsupported, "COPY TO STDOUT is not used here");
      default:
        if (!failed) failed = failure_of(result);
    }
  }
  wait_ ? wait_->set_limit({}) : void();
  if (PQstatus(connection_) != CONNECTION_OK) {
    if (failed && !failed->sqlstate().empty())
      throw ConnectionLost(
          Error{Errc::kUnavailable, "connection to the database lost: " + failed->error().detail});
    throw_lost();
  }
  if (failed) throw *failed;
  co_return std::move(rows);
}

Task<std::string> Connection::prepared_name(const std::string& sql, std::size_t arguments) {
  const auto found = prepared_.find(sql);
  if (found == prepared_.end()) {
    // Most statements of a start are run once; preparing pays from the second time on.
    std::string victim;
    if (prepared_.size() >= kMaxPrepared) {
      const auto oldest = prepared_.find(recent_.back());
      victim = oldest->second.name;
      prepared_.erase(oldest);
      recent_.pop_back();
    }
    recent_.push_front(sql);
    prepared_.emplace(sql, Prepared{"", recent_.begin()});
    if (!victim.empty()) {
      const std::string deallocate = "DEALLOCATE " + victim;
      if (!PQsendQuery(connection_, deallocate.c_str())) throw_lost();
      co_await collect();
    }
    co_return "";
  }
  recent_.splice(recent_.begin(), recent_, found->second.used);
  if (found->second.name.empty()) {
    const std::string name = fmt::format("s{}", next_name_++);
    if (!PQsendPrepare(connection_, name.c_str(), sql.c_str(), static_cast<int>(arguments), nullptr))
      throw_lost();
    co_await collect();
    prepared_.at(sql).name = name;
    co_return name;
  }
  co_return found->second.name;
}

Task<void> Connection::send(const Statement& statement, std::string name) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const auto& argument : statement.arguments) {
    values.push_back(argument.is_null() ? nullptr : argument.value().c_str());
    lengths.push_back(argument.is_null() ? 0 : static_cast<int>(argument.value().size()));
    formats.push_back(argument.is_binary() ? 1 : 0);
    if (!argument.is_null() && !argument.is_binary() && argument.value().find('\0') != std::string::npos)
      throw_failure(Errc::kMalformed, "a text for the database holds a zero byte");
    if (!argument.is_null() && argument.value().size() > std::size_t{1} << 30)
      throw_failure(Errc::kTooLarge, "a value of {} bytes; PostgreSQL takes 1 GiB", argument.value().size());
  }
  const int count = static_cast<int>(values.size());
  const int binary = statement.binary_result ? 1 : 0;
  const int sent = name.empty() ? PQsendQueryParams(connection_, statement.sql.c_str(), count, nullptr,
                                                    values.data(), lengths.data(), formats.data(), binary)
                                : PQsendQueryPrepared(connection_, name.c_str(), count, values.data(),
                                                      lengths.data(), formats.data(), binary);
  leave_lost_socket();
  if (!sent) throw_lost();
  sent_ = true;
  co_return;
}

Task<Rows> Connection::run(const Statement& statement) {
  sent_ = false;
  if (!is_alive()) throw_lost();
  const auto began = loop::Clock::now();
  const bool outside_transaction = is_idle();
  for (bool again = false;; again = true) {
    if (query_limit_.count() > 0) wait_->set_limit(query_limit_ + kGrace);
    const std::string name = co_await prepared_name(statement.sql, statement.arguments.size());
    if (query_limit_.count() > 0 && wait_) wait_->set_limit(query_limit_ + kGrace);
    co_await send(statement, name);
    try {
      Rows rows = co_await collect();
      BERTH_TRACE(
          tracer_, kDatabase, "query", {"sql", mask_literals(statement.sql)}, {"rows", rows.size()},
          {"us", std::chrono::duration_cast<std::chrono::microseconds>(loop::Clock::now() - began).count()});
      co_return std::move(rows);
    } catch (const SqlFailure& failure) {
      BERTH_TRACE(tracer_, kDatabase, "query failed", {"sql", mask_literals(statement.sql)},
                  {"sqlstate", failure.sqlstate()});
      // Two ways in which a change of the schema makes a prepared statement stale (PostgreSQL,
      // RevalidateCachedQuery): nothing has run then, so it may be sent anew.
      const bool is_stale =
          failure.sqlstate() == "26000" ||
          (failure.sqlstate() == "0A000" && failure.error().detail.find("cached plan") != std::string::npos);
      if (name.empty() || !is_stale || again || !outside_transaction) throw;
      forget_prepared();
    }
    sent_ = false;
  }
}

void Connection::send_simple(const std::string& sql) {
  sent_ = false;
  if (!is_alive()) throw_lost();
  if (query_limit_.count() > 0) wait_->set_limit(query_limit_ + kGrace);
  const int sent = PQsendQuery(connection_, sql.c_str());
  leave_lost_socket();
  if (!sent) throw_lost();
  sent_ = true;
}

Task<void> Connection::run_script(const std::string& sql) {
  send_simple(sql);
  co_await collect();
}

Task<void> Connection::flush() {
  for (;;) {
    const int unsent = PQflush(connection_);
    leave_lost_socket();
    if (unsent < 0 || !wait_) throw_lost();
    if (unsent == 0) co_return;
    co_await wait_->wait(EPOLLIN | EPOLLOUT);
    const bool lost = PQconsumeInput(connection_) == 0;
    leave_lost_socket();
    if (lost) throw_lost();
  }
}

Task<void> Connection::begin_copy(std::string sql) {
  return begin_transfer(std::move(sql), PGRES_COPY_IN, "this is no COPY FROM STDIN");
}

Task<void> Connection::begin_stream(std::string sql) {
  return begin_transfer(std::move(sql), PGRES_COPY_BOTH, "this begins no stream");
}

Task<void> Connection::begin_transfer(std::string sql, int wanted, const char* otherwise) {
  sent_ = false;
  if (!is_alive()) throw_lost();
  const int sent = PQsendQuery(connection_, sql.c_str());
  leave_lost_socket();
  if (!sent) throw_lost();
  sent_ = true;
  co_await until_result();
  PGresult* result = PQgetResult(connection_);
  leave_lost_socket();
  if (!result) throw_lost();
  const Rows taken(result);
  if (PQresultStatus(result) == wanted) co_return;
  const bool has_failed = PQresultStatus(result) == PGRES_FATAL_ERROR;
  SqlFailure failure = failure_of(result);
  co_await collect();
  if (has_failed) throw failure;
  throw_failure(Errc::kMalformed, "{}", otherwise);
}

Task<Rows> Connection::run_simple(std::string sql) {
  send_simple(sql);
  co_return co_await collect();
}

Task<std::optional<std::string>> Connection::take_stream(std::chrono::milliseconds limit) {
  if (!wait_) throw_lost();
  wait_->set_limit(std::max(limit, std::chrono::milliseconds(1)));
  for (;;) {
    char* buffer = nullptr;
    const int size = PQgetCopyData(connection_, &buffer, 1);
    if (size > 0) {
      std::string piece(buffer, static_cast<std::size_t>(size));
      PQfreemem(buffer);
      wait_->set_limit({});
      co_return std::move(piece);
    }
    if (size != 0) {  // the server ended it, or says why it cannot go on
      wait_->set_limit({});
      co_await collect();
      throw_failure(Errc::kUnavailable, "the database ended the stream of changes");
    }
    if (wait_->is_late()) {
      wait_->set_limit({});
      co_return std::nullopt;
    }
    co_await wait_->wait(EPOLLIN);
    if (wait_->is_late()) continue;  // what came in the same moment is looked at first
    const bool lost = PQconsumeInput(connection_) == 0;
    leave_lost_socket();
    if (lost || !wait_) throw_lost();
  }
}

Task<void> Connection::put_copy(std::string piece) {
  while (PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size())) == 0) co_await flush();
  co_await flush();  // so that no more than a piece is held here
}

Task<void> Connection::end_copy() {
  while (PQputCopyEnd(connection_, nullptr) == 0) co_await flush();
  co_await collect();
}

Task<std::vector<Notification>> Connection::notifications() {
  std::vector<Notification> taken;
  for (;;) {
    while (PGnotify* raw = PQnotifies(connection_)) {
      taken.push_back({raw->relname, raw->extra, raw->be_pid, false});
      PQfreemem(raw);
    }
    if (!taken.empty()) co_return std::move(taken);
    if (!wait_) throw_lost();
    co_await wait_->wait(EPOLLIN);
    const bool lost = PQconsumeInput(connection_) == 0;
    leave_lost_socket();
    if (lost || PQstatus(connection_) != CONNECTION_OK) throw_lost();
  }
}

Task<bool> Connection::settle(std::chrono::milliseconds limit) {
  if (hung_ || !wait_ || PQstatus(connection_) != CONNECTION_OK) co_return false;
  wait_->set_limit(limit);
  try {
    if (PQtransactionStatus(connection_) == PQTRANS_ACTIVE) {
      try {
        co_await collect();
      } catch (const SqlFailure&) {
        // The cancelled statement's own refusal; nobody waits for it any more.
      }
      if (wait_) wait_->set_limit(limit);
    }
    if (PQtransactionStatus(connection_) != PQTRANS_IDLE) {
      if (!PQsendQuery(connection_, "ROLLBACK")) co_return false;
      co_await collect();
    }
    // A statement that was being prepared when the task was cancelled may or may not be there.
    if (PQsendQuery(connection_, "DEALLOCATE ALL")) co_await collect();
    forget_prepared();
    if (wait_) wait_->set_limit({});
    co_return is_idle() && is_alive();
  } catch (const Failure& failure) {
    BERTH_TRACE(tracer_, kDatabase, "connection given up", {"error", failure.error().detail});
    co_return false;
  }
}

}  // namespace berth::db
