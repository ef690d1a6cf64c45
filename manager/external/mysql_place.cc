#include "manager/external/mysql_place.h"

#include "db/mysql.h"
#include "manager/external/host.h"

namespace berth::manager {
namespace {

using Connection = std::unique_ptr<db::MysqlConnection>;

constexpr unsigned long kOldestMariadb = 100400, kOldestMysql = 80000;

// Opens a connection, and says in words of people why that does not work.
Task<Connection> open(loop::Loop& loop, ExternalPlace place) {
  const auto host = or_throw(parse_database_host(place.host, default_port_of(place.type)));
  db::MysqlOptions options;
  options.host = host.name;
  options.port = host.port;
  options.database = place.database;
  options.user = place.user;
  options.password = place.password;
  options.query_limit = std::chrono::seconds(30);
  std::optional<Error> error;
  unsigned number = 0;
  Connection connection;
  try {
    connection = co_await db::MysqlConnection::open(loop, std::move(options));
  } catch (const db::MysqlFailure& failure) {
    error = failure.error();
    number = failure.number();
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (connection) co_return connection;
  const auto has = [&](std::string_view words) { return error->detail.find(words) != std::string::npos; };
  switch (number) {
    case 1044:  // ER_DBACCESS_DENIED_ERROR
      throw_failure(Errc::kDenied,
                    "{}: there is no database {}, or user {} has no rights on it: berth instance sql-recipe "
                    "--type mysql tells how to make it",
                    place.host, place.database, place.user);
    case 1045:  // ER_ACCESS_DENIED_ERROR
    case 1698:  // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
      throw_failure(Errc::kDenied,
                    "{}: the password of user {} is wrong, or there is no such user that may come from here",
                    place.host, place.user);
    case 1130:  // ER_HOST_NOT_PRIVILEGED
      throw_failure(Errc::kDenied, "{} lets nobody in from here ({})", place.host, error->detail);
    case 1049:  // ER_BAD_DB_ERROR
      throw_failure(Errc::kNotFound,
                    "{} has no database {}: make it first, berth instance sql-recipe --type mysql tells how",
                    place.host, place.database);
    default: break;
  }
  if (has("look up "))
    throw_failure(Errc::kNotFound, "the host {} is not known ({})", host.name, error->detail);
  if (number == 2002 || number == 2003)  // CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR
    throw_failure(Errc::kUnavailable,
                  "{} refuses the connection: no MySQL listens there, or a firewall is between ({})",
                  place.host, error->detail);
  if (error->code == Errc::kTimeout)
    throw_failure(Errc::kTimeout, "{} does not answer: wrong address, or a firewall is between", place.host);
  throw_failure(error->code, "{}: {}", place.host, error->detail);
}

// True if the table is there.
Task<bool> has_fence(db::MysqlConnection& connection) {
  const auto found = co_await connection.query(
      "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
      "'berth_fence_owner'");
  co_return !found.rows.empty();
}

}  // namespace

Task<ExternalCheck> check_mysql(loop::Loop& loop, ExternalPlace place, std::string platform) {
  const auto connection = co_await open(loop, place);
  ExternalCheck told;
  told.server = connection->server();
  told.is_encrypted = connection->is_encrypted();
  const bool is_mariadb = told.server.starts_with("MariaDB");
  if (connection->version() < (is_mariadb ? kOldestMariadb : kOldestMysql))
    throw_failure(Errc::kUnsupported, "{} is {}: at least MariaDB 10.4 or MySQL 8.0 is needed", place.host,
                  told.server);
  const auto facts = co_await connection->query(
      "SELECT (SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = "
      "DATABASE()), "
      "(SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> "
      "'berth_fence_owner'), @@global.read_only");
  const auto& row = facts.rows.at(0);
  if (const auto charset = row[0].value_or(""); charset != "utf8mb4")
    throw_failure(Errc::kUnsupported,
                  "the database {} has the character set {}: make it with CHARACTER SET utf8mb4",
                  place.describe(), charset);
  told.tables = std::strtoull(row[1].value_or("0").c_str(), nullptr, 10);
  if (row[2].value_or("0") != "0")
    throw_failure(Errc::kUnsupported, "{} is read-only: name its primary", place.host);
  const bool fenced = co_await has_fence(*connection);
  if (!fenced) co_return told;
  const auto owner =
      co_await connection->query("SELECT name FROM berth_fence_owner WHERE platform <> ?", {platform});
  if (!owner.rows.empty()) told.owner = owner.rows[0][0].value_or("");
  co_return told;
}

Task<void> claim_mysql(loop::Loop& loop, ExternalPlace place, std::string platform, std::string name,
                       bool take_over) {
  const auto connection = co_await open(loop, place);
  co_await connection->query(
      "CREATE TABLE IF NOT EXISTS berth_fence_owner (one TINYINT PRIMARY KEY, platform VARCHAR(128) NOT "
      "NULL, "
      "name VARCHAR(255) NOT NULL, since TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB");
  // One statement each: whoever comes second finds the row of the first.
  co_await connection->query("INSERT IGNORE INTO berth_fence_owner (one, platform, name) VALUES (1, ?, ?)",
                             {platform, name});
  if (take_over)
    co_await connection->query(
        "UPDATE berth_fence_owner SET platform = ?, name = ?, since = CURRENT_TIMESTAMP WHERE one = 1 AND "
        "platform <> ?",
        {platform, name, platform});
  const auto owner = co_await connection->query(
      "SELECT platform, name, DATE_FORMAT(CONVERT_TZ(since, @@session.time_zone, '+00:00'), "
      "'%Y-%m-%dT%H:%i:%sZ') FROM "
      "berth_fence_owner WHERE one = 1");
  if (owner.rows.empty()) throw_failure(Errc::kConflict, "the row of the owner went away: try again");
  const auto& row = owner.rows[0];
  if (row[0] != platform) throw_in_use(place, row[1].value_or(""), row[2].value_or(""));
}

Task<void> release_mysql(loop::Loop& loop, ExternalPlace place, std::string platform) {
  const auto connection = co_await open(loop, place);
  const bool fenced = co_await has_fence(*connection);
  if (fenced) co_await connection->query("DELETE FROM berth_fence_owner WHERE platform = ?", {platform});
}

}  // namespace berth::manager
