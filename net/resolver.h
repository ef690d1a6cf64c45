// Name lookup by getaddrinfo(3) in a helper thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/task.h"
#include "loop/worker.h"
#include "net/address.h"

namespace berth::net {

// Owned by main; the thread starts with the first lookup that needs one (numbers and "localhost"
// do not).
class Resolver {
 public:
  explicit Resolver(loop::Loop& loop) : loop_(loop) {}
  // All stream addresses of `host` in the system's order. Throws Failure(kNotFound) with the
  // resolver's words.
  loop::Task<std::vector<Address>> look_up(std::string host, std::uint16_t port);

 private:
  loop::Loop& loop_;
  std::optional<loop::Worker> worker_;
};

}  // namespace berth::net
