#include "manager/database/maintenance.h"

#include <sys/statvfs.h>

#include <cerrno>

#include "base/log.h"
#include "db/database.h"

namespace berth::manager {
namespace {

// Long statements, but no long waits for a lock.
db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth maintenance";
  options.connection.other.emplace_back("options", "-c lock_timeout=60000");
  options.query_limit = std::chrono::milliseconds(0);
  options.wait_limit = std::chrono::seconds(10);
  return options;
}

Task<std::uint64_t> size_of(db::Database& database) {
  const auto rows =
      co_await database.query_repeatable("SELECT pg_database_size(current_database()) AS bytes");
  co_return rows[0].get<std::uint64_t>("bytes");
}

std::uint64_t in_megabytes(std::uint64_t bytes) { return (bytes + (1 << 20) - 1) >> 20; }

}  // namespace

Task<std::size_t> Maintenance::vacuum_all(std::function<void(const MaintenanceProgress&)> progress) {
  MaintenanceProgress at;
  std::vector<std::string> names;
  {
    db::Database admin(loop_, options_for(cluster_.superuser()));
    const auto rows =
        co_await admin.query_repeatable("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1");
    for (const auto row : rows) names.push_back(row.get<std::string>("datname"));
  }
  at.of = names.size();
  std::size_t succeeded = 0;
  for (const auto& name : names) {
    at.what = name;
    if (progress) progress(at);
    try {
      db::Database database(loop_, options_for(cluster_.superuser(name)));
      co_await database.query("VACUUM (ANALYZE, SKIP_LOCKED)");
      ++succeeded;
    } catch (const Failure& failure) {
      log_warning("nightly vacuum failed", {{"database", name}, {"error", failure.error().detail}});
    }
    ++at.done;
  }
  if (progress) progress(at);
  co_return succeeded;
}

Task<CleanUpResult> Maintenance::clean_up(std::string database,
                                          std::function<void(const MaintenanceProgress&)> progress) {
  struct statvfs disk{};
  const auto& folder = cluster_.settings().data_folder;
  if (::statvfs(folder.c_str(), &disk) != 0) throw Failure(errno_error(errno, folder));
  return clean_up_within(std::move(database), std::uint64_t{disk.f_bavail} * disk.f_frsize,
                         std::move(progress));
}

Task<CleanUpResult> Maintenance::clean_up_within(std::string name, std::uint64_t free_bytes,
                                                 std::function<void(const MaintenanceProgress&)> progress) {
  db::Database database(loop_, options_for(cluster_.superuser(name)));
  // The largest first: if there is room for it there is room for all.
  const auto tables = co_await database.query_repeatable(
      "SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c "
      "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') "
      "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' ORDER "
      "BY 3 DESC, 1, 2");
  const std::uint64_t needed = tables.empty() ? 0 : tables[0].get<std::uint64_t>("bytes");
  if (free_bytes < needed)
    throw_failure(Errc::kNoSpace,
                  "cleaning up {} needs {} MB free disk for its largest table {}.{}; {} MB are free. Delete "
                  "log files or data "
                  "first, or enlarge the disk",
                  name, in_megabytes(needed), tables[0].text("schema"), tables[0].text("name"),
                  free_bytes >> 20);

  CleanUpResult result;
  result.bytes_before = co_await size_of(database);
  MaintenanceProgress at;
  at.of = tables.size();
  for (const auto table : tables) {
    at.what = fmt::format("{}.{}", table.text("schema"), table.text("name"));
    if (progress) progress(at);
    co_await database.query(fmt::format("VACUUM (FULL, ANALYZE) {}.{}",
                                        db::quote_identifier(table.text("schema")),
                                        db::quote_identifier(table.text("name"))));
    ++at.done;
  }
  if (progress) progress(at);
  result.bytes_after = co_await size_of(database);
  co_return result;
}

}  // namespace berth::manager
