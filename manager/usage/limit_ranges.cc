#include "manager/usage/limit_ranges.h"

#include <algorithm>

#include "api/json.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using Member = std::optional<std::uint64_t> api::Limits::*;

struct Range {
  std::string_view name;
  Member member;
  std::uint64_t least, most;  // beside 0
  bool holds(std::uint64_t value) const { return value == 0 || (value >= least && value <= most); }
};
constexpr std::uint64_t kLeastDatabase = 16 << 20;  // an empty one takes 8 MB
constexpr Range kRanges[] = {
    {"databaseBytes", &api::Limits::database_bytes, kLeastDatabase, std::uint64_t{1} << 50},
    {"websockets", &api::Limits::websockets, 1, 10'000'000},
    {"requests", &api::Limits::requests, 1, 1'000'000},
    {"messages", &api::Limits::messages, 1, 10'000'000},
    {"databaseConnections", &api::Limits::database_connections, 1, 100},
    {"statementSeconds", &api::Limits::statement_seconds, 1, 86'400},
};

}  // namespace

api::Limits merge(const api::Limits& narrow, const api::Limits& wide) {
  api::Limits merged = wide;
  for (const auto& range : kRanges)
    if (const auto& own = narrow.*range.member) merged.*range.member = own;
  return merged;
}

bool is_empty(const api::Limits& limits) {
  return std::none_of(std::begin(kRanges), std::end(kRanges),
                      [&](const Range& range) { return (limits.*range.member).has_value(); });
}

void check_ranges(const api::Limits& limits) {
  for (const auto& range : kRanges)
    if (const auto& value = limits.*range.member; value && !range.holds(*value))
      throw_failure(Errc::kMalformed, "{}: 0, or {} to {}", range.name, range.least, range.most);
}

std::string format_limits(const api::Limits& limits) { return json::serialize(api::to_json(limits)); }

ReadLimits read_limits(const json::Object& written) {
  ReadLimits read;
  for (const auto& [name, value] : written) {
    const auto range = std::find_if(std::begin(kRanges), std::end(kRanges), [&](const Range& one) {
      return one.name == std::string_view(name.data(), name.size());
    });
    const auto number = api::from_json<std::uint64_t>(value);
    if (range != std::end(kRanges) && number && range->holds(*number)) read.limits.*range->member = *number;
    else read.left_out.emplace_back(name);
  }
  return read;
}

}  // namespace berth::manager
