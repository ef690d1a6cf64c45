#include "sdk/service/instance_database.h"

#include "db/migrate.h"

namespace berth::sdk {
namespace {

// Requests wait so long for a database that is away, then fail clearly.
constexpr auto kDatabaseWait = std::chrono::seconds(10);
constexpr std::size_t kConnections = 4;
constexpr std::chrono::seconds kStatementLimit{60};
constexpr int kPostgresqlPort = 5432, kMysqlPort = 3306;

std::size_t connections_of(const InstanceLimits& limits) {
  return limits.database_connections ? limits.database_connections : kConnections;
}
std::chrono::seconds statement_limit_of(const InstanceLimits& limits) {
  return limits.statement_seconds ? std::chrono::seconds(limits.statement_seconds) : kStatementLimit;
}

db::ConnectionOptions place_of(const DatabaseArguments& arguments) {
  if (!arguments.conninfo.empty()) return or_throw(db::parse_conninfo(arguments.conninfo));
  db::ConnectionOptions place;
  place.host = arguments.host;
  place.port = arguments.port;
  place.database = arguments.name;
  place.user = arguments.user;
  place.password = arguments.password;
  return place;
}

// The same words; where nobody named a port it is MySQL's own.
db::MysqlOptions mysql_place_of(const DatabaseArguments& arguments) {
  auto from = place_of(arguments);
  db::MysqlOptions place;
  place.host = std::move(from.host);
  place.port = !arguments.conninfo.empty() && from.port == kPostgresqlPort ? kMysqlPort : from.port;
  place.database = std::move(from.database);
  place.user = std::move(from.user);
  place.password = std::move(from.password);
  return place;
}

template <class Options>
Options with_limits(Options options, const InstanceLimits& limits) {
  options.max_connections = connections_of(limits);
  options.query_limit = statement_limit_of(limits);
  options.wait_limit = kDatabaseWait;
  return options;
}

}  // namespace

InstanceDatabase::InstanceDatabase(loop::Loop& loop, const InstanceArguments& arguments,
                                   const std::string& key) {
  const DatabaseArguments& database = arguments.database;
  if (database.conninfo.empty() && database.name.empty()) return;
  if (database.type == "mysql") {
    db::MysqlDatabaseOptions options;
    options.connection = mysql_place_of(database);
    options.connection.tracer = {key, &arguments.log_flags};
    mysql_ = std::make_unique<db::MysqlDatabase>(loop, with_limits(std::move(options), arguments.limits));
    return;
  }
  db::DatabaseOptions options;
  options.connection = place_of(database);
  options.connection.application_name = key;
  options.connection.tracer = {key, &arguments.log_flags};
  postgresql_ = std::make_unique<db::Database>(loop, with_limits(std::move(options), arguments.limits));
}

loop::Task<int> InstanceDatabase::migrate(std::vector<db::Migration> migrations) {
  BERTH_CHECK(exists() || !"a schema, but no database");
  return mysql_ ? db::migrate(*mysql_, std::move(migrations))
                : db::migrate(*postgresql_, std::move(migrations));
}

void InstanceDatabase::set_limits(const InstanceLimits& limits) {
  if (mysql_) mysql_->set_limits(connections_of(limits), statement_limit_of(limits));
  if (postgresql_) postgresql_->set_limits(connections_of(limits), statement_limit_of(limits));
}

void InstanceDatabase::set_password(const std::string& password) {
  const auto change = [&password](auto& database) {
    auto place = database.connection_options();
    place.password = password;
    database.set_connection(std::move(place));
  };
  if (mysql_) change(*mysql_);
  if (postgresql_) change(*postgresql_);
}

void InstanceDatabase::release() {
  if (mysql_) mysql_->release();
  if (postgresql_) postgresql_->release();
}

std::chrono::milliseconds InstanceDatabase::busy() const {
  const auto busy = mysql_        ? mysql_->counters().busy
                    : postgresql_ ? postgresql_->counters().busy
                                  : std::chrono::microseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(busy);
}

}  // namespace berth::sdk
