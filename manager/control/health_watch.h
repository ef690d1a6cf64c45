// Whether the program at the other end of a control connection still works.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "manager/control/control_server.h"

namespace berth::manager {

struct HealthLimits {
  std::chrono::seconds every{10};  // between two questions; 0: none is asked
  std::chrono::seconds limit{30};  // one that does not answer for so long hangs
};

// Asks `Ping` again and again (docs/protocols/control.md), which its loop answers between other work. Calls `hangs` with
// what to tell people once it has not answered for the limit, and ends then, or with the connection. Whoever has peer
// also receives from it. `limits` is asked before each question, so that a setting works at once.
Task<void> watch_health(loop::Loop& loop, ControlPeer& peer, std::function<HealthLimits()> limits,
                        std::function<void(std::string why)> hangs);

}  // namespace berth::manager
