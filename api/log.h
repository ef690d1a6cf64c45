// The log files of services.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

struct GetLogResult {
  static constexpr std::string_view kMt = "GetLogResult";
  std::vector<std::string> lines;
  bool truncated = false;  // there are older lines
  static constexpr auto fields() {
    return std::tuple(field("lines", &GetLogResult::lines),
                      with_default("truncated", &GetLogResult::truncated));
  }
};

struct GetLog {
  static constexpr std::string_view kMt = "GetLog";
  using Answer = GetLogResult;
  std::string service;  // also "manager", "webserver", "postgres"
  std::uint64_t lines = 200;
  bool follow = false;
  std::optional<std::string> instance;  // name@domain: its lines only
  static constexpr auto fields() {
    return std::tuple(field("service", &GetLog::service), with_default("lines", &GetLog::lines),
                      with_default("follow", &GetLog::follow), field("instance", &GetLog::instance));
  }
};

// After GetLog with follow, under its src.
struct LogLines {
  static constexpr std::string_view kMt = "LogLines";
  std::string service;
  std::vector<std::string> lines;
  static constexpr auto fields() {
    return std::tuple(field("service", &LogLines::service), field("lines", &LogLines::lines));
  }
};

struct StopLogResult {
  static constexpr std::string_view kMt = "StopLogResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct StopLog {
  static constexpr std::string_view kMt = "StopLog";
  using Answer = StopLogResult;
  std::string follow;  // src of the GetLog; absent: own src
  static constexpr auto fields() { return std::tuple(with_default("follow", &StopLog::follow)); }
};

}  // namespace berth::api
