// The limits there are: their names and ranges, how one goes before the other, and how they are written down. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/usage.h"
#include "wire/json/json_fwd.h"

namespace berth::manager {

// `narrow`, and where it says nothing, `wide`.
api::Limits merge(const api::Limits& narrow, const api::Limits& wide);
// Nothing is set.
bool is_empty(const api::Limits& limits);
// Throws Failure kMalformed: which is out of its range, and the range.
void check_ranges(const api::Limits& limits);

// A JSON object; "{}" if nothing is set.
std::string format_limits(const api::Limits& limits);

// Limits that another platform, or this one long ago, has written down.
struct ReadLimits {
  api::Limits limits;
  std::vector<std::string> left_out;  // names that we do not know, or whose values make no sense here
};
ReadLimits read_limits(const json::Object& written);

}  // namespace berth::manager
