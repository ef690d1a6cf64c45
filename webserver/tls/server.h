// Server side of TLS: settings, certificates, tickets. OpenSSL 3.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

// Certificates and the settings of Mozilla's "intermediate" (version 5.7): TLS 1.2 and 1.3, forward
// secrecy and AEAD only, the client's order. One per reactor, shared with the TlsLayers that it made: a handshake
// may end after the certificates have been changed.
class TlsServer {
 public:
  // `chains`: one or more, each PEM with leaf first and its private key, in any order. The one for the name that a
  // client asks for is taken, else the first; beside it one with another kind of key (ECDSA and RSA) for the same names.
  // kMalformed says what is wrong with which. `keys` is borrowed as long as I or any of my connections live.
  static Result<std::shared_ptr<const TlsServer>> make(std::span<const std::string> chains,
                                                       const TicketKeys& keys);

  // HTTP/2 beside HTTP/1.1, by ALPN, to handshakes from now on. It does from the beginning.
  void offer_http2(bool offers) const;

  // In accept state, without a BIO.
  SslPointer accept() const;

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using ContextPointer = std::unique_ptr<SSL_CTX, ContextFree>;
  TlsServer() = default;
  ContextPointer make_context(const TicketKeys& keys) const;
  static int choose_context(SSL* ssl, int* alert, void* server);

  std::vector<ContextPointer> contexts_;  // one a chain
};

// Text of OpenSSL's oldest pending error; empties its queue.
std::string take_tls_error();

}  // namespace berth::webserver
