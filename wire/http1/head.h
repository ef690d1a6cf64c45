// Heads of HTTP/1.0 and 1.1 messages (RFC 9112), parsed strictly by llhttp plus the checks that
// keep two parsers in a row from disagreeing (request smuggling).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::http1 {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case when parsed

// First value of `name` (lower case); nullopt if absent. Borrowed from `headers`.
std::optional<std::string_view> find_header(const Headers& headers, std::string_view name);
// True if a comma-separated list header holds `token`, case-insensitively, in any of its lines.
bool has_token(const Headers& headers, std::string_view name, std::string_view token);
// All values of a list header, joined by commas (RFC 9110 section 5.3); nullopt if absent.
std::optional<std::string> find_list(const Headers& headers, std::string_view name);
// May `text` be the value of Host (RFC 9110 section 7.2)? A name or address, and a port; empty too.
bool is_host(std::string_view text);

// How the body that follows is delimited (RFC 9112 section 6.3).
enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

struct RequestHead {
  std::string method;      // "GET"
  std::string target;      // as sent, at most HeadLimits::target_bytes
  std::uint8_t minor = 1;  // HTTP/1.minor: 0 or 1
  Headers headers;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = true;  // RFC 9112 section 9.3
  bool expects_continue = false;
  bool wants_websocket = false;  // GET with Upgrade: websocket and Connection: upgrade
  std::string_view host() const { return find_header(headers, "host").value_or(""); }
};

struct ResponseHead {
  std::uint16_t status = 0;  // 100..999
  std::string reason;
  std::uint8_t minor = 1;
  Headers headers;
  Framing framing = Framing::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
};

struct HeadLimits {
  std::size_t head_bytes = 32 * 1024;  // whole head; above: 431
  std::size_t target_bytes = 8192;     // above: 414
  std::size_t header_count = 100;      // above: 431
};

// Collects one head from any split of its bytes. Made for one message; keep none for idle
// connections.
template <class Head>
class HeadParser {
 public:
  explicit HeadParser(HeadLimits limits = {}) : limits_(limits) {}

  // Takes bytes up to the end of the head; gives how many it took. All of them unless is_done().
  // Blank lines before a request line are skipped (RFC 9112 section 2.2).
  Result<std::size_t> feed(ByteView bytes);
  bool is_done() const { return done_; }
  // True while no byte of a head has come (a keep-alive connection may end here).
  bool is_empty() const { return buffer_.empty(); }
  // The head as it was sent, with its final blank line, but HTTP/1.1 for a later HTTP/1.x. Until take().
  std::string_view raw() const { return buffer_; }
  Head& head() { return head_; }
  // HTTP status that answers the error that feed() gave: 400, 414, 431, 501 or 505.
  int error_status() const { return error_status_; }
  // For ResponseHead: the answer to a HEAD request has no body whatever it says.
  void set_answers_head_request() { answers_head_request_ = true; }

 private:
  Result<void> check_size();
  Result<bool> take_line();  // true if it ended the head
  void lower_minor_version();
  Result<void> parse();
  Result<void> check(RequestHead& head);
  Result<void> check(ResponseHead& head);
  template <class... Args>
  tl::unexpected<Error> refuse(int status, fmt::format_string<Args...> text, Args&&... args);

  HeadLimits limits_;
  std::string buffer_;
  std::size_t line_begin_ = 0;
  std::size_t lines_ = 0;
  int blank_lines_ = 0;  // before the first line
  bool done_ = false;
  bool answers_head_request_ = false;
  int error_status_ = 400;
  Head head_;
};

using RequestParser = HeadParser<RequestHead>;
using ResponseParser = HeadParser<ResponseHead>;

// Bytes of a head with its final blank line. kMalformed if a name or value cannot be sent (control
// characters, empty name): what a service hands us must not split a response. Names go out in
// canonical spelling ("Sec-WebSocket-Accept", "Content-Type").
Result<std::string> format_response_head(int status, const Headers& headers, std::string_view reason = {});
Result<std::string> format_request_head(std::string_view method, std::string_view target,
                                        const Headers& headers);
std::string canonical_name(std::string_view name);

std::string_view reason_phrase(int status);  // "Not Found"; "Unknown" for what RFC 9110 does not name
// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". Seconds since 1970.
std::string format_date(std::int64_t seconds);
std::optional<std::int64_t> parse_date(std::string_view text);  // this form only

extern template class HeadParser<RequestHead>;
extern template class HeadParser<ResponseHead>;

}  // namespace berth::http1
