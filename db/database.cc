#include "db/database.h"

#include "db/pool.h"

namespace berth::db {

Database::Database(loop::Loop& loop, DatabaseOptions options)
    : pool_(std::make_unique<Pool>(loop, std::move(options))) {}
Database::~Database() = default;

Task<Rows> Database::run(Statement statement) { return pool_->run(std::move(statement)); }
Task<void> Database::run_script(std::string sql) { return pool_->run_script(std::move(sql)); }

Task<std::optional<Bytes>> Database::first_bytes(Task<Rows> rows_task) {
  const Rows rows = co_await rows_task;
  if (rows.empty()) co_return std::nullopt;
  co_return rows[0].get<std::optional<Bytes>>(std::size_t{0});
}

Task<Transaction> Database::begin() { return begin(""); }

Task<Transaction> Database::begin(std::string mode) {
  const std::string statement = mode.empty() ? "BEGIN" : "BEGIN " + mode;
  for (int attempt = 1;; ++attempt) {
    auto lease = co_await pool_->acquire();
    try {
      co_await lease->run_script(statement);
      co_return Transaction(*pool_, lease.release());
    } catch (const ConnectionLost&) {
      if (attempt >= 3) throw;  // else: an empty transaction may begin twice
    }
  }
}

void Database::set_connection(ConnectionOptions options) { pool_->set_connection(std::move(options)); }
void Database::set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit) {
  pool_->set_limits(max_connections, query_limit);
}
const ConnectionOptions& Database::connection_options() const { return pool_->options().connection; }
void Database::release() { pool_->release_idle(); }
std::size_t Database::open_connections() const { return pool_->open(); }
const DatabaseCounters& Database::counters() const { return pool_->counters(); }

Transaction::Transaction(Pool& pool, std::unique_ptr<Connection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}
Transaction::Transaction(Transaction&& other) noexcept = default;
Transaction& Transaction::operator=(Transaction&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(connection_, other.connection_);
  return *this;
}
Transaction::~Transaction() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Task<Rows> Transaction::run(Statement statement) {
  BERTH_CHECK(connection_);
  ++pool_->counters().queries;
  const BusyTime busy(pool_->counters());
  co_return co_await connection_->run(statement);
}

Task<void> Transaction::run_script(std::string sql) {
  BERTH_CHECK(connection_);
  ++pool_->counters().queries;
  const BusyTime busy(pool_->counters());
  co_await connection_->run_script(sql);
}

Task<void> Transaction::commit() {
  BERTH_CHECK(connection_);
  if (connection_->is_in_failed_transaction()) {
    co_await roll_back();
    throw_failure(Errc::kConflict, "a statement of the transaction failed, so it was rolled back");
  }
  const std::string statement = "COMMIT";
  const BusyTime busy(pool_->counters());
  try {
    co_await connection_->run_script(statement);
  } catch (const ConnectionLost& lost) {
    throw_failure(Errc::kUnavailable, "{}; whether the transaction was committed is not known",
                  lost.error().detail);
  }
  pool_->give_back(std::move(connection_));
}

Task<void> Transaction::roll_back() {
  BERTH_CHECK(connection_);
  const std::string statement = "ROLLBACK";
  co_await connection_->run_script(statement);
  pool_->give_back(std::move(connection_));
}

}  // namespace berth::db
