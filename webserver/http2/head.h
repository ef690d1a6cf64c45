// The head of an HTTP/2 request: from its fields to what HTTP/1.1 would have had (RFC 9113 section 8.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/http1/head.h"

namespace berth::webserver::http2 {

// Collects the fields of one request, as HPACK gives them, and keeps nothing beyond the limits. nghttp2 has
// seen to it already that names and values are well-formed, that pseudo fields are whole, known and first, and
// that nothing of another connection's (Connection, Upgrade, Transfer-Encoding) is among them.
class HeadReader {
 public:
  explicit HeadReader(const http1::HeadLimits& limits) : limits_(limits) {}

  void add(std::string_view name, std::string_view value);

  struct Verdict {
    int status = 0;  // 0: take it; else what answers it: 400, 414, 431
    std::string_view reason;
  };
  // Once all fields are there. `has_ended`: no body follows. The head is whole whatever the verdict is.
  Verdict finish(bool has_ended);
  http1::RequestHead& head() { return head_; }
  // :protocol of an extended CONNECT (RFC 8441), else empty.
  const std::string& protocol() const { return protocol_; }

 private:
  http1::HeadLimits limits_;
  http1::RequestHead head_;
  std::string authority_, protocol_;
  std::size_t size_ = 0;    // as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2)
  std::size_t count_ = 0;   // of fields that are not pseudo
  std::size_t cookie_ = 0;  // place of the cookie field + 1
  bool target_too_long_ = false;
};

}  // namespace berth::webserver::http2
