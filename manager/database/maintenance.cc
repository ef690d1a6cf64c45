#include "manager/database/maintenance.h"

#include <cerrno>

#include "base/disk_space.h"
#include "db/database.h"
#include "loop/sync.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

// A statement waits for a lock at most so long, for everybody who comes later queues behind it.
constexpr auto kLockTurn = 2s, kLockPause = 1s;
constexpr int kLockTurns = 20;
constexpr std::string_view kLockNotAvailable = "55P03";  // PostgreSQL, "Error Codes"

// Of the log at most so much is kept beside the copy (max_wal_size, and what is being written).
constexpr std::uint64_t kLogBytes = std::uint64_t{512} << 20;

// Long statements, but no long waits for a lock.
db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth maintenance";
  options.connection.other.emplace_back("options", fmt::format("-c lock_timeout={} -c statement_timeout=0",
                                                               std::chrono::milliseconds(kLockTurn).count()));
  options.query_limit = std::chrono::milliseconds(0);
  options.wait_limit = 10s;
  return options;
}

struct Relation {
  std::string schema, name;
  std::uint64_t bytes = 0;
  std::string full() const { return schema + "." + name; }
};

// The largest first: if there is room for it there is room for all.
Task<std::vector<Relation>> relations_of(db::Database& database) {
  const auto rows = co_await database.query_repeatable(
      "SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c "
      "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> "
      "'t' "
      "AND (n.nspname NOT IN ('pg_catalog', 'information_schema') OR c.relname = 'pg_largeobject') "
      "AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 3 DESC, 1, 2");
  std::vector<Relation> relations;
  for (const auto row : rows)
    relations.push_back(
        {row.get<std::string>("schema"), row.get<std::string>("name"), row.get<std::uint64_t>("bytes")});
  co_return relations;
}

std::uint64_t need_of(const Relation& relation) {
  return relation.bytes + std::min(relation.bytes, kLogBytes);
}

Task<std::uint64_t> size_of(db::Database& database) {
  const auto rows =
      co_await database.query_repeatable("SELECT pg_database_size(current_database()) AS bytes");
  co_return rows[0].get<std::uint64_t>("bytes");
}

std::uint64_t in_megabytes(std::uint64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

void check_room(const std::string& database, const Relation& relation, std::uint64_t free_bytes) {
  if (free_bytes >= need_of(relation)) return;
  throw_failure(Errc::kNoSpace,
                "cleaning up {} needs {} MB of free disk for a copy of its largest table {} ({} MB with "
                "indexes); {} MB "
                "are free. Delete log files or data first, or enlarge the disk",
                database, in_megabytes(need_of(relation)), relation.full(), in_megabytes(relation.bytes),
                free_bytes >> 20);
}

}  // namespace

Task<std::vector<std::string>> Maintenance::databases() {
  db::Database admin(loop_, options_for(cluster_.superuser()));
  const auto rows =
      co_await admin.query_repeatable("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1");
  std::vector<std::string> names;
  for (const auto row : rows) names.push_back(row.get<std::string>("datname"));
  co_return names;
}

Task<void> Maintenance::optimise(std::string name) {
  db::Database database(loop_, options_for(cluster_.superuser(std::move(name))));
  co_await database.query("VACUUM (ANALYZE, SKIP_LOCKED)");
}

Task<CleanUpNeed> Maintenance::clean_up_need(std::string name) {
  db::Database database(loop_, options_for(cluster_.superuser(std::move(name))));
  const auto relations = co_await relations_of(database);
  if (relations.empty()) co_return CleanUpNeed{};
  co_return CleanUpNeed{relations.front().full(), need_of(relations.front())};
}

Result<std::uint64_t> Maintenance::free_bytes() const {
  BERTH_TRY(const auto disk, read_disk_space(cluster_.settings().data_folder));
  return disk.free_bytes;
}

Task<CleanUpResult> Maintenance::clean_up(std::string database,
                                          std::function<void(const CleanUpProgress&)> progress) {
  return clean_up_within(std::move(database), [this] { return free_bytes(); }, std::move(progress));
}

Task<CleanUpResult> Maintenance::clean_up_within(std::string name,
                                                 std::function<Result<std::uint64_t>()> free_bytes,
                                                 std::function<void(const CleanUpProgress&)> progress) {
  db::Database database(loop_, options_for(cluster_.superuser(name)));
  const auto relations = co_await relations_of(database);
  CleanUpResult result;
  result.bytes_before = co_await size_of(database);
  CleanUpProgress at;
  for (const auto& relation : relations) at.of += relation.bytes;
  for (const auto& relation : relations) {
    check_room(name, relation, or_throw(free_bytes()));
    at.table = relation.full();
    if (progress) progress(at);
    const std::string statement =
        fmt::format("VACUUM (FULL, ANALYZE) {}.{}", db::quote_identifier(relation.schema),
                    db::quote_identifier(relation.name));
    for (int turn = 1;; ++turn) {
      bool is_locked = false;
      try {
        co_await database.query(statement);
      } catch (const db::SqlFailure& failure) {
        if (failure.sqlstate() == "42P01") break;  // dropped meanwhile
        if (failure.sqlstate() != kLockNotAvailable) throw;
        is_locked = true;
      }
      if (!is_locked) break;
      if (turn == kLockTurns)
        throw_failure(Errc::kTimeout,
                      "the table {} of {} is in use without a pause: try again at a quieter time",
                      relation.full(), name);
      co_await loop::sleep_for(loop_, kLockPause);
    }
    at.bytes_done += relation.bytes;
    ++result.tables;
  }
  result.bytes_after = co_await size_of(database);
  co_return result;
}

}  // namespace berth::manager
