#include "sdk/websocket/websocket_stream.h"

#include "base/log.h"
#include "sdk/link/attachment.h"
#include "sdk/link/link_client.h"

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

WebsocketStream::WebsocketStream(const Seed& seed, const WebsocketAttach& attach, const link::Open& open)
    : Stream(seed),
      attach_(attach),
      peer_(open.peer),
      handle_(*this),
      message_limit_(attach.limits.message_bytes) {
  if (const auto status = attach_.handler.admit(make_upgrade(open)); status != 0) {
    refused_ = true;
    close_code_ = status;
  }
}

WebsocketStream::~WebsocketStream() = default;

void WebsocketStream::start() {
  if (refused_) {
    send_accept({close_code_, 0, {}});
    send_close(1008);
    return;
  }
  send_accept({0, 0, {}});
  need_work().wants_opening = true;
  work();
}

void WebsocketStream::on_message(ByteView part, bool is_end, bool is_text) {
  const bool is_waiting = work_ && (running_ || !work_->queue.empty());
  if (is_waiting) work_->withheld += part.size();
  else give_credit(part.size());
  if (!link() || closing_) return;
  const auto assembled = assembly_ ? assembly_->size() : 0;
  if (assembled + part.size() > message_limit_) {
    assembly_.reset();
    return close(1009, "message too large");
  }
  if (!is_end) {
    if (!assembly_) assembly_ = std::make_unique<Bytes>();
    assembly_->insert(assembly_->end(), part.begin(), part.end());
    return;
  }
  Bytes message;
  if (assembly_) {
    message = std::move(*assembly_);
    assembly_.reset();
  }
  message.insert(message.end(), part.begin(), part.end());
  message_complete(std::move(message), is_text);
}

void WebsocketStream::message_complete(Bytes message, bool is_text) {
  ++attach_.counters.messages_in;
  Work& work_now = need_work();
  // Credit bounds the bytes; this bounds messages of no or few bytes.
  if (work_now.queue.size() >= kMostWaitingMessages) return close(1008, "too many messages at once");
  work_now.queue.push_back({std::move(message), is_text});
  work();
}

WebsocketStream::Work& WebsocketStream::need_work() {
  if (!work_) work_ = std::make_unique<Work>(client_.loop());
  return *work_;
}

void WebsocketStream::work() {
  if (running_) return;
  running_ = true;
  work_->cleanup.cancel();
  work_->task = std::make_unique<loop::Spawned<void>>(client_.loop(), run());
}

loop::Task<void> WebsocketStream::run() {
  if (std::exchange(work_->wants_opening, false)) {
    try {
      co_await attach_.handler.opened(handle_);
    } catch (...) {
      log_info(attach_.where + " failed on opening a WebSocket", {{"error", current_error().detail}});
      close(1011, "internal error");
    }
  }
  while (!work_->queue.empty() && !(closing_ || has_sent_close())) {
    Incoming next = std::move(work_->queue.front());
    work_->queue.pop_front();
    if (work_->queue.empty()) give_credit(std::exchange(work_->withheld, 0));
    co_await run_one(std::move(next));
  }
  running_ = false;
  work_->queue.clear();
  give_credit(std::exchange(work_->withheld, 0));
  work_->cleanup.schedule([this] { work_.reset(); });
  became_idle();
}

loop::Task<void> WebsocketStream::run_one(Incoming incoming) {
  try {
    co_await attach_.handler.received(handle_, std::move(incoming.bytes), incoming.is_text);
  } catch (...) {
    log_info(attach_.where + " failed on a WebSocket message", {{"error", current_error().detail}});
    close(1011, "internal error");
  }
}

void WebsocketStream::send(ByteView message, bool is_text) {
  if (!is_open()) return;
  count_sent();
  const std::uint8_t text_flag = is_text ? link::kFlagText : 0;
  std::size_t sent = 0;
  if (!outgoing_) {
    sent = send_part(link::Type::kMessage, text_flag, link::kFlagEnd, message);
    if (sent == message.size()) return;
    outgoing_ = std::make_unique<Outgoing>(client_.loop());
    outgoing_->sent_of_first = sent;
  }
  if (outgoing_->bytes + message.size() - sent > attach_.limits.send_bytes) {
    log_info(attach_.where + " client too slow, closed", {{"peer", peer_}, {"waiting", outgoing_->bytes}});
    drop_outgoing();
    close(1013, "too slow");
    return;
  }
  outgoing_->parts.push_back({Bytes(message.begin(), message.end()), is_text});
  outgoing_->bytes += message.size() - sent;
}

void WebsocketStream::on_credit() {
  while (outgoing_ && link() && send_credit() > 0) {
    auto& first = outgoing_->parts.front();
    const auto rest = ByteView(first.bytes).subspan(outgoing_->sent_of_first);
    const auto sent = send_part(link::Type::kMessage, first.is_text ? link::kFlagText : std::uint8_t{0},
                                link::kFlagEnd, rest);
    outgoing_->bytes -= sent;
    outgoing_->sent_of_first += sent;
    if (sent < rest.size()) return;
    outgoing_->parts.pop_front();
    outgoing_->sent_of_first = 0;
    if (!outgoing_->parts.empty()) continue;
    const bool close_after = outgoing_->close_after;
    auto reason = std::move(outgoing_->reason);
    drop_outgoing();
    if (close_after) send_close(close_code_, std::move(reason));
  }
}

void WebsocketStream::drop_outgoing() {
  if (!outgoing_) return;
  outgoing_->gone.set();
  outgoing_.reset();
}

loop::Task<void> WebsocketStream::drained() {
  while (outgoing_ && link()) co_await outgoing_->gone.wait();
}

void WebsocketStream::close(std::uint16_t code, std::string reason) {
  if (!is_open()) return;
  closing_ = true;
  close_code_ = code;
  if (outgoing_) {
    outgoing_->close_after = true;
    outgoing_->reason = std::move(reason);
    return;
  }
  send_close(code, std::move(reason));
}

void WebsocketStream::abandon() {
  drop_outgoing();
  if (!closing_) close_code_ = 1001;
  closing_ = true;
  send_close(1001, "the instance stops");
}

void WebsocketStream::on_gone(std::uint16_t code) {
  if (!closing_) close_code_ = code;
  assembly_.reset();
  drop_outgoing();
}

bool WebsocketStream::is_busy() const { return running_; }

void WebsocketStream::finish() {
  work_.reset();
  drop_outgoing();
  if (!refused_) attach_.handler.closed(handle_, close_code_);
  handle_.data.reset();
}

void Websocket::send_text(std::string_view message) { stream_.send(as_bytes(message), true); }
void Websocket::send_binary(ByteView message) { stream_.send(message, false); }
loop::Task<void> Websocket::drained() { return stream_.drained(); }
void Websocket::close(std::uint16_t code, std::string reason) { stream_.close(code, std::move(reason)); }
void Websocket::limit_messages(std::size_t bytes) { stream_.limit_messages(bytes); }
bool Websocket::is_open() const { return stream_.is_open(); }
const std::string& Websocket::peer() const { return stream_.peer(); }
std::size_t Websocket::waiting_bytes() const { return stream_.waiting_bytes(); }

}  // namespace berth::sdk
