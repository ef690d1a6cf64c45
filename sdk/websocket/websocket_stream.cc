#include "sdk/websocket/websocket_stream.h"

#include "base/log.h"
#include "sdk/link/link_client.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kMostWaitingMessages = 65536;  // small ones that a busy session has not taken

std::string find_header(const link::Open& open, std::string_view name) {
  for (const auto& [key, value] : open.headers)
    if (key == name) return value;
  return {};
}

Upgrade make_upgrade(const link::Open& open) {
  Upgrade upgrade;
  upgrade.peer = open.peer;
  upgrade.target = open.target;
  upgrade.path = open.relative;
  if (upgrade.path.starts_with('/')) upgrade.path.erase(0, 1);
  upgrade.protocols = find_header(open, "sec-websocket-protocol");
  upgrade.host = find_header(open, "host");
  upgrade.is_tls = open.bits & link::kOpenTls;
  return upgrade;
}

}  // namespace

WebsocketAttachment::WebsocketAttachment(const void* owner, InstanceShare& share, link::Grant grant,
                                         std::string path, WebsocketAttach all)
    : Attachment(owner, share, link::Kind::kWebsocket, grant, std::move(path),
                 [](const Stream::Seed& seed, link::Open open) -> std::unique_ptr<Stream> {
                   return std::make_unique<WebsocketStream>(seed, open);
                 }),
      shared(std::move(all)) {
  if (!shared.limits.compress) set_options(R"({"deflate":false})");
}

WebsocketStream::WebsocketStream(const Seed& seed, const link::Open& open) : Stream(seed), peer_(open.peer) {
  limit_messages(attach().limits.message_bytes);
  if (!attachment().share().may_open_websocket()) {
    set(kRefused);
    close_code_ = 503;
  } else if (const auto status = handler().admit(make_upgrade(open)); status != 0) {
    set(kRefused);
    close_code_ = status;
  }
}

WebsocketStream::~WebsocketStream() = default;

void WebsocketStream::start() {
  if (has(kRefused)) {
    send_accept({close_code_, 0, {}});
    send_close(1008);
    return;
  }
  attachment().share().websocket_opened();
  send_accept({0, 0, {}});
  work(std::nullopt);
}

void WebsocketStream::limit_messages(std::size_t bytes) {
  message_limit_ = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, ~std::uint32_t{0}));
}

void WebsocketStream::on_message(ByteView part, bool is_end, bool is_text) {
  // What is being assembled or handled is given back at once, what waits behind a busy handler is not.
  if (has(kRunning)) need_active().withheld += part.size();
  else give_credit(part.size());
  if (!link() || has(kClosing)) return;
  const bool has_begun = active_ && active_->assembly;
  const auto assembled = has_begun ? active_->assembly->size() : 0;
  if (assembled + part.size() > message_limit_) {
    if (has_begun) active_->assembly.reset();
    return close(1009, "message too large");
  }
  if (!has_begun && is_end) return message_complete({Bytes(part.begin(), part.end()), is_text});
  auto& assembly = need_active().assembly;
  if (!assembly) assembly = std::make_unique<Bytes>();
  assembly->insert(assembly->end(), part.begin(), part.end());
  if (!is_end) return;
  Bytes message = std::move(*assembly);
  assembly.reset();
  message_complete({std::move(message), is_text});
}

void WebsocketStream::message_complete(Incoming message) {
  ++attach().counters.messages_in;
  if (!has(kRunning)) return work(std::move(message));
  auto& active = need_active();
  if (active.next > active.queue.size() / 2) {  // what has been taken makes room
    active.queue.erase(active.queue.begin(), active.queue.begin() + static_cast<std::ptrdiff_t>(active.next));
    active.next = 0;
  }
  // Credit bounds the bytes; this bounds messages of no or few bytes.
  if (active.queue.size() - active.next >= kMostWaitingMessages)
    return close(1008, "too many messages at once");
  active.queue.push_back(std::move(message));
}

WebsocketStream::Active& WebsocketStream::need_active() {
  if (!active_) active_ = std::make_unique<Active>(client().loop());
  return *active_;
}

void WebsocketStream::work(std::optional<Incoming> first) {
  set(kRunning);
  auto errand = run(std::move(first));
  if (errand.is_done()) release_if_idle();
  else need_active().errand = std::move(errand);
}

loop::Errand WebsocketStream::run(std::optional<Incoming> message) {
  if (!message) {
    try {
      co_await handler().opened(*this);
    } catch (...) {
      log_info(attach().where + " failed on opening a WebSocket", {{"error", current_error().detail}});
      close(1011, "internal error");
    }
    message = take_next();
  }
  while (message) {
    if (!attachment().share().try_message()) co_await attachment().share().message_turn();
    try {
      co_await handler().received(*this, std::move(message->bytes), message->is_text);
    } catch (...) {
      log_info(attach().where + " failed on a WebSocket message", {{"error", current_error().detail}});
      close(1011, "internal error");
    }
    message = take_next();
  }
  set(kRunning, false);
  // Below itself it cannot go; work() looks if it has come here without waiting.
  if (active_ && !active_->errand.is_done()) active_->cleanup.schedule([this] { release_if_idle(); });
  became_idle();
}

// The next message that waits; gives credit back for the last one.
std::optional<WebsocketStream::Incoming> WebsocketStream::take_next() {
  if (!active_) return std::nullopt;
  auto& active = *active_;
  std::optional<Incoming> next;
  if (active.has_waiting() && !has(kClosing) && !has_sent_close())
    next = std::move(active.queue[active.next++]);
  if (next && active.has_waiting()) return next;
  active.queue.clear();
  active.next = 0;
  give_credit(std::exchange(active.withheld, 0));
  return next;
}

void WebsocketStream::release_if_idle() {
  if (!active_ || has(kRunning) || active_->assembly || active_->outgoing) return;
  active_.reset();
}

void WebsocketStream::send(ByteView message, bool is_text) {
  if (!is_open()) return;
  count_sent();
  const std::uint8_t text_flag = is_text ? link::kFlagText : 0;
  std::size_t sent = 0;
  if (!outgoing()) {
    sent = send_part(link::Type::kMessage, text_flag, link::kFlagEnd, message);
    if (sent == message.size()) return;
    need_active().outgoing = std::make_unique<Outgoing>(client().loop());
    outgoing()->sent_of_first = sent;
  }
  auto& waiting = *outgoing();
  if (waiting.bytes + message.size() - sent > attach().limits.send_bytes) {
    log_info(attach().where + " client too slow, closed", {{"peer", peer()}, {"waiting", waiting.bytes}});
    drop_outgoing();
    close(1013, "too slow");
    return;
  }
  waiting.parts.push_back({Bytes(message.begin(), message.end()), is_text});
  waiting.bytes += message.size() - sent;
}

void WebsocketStream::on_credit() {
  while (outgoing() && link() && send_credit() > 0) {
    auto& waiting = *outgoing();
    auto& first = waiting.parts.front();
    const auto rest = ByteView(first.bytes).subspan(waiting.sent_of_first);
    const auto sent = send_part(link::Type::kMessage, first.is_text ? link::kFlagText : std::uint8_t{0},
                                link::kFlagEnd, rest);
    waiting.bytes -= sent;
    waiting.sent_of_first += sent;
    if (sent < rest.size()) return;
    waiting.parts.pop_front();
    waiting.sent_of_first = 0;
    if (!waiting.parts.empty()) continue;
    const bool close_after = waiting.close_after;
    auto reason = std::move(waiting.reason);
    drop_outgoing();
    if (close_after) send_close(close_code_, std::move(reason));
  }
  release_if_idle();
}

void WebsocketStream::drop_outgoing() {
  if (!outgoing()) return;
  outgoing()->gone.set();
  active_->outgoing.reset();
}

loop::Task<void> WebsocketStream::drained() {
  while (outgoing() && link()) co_await outgoing()->gone.wait();
}

void WebsocketStream::close(std::uint16_t code, std::string reason) {
  if (!is_open()) return;
  set(kClosing);
  close_code_ = code;
  if (auto* waiting = outgoing()) {
    waiting->close_after = true;
    waiting->reason = std::move(reason);
    return;
  }
  send_close(code, std::move(reason));
}

void WebsocketStream::abandon() {
  drop_outgoing();
  if (!has(kClosing)) close_code_ = 1001;
  set(kClosing);
  send_close(1001, "the instance stops");
}

void WebsocketStream::on_gone(std::uint16_t code) {
  if (!has(kClosing)) close_code_ = code;
  if (active_) active_->assembly.reset();
  drop_outgoing();
}

void WebsocketStream::finish() {
  if (active_) active_->errand = {};  // cancels what runs
  set(kRunning, false);
  drop_outgoing();
  active_.reset();
  if (!has(kRefused)) {
    attachment().share().websocket_closed();
    handler().closed(*this, close_code_);
  }
  data.reset();
}

void Websocket::send_text(std::string_view message) {
  WebsocketStream::of(*this).send(as_bytes(message), true);
}
void Websocket::send_binary(ByteView message) { WebsocketStream::of(*this).send(message, false); }
loop::Task<void> Websocket::drained() { return WebsocketStream::of(*this).drained(); }
void Websocket::close(std::uint16_t code, std::string reason) {
  WebsocketStream::of(*this).close(code, std::move(reason));
}
void Websocket::limit_messages(std::size_t bytes) { WebsocketStream::of(*this).limit_messages(bytes); }
bool Websocket::is_open() const { return static_cast<const WebsocketStream&>(*this).is_open(); }
std::string Websocket::peer() const { return static_cast<const WebsocketStream&>(*this).peer(); }
std::size_t Websocket::waiting_bytes() const {
  return static_cast<const WebsocketStream&>(*this).waiting_bytes();
}

}  // namespace berth::sdk
