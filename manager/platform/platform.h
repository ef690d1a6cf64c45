// The whole manager: makes its parts, starts everything in order, stops it in order.
#pragma once

#include <memory>
#include <string>

#include "api/status.h"
#include "loop/sync.h"
#include "manager/platform/layout.h"
#include "manager/platform/options.h"

namespace berth::manager {

using loop::Task;

// Owned by main. Destroying it without stop() leaves every process as it is, for the next manager.
class Platform {
 public:
  Platform(loop::Loop& loop, Options options, Layout layout, std::string program);
  ~Platform();

  // PostgreSQL, the manager's database, webserver, own endpoints, services, jobs. Throws Failure: kExists (port taken),
  // kConflict, kDenied, kMalformed, kUnsupported: cannot start this way; others are crashes.
  Task<void> start();
  // Everything, in reverse.
  Task<void> stop();
  // Set when a part fails for good.
  api::Status status() const;

 private:
  class Parts_;
  std::unique_ptr<Parts_> parts_;
};

}  // namespace berth::manager
