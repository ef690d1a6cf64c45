// What somebody used. A value.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace berth::manager {

struct UsageFigures {
  std::int64_t cpu_us = 0;
  std::int64_t memory_kib_seconds = 0;
  std::int64_t database_bytes = 0;  // the most
  std::int64_t requests = 0, websocket_ms = 0, messages_in = 0, messages_out = 0, bytes_in = 0, bytes_out = 0,
               database_ms = 0, slowed = 0, refused = 0;
  bool operator==(const UsageFigures&) const = default;
};

// A column of the table, and the counter of a service that it comes from, if it is one (docs/protocols/control.md).
struct UsageColumn {
  std::string_view column;
  std::string_view counter;
  std::int64_t UsageFigures::* member;
};

inline constexpr std::array<UsageColumn, 12> kUsageColumns = {{
    {"cpu_us", "", &UsageFigures::cpu_us},
    {"memory_kib_seconds", "", &UsageFigures::memory_kib_seconds},
    {"database_bytes", "", &UsageFigures::database_bytes},
    {"requests", "requests", &UsageFigures::requests},
    {"websocket_ms", "websocketMs", &UsageFigures::websocket_ms},
    {"messages_in", "messagesIn", &UsageFigures::messages_in},
    {"messages_out", "messagesOut", &UsageFigures::messages_out},
    {"bytes_in", "bytesIn", &UsageFigures::bytes_in},
    {"bytes_out", "bytesOut", &UsageFigures::bytes_out},
    {"database_ms", "databaseMs", &UsageFigures::database_ms},
    {"slowed", "slowed", &UsageFigures::slowed},
    {"refused", "refused", &UsageFigures::refused},
}};

}  // namespace berth::manager
