// Every limit of the webserver: its name in `WebserverConfig.limits`, its number, its range.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/json/json_fwd.h"

namespace berth::webserver {

struct Limits {
  // Requests. Answered 431, 431, 414, 413.
  std::int64_t head_bytes = 32768;
  std::int64_t head_fields = 100;
  std::int64_t target_bytes = 8192;
  std::int64_t body_bytes = std::int64_t{16} << 30;
  // WebSocket message of a client; closed with 1009.
  std::int64_t message_bytes = 64 << 20;
  // WebSocket message of a service: from this size on it is compressed for clients that agreed. 0: nobody agrees.
  std::int64_t deflate_bytes = 1024;
  // Connections of clients in the whole process, and of one peer (an IPv4 address or an IPv6 /64).
  // Answered 503 (with TLS: closed). 0: as many as descriptors allow.
  std::int64_t connections = 0;
  std::int64_t connections_per_peer = 10000;
  // Times, in milliseconds.
  std::int64_t handshake_ms = 15000;  // TLS handshake; closed
  std::int64_t head_ms = 20000;       // first byte to last byte of a head; 408
  std::int64_t idle_ms = 75000;       // between requests of a connection; closed
  std::int64_t stall_ms = 60000;      // client neither sends its body (408) nor takes its answer (closed)
  std::int64_t body_rate = 240;       // bytes a second of a request's body (http/body_pace.h); 408. 0: any
  std::int64_t response_ms = 600000;  // service does not begin its answer; 504
  std::int64_t close_ms = 5000;       // closing handshake of a WebSocket, lingering after an error
  // HTTP/2. Each connection: streams at once (0: HTTP/2 is not offered; above, refused or the connection ends),
  std::int64_t http2_streams = 128;
  std::int64_t http2_frame_bytes = 16384;   // largest frame a client may send; the connection ends
  std::int64_t http2_window_bytes = 65536;  // of a request's body ahead of its service, each stream; it waits
  std::int64_t http2_buffer_bytes = 1 << 20;   // the same, all streams of a connection
  std::int64_t http2_nuisances = 1000;         // http2/patience.h; the connection ends
  std::int64_t http2_streams_in_all = 131072;  // of all connections of a reactor; refused
  // Towards a service, in each reactor.
  std::int64_t streams_per_link = 1'048'576;  // 503
  std::int64_t stream_buffer_bytes = 65536;   // what a service may send ahead of its client
  std::int64_t link_buffer_bytes =
      4 << 20;  // clients of this service are not read above; new requests get 503 at four times
  std::int64_t attaches_per_link = 65536;
  std::int64_t links = 1024;
  // Compressed messages of clients that are being read, in each reactor, 40 KiB each; closed with 1013.
  std::int64_t inflating_messages = 1024;
};

// One limit as a setting.
struct LimitSetting {
  std::string_view name;  // "headBytes"
  std::int64_t Limits::* value;
  std::int64_t least;
  std::int64_t most;
};
std::span<const LimitSetting> limit_settings();

// `changes` over `base`. kMalformed names the member that is out of its range; unknown members are ignored.
Result<Limits> apply_limits(Limits base, const json::Object& changes);

inline std::chrono::milliseconds milliseconds(std::int64_t value) { return std::chrono::milliseconds(value); }

}  // namespace berth::webserver
