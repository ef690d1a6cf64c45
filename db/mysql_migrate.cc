#include "db/mysql_database.h"

namespace berth::db {
namespace {

// One migration at a time in a database. Ends with its connection at the latest.
constexpr const char* kLock = "CONCAT('berth.', SHA1(DATABASE()))";
constexpr int kLockSeconds = 60;

}  // namespace

Task<int> migrate(MysqlDatabase& database, std::vector<Migration> migrations) {
  const int newest = newest_version(migrations);
  // The usual case, at each start of each instance: two small questions, no lock.
  const auto known = co_await database.query_repeatable(
      "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
      "'berth_schema'");
  if (!known.rows.empty()) {
    const auto reached =
        co_await database.query_repeatable("SELECT COALESCE(MAX(version), 0) AS version FROM berth_schema");
    if (reached.number(0, "version") == newest) co_return 0;
  }
  // Only for its connection: tables are made outside of any transaction.
  auto transaction = co_await database.begin();
  const auto locked = co_await transaction.query(
      fmt::format("SELECT COALESCE(GET_LOCK({}, {}), 0) AS locked", kLock, kLockSeconds));
  if (locked.number(0, "locked") != 1)
    throw_failure(Errc::kTimeout, "another program brings the schema up to date for {} s already",
                  kLockSeconds);
  co_await transaction.query(
      "CREATE TABLE IF NOT EXISTS berth_schema (version INT PRIMARY KEY, name VARCHAR(255) NOT NULL, "
      "applied TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)");
  const auto reached =
      co_await transaction.query("SELECT COALESCE(MAX(version), 0) AS version FROM berth_schema");
  const auto have = static_cast<int>(reached.number(0, "version"));
  refuse_newer_schema(have, newest);
  int ran = 0;
  for (auto& migration : migrations) {
    if (migration.version <= have) continue;
    try {
      co_await transaction.run_script(migration.sql);
    } catch (const MysqlFailure& failure) {
      throw MysqlFailure(
          Error(failure.error()).within(fmt::format("migration {} ({})", migration.version, migration.name)),
          failure.number());
    }
    co_await transaction.query("INSERT INTO berth_schema (version, name) VALUES (?, ?)", migration.version,
                               migration.name);
    ++ran;
  }
  co_await transaction.query(fmt::format("DO RELEASE_LOCK({})", kLock));
  co_await transaction.commit();
  if (ran > 0) BERTH_LOG(kDatabase, "schema brought up to date", {"from", have}, {"to", newest});
  co_return ran;
}

}  // namespace berth::db
