// Moments as admins type them.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "base/time_zone.h"

namespace berth::manager {

// "2026-11-22 14:32:07" (or with T, without seconds, with a fraction, which is dropped) on the wall clock of `zone`; or with
// a zone of its own: "Z", " UTC", "+01:00", "+0100", "+01". Of two moments that one clock shows (clocks put back) the
// first. kMalformed says what is expected.
Result<std::chrono::sys_seconds> parse_moment(std::string_view text, const TimeZone& zone);

}  // namespace berth::manager
