#include "webserver/http2/head.h"

#include "base/text.h"

namespace berth::webserver::http2 {

void HeadReader::add(std::string_view name, std::string_view value) {
  constexpr std::size_t kOverhead = 32;  // of each field
  size_ += name.size() + value.size() + kOverhead;
  const bool is_pseudo = name.starts_with(':');
  if (!is_pseudo) ++count_;
  if (name == ":path" && value.size() > limits_.target_bytes) {
    target_too_long_ = true;
    return;
  }
  if (size_ > limits_.head_bytes || count_ > limits_.header_count) return;
  if (name == ":method") head_.method = value;
  else if (name == ":path") head_.target = value;
  else if (name == ":authority") authority_ = value;
  else if (name == ":protocol") protocol_ = value;
  else if (is_pseudo) return;                  // :scheme: the connection knows it
  else if (name == "cookie" && cookie_ > 0) {  // may come in crumbs (RFC 9113 section 8.2.3)
    auto& joined = head_.headers[cookie_ - 1].second;
    joined += "; ";
    joined += value;
  } else {
    head_.headers.emplace_back(name, value);
    if (name == "cookie") cookie_ = head_.headers.size();
  }
}

HeadReader::Verdict HeadReader::finish(bool has_ended) {
  head_.minor = 1;
  if (target_too_long_) return {414, "The request target is too long."};
  if (size_ > limits_.head_bytes || count_ > limits_.header_count) return {431, "The head is too large."};

  const auto host = http1::find_header(head_.headers, "host");
  if (!authority_.empty()) {
    // RFC 9113 section 8.3.1: they must not name different servers.
    if (host && !equal_ignoring_case(*host, authority_)) return {400, "Host differs from :authority."};
    if (!host) head_.headers.emplace_back("host", authority_);
  }
  std::size_t hosts = 0;
  for (const auto& [name, value] : head_.headers) hosts += name == "host";
  if (hosts != 1) return {400, "Exactly one host expected."};
  if (!http1::is_host(head_.host())) return {400, "The host is malformed."};

  head_.framing = has_ended ? http1::Framing::kNone : http1::Framing::kChunked;
  if (const auto length = http1::find_header(head_.headers, "content-length"); length && !has_ended) {
    const auto number = parse_integer(*length);
    if (!number || *number < 0) return {400, "The content-length is malformed."};
    head_.framing = http1::Framing::kLength;
    head_.content_length = static_cast<std::uint64_t>(*number);
  }
  head_.expects_continue = http1::has_token(head_.headers, "expect", "100-continue");
  if (!protocol_.empty()) {
    if (protocol_ != "websocket") return {501, "The protocol is not known."};
    // From here on it is what a WebSocket's GET would be.
    head_.method = "GET";
    head_.wants_websocket = true;
  }
  return {};
}

}  // namespace berth::webserver::http2
