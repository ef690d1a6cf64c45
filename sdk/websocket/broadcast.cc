#include "sdk/websocket/broadcast.h"

#include <map>
#include <vector>

#include "sdk/link/link.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kWorthwhile = 8;  // streams in one frame

}  // namespace

void broadcast(std::span<WebsocketStream* const> streams, std::string_view text) {
  const auto message = as_bytes(text);
  constexpr std::size_t kRoom = link::kMaxPayload - 4;
  const std::size_t most = message.size() < kRoom ? (kRoom - message.size()) / 4 : 0;
  std::map<Link*, std::vector<std::uint32_t>> lists;
  const auto send = [&](Link& link, std::vector<std::uint32_t>& ids) {
    link::append_broadcast(link.out(), link::kFlagEnd | link::kFlagText, ids, message);
    link.schedule_flush();
    ids.clear();
  };
  for (WebsocketStream* stream : streams) {
    if (!stream->is_open()) continue;
    if (most < kWorthwhile || !stream->can_take(message.size())) {
      stream->send(message, true);
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

}  // namespace berth::sdk
