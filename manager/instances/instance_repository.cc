#include "manager/instances/instance_repository.h"

#include "db/sql_failure.h"
#include "manager/instances/names.h"
#include "manager/usage/limit_ranges.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::string_view kColumns =
    "name, domain, service, path, password, database, database_user, database_host, database_password, "
    "external, "
    "log_flags, moved, limits, isolated, "
    "to_char(writable_until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS writable_until, "
    "exclude_from_backup, wanted, is_made, "
    "to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS created, "
    "to_char(deleted AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS deleted, "
    "to_char(purge AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS purge, "
    "to_char(backed_up AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS backed_up, "
    "(SELECT jsonb_agg(jsonb_build_object('id', id::text, 'database', k.database, "
    "'replaced', to_char(replaced AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
    "'purge', to_char(k.purge AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')) ORDER BY replaced DESC, "
    "id DESC) "
    "FROM kept_data k WHERE k.name = instance.name AND k.domain = instance.domain) AS kept";

constexpr std::string_view kInsert =
    "INSERT INTO instance (name, domain, service, path, password, database, database_user, database_host, "
    "database_password, log_flags, exclude_from_backup, wanted, external, moved, limits, writable_until, "
    "isolated, is_made)";
constexpr std::string_view kInserted =
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10::numeric, $11::boolean, $12::boolean, $13, $14, $15, "
    "nullif($16, '')::timestamptz, $17::boolean";

// Of INSERT and UPDATE, $1 to $17.
std::vector<db::Argument> arguments_of(const InstanceRow& row, const SecretBox& box) {
  return {row.name,
          row.domain,
          row.service,
          row.path,
          box.seal(row.password),
          row.database,
          row.database_user,
          row.external ? row.external->host : std::string(),
          box.seal(row.database_password),
          std::to_string(row.log_flags),
          row.exclude_from_backup,
          row.wanted,
          row.external ? box.seal(format_place(*row.external)) : std::string(),
          row.moved ? format_moved(*row.moved) : std::string(),
          is_empty(row.limits) ? std::string() : format_limits(row.limits),
          row.writable_until,
          row.isolated};
}

std::vector<KeptData> read_kept(std::string_view text) {
  std::vector<KeptData> all;
  if (text.empty()) return all;
  const auto list = or_throw(json::parse(text));
  for (const auto& value : list.as_array()) {
    const auto& object = value.as_object();
    all.push_back({json::get_string(object, "id"), json::get_string(object, "database"),
                   json::get_string(object, "replaced"), json::get_string(object, "purge")});
  }
  return all;
}

// A failed statement that broke a constraint; others are thrown on.
struct Broken {
  std::string sqlstate, constraint;
};

struct Tried {
  db::Rows rows;
  std::optional<Broken> broken;
};

Task<Tried> try_run(db::Database& database, db::Statement statement) {
  Tried tried;
  try {
    tried.rows = co_await database.run(std::move(statement));
  } catch (const db::SqlFailure& failure) {
    if (failure.sqlstate() != "23505" && failure.sqlstate() != "23503") throw;  // unique, foreign key
    tried.broken = Broken{failure.sqlstate(), failure.constraint()};
  }
  co_return std::move(tried);
}

}  // namespace

InstanceRow InstanceRepository::read(const db::Row& row) const {
  InstanceRow instance;
  instance.name = row.text("name");
  instance.domain = row.text("domain");
  instance.service = row.text("service");
  instance.path = row.text("path");
  instance.password = or_throw(box_.unseal(row.text("password")));
  instance.database = row.text("database");
  instance.database_user = row.text("database_user");
  instance.database_password = or_throw(box_.unseal(row.text("database_password")));
  if (const auto sealed = row.text("external"); !sealed.empty())
    instance.external = or_throw(parse_place(or_throw(box_.unseal(sealed))));
  else if (const auto host = row.text("database_host"); !host.empty())  // written before there was `external`
    instance.external = ExternalPlace{DatabaseType::kPostgresql, std::string(host), instance.database,
                                      instance.database_user, instance.database_password};
  instance.log_flags = row.get<std::uint64_t>("log_flags");
  instance.exclude_from_backup = row.get<bool>("exclude_from_backup");
  instance.wanted = row.get<bool>("wanted");
  instance.is_made = row.get<bool>("is_made");
  instance.created = row.text("created");
  instance.deleted = row.text("deleted");
  instance.purge = row.text("purge");
  if (const auto moved = row.text("moved"); !moved.empty()) instance.moved = or_throw(parse_moved(moved));
  if (const auto limits = row.text("limits"); !limits.empty())
    instance.limits = or_throw(api::from_json<api::Limits>(or_throw(json::parse(limits))));
  instance.writable_until = row.text("writable_until");
  instance.isolated = row.get<bool>("isolated");
  instance.backed_up = row.text("backed_up");
  instance.kept = read_kept(row.text("kept"));
  return instance;
}

Task<std::vector<InstanceRow>> InstanceRepository::all() {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM instance ORDER BY service, domain, name", kColumns));
  std::vector<InstanceRow> instances;
  for (const auto row : rows) instances.push_back(read(row));
  co_return instances;
}

Task<std::optional<InstanceRow>> InstanceRepository::find(std::string name, std::string domain) {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM instance WHERE name = $1 AND domain = $2", kColumns), name, domain);
  if (rows.empty()) co_return std::nullopt;
  co_return read(rows.front());
}

Task<void> InstanceRepository::explain_taken(InstanceRow row, std::string constraint) {
  const auto rows = co_await database_.query_repeatable(
      "SELECT name, domain, deleted IS NOT NULL AS deleted FROM instance WHERE "
      "(name = $1 AND domain = $2 AND $5 = 'instance_pkey') OR (path = $3 AND $5 = 'instance_path_key') OR "
      "(database = $4 AND $5 = 'instance_database_key') LIMIT 1",
      row.name, row.domain, row.path, row.database, constraint);
  std::string holder = "another instance";
  bool deleted = false;
  if (!rows.empty()) {
    holder = instance_key(rows.front().text("name"), rows.front().text("domain"));
    deleted = rows.front().get<bool>("deleted");
  }
  const std::string bin =
      deleted ? fmt::format("; it is in the bin: bring it back, or delete it for good") : "";
  if (constraint == "instance_path_key")
    throw_failure(Errc::kExists, "path {} is taken by {}{}", row.path, holder, bin);
  if (constraint == "instance_database_key")
    throw_failure(Errc::kExists, "database name {} is taken by {}{}", row.database, holder, bin);
  throw_failure(Errc::kExists, "there is already an instance {}{}", row.key(), bin);
}

Task<void> InstanceRepository::add(InstanceRow row, CommitSync sync) {
  db::Statement statement;
  statement.sql = fmt::format(
      "{} VALUES ({}, false){}", kInsert, kInserted,
      sync == CommitSync::kInOrder ? " RETURNING set_config('synchronous_commit', 'off', true)" : "");
  statement.arguments = arguments_of(row, box_);
  const auto tried = co_await try_run(database_, std::move(statement));
  if (!tried.broken) co_return;
  if (tried.broken->sqlstate == "23503")
    throw_failure(Errc::kNotFound, "service {} is not installed", row.service);
  const auto present = co_await find(row.name, row.domain);
  if (present && !present->is_made && present->service == row.service && present->path == row.path &&
      present->database == row.database)
    co_return;  // our own row from before a crash
  co_await explain_taken(row, tried.broken->constraint);
}

Task<bool> InstanceRepository::enter(InstanceRow row) {
  db::Statement statement;
  statement.sql = fmt::format(
      "{} SELECT {}, true FROM pg_database WHERE datname::text = $6 AND NOT has_database_privilege('public', "
      "oid, "
      "'CONNECT') ON CONFLICT (name, domain) DO UPDATE SET is_made = true RETURNING is_made",
      kInsert, kInserted);
  statement.arguments = arguments_of(row, box_);
  statement.safe_to_repeat = true;
  const auto tried = co_await try_run(database_, std::move(statement));
  if (tried.broken) co_await explain_taken(row, tried.broken->constraint);
  co_return !tried.rows.empty();
}

Task<void> InstanceRepository::update(InstanceRow row) {
  db::Statement statement;
  statement.sql =
      "UPDATE instance SET service = $3, path = $4, password = $5, database = $6, database_user = $7, "
      "database_host = $8, "
      "database_password = $9, log_flags = $10::numeric, exclude_from_backup = $11, wanted = $12, external = "
      "$13, "
      "moved = $14, limits = $15, writable_until = nullif($16, '')::timestamptz, isolated = $17, is_made = "
      "$18 "
      "WHERE name = $1 AND domain = $2";
  statement.arguments = arguments_of(row, box_);
  statement.arguments.emplace_back(row.is_made);
  statement.safe_to_repeat = true;
  const auto tried = co_await try_run(database_, std::move(statement));
  if (tried.broken) co_await explain_taken(row, tried.broken->constraint);
}

Task<void> InstanceRepository::rename(std::string name, std::string domain, std::string new_name,
                                      std::string new_domain) {
  db::Statement statement;
  statement.sql = "UPDATE instance SET name = $3, domain = $4 WHERE name = $1 AND domain = $2";
  statement.arguments = {name, domain, new_name, new_domain};
  const auto tried = co_await try_run(database_, std::move(statement));
  if (!tried.broken) co_return;
  InstanceRow wanted;
  wanted.name = new_name;
  wanted.domain = new_domain;
  co_await explain_taken(wanted, tried.broken->constraint);
}

Task<void> InstanceRepository::put_in_bin(std::string name, std::string domain, int days) {
  co_await database_.query_repeatable(
      "UPDATE instance SET deleted = coalesce(deleted, now()), purge = coalesce(purge, now() + "
      "make_interval(days => $3::int)) "
      "WHERE name = $1 AND domain = $2",
      name, domain, days);
}

Task<void> InstanceRepository::set_backed_up(std::string name, std::string domain) {
  co_await database_.query_repeatable("UPDATE instance SET backed_up = now() WHERE name = $1 AND domain = $2",
                                      name, domain);
}

Task<void> InstanceRepository::take_from_bin(std::string name, std::string domain) {
  co_await database_.query_repeatable(
      "UPDATE instance SET deleted = NULL, purge = NULL WHERE name = $1 AND domain = $2", name, domain);
}

Task<void> InstanceRepository::remove(std::string name, std::string domain) {
  co_await database_.query_repeatable("DELETE FROM instance WHERE name = $1 AND domain = $2", name, domain);
}

Task<std::vector<InstanceRow>> InstanceRepository::purgeable() {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM instance WHERE purge < now()", kColumns));
  std::vector<InstanceRow> instances;
  for (const auto row : rows) instances.push_back(read(row));
  co_return instances;
}

Task<void> InstanceRepository::keep_data(std::string id, std::string name, std::string domain,
                                         std::string database, int days) {
  co_await database_.query_repeatable(
      "INSERT INTO kept_data (id, name, domain, database, purge) VALUES ($1::bigint, $2, $3, $4, now() + "
      "make_interval(days => $5::int)) ON CONFLICT (id) DO NOTHING",
      id, name, domain, database, days);
}

Task<void> InstanceRepository::turn_kept(std::string id, std::string database, int days) {
  co_await database_.query_repeatable(
      "UPDATE kept_data SET database = $2, replaced = now(), purge = now() + make_interval(days => $3::int) "
      "WHERE id = $1::bigint",
      id, database, days);
}

Task<void> InstanceRepository::forget_kept(std::string id) {
  co_await database_.query_repeatable("DELETE FROM kept_data WHERE id = $1::bigint", id);
}

Task<std::vector<InstanceRepository::PurgeableData>> InstanceRepository::purgeable_data() {
  const auto rows = co_await database_.query_repeatable(
      "SELECT name, domain, id::text AS id FROM kept_data WHERE purge < now() ORDER BY id");
  std::vector<PurgeableData> all;
  for (const auto row : rows)
    all.push_back({row.get<std::string>("name"), row.get<std::string>("domain"), row.get<std::string>("id")});
  co_return all;
}

}  // namespace berth::manager
