#pragma once

#include "db/database.h"
#include "loop/task.h"

namespace berth::manager {

// Statistics for the planner, of every table that the session's user owns. A plain ANALYZE by who is no superuser
// writes a warning for each table of the system into the server's log (PostgreSQL 15, ANALYZE).
loop::Task<void> analyze_own_tables(db::Database& database);

}  // namespace berth::manager
