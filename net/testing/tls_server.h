// The server's side of TLS for tests. (The webserver has its own, made for many connections.)
#pragma once

#include <string_view>

#include "net/tls.h"

namespace berth::net::test {

// TLS 1.2 and 1.3 with this chain and key (PEM, leaf first), ALPN "http/1.1". Throws Failure for what OpenSSL cannot load.
TlsContext make_tls_server(std::string_view certificates_pem, std::string_view key_pem);

}  // namespace berth::net::test
