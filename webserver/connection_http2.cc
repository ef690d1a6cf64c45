// A connection that speaks HTTP/2, and the records of its streams, which it carries.
#include "webserver/http2/session.h"
#include "webserver/http2/stream.h"
#include "webserver/reactor.h"

namespace berth::webserver {

void Connection::begin_http2() {
  phase_ = Phase::kHttp2;
  active().http2 = std::make_unique<http2::Session>(*this);
  if (reactor().is_draining()) active_->http2->drain();
}

void Connection::send_parts(std::vector<iovec>& parts) {
  auto done = try_send(parts);
  if (!is_open()) return;
  auto first = parts.begin();
  for (; first != parts.end() && done >= first->iov_len; ++first) done -= first->iov_len;
  if (first == parts.end()) return;
  first->iov_base = static_cast<std::uint8_t*>(first->iov_base) + done;
  first->iov_len -= done;
  send(std::span(first, parts.end()));
}

// --- a stream's record ---

void Connection::begin_carried(Connection& carrier, std::int32_t stream) {
  BERTH_CHECK(phase_ == Phase::kFree && !active_ && !tls_);
  fd_ = -1;
  flags_ = 0;
  interest_ = 0;
  attach_ = kNoAttach;
  set(kCarried);
  set(kTls, carrier.is_tls());
  phase_ = Phase::kHttp;
  active().http = std::make_unique<http2::Stream>(*this, *carrier.active_->http2, stream);
}

http2::Stream& Connection::carried() const { return static_cast<http2::Stream&>(*active_->http); }

void Connection::receive_carried(std::span<std::uint8_t> bytes) {
  auto& stream = carried();
  if (!is_open() || is_finishing()) return stream.taken(bytes.size());
  if (has_unread() || is_holding()) {  // bounded by the stream's window
    active_->unread.insert(active_->unread.end(), bytes.begin(), bytes.end());
    return;
  }
  const auto used = serve(bytes);
  if (is_open()) keep_unread(bytes.subspan(used));
  stream.taken(is_open() ? used : bytes.size());
  settle();
}

void Connection::after_carried_output() {
  if (!is_open()) return;
  auto& active = *active_;
  if (has_unsent() || is_finishing()) {
    set_deadline(milliseconds(reactor().limits().stall_ms));
  } else {
    active.unsent = {};
    active.unsent_begin = 0;
    clear_deadline();
    if (phase_ == Phase::kHttp) active.http->restart_deadline();
    if (phase_ == Phase::kWsClosing) set_deadline(milliseconds(reactor().limits().close_ms));
  }
  settle();
}

void Connection::send_carried(std::span<const iovec> parts) {
  auto& active = *active_;
  if (!has_unsent()) {
    active.unsent.clear();
    active.unsent_begin = 0;
    set_deadline(milliseconds(reactor().limits().stall_ms));
  }
  for (const auto& part : parts) {
    const auto* begin = static_cast<const std::uint8_t*>(part.iov_base);
    active.unsent.insert(active.unsent.end(), begin, begin + part.iov_len);
  }
  carried().has_output();
}

void Connection::finish_carried() {
  if (has_stream()) close_stream(0);
  set_deadline(milliseconds(reactor().limits().stall_ms));
  carried().has_output();
}

void Connection::drop_carried() {
  carried().release();
  --reactor().counters().http2_streams;
}

}  // namespace berth::webserver
