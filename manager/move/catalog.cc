#include "manager/move/catalog.h"

#include "db/sql.h"

namespace berth::manager {
namespace {

// Of the app: neither PostgreSQL's nor ours, and of no extension.
constexpr std::string_view kOfTheApp =
    "n.nspname NOT IN ('pg_catalog', 'information_schema', 'berth_fence', 'berth_backup', 'berth_move') "
    "AND n.nspname !~ '^pg_(toast|temp)' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = "
    "'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

std::string sql_name_of(const db::Row& row) {
  return db::quote_identifier(row.text("schema")) + "." + db::quote_identifier(row.text("name"));
}

std::string columns_query(const std::string& table) {
  // By name, for a table that inherits may have them in another order after a dump.
  return fmt::format(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT "
      "attisdropped ORDER BY attname",
      db::quote_literal(table));
}

std::string sum_query(const std::string& table, const db::Rows& columns) {
  std::string list;
  for (const auto row : columns) list += (list.empty() ? "" : ", ") + db::quote_identifier(row.text("name"));
  return fmt::format(
      "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(ROW({})::text COLLATE \"C\", 0)), 0) AS sum "
      "FROM ONLY {}",
      list, table);
}

constexpr const char* kMarks =
    "SELECT m.oid::text AS oid, coalesce(l.mark, 0)::text AS mark FROM pg_largeobject_metadata m LEFT JOIN "
    "(SELECT loid, sum(hashtextextended(format('%s %s %s', pageno, xmin, ctid), 0)) AS mark FROM "
    "pg_largeobject GROUP BY loid) l ON l.loid = m.oid";

ObjectMarks read_marks(const db::Rows& rows) {
  ObjectMarks marks;
  for (const auto row : rows) marks.emplace(row.text("oid"), row.text("mark"));
  return marks;
}

}  // namespace

std::string AppTable::sql_name() const {
  return db::quote_identifier(schema) + "." + db::quote_identifier(name);
}

Task<Catalog> read_catalog(db::Database& database) {
  Catalog catalog;
  const auto tables = co_await database.query_repeatable(
      fmt::format("SELECT n.nspname AS schema, c.relname AS name, c.relreplident::text AS identity, "
                  "c.relpersistence = 'u' "
                  "AS unlogged, c.relreplident = 'n' OR (c.relreplident = 'd' AND NOT EXISTS (SELECT 1 FROM "
                  "pg_index i WHERE "
                  "i.indrelid = c.oid AND i.indisprimary)) OR (c.relreplident = 'i' AND NOT EXISTS (SELECT 1 "
                  "FROM pg_index i "
                  "WHERE i.indrelid = c.oid AND i.indisreplident)) AS whole FROM pg_class c JOIN "
                  "pg_namespace n ON n.oid = "
                  "c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {} ORDER BY 1, 2",
                  kOfTheApp));
  for (const auto row : tables) {
    AppTable table;
    table.schema = row.text("schema");
    table.name = row.text("name");
    table.identity = row.text("identity").front();
    table.is_unlogged = row.get<bool>("unlogged");
    table.needs_whole = row.get<bool>("whole") && !table.is_unlogged;
    catalog.tables.push_back(std::move(table));
  }
  const auto columns = co_await database.query_repeatable(fmt::format(
      "SELECT n.nspname AS schema, c.relname AS name, a.attname AS column FROM pg_attribute a JOIN "
      "pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
      "a.attidentity = 'a' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND c.relpersistence <> "
      "'t' AND {} ORDER BY 1, 2, 3",
      kOfTheApp));
  for (const auto row : columns)
    catalog.always_identities.push_back({sql_name_of(row), std::string(row.text("column"))});
  const auto views = co_await database.query_repeatable(fmt::format(
      "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relkind = 'm' AND c.relispopulated AND {} ORDER BY c.oid",
      kOfTheApp));
  for (const auto row : views) catalog.views.push_back(sql_name_of(row));
  const auto objects =
      co_await database.query_repeatable("SELECT count(*) AS n FROM pg_largeobject_metadata");
  catalog.large_objects = objects.front().get<std::uint64_t>("n");
  co_return std::move(catalog);
}

Task<std::string> sum_of(db::Database& database, std::string table) {
  const auto columns = co_await database.query_repeatable(columns_query(table));
  const auto sum = co_await database.query_repeatable(sum_query(table, columns));
  co_return sum.front().get<std::string>("sum");
}

Task<std::string> sum_of(db::Transaction& transaction, std::string table) {
  const auto columns = co_await transaction.query(columns_query(table));
  const auto sum = co_await transaction.query(sum_query(table, columns));
  co_return sum.front().get<std::string>("sum");
}

Task<std::string> sequence_script(db::Database& database) {
  const auto names = co_await database.query_repeatable(fmt::format(
      "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {} ORDER BY 1, 2",
      kOfTheApp));
  std::string script;
  for (const auto row : names) {
    const auto name = sql_name_of(row);
    const auto place =
        co_await database.query_repeatable(fmt::format("SELECT last_value, is_called FROM {}", name));
    script +=
        fmt::format("SELECT pg_catalog.setval({}::regclass, {}, {});\n", db::quote_literal(name),
                    place.front().get<std::int64_t>("last_value"), place.front().get<bool>("is_called"));
  }
  co_return std::move(script);
}

Task<ObjectMarks> large_object_marks(db::Database& database) {
  const auto rows = co_await database.query_repeatable(kMarks);
  co_return read_marks(rows);
}

Task<ObjectMarks> large_object_marks(db::Transaction& transaction) {
  const auto rows = co_await transaction.query(kMarks);
  co_return read_marks(rows);
}

std::string escape_option(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == ' ' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string session_options(const std::string& search_path) {
  std::string options =
      "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 -c "
      "bytea_output=hex "
      "-c xmlbinary=base64 -c standard_conforming_strings=on -c statement_timeout=0 -c lock_timeout=0 "
      "-c idle_in_transaction_session_timeout=0 -c client_min_messages=warning";
  if (!search_path.empty()) options += " -c search_path=" + escape_option(search_path);
  return options;
}

Task<std::string> search_path_of(db::Database& database) {
  const auto rows = co_await database.query_repeatable(
      "SELECT DISTINCT n.nspname AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
      "WHERE "
      "n.nspname NOT IN ('public', 'pg_catalog') ORDER BY 1");
  std::string path = "public";
  for (const auto row : rows) path += "," + db::quote_identifier(row.text("name"));
  co_return std::move(path);
}

}  // namespace berth::manager
