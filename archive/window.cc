#include "archive/window.h"

#include <algorithm>

namespace berth::archive {
namespace {

using std::chrono::hours;
constexpr hours kEvery{23}, kAtLatest{47};
// More than this and a quarter of the cluster to replay: a new base backup makes the way back shorter.
constexpr std::uint64_t kMuchLog = std::uint64_t{1} << 30;

}  // namespace

Reach reach_of(const BaseFacts& base, const std::vector<StoredSegment>& segments, bool is_current) {
  auto at = std::lower_bound(
      segments.begin(), segments.end(), base.start,
      [](const StoredSegment& segment, std::uint64_t number) { return segment.name.number < number; });
  std::uint64_t next = base.start;
  std::optional<Moment> last, before_last;
  for (; at != segments.end() && at->name.number == next; ++at, ++next) {
    before_last = last;
    last = at->stored;
  }
  Reach reach;
  if (at == segments.end() && is_current && next >= base.start) {
    // What is not archived yet lies in the live log.
    reach.is_usable = true;
    return reach;
  }
  reach.is_usable = next > base.stop;
  // The last commit of the last segment is some time before it was archived; that of the one before is surely in it.
  reach.to = before_last.value_or(base.stopped);
  if (*reach.to <= base.stopped) reach.is_usable = false;
  return reach;
}

std::vector<Range> reachable_ranges(const std::vector<BaseFacts>& bases,
                                    const std::vector<StoredSegment>& segments, bool is_current) {
  std::vector<Range> ranges;
  for (const auto& base : bases) {
    const auto reach = reach_of(base, segments, is_current);
    if (!reach.is_usable) continue;
    const Range range{base.stopped, reach.to};
    if (ranges.empty() || (ranges.back().to && *ranges.back().to < range.from)) {
      ranges.push_back(range);
      continue;
    }
    auto& last = ranges.back();
    if (last.to && (!range.to || *range.to > *last.to)) last.to = range.to;
  }
  return ranges;
}

const BaseFacts* find_base(const std::vector<BaseFacts>& bases, const std::vector<StoredSegment>& segments,
                           bool is_current, Moment moment) {
  for (auto base = bases.rbegin(); base != bases.rend(); ++base) {
    if (base->stopped > moment) continue;
    const auto reach = reach_of(*base, segments, is_current);
    if (reach.is_usable && (!reach.to || *reach.to >= moment)) return &*base;
  }
  return nullptr;
}

Expiry plan_expiry(const std::vector<BaseFacts>& bases, Moment now, std::chrono::seconds keep) {
  Expiry expiry;
  std::size_t first = 0;
  while (first + 1 < bases.size() && bases[first + 1].stopped < now - keep) ++first;
  for (std::size_t i = 0; i < first; ++i) expiry.bases.push_back(bases[i].id);
  if (!bases.empty()) expiry.first_segment = bases[first].start;
  return expiry;
}

bool is_base_due(const BaseDue& facts) {
  if (!facts.last || facts.has_hole) return true;
  if (facts.log_bytes == 0) return false;
  const auto age = facts.now - *facts.last;
  if (age < hours(0)) return true;  // the clock was set back: its times say nothing any more
  if (facts.log_bytes > std::max(kMuchLog, facts.cluster_bytes / 4)) return true;
  return age > kAtLatest || (facts.is_night && age > kEvery);
}

}  // namespace berth::archive
