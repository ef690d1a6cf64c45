#pragma once

#include <string>

#include "base/file.h"
#include "base/text.h"

namespace berth::manager {

// Of the running kernel (random(4)): what a process left in a file is still there as long as it lasts. Empty: unknown.
inline std::string boot_id() {
  return std::string(trim(read_file("/proc/sys/kernel/random/boot_id", 64).value_or("")));
}

}  // namespace berth::manager
