#pragma once

#include "base/result.h"

namespace berth::db {

// The connection is gone: closed by the server, killed, timed out on the way. Whether the statement
// may have run is in the connection's was_sent().
class ConnectionLost : public Failure {
 public:
  using Failure::Failure;
};

}  // namespace berth::db
