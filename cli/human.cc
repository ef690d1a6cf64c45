#include "cli/human.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

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

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const int seconds = unit == "s"                    ? 1
                      : unit == "m" || unit == "min" ? 60
                      : unit == "h"                  ? 3600
                      : unit == "d"                  ? 86'400
                                                     : 0;
  constexpr std::chrono::seconds kMost = std::chrono::days(36'525);
  const std::chrono::seconds time(std::int64_t{number} * seconds);
  return seconds == 0 || time > kMost ? std::nullopt : std::optional(time);
}

std::uint64_t whole_minutes(std::chrono::seconds time) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::minutes>(time).count());
}

}  // namespace berth::cli
