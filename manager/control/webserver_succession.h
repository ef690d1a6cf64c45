// A webserver that is being prepared to follow the one that serves.
#pragma once

#include "manager/control/webserver_control.h"

namespace berth::manager {

inline constexpr std::string_view kSuccessorName = "webserver-successor";  // in the process table
inline constexpr std::string_view kDrainPrefix = "webserver-";             // and the pid

struct WebserverControl::Successor {
  explicit Successor(loop::Loop& loop, pid_t pid)
      : watch(or_throw(loop::ProcessWatch::make(loop, pid))), ending(loop, watch->wait()) {}
  pid_t pid() const { return watch->pid(); }
  bool has_ended() const { return ending.is_done(); }

  std::unique_ptr<loop::ProcessWatch> watch;
  loop::Spawned<loop::ExitStatus> ending;
  bool is_announced = false;  // the one that serves has told its services of it
};

}  // namespace berth::manager
