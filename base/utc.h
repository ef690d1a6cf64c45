// Times as texts in files and messages: ISO 8601 in UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace berth {

// "2026-11-22T09:15:04Z", fractions of a second allowed (and dropped). nullopt for other forms.
std::optional<std::chrono::sys_seconds> parse_utc(std::string_view iso_text);

// ISO 8601 in UTC with seconds: "2026-03-01T10:15:00Z". Empty for the epoch itself, which stands for "never".
std::string format_utc(std::chrono::system_clock::time_point time);

}  // namespace berth
