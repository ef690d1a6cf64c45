#include "sdk/websocket/broadcast.h"

#include <map>
#include <vector>

#include "sdk/link/link.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kWorthwhile = 8;  // streams in one frame

}  // namespace

void broadcast(std::span<WebsocketStream* const> streams, ByteView message, bool is_text) {
  constexpr std::size_t kRoom = link::kMaxPayload - 4;
  const std::size_t most = message.size() < kRoom ? (kRoom - message.size()) / 4 : 0;
  const auto flags = static_cast<std::uint8_t>(link::kFlagEnd | (is_text ? link::kFlagText : 0));
  std::map<Link*, std::vector<std::uint32_t>> lists;
  const auto send = [&](Link& link, std::vector<std::uint32_t>& ids) {
    link::append_broadcast(link.out(), flags, ids, message);
    link.schedule_flush();
    ids.clear();
  };
  for (WebsocketStream* stream : streams) {
    if (!stream->is_open()) continue;
    if (most < kWorthwhile || !stream->can_take(message.size())) {
      stream->send(message, is_text);
      continue;
    }
    stream->charge(message.size());
    stream->count_sent();
    auto& ids = lists[stream->link()];
    ids.push_back(stream->id());
    if (ids.size() == most) send(*stream->link(), ids);
  }
  for (auto& [link, ids] : lists)
    if (!ids.empty()) send(*link, ids);
}

namespace {

void broadcast(std::span<Websocket* const> sockets, ByteView message, bool is_text) {
  std::vector<WebsocketStream*> streams;
  streams.reserve(sockets.size());
  for (Websocket* socket : sockets) streams.push_back(&WebsocketStream::of(*socket));
  broadcast(streams, message, is_text);
}

}  // namespace

void broadcast_text(std::span<Websocket* const> sockets, std::string_view message) {
  broadcast(sockets, as_bytes(message), true);
}
void broadcast_binary(std::span<Websocket* const> sockets, ByteView message) {
  broadcast(sockets, message, false);
}

}  // namespace berth::sdk
