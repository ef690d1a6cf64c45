#include "webserver/http2/stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "webserver/http2/session.h"
#include "webserver/reactor.h"

namespace berth::webserver::http2 {

Stream::Stream(Connection& record, Session& session, std::int32_t id)
    : Exchange(record), session_(session), id_(id), reset_code_(NGHTTP2_CANCEL) {}

// --- from the client ---

void Stream::start(const http1::RequestHead& head, bool has_ended, int refusal, std::string_view reason) {
  input_ended_ = input_told_ = request_done_ = has_ended;
  only_websocket_ = head.wants_websocket;
  if (only_websocket_) request_done_ = true;  // what follows are its frames
  if (refusal != 0) {
    began_ = connection_.reactor().loop().now();
    is_head_ = head.method == "HEAD";
    return respond(refusal, reason);
  }
  start_request(head);
}

std::size_t Stream::consume(std::span<std::uint8_t> bytes) {
  if (state_ == State::kUpgrading) return 0;  // kept for the WebSocket
  if (state_ != State::kBody) return bytes.size();
  if (!connection_.can_send_to_service()) return 0;
  const auto count = std::min({bytes.size(), connection_.credit(), link::kMaxData});
  if (!take_body(bytes.first(count), false)) return bytes.size();
  return count;
}

void Stream::end_of_input() {
  input_ended_ = true;
  if (input_told_ || connection_.has_unread()) return;
  input_told_ = true;
  if (connection_.is_finishing()) return;
  if (state_ == State::kBody) take_body({}, true);
  else if (connection_.phase() != Connection::Phase::kHttp || state_ == State::kUpgrading)
    connection_.drop();  // a WebSocket's client that leaves without a close frame
}

void Stream::taken(std::size_t bytes) {
  session_.consumed(*this, bytes);
  if (input_ended_ && connection_.is_open()) end_of_input();
}

// --- to the client ---

std::size_t Stream::available(std::size_t most, bool& is_last) const {
  const auto& active = connection_.active();
  const auto count = state_ == State::kFile ? file_left_.size() : active.unsent.size() - active.unsent_begin;
  is_last = count <= most && (output_ended_ || state_ == State::kFile || connection_.is_finishing());
  return std::min(count, most);
}

ByteView Stream::fetch(std::size_t count) {
  auto& active = connection_.active();
  if (state_ != State::kFile) {
    const auto bytes = ByteView(active.unsent).subspan(active.unsent_begin, count);
    active.unsent_begin += count;
    return bytes;
  }
  const auto bytes = file_left_.first(count);
  file_left_ = file_left_.subspan(count);
  count_file(count);
  if (file_left_.empty()) {
    state_ = State::kEnded;
    output_ended_ = answered_ = true;
    log_request();
  }
  return bytes;
}

void Stream::after_output() { connection_.after_carried_output(); }

void Stream::release() {
  session_.consumed(*this, connection_.active().unread.size());  // the connection's share of the window
  session_.forget(*this);
}

const std::string& Stream::peer_text() const { return session_.peer_text(); }

void Stream::has_output() { session_.resume(*this); }

Result<void> Stream::send_head(int status, http1::Headers headers) {
  return session_.submit(*this, status, headers, true);
}

void Stream::send_body(ByteView bytes, bool) {
  if (!bytes.empty()) connection_.send(bytes);
}

Result<void> Stream::send_answer(int status, http1::Headers headers, std::string_view body) {
  BERTH_TRY_VOID(session_.submit(*this, status, headers, !body.empty()));
  if (!body.empty()) connection_.send(body);
  return {};
}

Result<void> Stream::send_file(int status, http1::Headers headers, ByteView body) {
  return give_file(status, headers, body);
}

Result<void> Stream::send_known_file(const StaticHeads::Head& head, ByteView body) {
  return give_file(200, head.headers, body);
}

Result<void> Stream::give_file(int status, const http1::Headers& headers, ByteView body) {
  BERTH_TRY_VOID(session_.submit(*this, status, headers, !body.empty()));
  file_left_ = body;
  if (body.empty()) finish_response();
  else restart_deadline();
  return {};
}

Result<void> Stream::check_websocket(const http1::RequestHead& head) {
  // RFC 8441 section 5: no key, no Upgrade, but the version and what is negotiated.
  const auto version = http1::find_header(head.headers, "sec-websocket-version");
  if (version != "13")
    return fail(Errc::kUnsupported, "WebSocket version {}, 13 expected", version.value_or("missing"));
  if (input_ended_) return fail(Errc::kMalformed, "A WebSocket that has ended already.");
  return {};
}

Result<void> Stream::send_upgraded(http1::Headers headers) {
  BERTH_TRY_VOID(session_.submit(*this, 200, headers, true));
  status_ = 200;
  answered_ = true;
  return {};
}

void Stream::send_continue() { session_.submit_continue(*this); }

void Stream::open_passthrough(Attach&, const Target&, std::uint16_t) {
  // What such a service reads and writes is HTTP/1.1.
  reset_code_ = NGHTTP2_HTTP_1_1_REQUIRED;
  answered_ = true;
  connection_.drop(0);
}

void Stream::cut() {
  reset_code_ = NGHTTP2_INTERNAL_ERROR;
  answered_ = true;  // not the client's doing
  connection_.drop(0);
}

void Stream::end_exchange() {
  state_ = State::kEnded;
  answered_ = true;
  connection_.finish(false);
}

}  // namespace berth::webserver::http2
