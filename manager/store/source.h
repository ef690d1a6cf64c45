// Where a store's bytes come from: a folder of this machine or a web server.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::net {
class HttpClient;
}

namespace berth::manager {

using loop::Task;

struct SourceLimits {
  std::uint64_t bytes = 64 << 20;  // kTooLarge above
  std::chrono::seconds stall{30};  // kTimeout if nothing comes for so long
};

// Owned by who reads.
class StoreSource {
 public:
  virtual ~StoreSource() = default;
  // Gives the file piece by piece to `sink`; false if there is no such file (404). Throws Failure: kUnavailable, kTimeout,
  // kTooLarge, kDenied, kMalformed (fewer bytes than announced).
  virtual Task<bool> fetch(std::string path, SourceLimits limits,
                           std::function<void(std::string_view)> sink) = 0;
  // The same with its source, for messages: "https://store.test/apps.json".
  virtual std::string describe(const std::string& path) const = 0;
};

// `place`: "https://…", "http://…" or a folder; with or without "apps.json". kMalformed for other schemes. `http` outlives
// the source.
Result<std::unique_ptr<StoreSource>> open_source(loop::Loop& loop, net::HttpClient& http,
                                                 const std::string& place);

}  // namespace berth::manager
