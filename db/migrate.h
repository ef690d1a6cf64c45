// Brings a database to the schema a program wants.
#pragma once

#include <string>
#include <vector>

#include "db/database.h"

namespace berth::db {

struct Migration {
  int version;       // 1, 2, 3, …: ascending, each once
  std::string name;  // for logs: "add colour to note"
  std::string sql;   // one or more statements; runs in the transaction of the whole migration
};

// Runs the migrations that the database has not seen, all in one transaction, under a lock so that
// two programs do not run them at once. What was run is in table berth_schema(version, name, applied).
// Returns the number of migrations that ran. Errors: kConflict when the database was already brought
// to a version above ours (a newer program used it), else what the statements gave, with the
// migration's name; nothing is changed then.
Task<int> migrate(Database& database, std::vector<Migration> migrations);

// For the migrate() of each kind of database. The last version; BERTH_CHECK that they ascend.
int newest_version(const std::vector<Migration>& migrations);
// Throws Failure(kConflict) if `have` is above `newest`.
void refuse_newer_schema(int have, int newest);

}  // namespace berth::db
