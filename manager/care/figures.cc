#include "manager/care/figures.h"

#include <cmath>

#include "manager/care/night_plan.h"

namespace berth::manager {

using namespace std::chrono;

namespace {

// What rows of that many bytes (statistics) would take if they lay side by side, against what the table takes; fillfactor
// and line pointers (PostgreSQL, "Database Page Layout") are counted. TOAST tables hold four chunks a page. An estimate:
// rows without statistics count as no bloat, and a tenth of the table is below what can be told.
constexpr const char* kTableFigures = R"sql(
WITH width AS (
  SELECT a.attrelid, sum((1 - coalesce(s.stanullfrac, 0)) * coalesce(s.stawidth, 0)) AS bytes,
         bool_and(s.stawidth IS NOT NULL OR a.atttypid = 'name'::regtype) AS is_known
  FROM pg_attribute a LEFT JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum AND NOT s.stainherit
  WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid
), heap AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, greatest(c.reltuples, 0) AS rows, c.reltoastrelid,
         pg_relation_size(c.oid) AS heap_bytes, pg_total_relation_size(c.oid) AS bytes,
         coalesce((SELECT substring(o FROM 12)::numeric FROM unnest(c.reloptions) o WHERE o LIKE 'fillfactor=%'), 100) / 100
           AS fill, w.bytes AS width, w.is_known AND c.reltuples >= 0 AS is_known
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN width w ON w.attrelid = c.oid
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
), estimate AS (
  SELECT h.*,
         ceil(h.rows / greatest(floor((8192 - 24) * h.fill / (28 + ceil((h.width + 4) / 8) * 8)), 1)) * 8192 AS heap_need,
         coalesce(pg_relation_size(t.oid), 0) AS toast_bytes,
         CASE WHEN t.reltuples >= 0 THEN ceil(t.reltuples / 4.0) * 8192 END AS toast_need
  FROM heap h LEFT JOIN pg_class t ON t.oid = h.reltoastrelid AND h.reltoastrelid <> 0
), told AS (
  SELECT schema, name, bytes, rows::bigint AS rows,
         (CASE WHEN is_known THEN greatest(heap_bytes - heap_need, 0) ELSE 0 END +
          coalesce(greatest(toast_bytes - toast_need, 0), 0))::bigint AS bloat
  FROM estimate
)
SELECT schema, name, bytes, rows, CASE WHEN bloat * 10 > bytes THEN bloat ELSE 0 END AS bloat FROM told
ORDER BY bytes DESC, 1, 2)sql";

db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth figures";
  options.query_limit = seconds(30);
  options.wait_limit = seconds(10);
  return options;
}

}  // namespace

std::optional<Growth> growth_of(const std::vector<api::DaySize>& history, int window_days) {
  if (history.empty()) return std::nullopt;
  const auto last = parse_day(history.back().day);
  if (!last) return std::nullopt;
  double count = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0, first = 0;
  for (const auto& sample : history) {
    const auto day = parse_day(sample.day);
    if (!day || *last - *day > days(window_days)) continue;
    const auto x = static_cast<double>((*day - *last).count()), y = static_cast<double>(sample.bytes);
    if (count == 0) first = x;
    ++count;
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  const double spread = count * sum_xx - sum_x * sum_x;
  if (count < 2 || spread <= 0) return std::nullopt;
  return Growth{std::llround((count * sum_xy - sum_x * sum_y) / spread), static_cast<std::uint64_t>(-first)};
}

Task<api::InstanceDatabase> DatabaseFigures::of(std::string name, std::string domain, std::string database) {
  api::InstanceDatabase told;
  told.name = name;
  told.domain = domain;
  told.database = database;
  const auto known = co_await admin_.query_repeatable(
      "SELECT pg_database_size(d.oid) AS bytes, s.numbackends AS connections FROM pg_database d "
      "JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = $1",
      database);
  if (known.empty()) throw_failure(Errc::kNotFound, "there is no database {}", database);
  told.bytes = known[0].get<std::uint64_t>("bytes");
  told.connections = known[0].get<std::uint64_t>("connections");
  {
    db::Database opened(loop_, options_for(cluster_.superuser(database)));
    const auto rows = co_await opened.query_repeatable(kTableFigures);
    for (const auto row : rows) {
      api::TableSize table;
      table.table = fmt::format("{}.{}", row.text("schema"), row.text("name"));
      table.bytes = row.get<std::uint64_t>("bytes");
      table.rows = row.get<std::uint64_t>("rows");
      table.bloat_bytes = row.get<std::uint64_t>("bloat");
      told.bloat_bytes += table.bloat_bytes;
      ++told.table_count;
      if (told.tables.size() < kTables) told.tables.push_back(std::move(table));
    }
  }
  const auto history = co_await manager_.query_repeatable(
      "SELECT day::text AS day, bytes FROM database_size WHERE name = $1 AND domain = $2 ORDER BY day", name,
      domain);
  for (const auto row : history)
    told.history.push_back({row.get<std::string>("day"), row.get<std::uint64_t>("bytes")});
  if (const auto growth = growth_of(told.history)) {
    told.bytes_a_day = growth->bytes_a_day;
    told.growth_days = growth->days;
  }
  co_return told;
}

Task<std::vector<DiskGrowth>> DatabaseFigures::growth() {
  const auto rows = co_await manager_.query_repeatable(
      "SELECT name || '@' || domain AS who, day::text AS day, bytes FROM database_size ORDER BY name, "
      "domain, day");
  std::vector<DiskGrowth> list;
  std::vector<api::DaySize> history;
  std::string who;
  const auto finish = [&] {
    if (const auto grown = growth_of(history)) list.push_back({who, grown->bytes_a_day});
    history.clear();
  };
  for (const auto row : rows) {
    if (row.text("who") != who) finish();
    who = row.get<std::string>("who");
    history.push_back({row.get<std::string>("day"), row.get<std::uint64_t>("bytes")});
  }
  finish();
  co_return list;
}

Task<api::GetDatabasesResult> DatabaseFigures::of_all() {
  api::GetDatabasesResult result;
  const auto rows = co_await admin_.query_repeatable(
      "SELECT (SELECT sum(pg_database_size(oid))::bigint FROM pg_database) AS bytes, "
      "(SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()) AS wal, "
      "(SELECT count(*) FROM pg_database WHERE NOT datistemplate) AS databases, "
      "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections, "
      "current_setting('max_connections')::bigint AS max_connections");
  result.bytes = rows[0].get<std::uint64_t>("bytes");
  result.wal_bytes = rows[0].get<std::uint64_t>("wal");
  result.databases = rows[0].get<std::uint64_t>("databases");
  result.connections = rows[0].get<std::uint64_t>("connections");
  result.max_connections = rows[0].get<std::uint64_t>("max_connections");
  co_return result;
}

Task<bool> DatabaseFigures::sample(std::string today) {
  const auto missing = co_await manager_.query_repeatable(
      "SELECT i.name, i.domain, i.database FROM instance i WHERE i.is_made AND i.database_host = '' AND NOT "
      "EXISTS "
      "(SELECT 1 FROM database_size s WHERE s.name = i.name AND s.domain = i.domain AND s.day = $1::date)",
      today);
  if (missing.empty()) co_return false;
  // pg_database_size() of one that is dropped meanwhile fails; of no row it is nothing.
  co_await manager_.query_repeatable(
      "INSERT INTO database_size (name, domain, day, bytes) SELECT i.name, i.domain, $1::date, "
      "pg_database_size(d.oid) FROM instance i JOIN pg_database d ON d.datname = i.database "
      "WHERE i.is_made AND i.database_host = '' ON CONFLICT (name, domain, day) DO NOTHING",
      today);
  co_await manager_.query_repeatable(
      "DELETE FROM database_size s WHERE s.day < $1::date - $2::integer AND (s.day < $1::date - $3::integer "
      "* 30 OR EXISTS "
      "(SELECT 1 FROM database_size e WHERE e.name = s.name AND e.domain = s.domain AND e.day < s.day "
      "AND date_trunc('month', e.day) = date_trunc('month', s.day)))",
      today, kDays, kMonths);
  co_return true;
}

}  // namespace berth::manager
