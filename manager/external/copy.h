// Data of one PostgreSQL database into another, empty one, on whatever server.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "db/connection_options.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::manager {

using loop::Task;

struct CopiedData {
  std::uint64_t tables = 0, rows = 0;
};

// pg_dump into pg_restore, without a file between, as one transaction of `target`: it has all or nothing. Owner and rights
// are the target user's. Rows of every table are counted on both sides afterwards; nobody may write meanwhile. Throws
// Failure with the program's words; kConflict when the counts differ. If cancelled or failed the target is as before,
// unless it failed in counting. `progress`: bytes that went over.
Task<CopiedData> copy_database(loop::Loop& loop, std::string binaries, db::ConnectionOptions source,
                               db::ConnectionOptions target,
                               std::function<void(std::uint64_t)> progress = {});

// What a dump is of, beside all of it.
struct DumpOptions {
  std::vector<std::string> dump, load;  // further arguments of pg_dump and pg_restore
};

// The pipe alone, without counting. Throws Failure with the words of the program that failed.
Task<void> pipe_dump(loop::Loop& loop, std::string binaries, db::ConnectionOptions source,
                     db::ConnectionOptions target, DumpOptions options,
                     std::function<void(std::uint64_t)> progress = {});

// Drops all that `place` holds but extensions, large objects included.
Task<void> empty_database(loop::Loop& loop, db::ConnectionOptions place);

}  // namespace berth::manager
