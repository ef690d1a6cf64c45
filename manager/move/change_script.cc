#include "manager/move/change_script.h"

#include "db/sql.h"

namespace berth::manager {
namespace {

using pgoutput::Column;
using pgoutput::Relation;
using pgoutput::Tuple;
using pgoutput::Value;

constexpr std::size_t kLongestInsert = 64 << 10;  // bytes of one statement, about

std::string table_of(const Relation& relation) {
  return db::quote_identifier(relation.schema) + "." + db::quote_identifier(relation.name);
}

std::string literal(const Value& value) {
  return value.kind == Value::Kind::kNull ? "NULL" : db::quote_literal(value.text);
}

// A column of a table without key has what `value` says. Compared as it is written, for there are types without an equality
// (json, point); IS NOT DISTINCT FROM NULL is true for a null only, where IS NULL is also for a row of nulls.
std::string is_written_as(const Column& column, const Value& value) {
  const auto name = db::quote_identifier(column.name);
  if (value.kind == Value::Kind::kNull) return fmt::format("{} IS NOT DISTINCT FROM NULL", name);
  return fmt::format("{0} IS DISTINCT FROM NULL AND pg_catalog.format('%s', {0}) COLLATE \"C\" = {1}", name,
                     literal(value));
}

std::string exactly_one(const std::string& statement) {
  return fmt::format("WITH hit AS ({} RETURNING 1) SELECT 1 / (count(*) = 1)::int FROM hit;\n", statement);
}

bool has_zero(const Tuple& tuple) {
  for (const auto& value : tuple)
    if (value.text.find('\0') != std::string::npos) return true;
  return false;
}

}  // namespace

Result<const Relation*> ChangeScript::find(std::uint32_t id, std::size_t columns) {
  const auto found = relations_.find(id);
  if (found == relations_.end()) return fail(Errc::kMalformed, "a change of a table that was not told");
  if (found->second.columns.size() != columns)
    return fail(Errc::kMalformed, "a change of {} with {} columns instead of {}", table_of(found->second),
                columns, found->second.columns.size());
  return &found->second;
}

Result<void> ChangeScript::add(const pgoutput::Message& message) {
  if (const auto* insert = std::get_if<pgoutput::Insert>(&message)) return add_insert(*insert);
  if (std::holds_alternative<pgoutput::Commit>(message)) {
    place_ = std::get<pgoutput::Commit>(message).end;
    is_between_ = true;  // an insert may go on in the next transaction: they are applied together
    return {};
  }
  if (std::holds_alternative<pgoutput::Begin>(message)) {
    is_between_ = false;
    return {};
  }
  if (const auto* relation = std::get_if<Relation>(&message)) {
    end_statement();
    relations_[relation->id] = *relation;
    return {};
  }
  if (std::holds_alternative<pgoutput::Other>(message)) return {};
  end_statement();
  if (const auto* update = std::get_if<pgoutput::Update>(&message)) return add_update(*update);
  if (const auto* gone = std::get_if<pgoutput::Delete>(&message)) return add_delete(*gone);
  return add_truncate(std::get<pgoutput::Truncate>(message));
}

Result<void> ChangeScript::add_insert(const pgoutput::Insert& insert) {
  BERTH_TRY(const auto* relation, find(insert.relation, insert.row.size()));
  if (has_zero(insert.row)) return fail(Errc::kMalformed, "a text with a zero byte");
  const auto table = table_of(*relation);
  changed_.insert(table);
  ++changes_;
  if (insert.row.empty()) {
    end_statement();
    sql_ += fmt::format("INSERT INTO {} DEFAULT VALUES;\n", table);
    return {};
  }
  if (open_insert_ == insert.relation && sql_.size() < kLongestInsert) {
    sql_ += ",\n(";
  } else {
    end_statement();
    std::string names;
    for (const auto& column : relation->columns)
      names += (names.empty() ? "" : ", ") + db::quote_identifier(column.name);
    sql_ += fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES (", table, names);
    open_insert_ = insert.relation;
  }
  bool is_first = true;
  for (const auto& value : insert.row) {
    if (value.kind == Value::Kind::kUnchanged)
      return fail(Errc::kMalformed, "a new row of {} without a value", table);
    if (!std::exchange(is_first, false)) sql_ += ", ";
    sql_ += literal(value);
  }
  sql_ += ")";
  return {};
}

// The condition by which the one row is found.
Result<std::string> ChangeScript::place_of(const Relation& relation, const Tuple& old, bool is_whole) {
  const auto table = table_of(relation);
  std::string condition;
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const auto& column = relation.columns[i];
    if (!is_whole && !column.is_key) continue;
    if (old[i].kind == Value::Kind::kUnchanged)
      return fail(Errc::kMalformed, "a row of {} whose key is not told", table);
    if (!condition.empty()) condition += " AND ";
    condition += is_whole ? is_written_as(column, old[i])
                          : fmt::format("{} = {}", db::quote_identifier(column.name), literal(old[i]));
  }
  if (condition.empty() && !is_whole)
    return fail(Errc::kConflict, "rows of {} cannot be told from each other", table);
  if (!is_whole) return condition;
  // Equal rows may be there several times: one of them is meant.
  return fmt::format("ctid = (SELECT ctid FROM ONLY {}{}{} LIMIT 1)", table,
                     condition.empty() ? "" : " WHERE ", condition);
}

Result<void> ChangeScript::add_update(const pgoutput::Update& update) {
  BERTH_TRY(const auto* relation, find(update.relation, update.row.size()));
  if (update.old && update.old->size() != update.row.size())
    return fail(Errc::kMalformed, "a change of {} that does not fit", table_of(*relation));
  if (has_zero(update.row) || (update.old && has_zero(*update.old)))
    return fail(Errc::kMalformed, "a text with a zero byte");
  const bool is_whole = update.old && update.is_old_whole;
  BERTH_TRY(const auto condition, place_of(*relation, update.old ? *update.old : update.row, is_whole));
  std::string sets;
  for (std::size_t i = 0; i < update.row.size(); ++i) {
    const auto& value = update.row[i];
    const auto& column = relation->columns[i];
    if (value.kind == Value::Kind::kUnchanged) continue;
    if (!update.old && column.is_key) continue;
    if (is_whole && (*update.old)[i] == value) continue;
    if (!sets.empty()) sets += ", ";
    sets += fmt::format("{} = {}", db::quote_identifier(column.name), literal(value));
  }
  const auto table = table_of(*relation);
  changed_.insert(table);
  ++changes_;
  if (!sets.empty())
    sql_ += exactly_one(fmt::format("UPDATE ONLY {} SET {} WHERE {}", table, sets, condition));
  return {};
}

Result<void> ChangeScript::add_delete(const pgoutput::Delete& gone) {
  BERTH_TRY(const auto* relation, find(gone.relation, gone.old.size()));
  if (has_zero(gone.old)) return fail(Errc::kMalformed, "a text with a zero byte");
  BERTH_TRY(const auto condition, place_of(*relation, gone.old, gone.is_old_whole));
  const auto table = table_of(*relation);
  changed_.insert(table);
  ++changes_;
  sql_ += exactly_one(fmt::format("DELETE FROM ONLY {} WHERE {}", table, condition));
  return {};
}

Result<void> ChangeScript::add_truncate(const pgoutput::Truncate& truncate) {
  std::string tables;
  for (const auto id : truncate.relations) {
    const auto found = relations_.find(id);
    if (found == relations_.end()) return fail(Errc::kMalformed, "a change of a table that was not told");
    const auto table = table_of(found->second);
    changed_.insert(table);
    tables += (tables.empty() ? "ONLY " : ", ONLY ") + table;
  }
  ++changes_;
  if (!tables.empty()) sql_ += fmt::format("TRUNCATE {};\n", tables);
  return {};
}

void ChangeScript::end_statement() {
  open_insert_ = 0;
  if (!sql_.empty() && !sql_.ends_with(";\n")) sql_ += ";\n";
}

std::string ChangeScript::take() {
  end_statement();
  return std::exchange(sql_, {});
}

}  // namespace berth::manager
