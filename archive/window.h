// Which moments can be reached, from which base backup, and what may go. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/segment_store.h"

namespace berth::archive {

using Moment = std::chrono::sys_seconds;

// What matters here of a base backup.
struct BaseFacts {
  std::string id;
  std::uint64_t start = 0, stop = 0;  // numbers of segments
  Moment started, stopped;            // `stopped` rounded up: the first moment that can be reached
};

// From `from` to `to`, both included; absent: up to now.
struct Range {
  Moment from;
  std::optional<Moment> to;
  bool operator==(const Range&) const = default;
};

// How far the log goes on without a hole from segment `start`; nullopt: to its end, and what comes next is archived
// too (`is_current`). Else the last moment that is surely in it.
struct Reach {
  bool is_usable = false;  // all that the backup itself needs is there
  std::optional<Moment> to;
};
Reach reach_of(const BaseFacts& base, const std::vector<StoredSegment>& segments, bool is_current);

// Oldest first, without overlaps. `bases` by time.
std::vector<Range> reachable_ranges(const std::vector<BaseFacts>& bases,
                                    const std::vector<StoredSegment>& segments, bool is_current);

// The newest base backup from which `moment` can be reached; nullptr if there is none.
const BaseFacts* find_base(const std::vector<BaseFacts>& bases, const std::vector<StoredSegment>& segments,
                           bool is_current, Moment moment);

struct Expiry {
  std::vector<std::string> bases;   // to remove
  std::uint64_t first_segment = 0;  // segments below are needed by none that stays
};
// What `keep` does not need: base backups go as long as another one reaches back to `now - keep`, the newest never.
Expiry plan_expiry(const std::vector<BaseFacts>& bases, Moment now, std::chrono::seconds keep);

// Should a base backup be made now?
struct BaseDue {
  Moment now;
  std::optional<Moment> last;   // start of the last one; absent: none is usable
  std::uint64_t log_bytes = 0;  // archived (before compression) since
  std::uint64_t cluster_bytes = 0;
  bool has_hole = false;  // the log since the last one has a hole
  bool is_night = false;  // the hour for heavy work
};
// Where nothing was written there is nothing to be made: an idle platform makes none.
bool is_base_due(const BaseDue& facts);

}  // namespace berth::archive
