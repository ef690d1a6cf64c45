// One message to many WebSockets with one copy on each link.
#pragma once

#include <span>
#include <string_view>

#include "sdk/websocket/websocket_stream.h"

namespace berth::sdk {

// Sockets that lack credit, or still have something to send, get a copy of their own in their queue, so
// that none misses a message.
void broadcast(std::span<WebsocketStream* const> streams, std::string_view text);

}  // namespace berth::sdk
