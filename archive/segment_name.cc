#include "archive/segment_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace berth::archive {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

std::uint32_t number_of(std::string_view digits) {
  std::uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

}  // namespace

std::optional<SegmentName> parse_segment_name(std::string_view name) {
  if (name.size() != 24 || !is_hex(name)) return std::nullopt;
  const auto low = number_of(name.substr(16));
  if (low > 0xff) return std::nullopt;
  return SegmentName{number_of(name.substr(0, 8)), std::uint64_t{number_of(name.substr(8, 8))} << 8 | low};
}

std::string format_segment_name(const SegmentName& segment) {
  return fmt::format("{:08X}{:08X}{:08X}", segment.timeline, segment.number >> 8, segment.number & 0xff);
}

bool is_log_file_name(std::string_view name) {
  if (name.size() == 16 && name.ends_with(".history")) return is_hex(name.substr(0, 8));
  if (!parse_segment_name(name.substr(0, 24))) return false;
  const auto rest = name.substr(24);
  return rest.empty() || rest == ".partial" ||
         (rest.size() == 16 && rest[0] == '.' && is_hex(rest.substr(1, 8)) && rest.ends_with(".backup"));
}

}  // namespace berth::archive
