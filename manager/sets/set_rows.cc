#include "manager/sets/set_rows.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

template <class E, std::size_t N>
std::optional<E> parse_among(const std::array<std::string_view, N>& words, std::string_view word) {
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == word) return static_cast<E>(i);
  return std::nullopt;
}
template <class E>
E known(std::optional<E> value, std::string_view word) {
  if (!value) throw_failure(Errc::kMalformed, "the manager's database has the unknown word \"{}\"", word);
  return *value;
}

constexpr std::array<std::string_view, 4> kScopes = {"all", "domain", "instance", "manager"};
constexpr std::array<std::string_view, 5> kSetStates = {"running", "good", "partial", "failed", "damaged"};
constexpr std::array<std::string_view, 4> kItemStates = {"waiting", "written", "failed", "damaged"};

std::string to_text(const std::map<std::string, std::string>& values) {
  json::Object object;
  for (const auto& [name, value] : values) object[name] = value;
  return json::serialize(object);
}
std::map<std::string, std::string> to_map(std::string_view text) {
  std::map<std::string, std::string> values;
  const auto object = or_throw(json::parse_object(text));
  for (const auto& member : object)
    if (member.value().is_string()) values[member.key()] = member.value().get_string();
  return values;
}
std::string to_text(const RowCounts& rows) {
  json::Object object;
  for (const auto& [table, count] : rows) object[table] = count;
  return json::serialize(object);
}
RowCounts to_rows(std::string_view text) {
  RowCounts rows;
  const auto object = or_throw(json::parse_object(text));
  for (const auto& member : object) rows[member.key()] = member.value().to_number<std::uint64_t>();
  return rows;
}
// Empty texts are null in columns of times.
std::optional<std::string> or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

#define BERTH_UTC(column) \
  "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS " column

constexpr const char* kTargetColumns = "SELECT name, kind, place, options, secrets, append_only, " BERTH_UTC(
    "created") ", " BERTH_UTC("made") ", " BERTH_UTC("tested") ", error FROM backup_target";
constexpr const char* kPolicyColumns =
    "SELECT name, target, scope, instance, domain, excluded, schedule, keep, enabled, verify, " BERTH_UTC(
        "created") ", " BERTH_UTC("due") " FROM backup_policy";
constexpr const char* kSetColumns = "SELECT id, policy, target, job, state, " BERTH_UTC(
    "started") ", " BERTH_UTC("ended") ", " BERTH_UTC("verified") ", manifest, error FROM backup_set";
constexpr const char* kItemColumns =
    "SELECT set, name, domain, service, build, label, path, database, object, bytes, estimate, sha256, rows, "
    "state, "
    "error, " BERTH_UTC("written") ", " BERTH_UTC("verified") " FROM backup_item";

PolicyRow read_policy(const db::Row& row) {
  PolicyRow policy;
  policy.name = row.text("name");
  policy.target = row.text("target");
  policy.scope = known(parse_scope(row.text("scope")), row.text("scope"));
  policy.instance = row.text("instance");
  policy.domain = row.text("domain");
  const auto excluded = or_throw(json::parse(row.text("excluded")));
  for (const auto& one : excluded.as_array())
    if (one.is_string()) policy.excluded.emplace_back(one.get_string());
  policy.schedule = row.text("schedule");
  policy.keep = or_throw(parse_keep_rules(row.text("keep")));
  policy.enabled = row.get<bool>("enabled");
  policy.verify = row.get<bool>("verify");
  policy.created = row.text("created");
  policy.due = row.text("due");
  return policy;
}

SetRow read_set(const db::Row& row) {
  SetRow set;
  set.id = row.text("id");
  set.policy = row.text("policy");
  set.target = row.text("target");
  set.job = row.text("job");
  set.state = known(parse_set_state(row.text("state")), row.text("state"));
  set.started = row.text("started");
  set.ended = row.text("ended");
  set.verified = row.text("verified");
  set.manifest = row.text("manifest");
  set.error = row.text("error");
  return set;
}

ItemRow read_item(const db::Row& row) {
  ItemRow item;
  item.set = row.text("set");
  item.name = row.text("name");
  item.domain = row.text("domain");
  item.service = row.text("service");
  item.build = row.text("build");
  item.label = row.text("label");
  item.path = row.text("path");
  item.database = row.text("database");
  item.object = row.text("object");
  item.bytes = row.get<std::uint64_t>("bytes");
  item.estimate = row.get<std::uint64_t>("estimate");
  item.sha256 = row.text("sha256");
  item.rows = to_rows(row.text("rows"));
  item.state = known(parse_item_state(row.text("state")), row.text("state"));
  item.error = row.text("error");
  item.written = row.text("written");
  item.verified = row.text("verified");
  return item;
}

template <class Row>
std::vector<Row> read_all(const db::Rows& rows, Row (*read)(const db::Row&)) {
  std::vector<Row> all;
  all.reserve(rows.size());
  for (const auto row : rows) all.push_back(read(row));
  return all;
}

}  // namespace

std::string_view name_of(Scope scope) { return kScopes[static_cast<std::size_t>(scope)]; }
std::optional<Scope> parse_scope(std::string_view word) { return parse_among<Scope>(kScopes, word); }
std::string_view name_of(SetState state) { return kSetStates[static_cast<std::size_t>(state)]; }
std::optional<SetState> parse_set_state(std::string_view word) {
  return parse_among<SetState>(kSetStates, word);
}
std::string_view name_of(ItemState state) { return kItemStates[static_cast<std::size_t>(state)]; }
std::optional<ItemState> parse_item_state(std::string_view word) {
  return parse_among<ItemState>(kItemStates, word);
}

TargetRow SetStore::read_target(const db::Row& row) const {
  TargetRow target;
  target.name = row.text("name");
  target.kind = row.text("kind");
  target.place = row.text("place");
  target.options = to_map(row.text("options"));
  auto secrets = or_throw(box_.unseal(row.text("secrets")));
  target.secrets = to_map(secrets);
  erase_secret(secrets);
  target.append_only = row.get<bool>("append_only");
  target.created = row.text("created");
  target.made = row.text("made");
  target.tested = row.text("tested");
  target.error = row.text("error");
  return target;
}

Task<std::vector<TargetRow>> SetStore::targets() {
  const auto rows = co_await database_.query_repeatable(std::string(kTargetColumns) + " ORDER BY name");
  std::vector<TargetRow> all;
  for (const auto row : rows) all.push_back(read_target(row));
  co_return all;
}

Task<TargetRow> SetStore::target(std::string name) {
  const auto rows =
      co_await database_.query_repeatable(std::string(kTargetColumns) + " WHERE name = $1", name);
  if (rows.empty()) throw_failure(Errc::kNotFound, "there is no backup target {}", name);
  co_return read_target(rows[0]);
}

Task<void> SetStore::put_target(TargetRow row) {
  std::string secrets = to_text(row.secrets);
  const std::string options = to_text(row.options), sealed = box_.seal(secrets);
  erase_secret(secrets);
  co_await database_.query_repeatable(
      "INSERT INTO backup_target (name, kind, place, options, secrets, append_only) VALUES ($1, $2, $3, $4, "
      "$5, $6) ON "
      "CONFLICT (name) DO UPDATE SET kind = $2, place = $3, options = $4, secrets = $5, append_only = $6",
      row.name, row.kind, row.place, options, sealed, row.append_only);
}

Task<void> SetStore::remove_target(std::string name) {
  co_await database_.query_repeatable("DELETE FROM backup_target WHERE name = $1", name);
}

Task<void> SetStore::target_tried(std::string name, std::string error) {
  co_await database_.query_repeatable("UPDATE backup_target SET tested = now(), error = $2 WHERE name = $1",
                                      name, error);
}

Task<void> SetStore::target_made(std::string name) {
  co_await database_.query_repeatable("UPDATE backup_target SET made = coalesce(made, now()) WHERE name = $1",
                                      name);
}

Task<std::vector<PolicyRow>> SetStore::policies() {
  const auto rows = co_await database_.query_repeatable(std::string(kPolicyColumns) + " ORDER BY name");
  co_return read_all(rows, read_policy);
}

Task<PolicyRow> SetStore::policy(std::string name) {
  const auto rows =
      co_await database_.query_repeatable(std::string(kPolicyColumns) + " WHERE name = $1", name);
  if (rows.empty()) throw_failure(Errc::kNotFound, "there is no backup policy {}", name);
  co_return read_policy(rows[0]);
}

Task<void> SetStore::put_policy(PolicyRow row) {
  json::Array excluded;
  for (const auto& one : row.excluded) excluded.emplace_back(one);
  const std::string excluded_text = json::serialize(json::Value(excluded)), scope(name_of(row.scope)),
                    keep = format_keep_rules(row.keep);
  const auto due = or_null(row.due);
  co_await database_.query_repeatable(
      "INSERT INTO backup_policy (name, target, scope, instance, domain, excluded, schedule, keep, enabled, "
      "verify, due) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (name) DO UPDATE SET target = $2, "
      "scope = $3, "
      "instance = $4, domain = $5, excluded = $6, schedule = $7, keep = $8, enabled = $9, verify = $10, due "
      "= $11",
      row.name, row.target, scope, row.instance, row.domain, excluded_text, row.schedule, keep, row.enabled,
      row.verify, due);
}

Task<void> SetStore::remove_policy(std::string name) {
  co_await database_.query_repeatable("DELETE FROM backup_policy WHERE name = $1", name);
}

Task<void> SetStore::set_due(std::string name, std::string due) {
  const auto moment = or_null(due);
  co_await database_.query_repeatable("UPDATE backup_policy SET due = $2 WHERE name = $1", name, moment);
}

Task<void> SetStore::add_set(SetRow row, std::vector<ItemRow> items) {
  auto transaction = co_await database_.begin();
  const std::string state(name_of(row.state));
  const auto added = co_await transaction.query(
      "INSERT INTO backup_set (id, policy, target, job, state) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO "
      "NOTHING",
      row.id, row.policy, row.target, row.job, state);
  if (added.affected() > 0)
    for (const auto& item : items)
      co_await transaction.query(
          "INSERT INTO backup_item (set, name, domain, service, build, label, path, database, estimate) "
          "VALUES ($1, $2, "
          "$3, $4, $5, $6, $7, $8, $9)",
          row.id, item.name, item.domain, item.service, item.build, item.label, item.path, item.database,
          item.estimate);
  co_await transaction.commit();
}

Task<void> SetStore::put_set(SetRow row) {
  const std::string state(name_of(row.state));
  const auto ended = or_null(row.ended), verified = or_null(row.verified);
  co_await database_.query_repeatable(
      "UPDATE backup_set SET state = $2, ended = $3, verified = $4, manifest = $5, error = $6 WHERE id = $1",
      row.id, state, ended, verified, row.manifest, row.error);
}

Task<SetRow> SetStore::set(std::string id) {
  const auto rows = co_await database_.query_repeatable(std::string(kSetColumns) + " WHERE id = $1", id);
  if (rows.empty()) throw_failure(Errc::kNotFound, "there is no backup set {}", id);
  co_return read_set(rows[0]);
}

Task<std::vector<SetRow>> SetStore::sets(std::string policy, std::size_t limit) {
  const auto rows = co_await database_.query_repeatable(
      std::string(kSetColumns) + " WHERE $1 = '' OR policy = $1 ORDER BY id DESC LIMIT $2", policy, limit);
  co_return read_all(rows, read_set);
}

Task<void> SetStore::remove_sets(std::vector<std::string> ids) {
  for (const auto& id : ids) co_await database_.query_repeatable("DELETE FROM backup_set WHERE id = $1", id);
}

Task<std::vector<ItemRow>> SetStore::items(std::string set) {
  const auto rows = co_await database_.query_repeatable(
      std::string(kItemColumns) + " WHERE set = $1 ORDER BY estimate, name, domain", set);
  co_return read_all(rows, read_item);
}

Task<ItemRow> SetStore::item(std::string set, std::string name, std::string domain) {
  const auto rows = co_await database_.query_repeatable(
      std::string(kItemColumns) + " WHERE set = $1 AND name = $2 AND domain = $3", set, name, domain);
  if (rows.empty())
    throw_failure(Errc::kNotFound, "the backup set {} has no {}", set,
                  name.empty() ? "manager" : name + "@" + domain);
  co_return read_item(rows[0]);
}

Task<void> SetStore::put_item(ItemRow row) {
  const std::string rows = to_text(row.rows), state(name_of(row.state));
  const auto written = or_null(row.written), verified = or_null(row.verified);
  co_await database_.query_repeatable(
      "UPDATE backup_item SET object = $4, bytes = $5, sha256 = $6, rows = $7, state = $8, error = $9, "
      "written = $10, "
      "verified = $11 WHERE set = $1 AND name = $2 AND domain = $3",
      row.set, row.name, row.domain, row.object, row.bytes, row.sha256, rows, state, row.error, written,
      verified);
}

Task<void> SetStore::remove_item(ItemRow row) {
  co_await database_.query_repeatable("DELETE FROM backup_item WHERE set = $1 AND name = $2 AND domain = $3",
                                      row.set, row.name, row.domain);
}

Task<std::vector<ItemRow>> SetStore::newest_items() {
  const auto rows = co_await database_.query_repeatable(
      std::string(kItemColumns) +
      " i WHERE state = 'written' AND NOT EXISTS (SELECT 1 FROM backup_item n WHERE n.name = i.name AND "
      "n.domain = "
      "i.domain AND n.state = 'written' AND n.set > i.set) ORDER BY domain, name");
  co_return read_all(rows, read_item);
}

Task<std::vector<ProofRow>> SetStore::proofs() {
  const auto rows = co_await database_.query_repeatable("SELECT name, domain, set, " BERTH_UTC(
      "drilled") ", error, " BERTH_UTC("proven") ", proven_ms FROM backup_proof "
                                                 "ORDER BY domain, name");
  std::vector<ProofRow> all;
  for (const auto row : rows) {
    ProofRow proof;
    proof.name = row.text("name");
    proof.domain = row.text("domain");
    proof.set = row.text("set");
    proof.drilled = row.text("drilled");
    proof.error = row.text("error");
    proof.proven = row.text("proven");
    proof.proven_ms = row.get<std::uint64_t>("proven_ms");
    all.push_back(std::move(proof));
  }
  co_return all;
}

Task<void> SetStore::add_proof(ItemRow item, std::string error, std::uint64_t milliseconds) {
  co_await database_.query_repeatable(
      "INSERT INTO backup_proof (name, domain, set, drilled, error, proven, proven_ms) VALUES ($1, $2, $3, "
      "now(), $4, CASE "
      "WHEN $4 = '' THEN now() END, $5) ON CONFLICT (name, domain) DO UPDATE SET set = $3, drilled = now(), "
      "error = $4, "
      "proven = CASE WHEN $4 = '' THEN now() ELSE backup_proof.proven END, proven_ms = CASE WHEN $4 = '' "
      "THEN "
      "$5::bigint ELSE backup_proof.proven_ms END",
      item.name, item.domain, item.set, error, milliseconds);
}

}  // namespace berth::manager
