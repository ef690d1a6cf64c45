// The platform's own programs replaced by newer builds while it runs.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

struct ReplaceManagerResult {
  static constexpr std::string_view kMt = "ReplaceManagerResult";
  std::string version, build;  // of the program that takes over in a moment
  static constexpr auto fields() {
    return std::tuple(field("version", &ReplaceManagerResult::version),
                      field("build", &ReplaceManagerResult::build));
  }
};

// The manager becomes the program that is now at its path. Answered once that program has proved that it can run; then
// this connection ends, and a new one waits until the successor serves it.
struct ReplaceManager {
  static constexpr std::string_view kMt = "ReplaceManager";
  using Answer = ReplaceManagerResult;
  bool webserver = false;  // the successor replaces the webserver, too, if its program is another one by now
  static constexpr auto fields() { return std::tuple(with_default("webserver", &ReplaceManager::webserver)); }
};

struct ReplaceWebserverResult {
  static constexpr std::string_view kMt = "ReplaceWebserverResult";
  std::string version;           // of the new one
  std::uint64_t websockets = 0;  // that the old one goes on serving
  std::uint64_t limit = 0;       // seconds that it may, at most
  static constexpr auto fields() {
    return std::tuple(field("version", &ReplaceWebserverResult::version),
                      with_default("websockets", &ReplaceWebserverResult::websockets),
                      with_default("limit", &ReplaceWebserverResult::limit));
  }
};

// A new webserver takes the ports over; the old one serves the connections it has until they end. Answered when the new
// one has all new connections.
struct ReplaceWebserver {
  static constexpr std::string_view kMt = "ReplaceWebserver";
  using Answer = ReplaceWebserverResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
