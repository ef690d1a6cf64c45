// The whole manager: makes its parts, starts everything in order, stops it in order.
#pragma once

#include <memory>
#include <string>

#include "api/status.h"
#include "loop/sync.h"
#include "manager/platform/handover.h"
#include "manager/platform/layout.h"
#include "manager/platform/options.h"

namespace berth::manager {

using loop::Task;

// Owned by main. Destroying it without stop() leaves every process as it is, for the next manager.
class Platform {
 public:
  // `arguments`: of this program, for a successor. `inherited`: what the manager before us left, at least the lock of the root.
  Platform(loop::Loop& loop, Options options, Layout layout, std::string program,
           std::vector<std::string> arguments, Handover inherited);
  ~Platform();

  // PostgreSQL, the manager's database, webserver, own endpoints, services, jobs. Throws Failure: kExists (port taken),
  // kConflict, kDenied, kMalformed, kUnsupported: cannot start this way; others are crashes.
  Task<void> start();
  // Everything, in reverse.
  Task<void> stop();
  // Whether the program that is now at our path can take over; then replace_asked() is set. `webserver`: see
  // Handover. Throws Failure, and then nothing has happened. While the platform starts or its webserver is being replaced: kConflict,
  // or it waits for the end of that.
  enum class WhenBusy : std::uint8_t { kRefuse, kWait };
  Task<Successor> ask_to_replace(bool webserver, WhenBusy when_busy);
  loop::Event& replace_asked();
  // Lets go of everything without stopping it. Jobs and requests get the setting replaceWaitSeconds to come to a point
  // from which they go on. Only once start() is done; the platform is then of no use any more.
  Task<Handover> hand_over();
  // Set when a part fails for good.
  api::Status status() const;

 private:
  class Parts_;
  std::unique_ptr<Parts_> parts_;
};

}  // namespace berth::manager
