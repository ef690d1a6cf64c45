// What goes wrong in a task that is expected to fail.
#pragma once

#include <gtest/gtest.h>

#include "loop/sync.h"

namespace berth::loop {

// The Failure that leaves the task; the test fails if none does.
template <class T>
Error failure_of(Loop& loop, Task<T> task) {
  try {
    (void)run_task(loop, std::move(task));
  } catch (const Failure& failure) {
    return failure.error();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace berth::loop
