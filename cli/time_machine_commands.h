#pragma once

#include <string>

#include "api/time_machine.h"
#include "loop/task.h"

namespace berth::cli {

class Invocation;

// berth instance restore INSTANCE --at MOMENT [--as NAME@DOMAIN]
loop::Task<int> rewind_instance(Invocation& invocation);

// To which moments it can bring an instance back, in one line: "from 2026-11-21T13:02:11Z to now", "off: …".
std::string describe_window(const api::TimeMachine& machine);

}  // namespace berth::cli
