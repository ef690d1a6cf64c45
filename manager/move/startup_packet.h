// The first packet of a session with PostgreSQL (PostgreSQL 15, "Message Formats", StartupMessage).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::manager {

struct StartupPacket {
  std::string user, database;
  bool wants_replication = false;
  std::size_t bytes = 0;  // it takes at the front of the input
};

// nullopt: more bytes are needed. kMalformed: none, or one for something else than a session (TLS, cancel); kTooLarge above
// 10,000 bytes (PostgreSQL's own limit, MAX_STARTUP_PACKET_LENGTH).
Result<std::optional<StartupPacket>> parse_startup_packet(ByteView input);

}  // namespace berth::manager
