#include "db/mysql.h"

#include <mysql.h>
#include <sys/socket.h>

#include "base/text.h"
#include "db/connection_options.h"
#include "db/host_lookup.h"
#include "db/socket_wait.h"
#include "db/sql.h"
#include "loop/loop.h"

namespace berth::db {
namespace {

// Server errors of "Server Error Codes", client errors of errmsg.h.
Errc errc_of(unsigned number) {
  switch (number) {
    case 1044:  // ER_DBACCESS_DENIED_ERROR
    case 1045:  // ER_ACCESS_DENIED_ERROR
    case 1130:  // ER_HOST_NOT_PRIVILEGED
    case 1142:  // ER_TABLEACCESS_DENIED_ERROR
    case 1227:  // ER_SPECIFIC_ACCESS_DENIED_ERROR
    case 1698:  // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
      return Errc::kDenied;
    case 1046:  // ER_NO_DB_ERROR
    case 1049:  // ER_BAD_DB_ERROR
    case 1146:  // ER_NO_SUCH_TABLE
      return Errc::kNotFound;
    case 1007:  // ER_DB_CREATE_EXISTS
    case 1050:  // ER_TABLE_EXISTS_ERROR
    case 1062:  // ER_DUP_ENTRY
      return Errc::kExists;
    case 1021:  // ER_DISK_FULL
      return Errc::kNoSpace;
    case 1205:  // ER_LOCK_WAIT_TIMEOUT
    case 1969:  // ER_STATEMENT_TIMEOUT
    case 3024:  // ER_QUERY_TIMEOUT
      return Errc::kTimeout;
    case 1213:  // ER_LOCK_DEADLOCK
      return Errc::kConflict;
    case 1064:  // ER_PARSE_ERROR
      return Errc::kMalformed;
    case 1040:  // ER_CON_COUNT_ERROR
    case 1053:  // ER_SERVER_SHUTDOWN
    case 1927:  // ER_CONNECTION_KILLED
      return Errc::kUnavailable;
    default: return number >= 2000 && number < 3000 ? Errc::kUnavailable : Errc::kFailed;
  }
}

constexpr unsigned kSslError = 2026;    // CR_SSL_CONNECTION_ERROR
constexpr unsigned kServerGone = 2006;  // CR_SERVER_GONE_ERROR: it could not be sent

// Does the connection end with it?
bool is_lost(unsigned number) {
  return number == kServerGone || number == 2013 /* CR_SERVER_LOST */ || number == 1053 || number == 1927;
}

std::uint32_t epoll_of(int status) {
  std::uint32_t events = 0;
  if (status & MYSQL_WAIT_READ) events |= EPOLLIN;
  if (status & MYSQL_WAIT_WRITE) events |= EPOLLOUT;
  return events;
}

}  // namespace

std::string MysqlOptions::describe() const {
  return fmt::format("{} on {}:{} as {}", database, host, port, user);
}

class MysqlConnection::Impl {
 public:
  Impl(loop::Loop& on, MysqlOptions with) : loop(on), options(std::move(with)) {}
  ~Impl() { close(); }

  void close() {
    if (!handle) return;
    // In the middle of something mysql_close() would talk to the server, and block.
    if (is_busy) ::shutdown(mysql_get_socket(handle), SHUT_RDWR);
    mysql_close(handle);
    handle = nullptr;
  }

  // One turn of waiting for what libmariadb waits for; gives what came, as it wants it told.
  Task<int> wait(int status, loop::TimePoint deadline) {
    auto until = deadline;
    if (status & MYSQL_WAIT_TIMEOUT)
      until = std::min(until, loop.now() + std::chrono::milliseconds(mysql_get_timeout_value_ms(handle)));
    SocketWait socket(loop, mysql_get_socket(handle));
    socket.set_limit(std::max<loop::Duration>(until - loop.now(), std::chrono::milliseconds(1)));
    co_await socket.wait(epoll_of(status));
    // It tries without blocking, so it may be told of both directions though one came.
    if (!socket.is_late()) co_return status&(MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
    if (status & MYSQL_WAIT_TIMEOUT && until < deadline) co_return MYSQL_WAIT_TIMEOUT;
    throw_failure(Errc::kTimeout, "{} does not answer in time", options.describe());
  }

  [[noreturn]] void throw_refusal() const {
    const unsigned number = mysql_errno(handle);
    throw MysqlFailure(Error{errc_of(number), mysql_error(handle)}, number);
  }

  // Of a statement.
  [[noreturn]] void throw_failed() {
    is_busy = false;
    const unsigned number = mysql_errno(handle);
    if (!is_lost(number)) throw_refusal();
    is_gone = true;
    if (number == kServerGone) was_sent = false;
    throw ConnectionLost(
        Error{Errc::kUnavailable, fmt::format("{}: {}", options.describe(), mysql_error(handle))});
  }

  // Sends `text` and waits for the first answer.
  Task<void> send(std::string text, loop::TimePoint deadline) {
    BERTH_CHECK(!is_busy);
    is_busy = true;
    was_sent = true;
    int failed = 0;
    int status = mysql_real_query_start(&failed, handle, text.data(), text.size());
    while (status) {
      const int came = co_await wait(status, deadline);
      status = mysql_real_query_cont(&failed, handle, came);
    }
    if (failed) throw_failed();
  }

  // The rows of the answer that came; nullptr: it has none.
  using Stored = std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)>;
  Task<Stored> store(loop::TimePoint deadline) {
    MYSQL_RES* raw = nullptr;
    int status = mysql_store_result_start(&raw, handle);
    while (status) {
      const int came = co_await wait(status, deadline);
      status = mysql_store_result_cont(&raw, handle, came);
    }
    if (!raw && mysql_field_count(handle) > 0) throw_failed();
    co_return Stored(raw, &mysql_free_result);
  }

  Task<void> set_multi_statements(bool on, loop::TimePoint deadline) {
    is_busy = true;
    int failed = 0;
    int status = mysql_set_server_option_start(
        &failed, handle, on ? MYSQL_OPTION_MULTI_STATEMENTS_ON : MYSQL_OPTION_MULTI_STATEMENTS_OFF);
    while (status) {
      const int came = co_await wait(status, deadline);
      status = mysql_set_server_option_cont(&failed, handle, came);
    }
    if (failed) throw_failed();
    is_busy = false;
  }

  // To the next answer of several; false: there is none.
  Task<bool> next_answer(loop::TimePoint deadline) {
    int result = 0;
    int status = mysql_next_result_start(&result, handle);
    while (status) {
      const int came = co_await wait(status, deadline);
      status = mysql_next_result_cont(&result, handle, came);
    }
    if (result > 0) throw_failed();
    co_return result == 0;
  }

  loop::TimePoint deadline() const {
    return options.query_limit.count() > 0 ? loop.now() + options.query_limit : loop::TimePoint::max();
  }

  Task<void> connect(std::string address, bool encrypted) {
    close();
    handle = mysql_init(nullptr);
    BERTH_CHECK(handle);
    const my_bool yes = 1, no = 0;
    const auto seconds = static_cast<unsigned>(options.connect_timeout.count());
    mysql_options(handle, MYSQL_OPT_NONBLOCK, nullptr);
    mysql_options(handle, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(handle, MYSQL_OPT_LOCAL_INFILE, &no);  // a server may not read our files
    mysql_options(handle, MYSQL_INIT_COMMAND, "SET sql_mode = 'STRICT_ALL_TABLES'");
    mysql_options(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
    mysql_options(handle, MYSQL_OPT_SSL_ENFORCE, encrypted ? &yes : &no);
    const bool is_socket = options.host.starts_with('/');
    const auto deadline = loop.now() + options.connect_timeout;
    MYSQL* connected = nullptr;
    is_busy = true;
    int status = mysql_real_connect_start(&connected, handle, is_socket ? nullptr : address.c_str(),
                                          options.user.c_str(), options.password.c_str(),
                                          options.database.c_str(), static_cast<unsigned>(options.port),
                                          is_socket ? options.host.c_str() : nullptr, 0);
    while (status) {
      const int came = co_await wait(status, deadline);
      status = mysql_real_connect_cont(&connected, handle, came);
    }
    is_busy = false;
    if (!connected) throw_refusal();
  }

  loop::Loop& loop;
  MysqlOptions options;
  MYSQL* handle = nullptr;
  bool is_busy = false;  // in the middle of a call
  bool was_sent = false;
  bool is_gone = false;
};

MysqlConnection::MysqlConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MysqlConnection::~MysqlConnection() = default;

Task<std::unique_ptr<MysqlConnection>> MysqlConnection::open(loop::Loop& loop, MysqlOptions options) {
  std::vector<std::string> addresses;
  {
    ConnectionOptions asked;
    asked.host = options.host;
    HostLookup lookup(loop);
    const auto found = co_await lookup.resolve(asked);
    addresses.push_back(options.host);
    for (const auto& [keyword, value] : found.other) {
      if (keyword != "hostaddr") continue;
      addresses.clear();
      for (std::size_t at = 0; at <= value.size();) {
        const auto comma = std::min(value.find(',', at), value.size());
        addresses.push_back(value.substr(at, comma - at));
        at = comma + 1;
      }
    }
  }
  auto impl = std::make_unique<Impl>(loop, std::move(options));
  for (std::size_t i = 0; i < addresses.size(); ++i)
    for (const bool encrypted : {true, false}) {
      std::optional<MysqlFailure> failed;
      try {
        co_await impl->connect(addresses[i], encrypted);
      } catch (const MysqlFailure& failure) {
        failed = failure;
      }
      if (!failed) co_return std::unique_ptr<MysqlConnection>(new MysqlConnection(std::move(impl)));
      if (encrypted && failed->number() == kSslError) continue;  // it has no TLS
      const bool is_unreachable = failed->number() == 2002 || failed->number() == 2003;
      if (!is_unreachable || i + 1 == addresses.size()) throw *failed;
      break;  // the next address
    }
  throw_failure(Errc::kUnavailable, "{} cannot be reached", impl->options.describe());
}

Task<MysqlResult> MysqlConnection::query(std::string sql, std::vector<MysqlArgument> arguments) {
  std::string text;
  std::size_t used = 0;
  char quoted = '\0';
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quoted) {
      if (c == '\\' && quoted != '`' && i + 1 < sql.size()) text += sql[i++];
      else if (c == quoted) quoted = '\0';
      text += sql[i];
    } else if (c == '?') {
      if (used == arguments.size()) throw_failure(Errc::kMalformed, "more '?' than arguments: {}", sql);
      const auto& value = arguments[used].value();
      text += value ? quote(*value) : "NULL";
      ++used;
    } else {
      if (c == '\'' || c == '"' || c == '`') quoted = c;
      text += c;
    }
  }
  if (used != arguments.size())
    throw_failure(Errc::kMalformed, "{} arguments for {} '?': {}", arguments.size(), used, sql);
  auto& impl = *impl_;
  BERTH_TRACE(impl.options.tracer, kDatabase, "statement", {"sql", mask_literals(sql)});
  const auto deadline = impl.deadline();
  co_await impl.send(std::move(text), deadline);
  const auto stored = co_await impl.store(deadline);
  impl.is_busy = false;
  MysqlResult told;
  if (!stored) {
    told.affected = mysql_affected_rows(impl.handle);
    told.inserted_id = mysql_insert_id(impl.handle);
    co_return told;
  }
  const unsigned count = mysql_num_fields(stored.get());
  const MYSQL_FIELD* fields = mysql_fetch_fields(stored.get());
  for (unsigned i = 0; i < count; ++i) told.columns.emplace_back(fields[i].name);
  while (MYSQL_ROW row = mysql_fetch_row(stored.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(stored.get());
    auto& cells = told.rows.emplace_back();
    for (unsigned i = 0; i < count; ++i)
      cells.push_back(row[i] ? std::optional<std::string>(std::in_place, row[i], lengths[i]) : std::nullopt);
  }
  co_return told;
}

Task<void> MysqlConnection::run_script(std::string sql) {
  auto& impl = *impl_;
  const auto deadline = impl.deadline();
  co_await impl.set_multi_statements(true, deadline);
  std::optional<MysqlFailure> failed;
  try {
    co_await impl.send(std::move(sql), deadline);
    do {
      (void)co_await impl.store(deadline);
    } while (co_await impl.next_answer(deadline));
    impl.is_busy = false;
  } catch (const MysqlFailure& failure) {
    failed = failure;  // the statements behind it did not run
  }
  co_await impl.set_multi_statements(false, deadline);
  if (failed) throw *failed;
}

Task<void> MysqlConnection::set_statement_limit(std::chrono::milliseconds limit) {
  // MariaDB, "max_statement_time": seconds; MySQL, "max_execution_time": milliseconds.
  std::string sql = server().starts_with("MariaDB")
                        ? fmt::format("SET SESSION max_statement_time = {}.{:03}", limit.count() / 1000,
                                      limit.count() % 1000)
                        : fmt::format("SET SESSION max_execution_time = {}", limit.count());
  co_await query(std::move(sql));
}

bool MysqlConnection::is_alive() const {
  if (!impl_->handle || impl_->is_gone) return false;
  // Nothing is to be read while nothing was asked, unless it is the end.
  char byte;
  const auto got = ::recv(mysql_get_socket(impl_->handle), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

bool MysqlConnection::is_idle() const {
  if (!is_usable()) return false;
  unsigned int status = 0;
  mariadb_get_infov(impl_->handle, MARIADB_CONNECTION_SERVER_STATUS, &status);
  return !(status & (SERVER_STATUS_IN_TRANS | SERVER_STATUS_IN_TRANS_READONLY));
}

Task<bool> MysqlConnection::settle(std::chrono::milliseconds) { co_return false; }
bool MysqlConnection::was_sent() const { return impl_->was_sent; }

bool MysqlConnection::is_encrypted() const { return mysql_get_ssl_cipher(impl_->handle) != nullptr; }
bool MysqlConnection::is_usable() const { return impl_->handle && !impl_->is_busy && !impl_->is_gone; }
unsigned long MysqlConnection::version() const { return mysql_get_server_version(impl_->handle); }

std::string MysqlConnection::server() const {
  const std::string_view info = mysql_get_server_info(impl_->handle);
  const bool is_mariadb = info.find("MariaDB") != std::string_view::npos;
  return fmt::format("{} {}", is_mariadb ? "MariaDB" : "MySQL", info.substr(0, info.find('-')));
}

std::string MysqlConnection::quote(std::string_view text) const {
  std::string quoted(text.size() * 2 + 1, '\0');
  quoted.resize(mysql_real_escape_string(impl_->handle, quoted.data(), text.data(), text.size()));
  return "'" + quoted + "'";
}

namespace {

const std::string& cell(const MysqlResult& result, std::size_t row, std::string_view column) {
  BERTH_CHECK(row < result.rows.size());
  for (std::size_t i = 0; i < result.columns.size(); ++i) {
    if (result.columns[i] != column) continue;
    if (!result.rows[row][i]) throw_failure(Errc::kMalformed, "{} is NULL", column);
    return *result.rows[row][i];
  }
  throw_failure(Errc::kMalformed, "the answer has no column {}", column);
}

}  // namespace

const std::string& MysqlResult::text(std::size_t row, std::string_view column) const {
  return cell(*this, row, column);
}

std::int64_t MysqlResult::number(std::size_t row, std::string_view column) const {
  const auto number = parse_integer(cell(*this, row, column));
  if (!number) throw_failure(Errc::kMalformed, "{} is no integer", column);
  return *number;
}

std::string quote_mysql_identifier(std::string_view name) {
  std::string quoted = "`";
  for (const char c : name) {
    if (c == '`') quoted += c;
    quoted += c;
  }
  return quoted + "`";
}

}  // namespace berth::db
