#include "wire/websocket/handshake.h"

#include "base/bytes.h"
#include "base/text.h"

namespace berth::websocket {

std::string accept_key(std::string_view key) {
  const std::string joined = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return format_base64(sha1(as_bytes(joined)));
}

std::string make_key() { return format_base64(random_bytes(16)); }

Result<std::string> check_request(const http1::RequestHead& head) {
  if (!head.wants_websocket) return fail(Errc::kMalformed, "no WebSocket upgrade");
  // Neither may come twice (sections 11.3.1 and 11.3.5): who reads the other one sees another handshake.
  for (const std::string_view name : {"sec-websocket-version", "sec-websocket-key"})
    if (std::ranges::count(head.headers, name, &http1::Headers::value_type::first) > 1)
      return fail(Errc::kMalformed, "more than one {}", name);
  const auto version = http1::find_header(head.headers, "sec-websocket-version");
  if (version != "13")
    return fail(Errc::kUnsupported, "WebSocket version {}, 13 expected", version.value_or("missing"));
  const auto key = http1::find_header(head.headers, "sec-websocket-key");
  const auto bytes = key ? parse_base64(*key) : std::nullopt;
  if (!bytes || bytes->size() != 16) return fail(Errc::kMalformed, "bad Sec-WebSocket-Key");
  if (head.framing != http1::Framing::kNone) return fail(Errc::kMalformed, "WebSocket upgrade with a body");
  return std::string(*key);
}

Result<void> check_response(const http1::ResponseHead& head, std::string_view key) {
  if (head.status != 101) return fail(Errc::kDenied, "HTTP {} {}", head.status, head.reason);
  if (!http1::has_token(head.headers, "upgrade", "websocket") ||
      !http1::has_token(head.headers, "connection", "upgrade"))
    return fail(Errc::kMalformed, "answer 101 without upgrade to websocket");
  if (http1::find_header(head.headers, "sec-websocket-accept") != accept_key(key))
    return fail(Errc::kMalformed, "wrong Sec-WebSocket-Accept");
  if (http1::find_header(head.headers, "sec-websocket-extensions"))
    return fail(Errc::kMalformed, "server chose an extension that was not offered");
  return {};
}

}  // namespace berth::websocket
