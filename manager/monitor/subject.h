// What is recorded, and which numbers of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "manager/monitor/ring_file.h"

namespace berth::manager {

enum class SubjectKind : std::uint8_t { kPlatform, kManager, kWebserver, kPostgres, kService, kInstance };

struct Subject {
  SubjectKind kind = SubjectKind::kPlatform;
  // Of services the id; of instances the database, which stays when it is renamed.
  std::string id;
  auto operator<=>(const Subject&) const = default;
};

// One column of the records of a kind of subject.
struct Metric {
  std::string_view name;      // "cpu"
  std::string_view unit;      // as api::MonitorSeries tells it
  std::string_view exported;  // name in OpenMetrics, without unit and "_total"; empty: not there
  bool is_rate = false;       // of a counter: the increase in a second is recorded, the counter exported
  std::string_view text;      // for people, in OpenMetrics' HELP
};

// In the order of the columns.
std::span<const Metric> metrics_of(SubjectKind kind);
RingLayout layout_of(SubjectKind kind);

// Name of the subject's file. Any id is one name below the folder.
std::string file_of(const Subject& subject);

// Seconds between two measurements; of instances every sixth.
inline constexpr std::int64_t kTick = 10, kInstanceTick = 60;
// For how long the coarsest level reaches.
inline constexpr std::int64_t kRecordedSeconds = std::int64_t{31} * 86'400;

}  // namespace berth::manager
