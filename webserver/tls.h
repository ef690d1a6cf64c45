// Server side of TLS: settings, certificate, tickets. OpenSSL 3.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace berth::webserver {

// Keys of stateless session tickets (RFC 5077 section 4). All reactors have the same, so that a client may
// resume at any of them. Tickets of the previous key are still taken, and renewed.
struct TicketKey {
  std::array<std::uint8_t, 16> name{};
  std::array<std::uint8_t, 32> cipher{};
  std::array<std::uint8_t, 32> mac{};
};
struct TicketKeys {
  TicketKey current;
  TicketKey previous;
  // A fresh current key; the old one becomes the previous.
  void rotate();
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPointer = std::unique_ptr<SSL, SslFree>;

// One certificate and the settings of Mozilla's "intermediate" (version 5.7): TLS 1.2 and 1.3, forward
// secrecy and AEAD only, the client's order. One per reactor; connections keep it alive while they need it.
class TlsServer {
 public:
  // `pem`: chain, leaf first, and its private key, in any order. kMalformed says what is wrong with it.
  // `keys` is borrowed as long as I or any of my connections live.
  static Result<std::unique_ptr<TlsServer>> make(const std::string& pem, const TicketKeys& keys);

  // A connection in accept state on `fd`; the descriptor stays the caller's.
  SslPointer accept(int fd) const;

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  TlsServer() = default;
  std::unique_ptr<SSL_CTX, ContextFree> context_;
};

// Text of OpenSSL's oldest pending error; empties its queue.
std::string take_tls_error();

}  // namespace berth::webserver
