#include "sdk/http/http_stream.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "sdk/link/attachment.h"
#include "sdk/link/link.h"
#include "sdk/share/instance_share.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

std::string_view name_of_method(std::uint16_t method) {
  switch (method) {
    case link::kGet: return "GET";
    case link::kPost: return "POST";
    case link::kPut: return "PUT";
    case link::kPropfind: return "PROPFIND";
    case link::kMove: return "MOVE";
    case link::kCopy: return "COPY";
    case link::kMkcol: return "MKCOL";
    case link::kDelete: return "DELETE";
    case link::kOptions: return "OPTIONS";
    case link::kLock: return "LOCK";
    case link::kUnlock: return "UNLOCK";
    case link::kProppatch: return "PROPPATCH";
    default: return "";
  }
}

std::uint16_t status_of(Errc code) {
  switch (code) {
    case Errc::kMalformed: return 400;
    case Errc::kDenied: return 403;
    case Errc::kNotFound: return 404;
    case Errc::kExists:
    case Errc::kConflict: return 409;
    case Errc::kTooLarge: return 413;
    case Errc::kUnsupported: return 501;
    case Errc::kUnavailable: return 503;
    case Errc::kTimeout: return 504;
    case Errc::kNoSpace: return 507;
    case Errc::kCancelled:
    case Errc::kFailed: return 500;
  }
  return 500;
}

}  // namespace

HttpStream::HttpStream(const Seed& seed, const HttpAttach& attach, link::Open open)
    : BodyStream(seed, open),
      attach_(attach),
      method_(name_of_method(open.method)),
      path_(std::move(open.relative)),
      target_(std::move(open.target)),
      headers_(std::move(open.headers)),
      is_head_(open.bits & link::kOpenHead),
      is_tls_(open.bits & link::kOpenTls),
      has_body_(open.bits & link::kOpenHasBody),
      request_(*this),
      response_(*this) {
  if (path_.starts_with('/')) path_.erase(0, 1);
}

loop::Task<void> HttpStream::run() {
  ++attach_.counters.requests;
  // Never what comes after the path: there are keys in it.
  BERTH_TRACE(attach_.tracer, kWebserverPlugin, "request", {"method", method_},
              {"path", std::string_view(target_).substr(0, target_.find('?'))});
  Error error;
  try {
    if (!attachment().share().try_request()) {
      const bool has_turn = co_await wait_for_turn();
      if (!has_turn) {
        set_header("retry-after", std::to_string(InstanceShare::kLongestWait.count()));
        throw_failure(Errc::kUnavailable, "{} has more requests than it may have: try again later",
                      attach_.where);
      }
    }
    co_await attach_.handler(request_, response_);
    if (!started_) co_await send_whole({});
    end_response();
    co_return;
  } catch (...) {
    error = current_error();
  }
  co_await fail_with(std::move(error));
}

loop::Task<bool> HttpStream::wait_for_turn() {
  auto& share = attachment().share();
  bool has_turn = false;
  if (share.can_request_wait()) has_turn = co_await share.request_turn();
  if (!has_turn) share.count_refused();
  co_return has_turn;
}

// The boundary of a request: a failure becomes a status, or cuts off what has begun.
loop::Task<void> HttpStream::fail_with(Error error) {
  const auto status = status_of(error.code);
  if (status >= 500 || started_)
    log_info(attach_.where + " request failed",
             {{"request", method_ + " " + target_}, {"error", error.detail}});
  if (!link()) co_return;
  if (started_) {
    if (!ended_) send_close(0);
    co_return;
  }
  status_ = status;
  std::erase_if(response_headers_,
                [&](const auto& field) { return status != 503 || field.first != "retry-after"; });
  announced_.reset();
  set_header("content-type", "application/json");
  // What went wrong inside is for the log, not for the client.
  const std::string text = error.code == Errc::kFailed ? "internal error" : error.detail;
  const json::Object body{{"error", text}, {"errorCode", name_of(error.code)}};
  co_await send_whole(json::serialize(body));
}

void HttpStream::abandon() {
  if (ended_) return;
  give_up();
  send_close(started_ ? 0 : 503);
}

void HttpStream::set_header(std::string name, std::string_view value) {
  const auto is_bad = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (name.empty() || std::any_of(name.begin(), name.end(), is_bad) ||
      std::any_of(value.begin(), value.end(), is_bad))
    throw_failure(Errc::kMalformed, "header field with line break");
  if (equal_ignoring_case(name, "content-length")) {
    const auto bytes = parse_integer(value);
    if (!bytes || *bytes < 0) throw_failure(Errc::kMalformed, "content-length {}", value);
    announced_ = static_cast<std::uint64_t>(*bytes);
    return;
  }
  response_headers_.emplace_back(to_lower(name), std::string(value));
}

void HttpStream::send_head(bool has_body) {
  BERTH_CHECK(!started_);
  started_ = true;
  if (announced_ && status_ != 204)
    response_headers_.emplace_back("content-length", std::to_string(*announced_));
  const std::uint8_t bits = has_body ? 0 : link::kAcceptNoBody;
  send_accept({status_, bits, std::move(response_headers_)});
}

loop::Task<void> HttpStream::send_whole(std::string body) {
  BERTH_CHECK(!started_);
  if (!has_no_body() || !announced_) announced_ = body.size();
  const bool has_body = !has_no_body() && !body.empty();
  send_head(has_body);
  if (has_body) {
    co_await write(as_bytes(body), true);
    written_ = body.size();
    end_sent_ = true;
  }
  end_response();
}

loop::Task<void> HttpStream::write_part(std::string part) {
  BERTH_CHECK(!ended_);
  if (!started_) send_head(!has_no_body());
  if (has_no_body()) co_return;
  written_ += part.size();
  if (announced_ && written_ > *announced_)
    throw_failure(Errc::kFailed, "answer of {} bytes is longer than its content-length {}", written_,
                  *announced_);
  co_await write(as_bytes(part));
}

void HttpStream::end_response() {
  if (ended_ || !link()) return;
  if (!started_) send_head(false);
  const bool had_body = !has_no_body() && !(announced_ && *announced_ == 0);
  if (had_body && announced_ && written_ < *announced_)
    throw_failure(Errc::kFailed, "answer of {} bytes is shorter than its content-length {}", written_,
                  *announced_);
  ended_ = true;
  if (had_body && !end_sent_) write_end();
  if (has_input_ended()) end_both();
  else send_close(0);  // the rest of the request is of no use
}

// --- the handles ---

std::string_view HttpRequest::method() const { return stream_.method_; }
bool HttpRequest::is_head() const { return stream_.is_head_; }
const std::string& HttpRequest::path() const { return stream_.path_; }
const std::string& HttpRequest::target() const { return stream_.target_; }
const std::vector<std::pair<std::string, std::string>>& HttpRequest::headers() const {
  return stream_.headers_;
}
const std::string& HttpRequest::peer() const { return stream_.peer(); }
bool HttpRequest::is_tls() const { return stream_.is_tls_; }
bool HttpRequest::has_body() const { return stream_.has_body_; }

std::optional<std::string> HttpRequest::query(std::string_view name) const {
  const auto mark = stream_.target_.find('?');
  if (mark == std::string::npos) return std::nullopt;
  return find_query_argument(std::string_view(stream_.target_).substr(mark + 1), name);
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : stream_.headers_)
    if (equal_ignoring_case(key, name)) return value;
  return {};
}

std::optional<std::uint64_t> HttpRequest::content_length() const {
  const auto text = header("content-length");
  const auto bytes = text.empty() ? std::nullopt : parse_integer(text);
  if (!bytes || *bytes < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*bytes);
}

loop::Task<Bytes> HttpRequest::read() { return stream_.read(); }

loop::Task<std::string> HttpRequest::read_all(std::size_t limit_bytes) {
  if (content_length().value_or(0) > limit_bytes)
    throw_failure(Errc::kTooLarge, "body larger than {} bytes", limit_bytes);
  std::string all;
  for (;;) {
    const Bytes part = co_await stream_.read();
    if (part.empty()) co_return std::move(all);
    if (all.size() + part.size() > limit_bytes)
      throw_failure(Errc::kTooLarge, "body larger than {} bytes", limit_bytes);
    all.append(as_text(part));
  }
}

HttpResponse& HttpResponse::status(std::uint16_t code) {
  stream_.status_ = code;
  return *this;
}
HttpResponse& HttpResponse::header(std::string_view name, std::string_view value) {
  stream_.set_header(std::string(name), value);
  return *this;
}
HttpResponse& HttpResponse::content_type(std::string_view type) { return header("content-type", type); }
HttpResponse& HttpResponse::content_length(std::uint64_t bytes) {
  stream_.announced_ = bytes;
  return *this;
}

HttpResponse& HttpResponse::file_name(std::string_view name) {
  std::string plain;
  for (const char c : name) plain += c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '/' ? c : '_';
  return header("content-disposition",
                fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", plain, percent_encode(name)));
}

loop::Task<void> HttpResponse::send(std::string body) { return stream_.send_whole(std::move(body)); }
loop::Task<void> HttpResponse::send_json(std::string json_text) {
  content_type("application/json");
  return stream_.send_whole(std::move(json_text));
}
loop::Task<void> HttpResponse::write(std::string part) { return stream_.write_part(std::move(part)); }
loop::Task<void> HttpResponse::finish() {
  stream_.end_response();
  co_return;
}
bool HttpResponse::is_started() const { return stream_.started_; }

}  // namespace berth::sdk
