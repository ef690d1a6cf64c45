#include "webserver/http/conversation.h"

#include <algorithm>

#include "webserver/reactor.h"
#include "webserver/relay/paths.h"
#include "wire/websocket/handshake.h"

namespace berth::webserver {

HttpConversation::HttpConversation(Connection& connection)
    : Exchange(connection), parser_(head_limits(connection.reactor().limits())) {}

void HttpConversation::begin_connection() {
  connection_.set_deadline(milliseconds(connection_.reactor().limits().head_ms));
}

// --- from the client ---

std::size_t HttpConversation::consume(std::span<std::uint8_t> bytes) {
  if (state_ == State::kHead) return consume_head(bytes);
  if (state_ == State::kBody) return consume_body(bytes);
  return 0;
}

std::size_t HttpConversation::consume_head(std::span<std::uint8_t> bytes) {
  const bool is_new = parser_.is_empty();
  if (is_new && bytes[0] == 0x16) {  // a TLS handshake record: it would never end in a blank line
    keep_alive_ = false;
    respond(400, "This port speaks plain HTTP. Use http:// instead of https://.");
    return bytes.size();
  }
  const auto used = parser_.feed(bytes);
  if (!used) {
    keep_alive_ = false;
    began_ = connection_.reactor().loop().now();
    respond(parser_.error_status(), used.error().detail);
    return bytes.size();
  }
  if (parser_.is_done()) {
    auto& head = parser_.head();
    minor_ = head.minor;
    keep_alive_ = head.keep_alive && !connection_.reactor().is_draining();
    if (!head.target.starts_with('/')) take_other_form(head);
    request_done_ = head.framing == http1::Framing::kNone ||
                    (head.framing == http1::Framing::kLength && head.content_length == 0);
    start_request(head);
  } else if (is_new && !parser_.is_empty() && !first_) {
    connection_.set_deadline(milliseconds(connection_.reactor().limits().head_ms));
  }
  return *used;
}

// Absolute, asterisk and authority form, or nonsense (RFC 9112 section 3.2).
void HttpConversation::take_other_form(http1::RequestHead& head) {
  const auto target = parse_target(head.target);
  if (!target || head.method == "CONNECT") {
    keep_alive_ = false;               // what follows is perhaps no request either
  } else if (!target->host.empty()) {  // counts, whatever Host says (section 3.2.2)
    const auto found = std::ranges::find(head.headers, "host", &http1::Headers::value_type::first);
    if (found == head.headers.end()) head.headers.emplace_back("host", target->host);
    else found->second = target->host;
  }
}

std::size_t HttpConversation::consume_body(std::span<std::uint8_t> bytes) {
  if (!connection_.can_send_to_service()) return 0;
  // No more at once than can go on: the decoder does not give bytes back.
  const auto room = std::min({bytes.size(), connection_.credit(), link::kMaxData});
  const auto piece = decoder_.decode(bytes.first(room));
  if (!piece) {
    connection_.close_stream(400, piece.error().detail);
    fail_response(piece.error().code == Errc::kTooLarge ? 431 : 400, piece.error().detail);
    return bytes.size();
  }
  if (!take_body(piece->data, decoder_.is_done())) return bytes.size();
  return piece->consumed;
}

void HttpConversation::begin_body(const http1::RequestHead& head) {
  decoder_ = http1::BodyDecoder(head);
  parser_ = http1::RequestParser();  // the head has gone on; `head` with it
}

Result<void> HttpConversation::check_websocket(const http1::RequestHead& head) {
  BERTH_TRY(websocket_key_, websocket::check_request(head));
  return {};
}

void HttpConversation::open_passthrough(Attach& attach, const Target& target, std::uint16_t method) {
  const auto opened = connection_.open_stream(attach, make_open(attach, target, method));
  if (!opened) return refuse_open(opened.error());
  status_ = 0;
  log_request();
  const auto raw = as_bytes(parser_.raw());
  const auto sent = connection_.send_to_service(link::Type::kData, 0, raw);
  connection_.hold(raw.subspan(sent), 0);
  state_ = State::kPassthrough;
}

// --- to the client ---

void HttpConversation::add_common(http1::Headers& headers) const {
  headers.emplace_back("date", connection_.reactor().date());
  if (!keep_alive_) headers.emplace_back("connection", "close");
  else if (minor_ == 0) headers.emplace_back("connection", "keep-alive");
}

void HttpConversation::send_continue() {
  if (minor_ > 0) connection_.send("HTTP/1.1 100 Continue\r\n\r\n");
}

Result<void> HttpConversation::send_answer(int status, http1::Headers headers, std::string_view body) {
  if (!request_done_) keep_alive_ = false;
  // What stands in Upgrade stands in Connection too (RFC 9110 section 7.8).
  if (http1::find_header(headers, "upgrade")) headers.emplace_back("connection", "Upgrade");
  add_common(headers);
  BERTH_TRY(auto head, http1::format_response_head(status, headers));
  connection_.send(head.append(body));
  return {};
}

Result<void> HttpConversation::send_upgraded(http1::Headers headers) {
  headers.emplace_back("upgrade", "websocket");
  headers.emplace_back("connection", "Upgrade");
  headers.emplace_back("sec-websocket-accept", websocket::accept_key(websocket_key_));
  headers.emplace_back("date", connection_.reactor().date());
  BERTH_TRY(const auto head, http1::format_response_head(101, headers));
  status_ = 101;
  connection_.send(head);
  return {};
}

Result<void> HttpConversation::send_head(int status, http1::Headers headers) {
  is_chunked_ = body_mode_ == BodyMode::kOpen && minor_ > 0;
  if (is_chunked_) headers.emplace_back("transfer-encoding", "chunked");
  else if (body_mode_ == BodyMode::kOpen) keep_alive_ = false;  // HTTP/1.0: the end of the connection tells
  add_common(headers);
  BERTH_TRY(head_, http1::format_response_head(status, headers));
  // The body mostly comes in the same turn; one write for both spares the client a wake-up, too.
  connection_.reactor().run_soon(connection_);
  return {};
}

void HttpConversation::flush() {
  if (state_ == State::kFile || head_.empty()) return;
  const auto head = std::exchange(head_, {});
  connection_.send(head);
}

void HttpConversation::send_body(ByteView bytes, bool is_end) {
  const auto head = std::exchange(head_, {});
  const iovec first{const_cast<char*>(head.data()), head.size()};
  const iovec data{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  if (!is_chunked_) {
    const iovec parts[] = {first, data};
    if (!head.empty() || !bytes.empty()) connection_.send(parts);
    return;
  }
  auto size = bytes.empty() ? std::string() : fmt::format("{:x}\r\n", bytes.size());
  std::string_view tail = bytes.empty() ? "" : "\r\n";
  if (is_end) tail = bytes.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
  const iovec parts[] = {
      first, {size.data(), size.size()}, data, {const_cast<char*>(tail.data()), tail.size()}};
  if (!head.empty() || !tail.empty()) connection_.send(parts);
}

Result<void> HttpConversation::send_file(int status, http1::Headers headers, ByteView body) {
  add_common(headers);
  BERTH_TRY(head_, http1::format_response_head(status, headers));
  file_left_ = body;
  continue_file();
  return {};
}

Result<void> HttpConversation::send_known_file(const StaticHeads::Head& head, ByteView body) {
  if (!keep_alive_ || minor_ == 0) return send_file(200, head.headers, body);
  const auto& date = connection_.reactor().date_line();
  file_left_ = body;
  const iovec parts[] = {{const_cast<char*>(head.text.data()), head.text.size()},
                         {const_cast<char*>(date.data()), date.size()},
                         {const_cast<std::uint8_t*>(body.data()), body.size()}};
  const auto sent = connection_.try_send(parts);
  if (sent < head.text.size() + date.size()) {
    head_ = head.text + date;
    after_file(sent);
  } else {
    after_file(sent - head.text.size() - date.size());
  }
  return {};
}

void HttpConversation::continue_file() {
  const iovec parts[] = {{head_.data(), head_.size()},
                         {const_cast<std::uint8_t*>(file_left_.data()), file_left_.size()}};
  after_file(connection_.try_send(parts));
}

// `sent` bytes of head_ and of the file have gone.
void HttpConversation::after_file(std::size_t sent) {
  const auto of_head = std::min(sent, head_.size());
  head_.erase(0, of_head);
  count_file(sent - of_head);
  file_left_ = file_left_.subspan(sent - of_head);
  if (!connection_.is_open() || !head_.empty() || !file_left_.empty()) return;
  pack_.reset();
  finish_response();
}

void HttpConversation::on_writable() {
  if (state_ == State::kFile) continue_file();
}

void HttpConversation::cut() {
  flush();
  connection_.drop(0);
}

void HttpConversation::end_exchange() {
  flush();  // of an answer without body
  if (!connection_.is_open()) return;
  if (!keep_alive_ || ends_) {
    state_ = State::kEnded;
    return connection_.finish(!request_done_);
  }
  begin_next();
  first_ = false;
  is_chunked_ = false;
  parser_ = http1::RequestParser(head_limits(connection_.reactor().limits()));
  if (!connection_.has_unsent()) restart_deadline();
  if (connection_.has_unread()) connection_.reactor().run_soon(connection_);
}

}  // namespace berth::webserver
