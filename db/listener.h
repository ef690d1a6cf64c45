// LISTEN/NOTIFY on a connection of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "db/connection_options.h"
#include "loop/task.h"

namespace berth::loop {
class Loop;
}

namespace berth::db {

struct Notification {
  std::string channel;
  std::string payload;
  int sender_pid = 0;  // backend that said NOTIFY
  // True: the connection was (re)made or the queue ran over, so some may have been missed: read the
  // state afresh. channel and payload are empty. The first notification of a Listener is of this kind.
  bool after_gap = false;
};

// Listens from construction to destruction, reconnecting with growing pauses (at most 1 s). Holds up
// to `max_queued` notifications that nobody took; above that they are dropped and replaced by one
// after_gap. One task calls next().
class Listener {
 public:
  Listener(loop::Loop& loop, ConnectionOptions options, std::vector<std::string> channels,
           std::size_t max_queued = 1000);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Waits for the next one; never fails. If cancelled nothing is taken.
  loop::Task<Notification> next();
  bool is_connected() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::db
