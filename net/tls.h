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

// A counted reference to an SSL_CTX: copies share it. Safe to copy and use from several threads.
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

  // Takes over one reference.
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

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
