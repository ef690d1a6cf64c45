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
    {"bodyRate", &Limits::body_rate, 0, kMillion},
    {"responseMs", &Limits::response_ms, 10, kDay},
    {"closeMs", &Limits::close_ms, 10, kDay},
    {"http2Streams", &Limits::http2_streams, 0, 10'000},
    {"http2FrameBytes", &Limits::http2_frame_bytes, 16'384, (1 << 24) - 1},
    {"http2WindowBytes", &Limits::http2_window_bytes, 1024, 16 << 20},
    {"http2BufferBytes", &Limits::http2_buffer_bytes, 65'535, 1 << 30},
    {"http2Nuisances", &Limits::http2_nuisances, 10, kMillion},
    {"http2StreamsInAll", &Limits::http2_streams_in_all, 1, kMillion},
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
