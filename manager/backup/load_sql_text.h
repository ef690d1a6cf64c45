#pragma once

#include <cstdint>
#include <functional>

#include "db/connection_options.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::manager {

// Runs a dump of SQL text on a database as one transaction. Not through psql: that would also run the
// shell commands a foreign text may hold. Statements about owners and rights are left out; commands for
// psql other than \restrict and \unrestrict are refused. Borrows `fd`, an ordinary file, and reads from
// its beginning. Throws Failure: kMalformed with the statement's front, kUnavailable, kNoSpace, ….
loop::Task<void> load_sql_text(loop::Loop& loop, db::ConnectionOptions place, int fd, std::uint64_t size,
                               std::function<void(std::uint64_t bytes, std::uint64_t of)> progress);

}  // namespace berth::manager
