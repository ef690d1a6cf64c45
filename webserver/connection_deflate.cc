// Compressed WebSocket messages (permessage-deflate, RFC 7692): services see and send plain ones.
#include "webserver/http/exchange.h"
#include "webserver/reactor.h"

namespace berth::webserver {

// A compressed part of a message. What the service gives no credit for stays compressed. False: the connection failed.
bool Connection::inflate_to_service(ByteView bytes, bool is_last, bool is_text) {
  auto& compression = reactor().compression();
  if (!active().inflation) {
    auto lease = compression.lend(reactor().limits().inflating_messages);
    if (!lease) {
      fail_websocket(1013, "too many compressed messages at once");
      return false;
    }
    active_->inflation = std::make_unique<Inflation>(std::move(lease));
    active_->inflation->is_text = is_text;
  }
  auto& inflation = *active_->inflation;
  for (;;) {
    if (!can_send_to_service()) {
      inflation.waiting.assign(bytes.begin(), bytes.end());
      inflation.is_last = is_last;
      inflation.is_blocked = true;
      return true;
    }
    const auto room = compression.buffer().first(std::min(credit(), compression.buffer().size()));
    const auto step = inflation.inflater->next(bytes, is_last, room);
    if (!step) {
      fail_websocket(1007, step.error().detail);
      return false;
    }
    bytes = bytes.subspan(step->consumed);
    const auto text = room.first(step->produced);
    inflation.size += text.size();
    if (inflation.size > static_cast<std::uint64_t>(reactor().limits().message_bytes)) {
      fail_websocket(1009, "message above limit");
      return false;
    }
    if (inflation.is_text &&
        (!inflation.utf8.feed(text) || (step->is_done && !inflation.utf8.is_at_boundary()))) {
      fail_websocket(1007, "text is not UTF-8");
      return false;
    }
    const auto flags = static_cast<std::uint8_t>((step->is_done ? link::kFlagEnd : 0) |
                                                 (inflation.is_text ? link::kFlagText : 0));
    if (step->is_done || !text.empty()) send_to_service(link::Type::kMessage, flags, text);
    if (step->is_done) {
      active_->inflation.reset();
      return true;
    }
    if (text.size() < room.size()) return true;  // more is needed
  }
}

bool Connection::flush_inflation() {
  auto& inflation = *active_->inflation;
  inflation.is_blocked = false;
  const auto waiting = std::move(inflation.waiting);
  inflation.waiting.clear();
  return inflate_to_service(waiting, inflation.is_last, inflation.is_text) && !is_holding();
}

// The payload of the frame to send for a part of a message, with room for its header in front; `is_compressed` if it
// is the first of a compressed message. What is small, or does not get smaller, goes as it is.
std::span<std::uint8_t> Connection::deflate_for_client(std::span<std::uint8_t> part, bool is_last,
                                                       bool& is_compressed) {
  is_compressed = false;
  const bool is_first = !has(kInMessage);
  if (is_first) set(kDeflating, part.size() >= static_cast<std::size_t>(reactor().limits().deflate_bytes));
  if (!has(kDeflating)) return part;
  const auto compressed = reactor().compression().deflater().compress(part, is_last);
  if (is_first && is_last && compressed.size() >= part.size()) return part;
  is_compressed = is_first;
  return compressed;
}

}  // namespace berth::webserver
