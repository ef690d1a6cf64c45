// TLS contexts and certificates on OpenSSL.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace berth::net {

// A counted reference to an SSL_CTX: copies share it. A certificate is changed by making a new
// context for new connections; the running ones keep theirs. Safe to copy and use from several
// threads.
class TlsContext {
 public:
  TlsContext() = default;
  TlsContext(const TlsContext& other);
  TlsContext(TlsContext&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  TlsContext& operator=(TlsContext other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~TlsContext();

  // For a server: TLS 1.2 and 1.3, chain and key from PEM text (leaf first), session tickets,
  // SSL_MODE_RELEASE_BUFFERS, ALPN "http/1.1". kMalformed for what OpenSSL cannot load.
  static Result<TlsContext> make_server(std::string_view certificates_pem, std::string_view key_pem);

  struct ClientOptions {
    bool verify = true;              // against the system's roots and `ca_pem`
    std::string ca_pem;              // further roots
    std::string pinned_fingerprint;  // SHA-256 of the leaf ("AB:CD:…", either case, colons optional):
                                     // if set it alone decides
  };
  static Result<TlsContext> make_client(const ClientOptions& options);

  ssl_ctx_st* get() const { return context_; }
  explicit operator bool() const { return context_ != nullptr; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_ = nullptr;
};

struct SelfSigned {
  std::string certificate_pem, key_pem;
  std::string fingerprint;  // SHA-256, "AB:CD:…"
};
// An ECDSA P-256 certificate for these DNS names and IP addresses (the first one is the subject),
// valid from a day ago for `days`.
SelfSigned make_self_signed(const std::vector<std::string>& names, int days = 3650);

// SHA-256 of the peer's or a PEM certificate, "AB:CD:…".
std::string peer_fingerprint(ssl_st* ssl);
// What OpenSSL's error queue says, as one line; empties it.
std::string openssl_error();

}  // namespace berth::net
