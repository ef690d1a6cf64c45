#pragma once

#include "base/bytes.h"
#include "loop/task.h"

namespace berth::manager {

// Bytes to somebody and back: a session with a PostgreSQL, wherever it is. One task may read while another writes.
class ByteLine {
 public:
  virtual ~ByteLine() = default;
  // Empty at the end. Throws Failure(kUnavailable).
  virtual loop::Task<Bytes> read() = 0;
  virtual loop::Task<void> write(Bytes bytes) = 0;
};

}  // namespace berth::manager
