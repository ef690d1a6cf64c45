// Values as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::cli {

// "0 B", "999 B", "1.2 KiB", "14 MiB": three digits at most, powers of 1024.
std::string format_size(std::uint64_t bytes);

// "1 instance", "3 instances": for nouns that take an s.
std::string format_count(std::uint64_t count, std::string_view noun);

// "45 s", "3 min", "2 h", "5 d".
std::string format_duration(std::chrono::seconds time);

// "just now", "3 min ago", "in 5 d"; the text itself if it is no time, "-" if empty.
std::string format_relative(std::string_view iso_text, std::chrono::sys_seconds now);

// "45s", "30m" or "30min", "2h", "7d"; nullopt if it is none, or more than 100 years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// A part of a minute counts as one.
std::uint64_t whole_minutes(std::chrono::seconds time);

}  // namespace berth::cli
