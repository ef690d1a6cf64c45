// One message to many WebSockets with one copy on each link.
#pragma once

#include <span>

#include "sdk/websocket/websocket_stream.h"

namespace berth::sdk {

// Sockets that lack credit, or still have something to send, get a copy of their own in their queue, so
// that none misses a message.
void broadcast(std::span<WebsocketStream* const> streams, ByteView message, bool is_text);

}  // namespace berth::sdk
