#include "manager/database/instance_database.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "db/mysql.h"
#include "db/password.h"
#include "db/sql_failure.h"

namespace berth::manager {
namespace {

// A text as MySQL writes it, with its quotes.
std::string quote_mysql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

using db::quote_identifier;
using db::quote_literal;

constexpr std::size_t kHashDigits = 8;

bool is_reserved(std::string_view name) {
  for (const std::string_view own :
       {"postgres", "template0", "template1", "manager", "berth", "public", "none"})
    if (name == own) return true;
  return name.starts_with("pg_");
}

// The statements of a script are one transaction (PostgreSQL, Multiple Statements in a Simple Query).
std::string_view first_of_script(CommitSync sync) {
  return sync == CommitSync::kInOrder ? "SET LOCAL synchronous_commit = off; " : "";
}

// The longest front of `text` of at most `limit` bytes that does not cut a character.
std::string_view front_of(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

}  // namespace

Result<void> check_database_name(std::string_view name) {
  if (name.empty()) return fail(Errc::kMalformed, "the database name is empty");
  if (!is_valid_utf8(name)) return fail(Errc::kMalformed, "the database name is not valid UTF-8");
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return fail(Errc::kMalformed, "the database name holds a control character");
  if (name.size() > kMaxDatabaseName)
    return fail(Errc::kTooLarge,
                "the database name has {} bytes, {} are allowed (a letter such as \"ü\" takes 2)",
                name.size(), kMaxDatabaseName);
  if (is_reserved(name))
    return fail(Errc::kExists, "the database name {} is one of the platform's own", name);
  return {};
}

std::string suggest_database_name(std::string_view domain, std::string_view instance) {
  const std::string whole = fmt::format("{}_{}", domain, instance);
  if (whole.size() <= kMaxDatabaseName && !is_reserved(whole)) return whole;
  const auto hash = sha256_hex(whole).substr(0, kHashDigits);
  return fmt::format("{}_{}", front_of(whole, kMaxDatabaseName - kHashDigits - 1), hash);
}

std::string sql_recipe(const InstanceDatabaseNames& names) {
  const auto database = quote_identifier(names.database), user = quote_identifier(names.user);
  return fmt::format(
      "-- For psql, as superuser of the server that is to hold the database.\n"
      "\\set ON_ERROR_STOP on\n"
      "\\prompt 'Password for the new role: ' password\n"
      "CREATE ROLE {1} LOGIN PASSWORD :'password';\n"
      "CREATE DATABASE {0} OWNER {1} ENCODING 'UTF8' TEMPLATE template0;\n"
      "GRANT ALL PRIVILEGES ON DATABASE {0} TO {1};\n"
      "REVOKE CONNECT ON DATABASE {0} FROM PUBLIC;\n",
      database, user);
}

std::string mysql_recipe(const InstanceDatabaseNames& names) {
  const auto database = db::quote_mysql_identifier(names.database);
  const auto user = quote_mysql_text(names.user) + "@'%'";
  return fmt::format(
      "-- For the program mariadb or mysql, as root of the server that is to hold the database.\n"
      "-- Put the new password between the quotes; double a quote that is in it.\n"
      "SET @password = '';\n"
      "CREATE DATABASE {0} CHARACTER SET utf8mb4;\n"
      "SET @statement = CONCAT({2}, QUOTE(@password));\n"
      "PREPARE make_user FROM @statement;\n"
      "EXECUTE make_user;\n"
      "DEALLOCATE PREPARE make_user;\n"
      "GRANT ALL PRIVILEGES ON {0}.* TO {1};\n",
      database, user, quote_mysql_text(fmt::format("CREATE USER {} IDENTIFIED BY ", user)));
}

Task<void> InstanceDatabases::try_to_create(InstanceDatabaseNames names, std::string password,
                                            CommitSync sync) {
  or_throw(check_database_name(names.database));
  or_throw(check_database_name(names.user));
  const auto owners = co_await admin_.query_repeatable(
      "SELECT datname FROM pg_database WHERE datdba = (SELECT oid FROM pg_roles WHERE rolname = $1) AND "
      "datname <> $2",
      names.user, names.database);
  if (!owners.empty())
    throw_failure(Errc::kExists, "the role {} belongs to another database ({})", names.user,
                  owners[0].get<std::string>("datname"));
  const auto current = co_await admin_.query_repeatable(
      "SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1", names.database);
  if (!current.empty() && current[0].get<std::string>("owner") != names.user)
    throw_failure(Errc::kExists, "the database {} is there already and belongs to {}", names.database,
                  current[0].get<std::string>("owner"));

  const std::string user = quote_identifier(names.user);
  const std::string secret = quote_literal(db::make_password_secret(password));
  const bool has_user = co_await user_exists(names.user);
  // CREATE DATABASE is on disk at its end, with all before it.
  const auto role_sync = current.empty() ? CommitSync::kInOrder : sync;
  co_await admin_.run_script(fmt::format("{}{} ROLE {} LOGIN PASSWORD {}", first_of_script(role_sync),
                                         has_user ? "ALTER" : "CREATE", user, secret));
  if (current.empty()) co_await create_database(names.database, names.user, sync);
  else co_await protect(names.database, names.user, sync);
}

// A manager that died has left PostgreSQL at its last statement, which may make the same at the same time. Who comes second
// waits for the first and fails; then it is there, and the next try knows. And a PostgreSQL that crashed may have lost the
// role that was just made.
namespace {

constexpr int kTries = 5;

bool is_raced(const Failure& failure, int tries) {
  const auto code = failure.error().code;
  return dynamic_cast<const db::SqlFailure*>(&failure) &&
         (code == Errc::kExists || code == Errc::kNotFound) && tries < kTries;
}

}  // namespace

Task<void> InstanceDatabases::create(InstanceDatabaseNames names, std::string password, CommitSync sync) {
  for (int tries = 1;; ++tries) {
    try {
      co_await try_to_create(names, password, sync);
      co_return;
    } catch (const Failure& failure) {
      if (!is_raced(failure, tries)) throw;
    }
  }
}

Task<void> InstanceDatabases::create_beside(std::string database, std::string owner) {
  for (int tries = 1;; ++tries) {
    co_await drop_database(database);
    try {
      co_await create_database(database, owner, CommitSync::kNow);
      co_return;
    } catch (const Failure& failure) {
      if (!is_raced(failure, tries)) throw;
    }
  }
}

Task<void> InstanceDatabases::create_database(std::string database, std::string owner, CommitSync sync) {
  // From template0: UTF8 and the cluster's locale whatever an admin put into template1.
  co_await admin_.query(fmt::format("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0",
                                    quote_identifier(database), quote_identifier(owner)));
  co_await protect(std::move(database), std::move(owner), sync);
}

Task<void> InstanceDatabases::protect(std::string database, std::string owner, CommitSync sync) {
  co_await admin_.run_script(fmt::format(
      "{2}REVOKE CONNECT ON DATABASE {0} FROM PUBLIC; GRANT ALL PRIVILEGES ON DATABASE {0} TO {1}",
      quote_identifier(database), quote_identifier(owner), first_of_script(sync)));
}

Task<void> InstanceDatabases::set_password(std::string user, std::string password) {
  const std::string secret = quote_literal(db::make_password_secret(password));
  co_await admin_.query(fmt::format("ALTER ROLE {} PASSWORD {}", quote_identifier(user), secret));
}

Task<void> InstanceDatabases::end_sessions(std::string database, bool keep_out) {
  if (keep_out)
    co_await admin_.query(
        fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS false", quote_identifier(database)));
  // Waits up to 10 s for each to be gone (PostgreSQL, pg_terminate_backend).
  co_await admin_.query_repeatable(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1 AND pid <> "
      "pg_backend_pid()",
      database);
}

Task<void> InstanceDatabases::keep_apps_out(std::string database) {
  const bool is_there = co_await exists(database);
  if (!is_there) co_return;
  co_await admin_.query(fmt::format("ALTER DATABASE {} CONNECTION LIMIT 0", quote_identifier(database)));
  co_await end_sessions(database, false);
}

Task<void> InstanceDatabases::let_apps_in(std::string database) {
  const bool is_there = co_await exists(database);
  if (is_there)
    co_await admin_.query(fmt::format("ALTER DATABASE {} CONNECTION LIMIT -1", quote_identifier(database)));
}

// PostgreSQL keeps it with role and database, so it survives us, and goes with the database.
Task<void> InstanceDatabases::set_read_only(std::string database, std::string user, bool is_read_only) {
  const bool is_there = co_await exists(database);
  if (!is_there) co_return;
  co_await admin_.query(fmt::format("ALTER ROLE {} IN DATABASE {} {} default_transaction_read_only{}",
                                    quote_identifier(user), quote_identifier(database),
                                    is_read_only ? "SET" : "RESET", is_read_only ? " = on" : ""));
}

Task<std::set<std::string>> InstanceDatabases::read_only() {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT d.datname::text AS name FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
      "AND "
      "d.datdba = s.setrole WHERE 'default_transaction_read_only=on' = ANY(s.setconfig)");
  std::set<std::string> names;
  for (const auto row : rows) names.insert(row.get<std::string>("name"));
  co_return std::move(names);
}

Task<void> InstanceDatabases::end_old_sessions(std::string database, std::string user, std::int64_t moment) {
  co_await admin_.query_repeatable(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = $2 AND "
      "backend_start < to_timestamp($3::bigint)",
      database, user, moment);
}

Task<void> InstanceDatabases::end_sessions_of(std::string database, std::string user) {
  co_await admin_.query_repeatable(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = $2", database,
      user);
}

Task<void> InstanceDatabases::lock_out(std::string user) {
  const bool is_there = co_await user_exists(user);
  if (!is_there) co_return;
  co_await admin_.query(fmt::format("ALTER ROLE {} NOLOGIN", quote_identifier(user)));
  co_await admin_.query_repeatable(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", user);
}

Task<void> InstanceDatabases::unlock(std::string user) {
  const bool is_there = co_await user_exists(user);
  if (is_there) co_await admin_.query(fmt::format("ALTER ROLE {} LOGIN", quote_identifier(user)));
}

Task<std::set<std::string>> InstanceDatabases::locked_out() {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT d.datname::text AS name FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE NOT "
      "r.rolcanlogin");
  std::set<std::string> names;
  for (const auto row : rows) names.insert(row.get<std::string>("name"));
  co_return std::move(names);
}

Task<std::optional<InstanceDatabases::Seen>> InstanceDatabases::look_at(std::string database) {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT oid::text AS oid, pg_database_size(oid) AS bytes FROM pg_database WHERE datname = $1",
      database);
  if (rows.empty()) co_return std::nullopt;
  co_return Seen{rows[0].get<std::string>("oid"), rows[0].get<std::uint64_t>("bytes")};
}

Task<void> InstanceDatabases::drop_database(std::string database) {
  const bool is_there = co_await exists(database);
  if (!is_there) co_return;
  co_await end_sessions(database, true);
  co_await admin_.query(fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(database)));
}

Task<void> InstanceDatabases::drop(InstanceDatabaseNames names) {
  co_await drop_database(names.database);
  const auto uses = co_await admin_.query_repeatable(
      "SELECT 1 FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND "
      "refobjid = (SELECT oid FROM pg_roles WHERE rolname = $1) LIMIT 1",
      names.user);
  if (uses.empty())
    co_await admin_.query(fmt::format("DROP ROLE IF EXISTS {}", quote_identifier(names.user)));
  else log_info("role kept, it owns more", {{"role", names.user}});
}

Task<void> InstanceDatabases::rename(std::string from, std::string to) {
  or_throw(check_database_name(to));
  const bool has_from = co_await exists(from);
  const bool has_to = co_await exists(to);
  if (has_from && has_to) throw_failure(Errc::kExists, "the database {} is there already", to);
  if (!has_from && !has_to) throw_failure(Errc::kNotFound, "there is no database {}", from);
  if (has_from) co_await swap(to, from, "");
}

Task<void> InstanceDatabases::swap(std::string live, std::string replacement, std::string aside) {
  const bool has_live = co_await exists(live);
  const bool has_replacement = co_await exists(replacement);
  if (!has_replacement) {
    if (!has_live) throw_failure(Errc::kNotFound, "there is neither database {} nor {}", live, replacement);
    co_return;  // done before
  }
  if (has_live) {
    if (aside.empty()) throw_failure(Errc::kExists, "the database {} is there already", live);
    const bool has_aside = co_await exists(aside);
    if (has_aside) throw_failure(Errc::kExists, "the database {} is there already", aside);
  }
  std::vector<std::string> involved = {replacement};
  if (has_live) involved.push_back(live);
  std::optional<Failure> failed;
  try {
    for (const auto& name : involved) co_await end_sessions(name, true);
    auto transaction = co_await admin_.begin();
    const auto rename = [&transaction](const std::string& from, const std::string& to) -> Task<void> {
      const std::string name = quote_identifier(to);
      co_await transaction.query(fmt::format("ALTER DATABASE {} RENAME TO {}", quote_identifier(from), name));
      co_await transaction.query(fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS true", name));
    };
    if (has_live) {
      const auto owners = co_await transaction.query(
          "SELECT pg_get_userbyid(datdba)::text AS name FROM pg_database WHERE datname = $1", live);
      const std::string owner = quote_identifier(owners.front().get<std::string>("name"));
      co_await rename(live, aside);
      // With its owner go his rights: nobody counts what he would write there.
      co_await transaction.query(
          fmt::format("ALTER DATABASE {} OWNER TO CURRENT_USER", quote_identifier(aside)));
      co_await transaction.query(
          fmt::format("ALTER DATABASE {} OWNER TO {}", quote_identifier(replacement), owner));
    }
    co_await rename(replacement, live);
    co_await transaction.commit();
  } catch (const Failure& failure) {
    failed = failure;
  }
  if (!failed) co_return;
  // Nothing was renamed (or, if the connection was lost in the commit, everything): let them in again.
  for (const auto& name : involved) co_await admit(name);
  throw *failed;
}

Task<void> InstanceDatabases::admit(std::string database) {
  const auto closed = co_await admin_.query_repeatable(
      "SELECT 1 FROM pg_database WHERE datname = $1 AND NOT datallowconn", database);
  if (!closed.empty())
    co_await admin_.query(
        fmt::format("ALTER DATABASE {} ALLOW_CONNECTIONS true", quote_identifier(database)));
}

Task<bool> InstanceDatabases::exists(std::string database) {
  const auto rows =
      co_await admin_.query_repeatable("SELECT 1 FROM pg_database WHERE datname = $1", database);
  co_return !rows.empty();
}

Task<bool> InstanceDatabases::user_exists(std::string user) {
  const auto rows = co_await admin_.query_repeatable("SELECT 1 FROM pg_roles WHERE rolname = $1", user);
  co_return !rows.empty();
}

Task<std::uint64_t> InstanceDatabases::size(std::string database) {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT pg_database_size(oid) AS bytes FROM pg_database WHERE datname = $1", database);
  if (rows.empty()) throw_failure(Errc::kNotFound, "there is no database {}", database);
  co_return rows[0].get<std::uint64_t>("bytes");
}

Task<std::map<std::string, std::uint64_t>> InstanceDatabases::sizes() {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT datname AS name, pg_database_size(oid) AS bytes FROM pg_database WHERE NOT datistemplate");
  std::map<std::string, std::uint64_t> sizes;
  for (const auto row : rows) sizes.emplace(row.get<std::string>("name"), row.get<std::uint64_t>("bytes"));
  co_return std::move(sizes);
}

Task<int> InstanceDatabases::sessions(std::string database) {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = $1", database);
  co_return rows[0].get<int>("n");
}

}  // namespace berth::manager
