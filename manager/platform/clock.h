#pragma once

#include <chrono>
#include <string>

namespace berth::manager {

// ISO 8601 in UTC with seconds: "2026-03-01T10:15:00Z". Empty for the epoch itself, which stands for "never".
std::string format_utc(std::chrono::system_clock::time_point time);
inline std::string utc_now() { return format_utc(std::chrono::system_clock::now()); }

}  // namespace berth::manager
