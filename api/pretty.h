#pragma once

#include <string>

#include "api/json.h"

namespace berth::api {

// JSON for people: two blanks a level, one member a line, short lists of plain values on one line,
// a newline at the end. Member order as it stands.
std::string format_pretty(const Json& value);

}  // namespace berth::api
