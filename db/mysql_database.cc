#include "db/mysql_database.h"

#include "db/connection_pool.h"

namespace berth::db {

class MysqlPool final : public ConnectionPool<MysqlConnection, MysqlOptions> {
 public:
  using ConnectionPool::ConnectionPool;

 private:
  Task<std::unique_ptr<MysqlConnection>> open_connection() override {
    // The server ends what takes too long, and says so; if it does not, we end the connection a little later.
    constexpr std::chrono::seconds kGrace{2};
    const auto limit = options().query_limit;
    MysqlOptions place = options().connection;
    place.query_limit = limit.count() > 0 ? limit + kGrace : limit;
    auto connection = co_await MysqlConnection::open(loop(), std::move(place));
    co_await connection->set_statement_limit(limit);
    co_return connection;
  }
};

MysqlDatabase::MysqlDatabase(loop::Loop& loop, MysqlDatabaseOptions options)
    : pool_(std::make_unique<MysqlPool>(loop, std::move(options))) {}
MysqlDatabase::~MysqlDatabase() = default;

Task<MysqlResult> MysqlDatabase::run(std::string sql, std::vector<MysqlArgument> arguments,
                                     bool safe_to_repeat) {
  return pool_->with_connection(
      safe_to_repeat, [sql = std::move(sql), arguments = std::move(arguments)](MysqlConnection& connection) {
        return connection.query(sql, arguments);
      });
}

Task<MysqlTransaction> MysqlDatabase::begin() {
  for (int attempt = 1;; ++attempt) {
    auto lease = co_await pool_->acquire();
    try {
      co_await lease->query("START TRANSACTION");
      co_return MysqlTransaction(*pool_, lease.release());
    } catch (const ConnectionLost&) {
      if (attempt >= 3) throw;  // else: an empty transaction may begin twice
    }
  }
}

void MysqlDatabase::set_connection(MysqlOptions options) { pool_->set_connection(std::move(options)); }
const MysqlOptions& MysqlDatabase::connection_options() const { return pool_->options().connection; }
void MysqlDatabase::set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit) {
  pool_->set_limits(max_connections, query_limit);
}
void MysqlDatabase::release() { pool_->release_idle(); }
std::size_t MysqlDatabase::open_connections() const { return pool_->open(); }
const DatabaseCounters& MysqlDatabase::counters() const { return pool_->counters(); }

MysqlTransaction::MysqlTransaction(MysqlPool& pool, std::unique_ptr<MysqlConnection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}
MysqlTransaction::MysqlTransaction(MysqlTransaction&& other) noexcept = default;
MysqlTransaction& MysqlTransaction::operator=(MysqlTransaction&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(connection_, other.connection_);
  std::swap(is_failed_, other.is_failed_);
  return *this;
}
MysqlTransaction::~MysqlTransaction() {
  if (connection_) pool_->give_back(std::move(connection_));
}

void MysqlTransaction::refuse_if_failed() const {
  if (is_failed_)
    throw_failure(Errc::kConflict, "a statement of the transaction failed, so it was rolled back");
}

Task<MysqlResult> MysqlTransaction::run(std::string sql, std::vector<MysqlArgument> arguments) {
  BERTH_CHECK(connection_);
  refuse_if_failed();
  ++pool_->counters().queries;
  const BusyTime busy(pool_->counters());
  try {
    co_return co_await connection_->query(std::move(sql), std::move(arguments));
  } catch (const Failure&) {
    is_failed_ = true;
    throw;
  }
}

Task<void> MysqlTransaction::run_script(std::string sql) {
  BERTH_CHECK(connection_);
  refuse_if_failed();
  ++pool_->counters().queries;
  const BusyTime busy(pool_->counters());
  try {
    co_await connection_->run_script(std::move(sql));
  } catch (const Failure&) {
    is_failed_ = true;
    throw;
  }
}

Task<void> MysqlTransaction::commit() {
  BERTH_CHECK(connection_);
  if (is_failed_) {
    co_await roll_back();
    throw_failure(Errc::kConflict, "a statement of the transaction failed, so it was rolled back");
  }
  const BusyTime busy(pool_->counters());
  try {
    co_await connection_->query("COMMIT");
  } catch (const ConnectionLost& lost) {
    throw_failure(Errc::kUnavailable, "{}; whether the transaction was committed is not known",
                  lost.error().detail);
  }
  pool_->give_back(std::move(connection_));
}

Task<void> MysqlTransaction::roll_back() {
  BERTH_CHECK(connection_);
  co_await connection_->query("ROLLBACK");
  pool_->give_back(std::move(connection_));
}

}  // namespace berth::db
