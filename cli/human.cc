#include "cli/human.h"

#include <fmt/format.h>

#include <array>

#include "base/utc.h"

namespace berth::cli {

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return value < 9.95 ? fmt::format("{:.1f} {}", value, kUnits[unit])
                      : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string format_count(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string format_duration(std::chrono::seconds time) {
  const auto seconds = time.count();
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::string format_relative(std::string_view iso_text, std::chrono::sys_seconds now) {
  if (iso_text.empty()) return "-";
  const auto time = parse_utc(iso_text);
  if (!time) return std::string(iso_text);
  const auto passed = now - *time;
  if (passed >= std::chrono::seconds(2)) return format_duration(passed) + " ago";
  if (passed <= std::chrono::seconds(-2)) return "in " + format_duration(-passed);
  return "just now";
}

}  // namespace berth::cli
