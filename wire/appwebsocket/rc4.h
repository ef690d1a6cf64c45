#pragma once

#include <string>
#include <string_view>

namespace berth::appwebsocket {

// RC4 of `data` with `key` (1..256 bytes); its own inverse. Own code, because OpenSSL 3 keeps RC4 in
// its legacy provider. The protocol asks for it; it hides data inside an encrypted connection only.
std::string rc4(std::string_view key, std::string_view data);

}  // namespace berth::appwebsocket
