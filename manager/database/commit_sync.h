#pragma once

#include <cstdint>

namespace berth::manager {

// When a change in the cluster is on disk. kInOrder: with the next commit of anybody that is, for the cluster's log keeps the
// order: a power cut may take the change, but then it takes all that happened in the cluster after it, too. Saves a sync of
// the disk. Only for what its writer has in memory and writes or checks again: PostgreSQL may crash and lose it while the
// manager lives on. (PostgreSQL, Asynchronous Commit.)
enum class CommitSync : std::uint8_t { kNow, kInOrder };

}  // namespace berth::manager
