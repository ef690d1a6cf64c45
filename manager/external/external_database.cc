#include "manager/external/external_database.h"

#include "db/connection.h"
#include "db/database.h"
#include "db/host_lookup.h"
#include "manager/external/host.h"
#include "manager/external/mysql_place.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr int kOwnMajor = 15;           // of the pg_dump that we bring
constexpr int kOldestVersion = 120000;  // server_version_num; what the SDK and our dumps speak with

constexpr const char* kFence =
    "SET LOCAL client_min_messages = warning;"
    "SELECT pg_advisory_xact_lock(4207849484);"  // two managers make the table one after the other
    "CREATE SCHEMA IF NOT EXISTS berth_fence;"
    "CREATE TABLE IF NOT EXISTS berth_fence.owner (one boolean PRIMARY KEY DEFAULT true CHECK (one), "
    "platform text NOT NULL, name text NOT NULL, since timestamptz NOT NULL DEFAULT now());";

db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth manager";
  options.wait_limit = 12s;
  options.query_limit = 30s;
  return options;
}

// Opens one connection, and says in words of people why that does not work.
Task<std::unique_ptr<db::Database>> open(loop::Loop& loop, ExternalPlace place) {
  const auto options = or_throw(connection_of(place));
  std::optional<Error> error;
  std::string state;
  try {
    // Once: a Database would try again until its limit, and who asks wants to know at once.
    db::HostLookup lookup(loop);
    auto resolved = co_await lookup.resolve(options);
    co_await db::Connection::open(loop, std::move(resolved), 30s);
  } catch (const db::SqlFailure& failure) {
    error = failure.error();
    state = failure.sqlstate();
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) co_return std::make_unique<db::Database>(loop, options_for(options));
  const auto& text = error->detail;
  const auto has = [&](std::string_view words) { return text.find(words) != std::string::npos; };
  if (state == "28P01" || has("no password supplied"))
    throw_failure(Errc::kDenied, "{}: the password of user {} is wrong, or there is no such user", place.host,
                  place.user);
  if (state == "28000")
    throw_failure(Errc::kDenied,
                  "{} does not let user {} in from here: a line in its pg_hba.conf is missing ({})",
                  place.host, place.user, text);
  if (state == "3D000")
    throw_failure(Errc::kNotFound,
                  "{} has no database {}: make it first, berth instance sql-recipe tells how", place.host,
                  place.database);
  if (state == "42501")
    throw_failure(Errc::kDenied, "{}: user {} may not connect to database {} (GRANT CONNECT is missing)",
                  place.host, place.user, place.database);
  if (state == "53300")
    throw_failure(Errc::kUnavailable, "{} has no connection left for us: {}", place.host, text);
  if (has("look up ")) throw_failure(Errc::kNotFound, "the host {} is not known ({})", options.host, text);
  if (has("Connection refused"))
    throw_failure(Errc::kUnavailable,
                  "{} refuses the connection: no PostgreSQL listens there, or a firewall is between",
                  place.host);
  if (error->code == Errc::kTimeout)
    throw_failure(Errc::kTimeout, "{} does not answer: wrong address, or a firewall is between", place.host);
  if (has("SSL") || has("certificate"))
    throw_failure(Errc::kUnavailable, "{}: TLS failed: {}", place.host, text);
  throw_failure(error->code, "{}: {}", place.host, text);
}

}  // namespace

void throw_in_use(const ExternalPlace& place, std::string_view name, std::string_view since) {
  throw_failure(Errc::kConflict,
                "the database {} is in use by the platform {} since {}: two at once would destroy it. Stop "
                "the instance "
                "there; if that platform is gone for good, take the database over (berth instance take-over)",
                place.describe(), name, since);
}

std::string remark_on_version(int number) {
  const int major = number / 10000;
  if (major <= kOwnMajor) return {};
  return fmt::format(
      "it is PostgreSQL {}, and the platform's own pg_dump of version {} refuses younger servers: backups of "
      "this instance, and moving its data there, will fail. Exclude it from backups and save it where the "
      "database is, or take a server of version 12 to {}",
      major, kOwnMajor, kOwnMajor);
}

std::string_view name_of(DatabaseType type) { return type == DatabaseType::kMysql ? "mysql" : "postgresql"; }

std::optional<DatabaseType> parse_database_type(std::string_view word) {
  if (word == "postgresql") return DatabaseType::kPostgresql;
  if (word == "mysql") return DatabaseType::kMysql;
  return std::nullopt;
}

int default_port_of(DatabaseType type) { return type == DatabaseType::kMysql ? 3306 : 5432; }

std::string ExternalPlace::describe() const { return fmt::format("{} on {}", database, host); }

std::string format_place(const ExternalPlace& place) {
  return json::serialize(json::Object{{"type", name_of(place.type)},
                                      {"host", place.host},
                                      {"database", place.database},
                                      {"user", place.user},
                                      {"password", place.password}});
}

Result<ExternalPlace> parse_place(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text));
  const auto type = parse_database_type(json::get_string(object, "type"));
  if (!type) return fail(Errc::kMalformed, "unknown type of an external database");
  return ExternalPlace{*type, json::get_string(object, "host"), json::get_string(object, "database"),
                       json::get_string(object, "user"), json::get_string(object, "password")};
}

Result<db::ConnectionOptions> connection_of(const ExternalPlace& place) {
  BERTH_TRY(const auto host, parse_database_host(place.host, default_port_of(place.type)));
  db::ConnectionOptions options;
  options.host = host.name;
  options.port = host.port;
  options.database = place.database;
  options.user = place.user;
  options.password = place.password;
  options.sslmode = "prefer";
  return options;
}

Task<ExternalCheck> ExternalDatabases::check(ExternalPlace place) {
  if (place.type == DatabaseType::kMysql) co_return co_await check_mysql(loop_, std::move(place), platform_);
  const auto database = co_await open(loop_, place);
  ExternalCheck told;
  const auto rows = co_await database->query_repeatable(
      "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS "
      "version, "
      "current_setting('server_encoding') AS encoding, "
      "coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS ssl, "
      "has_database_privilege(current_database(), 'CREATE') AS may_create, pg_is_in_recovery() AS "
      "is_standby, "
      "(SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN "
      "('r', 'p', 'm', "
      "'v', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'berth_fence', 'berth_backup') "
      "AND n.nspname !~ '^pg_(toast|temp)' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid "
      "AND d.deptype = 'e')) AS tables, "
      "to_regclass('berth_fence.owner') IS NOT NULL AS has_fence");
  const auto row = rows[0];
  told.server = fmt::format("PostgreSQL {}", row.text("version"));
  told.is_encrypted = row.get<bool>("ssl");
  told.tables = row.get<std::uint64_t>("tables");
  if (row.get<int>("number") < kOldestVersion)
    throw_failure(Errc::kUnsupported, "{} is {}: at least PostgreSQL {} is needed", place.host, told.server,
                  kOldestVersion / 10000);
  told.remark = remark_on_version(row.get<int>("number"));
  if (row.text("encoding") != "UTF8")
    throw_failure(Errc::kUnsupported, "the database {} has the encoding {}: make it with ENCODING 'UTF8'",
                  place.describe(), row.text("encoding"));
  if (row.get<bool>("is_standby"))
    throw_failure(Errc::kUnsupported, "{} is a standby that cannot be written: name its primary", place.host);
  if (!row.get<bool>("may_create"))
    throw_failure(Errc::kDenied,
                  "user {} may create nothing in {}: it should own the database (berth instance sql-recipe)",
                  place.user, place.describe());
  if (row.get<bool>("has_fence")) {
    const auto owner = co_await database->query_repeatable(
        "SELECT name FROM berth_fence.owner WHERE platform <> $1", platform_);
    if (!owner.empty()) told.owner = owner[0].get<std::string>("name");
  }
  co_return told;
}

Task<void> ExternalDatabases::claim(ExternalPlace place, bool take_over) {
  if (place.type == DatabaseType::kMysql) {
    const std::string name = name_();
    co_await claim_mysql(loop_, std::move(place), platform_, name, take_over);
    co_return;
  }
  const auto database = co_await open(loop_, place);
  auto transaction = co_await database->begin();
  co_await transaction.run_script(kFence);
  const std::string name = name_();
  const auto taken = co_await transaction.query(
      "INSERT INTO berth_fence.owner AS o (platform, name) VALUES ($1, $2) ON CONFLICT (one) DO UPDATE SET "
      "platform = excluded.platform, name = excluded.name, "
      "since = CASE WHEN o.platform = excluded.platform THEN o.since ELSE now() END "
      "WHERE o.platform = excluded.platform OR $3 RETURNING one",
      platform_, name, take_over);
  if (!taken.empty()) {
    co_await transaction.commit();
    co_return;
  }
  const auto owner = co_await transaction.query(
      "SELECT name, to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS since FROM "
      "berth_fence.owner");
  throw_in_use(place, owner[0].text("name"), owner[0].text("since"));
}

Task<void> ExternalDatabases::release(ExternalPlace place) {
  if (place.type == DatabaseType::kMysql) {
    co_await release_mysql(loop_, std::move(place), platform_);
    co_return;
  }
  const auto database = co_await open(loop_, place);
  const auto fence =
      co_await database->query_repeatable("SELECT to_regclass('berth_fence.owner') IS NOT NULL AS has_fence");
  if (!fence[0].get<bool>("has_fence")) co_return;
  co_await database->query_repeatable("DELETE FROM berth_fence.owner WHERE platform = $1", platform_);
}

Task<std::string> ExternalDatabases::other_owner(ExternalPlace place) {
  if (place.type == DatabaseType::kMysql)
    co_return (co_await check_mysql(loop_, std::move(place), platform_)).owner;
  const auto database = co_await open(loop_, place);
  const auto fence =
      co_await database->query_repeatable("SELECT to_regclass('berth_fence.owner') IS NOT NULL AS has_fence");
  if (!fence[0].get<bool>("has_fence")) co_return "";
  const auto owner = co_await database->query_repeatable(
      "SELECT name FROM berth_fence.owner WHERE platform <> $1", platform_);
  co_return owner.empty() ? std::string() : owner[0].get<std::string>("name");
}

}  // namespace berth::manager
