// What an instance's database holds, as far as logical replication must be told, or does not bring it along.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "db/database.h"

namespace berth::manager {

using loop::Task;

struct AppTable {
  std::string schema, name;
  char identity = 'd';  // pg_class.relreplident
  bool needs_whole =
      false;  // nothing tells its rows from each other: whole rows must be written to the log for a while
  bool is_unlogged = false;      // never in the log
  std::string sql_name() const;  // "schema"."name"
};

struct AppColumn {
  std::string table, name;  // table: as sql_name()
};

struct Catalog {
  std::vector<AppTable> tables;  // without those of extensions; partitions, not what they are parts of
  std::vector<AppColumn> always_identities;  // GENERATED ALWAYS AS IDENTITY
  std::vector<std::string> views;            // materialized ones with content, those that others need first
  std::uint64_t large_objects = 0;
};
Task<Catalog> read_catalog(db::Database& database);

// By sql_name(): "rows hash", the same for the same rows in whatever order. Session settings must be those of session_options().
using TableSums = std::map<std::string, std::string>;
Task<std::string> sum_of(db::Database& database, std::string table);
Task<std::string> sum_of(db::Transaction& transaction, std::string table);

// Every sequence with its place: the statements that set it elsewhere.
Task<std::string> sequence_script(db::Database& database);

// By oid: changes whenever the object does. As superuser; of the snapshot of the transaction.
using ObjectMarks = std::map<std::string, std::string>;
Task<ObjectMarks> large_object_marks(db::Database& database);
Task<ObjectMarks> large_object_marks(db::Transaction& transaction);

// The settings by which values are written alike by both sides, for ConnectionOptions::other "options".
std::string session_options(const std::string& search_path);
// The schemas where operators of the app's types may be: public and those of extensions, as a search_path.
Task<std::string> search_path_of(db::Database& database);

// `options` in backslashes as libpq's keyword wants spaces.
std::string escape_option(std::string_view value);

}  // namespace berth::manager
