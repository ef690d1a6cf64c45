#include <algorithm>
#include <limits>

#include "base/text.h"
#include "berth/http.h"
#include "wire/static_pack/writer.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kMostRanges = 32;  // more is an attack (RFC 9110 section 17.15)

std::optional<std::uint64_t> parse_position(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
  // A number too large to hold is a valid position all the same, behind the end of any body.
  constexpr auto kFar = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::uint64_t>(parse_integer(text).value_or(kFar));
}

}  // namespace

std::optional<std::vector<ByteRange>> parse_ranges(std::string_view range_header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (range_header.size() < kUnit.size() || !equal_ignoring_case(range_header.substr(0, kUnit.size()), kUnit))
    return std::nullopt;
  std::vector<ByteRange> ranges;
  const auto parts = split(range_header.substr(kUnit.size()), ',');
  if (parts.size() > kMostRanges) return std::nullopt;
  for (const auto whole : parts) {
    const auto part = trim(whole);
    const auto dash = part.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto last = parse_position(part.substr(dash + 1));
    if (dash == 0) {  // "-n": the last n bytes
      if (!last) return std::nullopt;
      if (*last > 0 && size > 0) ranges.push_back({size - std::min(*last, size), size - 1});
      continue;
    }
    const auto first = parse_position(part.substr(0, dash));
    if (!first || (!last && dash + 1 < part.size()) || (last && *last < *first)) return std::nullopt;
    if (*first < size) ranges.push_back({*first, std::min(last.value_or(size - 1), size - 1)});
  }
  return ranges;
}

std::string format_content_range(const ByteRange& range, std::uint64_t size) {
  return fmt::format("bytes {}-{}/{}", range.first, range.last, size);
}

std::string_view content_type_of(std::string_view file_name) {
  return static_pack::content_type_of(file_name);
}

}  // namespace berth::sdk
