// Times as texts in files and messages: ISO 8601 in UTC.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace berth {

// "2026-11-22T09:15:04Z", fractions of a second allowed (and dropped). nullopt for other forms.
std::optional<std::chrono::sys_seconds> parse_utc(std::string_view iso_text);

}  // namespace berth
