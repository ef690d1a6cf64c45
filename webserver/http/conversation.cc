#include "webserver/http/conversation.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "webserver/http/fields.h"
#include "webserver/http/static_answer.h"
#include "webserver/reactor.h"
#include "wire/websocket/handshake.h"

namespace berth::webserver {
namespace {

http1::HeadLimits head_limits(const Limits& limits) {
  return {.head_bytes = static_cast<std::size_t>(limits.head_bytes),
          .target_bytes = static_cast<std::size_t>(limits.target_bytes),
          .header_count = static_cast<std::size_t>(limits.head_fields)};
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

HttpConversation::HttpConversation(Connection& connection)
    : connection_(connection), parser_(head_limits(connection.reactor().limits())) {}

void HttpConversation::begin_connection() {
  connection_.set_deadline(milliseconds(connection_.reactor().limits().head_ms));
}

// --- from the client ---

bool HttpConversation::wants_input() const {
  if (state_ == State::kHead) return true;
  return state_ == State::kBody && (!connection_.has_stream() || connection_.can_send_to_service());
}

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
    start_request();
  } else if (is_new && !parser_.is_empty() && !first_) {
    connection_.set_deadline(milliseconds(connection_.reactor().limits().head_ms));
  }
  return *used;
}

std::size_t HttpConversation::consume_body(std::span<std::uint8_t> bytes) {
  if (!connection_.can_send_to_service()) return 0;
  // No more at once than can go on: the decoder does not give bytes back.
  const auto room = std::min(bytes.size(), connection_.credit());
  const auto piece = decoder_.decode(bytes.first(room));
  if (!piece) {
    connection_.close_stream(400, piece.error().detail);
    fail_response(piece.error().code == Errc::kTooLarge ? 431 : 400, piece.error().detail);
    return bytes.size();
  }
  body_taken_ += piece->data.size();
  const auto limit = static_cast<std::uint64_t>(connection_.reactor().limits().body_bytes);
  if (body_taken_ > limit) {
    connection_.close_stream(413, "body too large");
    fail_response(413, fmt::format("The body is larger than {} bytes.", limit));
    return bytes.size();
  }
  request_done_ = decoder_.is_done();
  if (request_done_ || !piece->data.empty())
    connection_.send_to_service(link::Type::kData, request_done_ ? link::kFlagEnd : 0, piece->data);
  if (request_done_) state_ = State::kAnswering;
  if (!connection_.has_unsent()) restart_deadline();
  return piece->consumed;
}

void HttpConversation::restart_deadline() {
  const auto& limits = connection_.reactor().limits();
  switch (state_) {
    case State::kHead:
      return connection_.set_deadline(milliseconds(parser_.is_empty() ? limits.idle_ms : limits.head_ms));
    case State::kBody:
      // While the service gives no credit it is not the client that stalls.
      return connection_.set_deadline(
          milliseconds(connection_.can_send_to_service() ? limits.stall_ms : limits.response_ms));
    case State::kAnswering:
    case State::kUpgrading: return connection_.set_deadline(milliseconds(limits.response_ms));
    default: return connection_.set_deadline(milliseconds(limits.stall_ms));
  }
}

void HttpConversation::on_deadline() {
  switch (state_) {
    case State::kHead:
      if (parser_.is_empty()) return connection_.drop(0);
      keep_alive_ = false;
      began_ = connection_.reactor().loop().now();
      return respond(408, "The request did not come in time.");
    case State::kBody:
      if (!connection_.can_send_to_service()) {
        connection_.close_stream(504, "the request was not taken in time");
        return fail_response(504, "The app did not take the request in time.");
      }
      connection_.close_stream(408, "the client stalled");
      return fail_response(408, "The request's body did not come in time.");
    case State::kAnswering:
    case State::kUpgrading:
      connection_.close_stream(504, "no answer in time");
      return fail_response(504, "The app did not answer in time.");
    default: return connection_.drop(0);
  }
}

// --- our own answers ---

void HttpConversation::add_common(http1::Headers& headers) const {
  headers.emplace_back("date", connection_.reactor().date());
  if (!keep_alive_) headers.emplace_back("connection", "close");
  else if (minor_ == 0) headers.emplace_back("connection", "keep-alive");
}

void HttpConversation::respond(int status, std::string_view text, http1::Headers headers) {
  if (!request_done_) keep_alive_ = false;
  const auto body = fmt::format("{} {}\n{}\n", status, http1::reason_phrase(status), text);
  headers.emplace_back("content-type", "text/plain; charset=utf-8");
  headers.emplace_back("content-length", fmt::format("{}", body.size()));
  add_common(headers);
  const auto head = http1::format_response_head(status, headers);
  if (!head) return connection_.drop(0);  // a redirect to a host that cannot be written
  status_ = static_cast<std::uint16_t>(status);
  head_sent_ = true;
  body_sent_ = is_head_ ? 0 : body.size();
  state_ = State::kAnswering;
  connection_.send(is_head_ ? *head : *head + body);
  finish_response();
}

void HttpConversation::fail_response(int status, std::string_view text) {
  if (head_sent_) return connection_.drop(0);  // too late for a status: the cut tells
  keep_alive_ = false;
  respond(status, text);
}

void HttpConversation::respond_file(Attach& attach, const http1::RequestHead& head,
                                    std::string_view relative) {
  const auto file = find_static(*attach.pack, relative, attach.build);
  auto answer = answer_static(head, file);
  add_common(answer.headers);
  auto formatted = http1::format_response_head(answer.status, answer.headers);
  if (!formatted) return respond(500, "The file's type is malformed.");
  status_ = static_cast<std::uint16_t>(answer.status);
  head_sent_ = true;
  pack_ = attach.pack;
  file_head_ = std::move(*formatted);
  file_left_ = is_head_ ? ByteView() : answer.body;
  body_sent_ = file_left_.size();
  state_ = State::kFile;
  continue_file();
}

void HttpConversation::continue_file() {
  const iovec parts[] = {{file_head_.data(), file_head_.size()},
                         {const_cast<std::uint8_t*>(file_left_.data()), file_left_.size()}};
  auto done = connection_.try_send(parts);
  const auto of_head = std::min(done, file_head_.size());
  file_head_.erase(0, of_head);
  file_left_ = file_left_.subspan(done - of_head);
  if (!connection_.is_open() || !file_head_.empty() || !file_left_.empty()) return;
  pack_.reset();
  finish_response();
}

void HttpConversation::on_writable() {
  if (state_ == State::kFile) continue_file();
}

// --- the service's answer ---

bool HttpConversation::on_accept(const link::Accept& accept) {
  auto& reactor = connection_.reactor();
  if (state_ == State::kUpgrading) {
    auto headers = without_hop_by_hop(accept.headers);
    std::erase_if(headers, [](const auto& field) {
      return field.first == "sec-websocket-accept" || field.first == "sec-websocket-extensions" ||
             field.first == "content-length" || field.first == "date";
    });
    if (accept.status == 0) {
      headers.emplace_back("upgrade", "websocket");
      headers.emplace_back("connection", "Upgrade");
      headers.emplace_back("sec-websocket-accept", websocket::accept_key(websocket_key_));
      headers.emplace_back("date", reactor.date());
      const auto head = http1::format_response_head(101, headers);
      if (!head) {
        connection_.close_stream(1011, head.error().detail);
        fail_response(502, "The app's answer is malformed.");
        return false;
      }
      status_ = 101;
      log_request();
      connection_.send(*head);
      return true;
    }
    connection_.close_stream(0);
    const bool is_status = accept.status >= 300 && accept.status <= 599;
    for (auto& field : headers)
      if (field.first == "content-type") field.first.clear();
    std::erase_if(headers, [](const auto& field) { return field.first.empty(); });
    if (!is_status || !http1::format_response_head(accept.status, headers))
      fail_response(502, "The app's answer is malformed.");
    else respond(accept.status, "The app refused the WebSocket.", std::move(headers));
    return false;
  }

  if (head_sent_ || accept.status < 200 || accept.status > 999) {
    connection_.close_stream(502, "second ACCEPT, or a status that cannot be");
    fail_response(502, "The app's answer is malformed.");
    return false;
  }
  const bool no_body = accept.bits & link::kAcceptNoBody;
  const bool has_body = may_have_body(accept.status) && !is_head_;
  auto headers = without_hop_by_hop(accept.headers);
  const auto length = take_content_length(headers);
  if (!length || (no_body && has_body && length->value_or(0) > 0)) {
    connection_.close_stream(502, "content-length is wrong");
    fail_response(502, "The app's answer is malformed.");
    return false;
  }
  body_mode_ = BodyMode::kNone;
  if (has_body) {
    if (length->has_value() || no_body) {
      body_mode_ = BodyMode::kLength;
      body_left_ = length->value_or(0);
      headers.emplace_back("content-length", fmt::format("{}", body_left_));
    } else if (minor_ == 0) {
      body_mode_ = BodyMode::kUntilClose;
      keep_alive_ = false;
    } else {
      body_mode_ = BodyMode::kChunked;
      headers.emplace_back("transfer-encoding", "chunked");
    }
  } else if (length->has_value() && may_have_body(accept.status)) {
    headers.emplace_back("content-length", fmt::format("{}", **length));  // HEAD: what GET would have
  } else if (length->has_value() && accept.status == 304) {
    headers.emplace_back("content-length", fmt::format("{}", **length));
  }
  std::erase_if(headers, [](const auto& field) { return field.first == "date"; });
  add_common(headers);
  const auto head = http1::format_response_head(accept.status, headers);
  if (!head) {
    connection_.close_stream(502, head.error().detail);
    fail_response(502, "The app's answer is malformed.");
    return false;
  }
  status_ = accept.status;
  head_sent_ = true;
  connection_.send(*head);
  if (no_body) end_of_answer();
  return false;
}

void HttpConversation::on_data(ByteView bytes, bool is_end) {
  if (!head_sent_) {
    connection_.close_stream(502, "DATA before ACCEPT");
    return fail_response(502, "The app's answer is malformed.");
  }
  if (body_mode_ == BodyMode::kLength) {
    if (bytes.size() > body_left_ || (is_end && bytes.size() < body_left_)) {
      log_warning("body differs from its content-length", {{"service", connection_.attach().link->name()}});
      connection_.close_stream(502, "body differs from its content-length");
      return connection_.drop(0);
    }
    body_left_ -= bytes.size();
  }
  if (body_mode_ != BodyMode::kNone) body_sent_ += bytes.size();
  if (body_mode_ == BodyMode::kLength || body_mode_ == BodyMode::kUntilClose) {
    if (!bytes.empty()) connection_.send(bytes);
  } else if (body_mode_ == BodyMode::kChunked) {
    auto size = bytes.empty() ? std::string() : fmt::format("{:x}\r\n", bytes.size());
    std::string_view tail = bytes.empty() ? "" : "\r\n";
    if (is_end) tail = bytes.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
    const iovec parts[] = {{size.data(), size.size()},
                           {const_cast<std::uint8_t*>(bytes.data()), bytes.size()},
                           {const_cast<char*>(tail.data()), tail.size()}};
    if (!tail.empty()) connection_.send(parts);
  }
  if (is_end && connection_.is_open()) end_of_answer();
  else if (connection_.is_open() && !connection_.has_unsent()) restart_deadline();
}

void HttpConversation::end_of_answer() {
  if (request_done_) {
    connection_.forget_stream();
  } else {
    connection_.close_stream(0);
    keep_alive_ = false;
  }
  finish_response();
}

void HttpConversation::on_close(const link::Close& close) {
  const bool is_status = close.code >= 400 && close.code <= 599;
  fail_response(is_status ? close.code : 502,
                is_status && !close.reason.empty() && is_valid_utf8(close.reason)
                    ? close.reason
                    : "The app gave no answer.");
}

void HttpConversation::on_lost() { fail_response(502, "The app has ended while it worked on the request."); }

void HttpConversation::log_request() {
  auto& reactor = connection_.reactor();
  if (!reactor.writes_access_log()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(reactor.loop().now() - began_);
  log_info("request", {{"peer", connection_.peer_text()},
                       {"request", log_line_},
                       {"status", status_},
                       {"bytes", body_sent_},
                       {"ms", took.count()}});
}

void HttpConversation::finish_response() {
  if (!connection_.is_open()) return;
  log_request();
  if (!keep_alive_ || ends_) {
    state_ = State::kEnded;
    return connection_.finish(!request_done_);
  }
  next_request();
}

void HttpConversation::next_request() {
  state_ = State::kHead;
  first_ = false;
  body_mode_ = BodyMode::kNone;
  is_head_ = request_done_ = head_sent_ = false;
  body_left_ = body_taken_ = body_sent_ = 0;
  status_ = 0;
  log_line_.clear();
  parser_ = http1::RequestParser(head_limits(connection_.reactor().limits()));
  if (!connection_.has_unsent()) restart_deadline();
  if (connection_.has_unread()) connection_.reactor().run_soon(connection_);
}

}  // namespace berth::webserver
