#include "webserver/http/exchange.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "webserver/http/fields.h"
#include "webserver/http/static_answer.h"
#include "webserver/reactor.h"

namespace berth::webserver {
namespace {

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

http1::HeadLimits head_limits(const Limits& limits) {
  return {.head_bytes = static_cast<std::size_t>(limits.head_bytes),
          .target_bytes = static_cast<std::size_t>(limits.target_bytes),
          .header_count = static_cast<std::size_t>(limits.head_fields)};
}

Exchange::Exchange(Connection& connection) : connection_(connection) {}
Exchange::~Exchange() = default;

// --- from the client ---

bool Exchange::wants_input() const {
  if (state_ == State::kHead) return true;
  return state_ == State::kBody && (!connection_.has_stream() || connection_.can_send_to_service());
}

bool Exchange::take_body(ByteView bytes, bool is_last) {
  body_taken_ += bytes.size();
  const auto limit = static_cast<std::uint64_t>(connection_.reactor().limits().body_bytes);
  if (body_taken_ > limit) {
    connection_.close_stream(413, "body too large");
    fail_response(413, fmt::format("The body is larger than {} bytes.", limit));
    return false;
  }
  auto& reactor = connection_.reactor();
  pace_.add(bytes.size(), reactor.limits().body_rate, reactor.loop().now());
  request_done_ = is_last;
  if (is_last || !bytes.empty())
    connection_.send_to_service(link::Type::kData, is_last ? link::kFlagEnd : 0, bytes);
  if (is_last) state_ = State::kAnswering;
  if (!connection_.has_unsent()) restart_deadline();
  return true;
}

void Exchange::restart_deadline() {
  const auto& limits = connection_.reactor().limits();
  switch (state_) {
    case State::kHead:
      return connection_.set_deadline(milliseconds(is_between_requests() ? limits.idle_ms : limits.head_ms));
    case State::kBody:
      // While the service gives no credit it is not the client that stalls.
      if (connection_.can_send_to_service()) return connection_.set_deadline(pace_.left());
      pace_.pause();
      return connection_.set_deadline(milliseconds(limits.response_ms));
    case State::kAnswering:
    case State::kUpgrading: return connection_.set_deadline(milliseconds(limits.response_ms));
    default: return connection_.set_deadline(milliseconds(limits.stall_ms));
  }
}

void Exchange::on_deadline() {
  switch (state_) {
    case State::kHead:
      if (is_between_requests()) return connection_.drop(0);
      end_after_request();
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

void Exchange::respond(int status, std::string_view text, http1::Headers headers) {
  const auto body = fmt::format("{} {}\n{}\n", status, http1::reason_phrase(status), text);
  headers.emplace_back("content-type", "text/plain; charset=utf-8");
  headers.emplace_back("content-length", fmt::format("{}", body.size()));
  status_ = static_cast<std::uint16_t>(status);
  head_sent_ = true;
  body_sent_ = is_head_ ? 0 : body.size();
  state_ = State::kAnswering;
  if (!send_answer(status, std::move(headers), is_head_ ? "" : body))
    return connection_.drop(0);  // a redirect to a host that cannot be written
  finish_response();
}

void Exchange::fail_response(int status, std::string_view text) {
  if (head_sent_) return cut();  // too late for a status: the cut tells
  end_after_request();
  respond(status, text);
}

void Exchange::respond_file(Attach& attach, const http1::RequestHead& head, const StaticFile& file) {
  // Without the query: it may hold a key.
  BERTH_LOG(kHttpFile, "file", {"peer", connection_.peer_text()},
            {"path", head.target.substr(0, head.target.find('?'))});
  head_sent_ = true;
  pack_ = attach.pack;
  served_ = attach.served;
  ++served_->requests;
  state_ = State::kFile;
  if (const auto* known = connection_.reactor().static_heads().find(head, attach, file)) {
    const auto body = is_head_ ? ByteView() : known->body;
    status_ = 200;
    body_sent_ = body.size();
    if (send_known_file(*known, body)) return;
  } else {
    auto answer = answer_static(head, file);
    answer.headers.insert(answer.headers.end(), attach.files.headers.begin(), attach.files.headers.end());
    const auto body = is_head_ ? ByteView() : answer.body;
    status_ = static_cast<std::uint16_t>(answer.status);
    body_sent_ = body.size();
    if (send_file(answer.status, std::move(answer.headers), body)) return;
  }
  pack_.reset();
  respond(500, "The file's type is malformed.");
}

// --- the service's answer ---

void Exchange::on_upgrade_answer(const link::Accept& accept) {
  auto headers = without_hop_by_hop(accept.headers);
  std::erase_if(headers, [](const auto& field) {
    return field.first == "sec-websocket-accept" || field.first == "sec-websocket-extensions" ||
           field.first == "content-length" || field.first == "date";
  });
  if (accept.status == 0) {
    if (!extensions_.empty()) headers.emplace_back("sec-websocket-extensions", extensions_);
    const auto sent = send_upgraded(std::move(headers));
    if (!sent) {
      connection_.close_stream(1011, sent.error().detail);
      return fail_response(502, "The app's answer is malformed.");
    }
    return log_request();
  }
  connection_.close_stream(0);
  std::erase_if(headers, [](const auto& field) { return field.first == "content-type"; });
  const bool is_status = accept.status >= 300 && accept.status <= 599;
  if (!is_status || !http1::format_response_head(accept.status, headers))
    fail_response(502, "The app's answer is malformed.");
  else respond(accept.status, "The app refused the WebSocket.", std::move(headers));
}

bool Exchange::on_accept(const link::Accept& accept) {
  if (state_ == State::kUpgrading) {
    on_upgrade_answer(accept);
    return accept.status == 0 && !head_sent_;
  }
  const auto refuse = [&](std::string_view why) {
    connection_.close_stream(502, why);
    fail_response(502, "The app's answer is malformed.");
    return false;
  };
  if (head_sent_ || accept.status < 200 || accept.status > 999)
    return refuse("second ACCEPT, or a status that cannot be");
  const bool no_body = accept.bits & link::kAcceptNoBody;
  const bool has_body = may_have_body(accept.status) && !is_head_;
  auto headers = without_hop_by_hop(accept.headers);
  const auto length = take_content_length(headers);
  if (!length || (no_body && has_body && length->value_or(0) > 0)) return refuse("content-length is wrong");
  body_mode_ = BodyMode::kNone;
  if (has_body) {
    body_mode_ = length->has_value() || no_body ? BodyMode::kLength : BodyMode::kOpen;
    body_left_ = length->value_or(0);
    if (body_mode_ == BodyMode::kLength)
      headers.emplace_back("content-length", fmt::format("{}", body_left_));
  } else if (length->has_value() && (may_have_body(accept.status) || accept.status == 304)) {
    headers.emplace_back("content-length", fmt::format("{}", **length));  // HEAD: what GET would have
  }
  std::erase_if(headers, [](const auto& field) { return field.first == "date"; });
  const auto sent = send_head(accept.status, std::move(headers));
  if (!sent) return refuse(sent.error().detail);
  status_ = accept.status;
  head_sent_ = true;
  if (no_body) end_of_answer();
  return false;
}

void Exchange::on_data(ByteView bytes, bool is_end) {
  if (!head_sent_) {
    connection_.close_stream(502, "DATA before ACCEPT");
    return fail_response(502, "The app's answer is malformed.");
  }
  if (body_mode_ == BodyMode::kLength) {
    if (bytes.size() > body_left_ || (is_end && bytes.size() < body_left_)) {
      log_warning("body differs from its content-length", {{"service", connection_.attach().link->name()}});
      connection_.close_stream(502, "body differs from its content-length");
      return cut();
    }
    body_left_ -= bytes.size();
  }
  if (body_mode_ != BodyMode::kNone) {
    body_sent_ += bytes.size();
    send_body(bytes, is_end);
  }
  if (is_end && connection_.is_open()) end_of_answer();
  else if (connection_.is_open() && !connection_.has_unsent()) restart_deadline();
}

void Exchange::end_of_answer() {
  if (request_done_) {
    connection_.forget_stream();
  } else {
    connection_.close_stream(0);
    end_after_request();
  }
  finish_response();
}

void Exchange::on_close(const link::Close& close) {
  const bool is_status = close.code >= 400 && close.code <= 599;
  fail_response(is_status ? close.code : 502,
                is_status && !close.reason.empty() && is_valid_utf8(close.reason)
                    ? close.reason
                    : "The app gave no answer.");
}

void Exchange::on_lost() { fail_response(502, "The app has ended while it worked on the request."); }

void Exchange::log_request() {
  auto& reactor = connection_.reactor();
  if (!reactor.writes_access_log()) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(reactor.loop().now() - began_);
  log_info("request", {{"peer", connection_.peer_text()},
                       {"request", log_line_},
                       {"status", status_},
                       {"bytes", body_sent_},
                       {"ms", took.count()}});
}

void Exchange::finish_response() {
  if (!connection_.is_open()) return;
  log_request();
  end_exchange();
}

void Exchange::begin_next() {
  state_ = State::kHead;
  body_mode_ = BodyMode::kNone;
  is_head_ = request_done_ = head_sent_ = false;
  body_left_ = body_taken_ = body_sent_ = 0;
  status_ = 0;
  served_.reset();
  log_line_.clear();
}

}  // namespace berth::webserver
