// HTTP requests to an instance, as tasks with flow control in both directions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "loop/task.h"

namespace berth::sdk {

class HttpStream;

class HttpRequest {
 public:
  std::string_view method() const;    // "GET", …; HEAD is given as "GET", see is_head()
  bool is_head() const;               // answer as GET; the body is dropped
  const std::string& path() const;    // below the attach path, decoded, no leading slash
  const std::string& target() const;  // path and query as sent
  std::optional<std::string> query(std::string_view name) const;            // decoded
  std::string_view header(std::string_view name) const;                     // any case; "" if absent
  const std::vector<std::pair<std::string, std::string>>& headers() const;  // names in lower case
  const std::string& peer() const;                                          // "127.0.0.1:51234"
  bool is_tls() const;
  bool has_body() const;
  std::optional<std::uint64_t> content_length() const;

  // Next part of the body, empty at its end. The client may send more as parts are taken.
  // The task is cancelled if the client goes away.
  loop::Task<Bytes> read();
  // The whole body; Failure(kTooLarge) above `limit_bytes` (answered 413 if it leaves the handler).
  loop::Task<std::string> read_all(std::size_t limit_bytes = 1 << 20);

 private:
  friend class HttpStream;
  explicit HttpRequest(HttpStream& stream) : stream_(stream) {}
  HttpStream& stream_;
};

// Set status and headers, then send() once, or write()… and finish().
class HttpResponse {
 public:
  HttpResponse& status(std::uint16_t code);  // default 200
  HttpResponse& header(std::string_view name, std::string_view value);
  HttpResponse& content_type(std::string_view type);  // "text/html; charset=utf-8"
  // The browser saves the body under this name (RFC 6266), whatever letters it has.
  HttpResponse& file_name(std::string_view name);
  HttpResponse& content_length(std::uint64_t bytes);  // else chunked when streamed

  // Whole answer. Waits while the client is slow.
  loop::Task<void> send(std::string body);
  loop::Task<void> send_json(std::string json_text);
  // Part of the answer; the first one sends the head. Waits for room: a slow client slows the caller.
  loop::Task<void> write(std::string part);
  loop::Task<void> finish();
  bool is_started() const;  // the head has gone out

 private:
  friend class HttpStream;
  explicit HttpResponse(HttpStream& stream) : stream_(stream) {}
  HttpStream& stream_;
};

// Runs one request. Both references live until the task is done; if the client or the webserver is
// lost the task is cancelled. A Failure that leaves it becomes a status (kNotFound 404, kDenied 403,
// kTooLarge 413, kMalformed 400, kConflict 409, kUnavailable 503, kTimeout 504, kNoSpace 507, else 500),
// or cuts the answer off if it had begun.
using HttpHandler = std::function<loop::Task<void>(HttpRequest&, HttpResponse&)>;

// One range of RFC 9110 section 14 that can be served: bytes [first, last] of a body of `size`.
struct ByteRange {
  std::uint64_t first = 0, last = 0;
  std::uint64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};
// nullopt: no (usable) Range header, send everything with 200. An empty vector: 416.
std::optional<std::vector<ByteRange>> parse_ranges(std::string_view range_header, std::uint64_t size);
std::string format_content_range(const ByteRange& range, std::uint64_t size);  // "bytes 0-9/100"

// Type by suffix of a file name, with charset for text; "" if unknown. Case matters.
std::string_view content_type_of(std::string_view file_name);

// Raw bytes of a passthrough attach; begins with the request head as the client sent it.
class ByteStream {
 public:
  virtual loop::Task<Bytes> read() = 0;             // empty at the end
  virtual loop::Task<void> write(Bytes bytes) = 0;  // waits for room
  virtual const std::string& peer() const = 0;

 protected:
  ~ByteStream() = default;
};
using PassthroughHandler = std::function<loop::Task<void>(ByteStream&)>;

}  // namespace berth::sdk
