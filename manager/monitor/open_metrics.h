// What was measured last, as OpenMetrics 1.0 text (the exposition format of Prometheus).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "manager/monitor/rates.h"

namespace berth::manager {

struct OpenMetricsSubject {
  SubjectKind kind = SubjectKind::kPlatform;
  std::vector<std::pair<std::string, std::string>> labels;
  RawValues raw;
};

struct OpenMetricsFacts {
  std::string version, build;
  std::vector<OpenMetricsSubject> subjects;
  std::vector<std::pair<std::string, bool>> processes;  // and whether each is up
  std::map<std::string, std::uint64_t> alarms;          // that are set, by severity
  bool is_ready = false;
};

inline constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string format_open_metrics(const OpenMetricsFacts& facts);

}  // namespace berth::manager
