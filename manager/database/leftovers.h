// What a PostgreSQL that was killed leaves behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "loop/task.h"

namespace berth::loop {
class Loop;
}

namespace berth::manager {

// Does this process run as a postmaster, or as a child of one, on that folder? Both make it their working directory.
bool is_postgres_on(pid_t pid, const std::string& data_folder);

// Server processes on `data_folder` whose postmaster is gone. Most end by themselves at once; one that is busy, above
// all the recovery while it syncs the folder, does not look up for seconds, and as long as it has the shared memory no
// new postmaster starts ("pre-existing shared memory block is still in use"). Not the log collector, which has none.
std::vector<pid_t> find_leftovers(const std::string& data_folder);

// Ends them by SIGKILL and waits until they are gone, at most `limit`. That is what a power cut does to them:
// the next start recovers from the log. Cancelled: some may live on.
loop::Task<void> end_leftovers(loop::Loop& loop, std::string data_folder, std::chrono::milliseconds limit);

}  // namespace berth::manager
