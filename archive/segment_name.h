// Names of the files that PostgreSQL hands to archive_command and asks restore_command for (PostgreSQL, "Continuous
// Archiving and Point-in-Time Recovery").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::archive {

inline constexpr std::uint64_t kSegmentBytes = 16 << 20;  // as initdb sets it

// One segment of the log. The number goes on across timelines.
struct SegmentName {
  std::uint32_t timeline = 1;
  std::uint64_t number = 0;
  bool operator==(const SegmentName&) const = default;
};

// 24 upper-case hex digits: timeline, number / 256, number % 256. nullopt for anything else.
std::optional<SegmentName> parse_segment_name(std::string_view name);
std::string format_segment_name(const SegmentName& segment);

// A segment, "….partial", "….history" of a timeline or "….backup": nothing else is taken or given.
bool is_log_file_name(std::string_view name);

}  // namespace berth::archive
