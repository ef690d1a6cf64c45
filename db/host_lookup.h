#pragma once

#include <memory>

#include "db/connection_options.h"
#include "loop/loop.h"
#include "loop/worker.h"

namespace berth::db {

using loop::Task;

// Fills in `hostaddr` for a DNS name: libpq would look it up blocking. In a helper thread, made at the
// first name; Unix sockets and addresses need none.
class HostLookup {
 public:
  explicit HostLookup(loop::Loop& loop) : loop_(loop) {}
  // Throws Failure(kUnavailable) when the name is not known.
  Task<ConnectionOptions> resolve(ConnectionOptions options);

 private:
  loop::Loop& loop_;
  std::unique_ptr<loop::Worker> worker_;
};

}  // namespace berth::db
