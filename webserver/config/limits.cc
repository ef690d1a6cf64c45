#include "webserver/config/limits.h"

#include "wire/json/json.h"

namespace berth::webserver {
namespace {

constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kDay = 86'400'000;  // milliseconds

constexpr LimitSetting kSettings[] = {
    {"headBytes", &Limits::head_bytes, 256, 60'000},  // one link frame carries a head
    {"headFields", &Limits::head_fields, 1, 1000},
    {"targetBytes", &Limits::target_bytes, 16, 32'768},
    {"bodyBytes", &Limits::body_bytes, 0, std::int64_t{1} << 50},
    {"messageBytes", &Limits::message_bytes, 125, std::int64_t{1} << 31},
    {"deflateBytes", &Limits::deflate_bytes, 0, std::int64_t{1} << 31},
    {"connections", &Limits::connections, 0, 10 * kMillion},
    {"connectionsPerPeer", &Limits::connections_per_peer, 0, 10 * kMillion},
    {"handshakeMs", &Limits::handshake_ms, 10, kDay},
    {"headMs", &Limits::head_ms, 10, kDay},
    {"idleMs", &Limits::idle_ms, 10, kDay},
    {"stallMs", &Limits::stall_ms, 10, kDay},
    {"responseMs", &Limits::response_ms, 10, kDay},
    {"closeMs", &Limits::close_ms, 10, kDay},
    {"streamsPerLink", &Limits::streams_per_link, 1, 4 * kMillion},
    {"streamBufferBytes", &Limits::stream_buffer_bytes, 1024, 16 << 20},
    {"linkBufferBytes", &Limits::link_buffer_bytes, 1 << 17, 1 << 30},
    {"attachesPerLink", &Limits::attaches_per_link, 1, kMillion},
    {"links", &Limits::links, 1, 65'536},
    {"inflatingMessages", &Limits::inflating_messages, 0, kMillion},
};

}  // namespace

std::span<const LimitSetting> limit_settings() { return kSettings; }

Result<Limits> apply_limits(Limits base, const json::Object& changes) {
  for (const auto& setting : kSettings) {
    if (!changes.contains(setting.name)) continue;
    BERTH_TRY(const auto value, json::require_integer(changes, setting.name, setting.least, setting.most));
    base.*setting.value = value;
  }
  return base;
}

}  // namespace berth::webserver
