#pragma once

#include <chrono>
#include <string>

#include "base/utc.h"

namespace berth::manager {

inline std::string utc_now() { return format_utc(std::chrono::system_clock::now()); }

}  // namespace berth::manager
