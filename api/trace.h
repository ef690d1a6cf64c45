// What is traced for a while, and the flight recorders.
#pragma once

#include "api/json.h"

namespace berth::api {

// Flags that hold instead of the usual ones, until a moment.
struct TraceSwitch {
  static constexpr std::string_view kName = "TraceSwitch";
  std::string target;             // name@domain, a service, or "manager"
  std::uint64_t flags = 0;        // that hold now
  std::uint64_t usual_flags = 0;  // that hold again afterwards
  std::string until;
  std::string by;
  static constexpr auto fields() {
    return std::tuple(field("target", &TraceSwitch::target), field("flags", &TraceSwitch::flags),
                      with_default("usualFlags", &TraceSwitch::usual_flags),
                      with_default("until", &TraceSwitch::until), with_default("by", &TraceSwitch::by));
  }
};

struct GetTracesResult {
  static constexpr std::string_view kMt = "GetTracesResult";
  std::vector<TraceSwitch> traces;  // those that end soonest first
  static constexpr auto fields() { return std::tuple(field("traces", &GetTracesResult::traces)); }
};

struct GetTraces {
  static constexpr std::string_view kMt = "GetTraces";
  using Answer = GetTracesResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct SetTraceResult {
  static constexpr std::string_view kMt = "SetTraceResult";
  std::optional<TraceSwitch> trace;  // absent: the usual flags hold
  static constexpr auto fields() { return std::tuple(field("trace", &SetTraceResult::trace)); }
};

// At once, without a restart. What shall hold for good is EditInstance.
struct SetTrace {
  static constexpr std::string_view kMt = "SetTrace";
  using Answer = SetTraceResult;
  std::string target;
  std::optional<std::uint64_t> flags;  // absent: the usual ones again
  std::uint64_t minutes = 30;          // 1 to 10,080 (a week)
  static constexpr auto fields() {
    return std::tuple(field("target", &SetTrace::target), field("flags", &SetTrace::flags),
                      with_default("minutes", &SetTrace::minutes));
  }
};

struct GetFlightRecorderResult {
  static constexpr std::string_view kMt = "GetFlightRecorderResult";
  std::vector<std::string> lines;  // oldest first
  bool truncated = false;          // there were older ones
  std::uint64_t torn = 0;          // entries that could not be read
  static constexpr auto fields() {
    return std::tuple(field("lines", &GetFlightRecorderResult::lines),
                      with_default("truncated", &GetFlightRecorderResult::truncated),
                      with_default("torn", &GetFlightRecorderResult::torn));
  }
};

// The full trace of the last minutes, whatever the log shows.
struct GetFlightRecorder {
  static constexpr std::string_view kMt = "GetFlightRecorder";
  using Answer = GetFlightRecorderResult;
  std::string service;
  std::uint64_t lines = 1000;           // the newest, at most 20,000
  std::optional<std::string> instance;  // name@domain: its lines only
  static constexpr auto fields() {
    return std::tuple(field("service", &GetFlightRecorder::service),
                      with_default("lines", &GetFlightRecorder::lines),
                      field("instance", &GetFlightRecorder::instance));
  }
};

}  // namespace berth::api
