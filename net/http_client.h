// HTTP client on libcurl, driven by our loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loop/loop.h"
#include "loop/task.h"
#include "net/body_stream.h"

namespace berth::net {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https; file is refused
  HttpHeaders headers;
  std::string body;  // for PUT, POST, PATCH …
  // Instead of `body`: fills the buffer, gives the bytes filled, 0 at the end. Called on the loop's
  // thread. `body_size` if known, else chunked.
  std::function<std::size_t(std::span<char>)> read_body;
  std::optional<std::uint64_t> body_size;
  // Instead of both: another task writes the body. Borrowed; chunked; redirects are not followed.
  BodyStream* body_stream = nullptr;
  // Credentials for the server itself: Basic (RFC 7617) at once, or Digest (RFC 7616) after it has asked; kAny: after it
  // has asked, what it offers of the two, Digest first. They are not sent to where a redirect leads.
  std::string user, password;
  enum class Auth : std::uint8_t { kBasic, kDigest, kAny } auth = Auth::kBasic;
  // Called with each piece of a 2xx body; false cancels the request. Without it the body is kept in
  // the response. Bodies of other statuses are always kept (up to 64 KiB).
  std::function<bool(std::string_view)> on_data;
  // Bytes had and total (0: unknown), at most some times a second.
  std::function<void(std::uint64_t, std::uint64_t)> on_progress;
  std::uint64_t limit_bytes = 64 << 20;  // of the response body
  std::chrono::milliseconds connect_limit{10000};
  std::chrono::milliseconds limit{60000};  // for all of it; 0: none (use stall_limit)
  std::chrono::seconds stall_limit{30};    // less than 1 byte a second for so long
  int max_redirects = 5;
  // TLS
  bool verify = true;
  std::string ca_file;             // instead of the system's roots
  std::string pinned_fingerprint;  // SHA-256 of the leaf, "AB:CD:…": if set it alone decides
  std::string unix_socket;         // connect there instead of to the host
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers;  // names in lower case, of the final answer
  std::string body;
  std::string url;  // after redirects
  std::optional<std::string_view> find(std::string_view name) const;
};

// Owned by main; keeps connections for later requests. Any number of requests at once.
class HttpClient {
 public:
  explicit HttpClient(loop::Loop& loop);
  ~HttpClient();
  // Ends with any HTTP status. Throws Failure: kNotFound (name), kUnavailable (connection),
  // kTimeout (connect, total or stall; the detail says which), kTooLarge, kDenied (certificate),
  // kCancelled (on_data said no), kMalformed (URL, protocol). If cancelled the connection is closed.
  loop::Task<HttpResponse> fetch(HttpRequest request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::net
