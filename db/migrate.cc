#include "db/migrate.h"

#include "base/log.h"

namespace berth::db {

int newest_version(const std::vector<Migration>& migrations) {
  int newest = 0;
  for (const auto& migration : migrations) {
    BERTH_CHECK(migration.version > newest);
    newest = migration.version;
  }
  return newest;
}

void refuse_newer_schema(int have, int newest) {
  if (have > newest)
    throw_failure(
        Errc::kConflict,
        "the database has schema version {}, this program knows up to {}: a newer build has used it. "
        "Update the program",
        have, newest);
}

Task<int> migrate(Database& database, std::vector<Migration> migrations) {
  const int newest = newest_version(migrations);
  // The usual case, at each start of each instance: two small questions, no transaction, no lock.
  const Rows known = co_await database.query_repeatable("SELECT to_regclass('berth_schema') IS NOT NULL");
  if (known[0].get<bool>(std::size_t{0})) {
    const Rows reached =
        co_await database.query_repeatable("SELECT coalesce(max(version), 0) FROM berth_schema");
    if (reached[0].get<int>(std::size_t{0}) == newest) co_return 0;
  }
  auto transaction = co_await database.begin();
  // One migration at a time in a database, also across platforms that share it. The number is ours:
  // "berth" in ASCII.
  co_await transaction.query("SELECT pg_advisory_xact_lock(422607873128)");
  co_await transaction.query(
      "CREATE TABLE IF NOT EXISTS berth_schema(version int PRIMARY KEY, name text NOT NULL, "
      "applied timestamptz NOT NULL DEFAULT now())");
  const Rows current = co_await transaction.query("SELECT coalesce(max(version), 0) FROM berth_schema");
  const int have = current[0].get<int>(std::size_t{0});
  refuse_newer_schema(have, newest);
  int ran = 0;
  for (auto& migration : migrations) {
    if (migration.version <= have) continue;
    try {
      co_await transaction.run_script(migration.sql);
    } catch (const SqlFailure& failure) {
      throw SqlFailure(
          Error(failure.error()).within(fmt::format("migration {} ({})", migration.version, migration.name)),
          failure.sqlstate(), failure.constraint());
    }
    co_await transaction.query("INSERT INTO berth_schema(version, name) VALUES ($1, $2)", migration.version,
                               migration.name);
    ++ran;
  }
  co_await transaction.commit();
  if (ran > 0) BERTH_LOG(kDatabase, "schema brought up to date", {"from", have}, {"to", newest});
  co_return ran;
}

}  // namespace berth::db
