// Where the segments of PostgreSQL's log lie: ARCHIVE/wal/NAME.zst. Blocking; used by berth-archive, and by the manager to
// look at names.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "archive/segment_name.h"
#include "base/result.h"

namespace berth::archive {

struct PushLimits {
  std::uint64_t reserve_bytes = 0;  // the disk keeps so much free: below, nothing is archived
  std::size_t pending = 16;         // so many segments may wait in pg_wal; then they are given up
};

enum class Pushed { kStored, kThereAlready, kGivenUp };

// Archives the log file at `source` (below pg_wal). Durable when it returns; the same content again is fine. When it
// cannot be stored and `limits.pending` others wait already, it is given up, so that the log never fills the disk: a
// hole, after which only a new base backup helps. Throws Failure: kNoSpace, kExists (another content has the name), ….
Pushed push_segment(const std::string& archive, const std::string& source, PushLimits limits);

// Brings the file `name` to `target`: from the archive, else from `live` (pg_wal of the running cluster), where those lie
// that are not archived yet. False if it is in neither. Throws Failure(kMalformed) if it is damaged.
bool fetch_segment(const std::string& archive, const std::string& live, const std::string& name,
                   const std::string& target);

struct StoredSegment {
  SegmentName name;
  std::chrono::sys_seconds stored;  // when: its last change is not later
  std::uint64_t bytes = 0;          // on disk
};
// In the order of their numbers, of each number the newest timeline.
std::vector<StoredSegment> list_segments(const std::string& archive);

// Removes all segments below `first`; histories of timelines stay.
void remove_segments_before(const std::string& archive, std::uint64_t first);

}  // namespace berth::archive
