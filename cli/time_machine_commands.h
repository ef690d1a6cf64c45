#pragma once

#include "loop/task.h"

namespace berth::cli {

class Invocation;

// berth instance restore INSTANCE --at MOMENT [--as NAME@DOMAIN]
loop::Task<int> rewind_instance(Invocation& invocation);

}  // namespace berth::cli
