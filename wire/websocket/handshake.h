// The opening handshake (RFC 6455 section 4).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/http1/head.h"

namespace berth::websocket {

// Value of Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string accept_key(std::string_view key);
std::string make_key();  // 16 random bytes, base64

// Is this a proper opening request? Gives its key. Errors: kMalformed (400: method, Host, key,
// Connection), kUnsupported (426 with Sec-WebSocket-Version: 13).
Result<std::string> check_request(const http1::RequestHead& head);
// The client's check of the answer. kDenied with the status if it is not 101, kMalformed else.
Result<void> check_response(const http1::ResponseHead& head, std::string_view key);

}  // namespace berth::websocket
