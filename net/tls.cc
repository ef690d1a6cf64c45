#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/text.h"

namespace berth::net {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;

BioPtr memory_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
  // A peer that just closes is an end of stream like any other; HTTP and WebSocket know their own ends.
  SSL_CTX_set_options(context,
                      SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

std::string format_fingerprint(X509* certificate) {
  std::array<std::uint8_t, 32> hash{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), hash.data(), &size);
  std::string text;
  for (const auto byte : hash) text += fmt::format("{}{:02X}", text.empty() ? "" : ":", byte);
  return text;
}

std::string bare_hex(std::string_view fingerprint) {
  std::string out;
  for (const char c : to_lower(fingerprint))
    if (c != ':' && c != ' ') out += c;
  return out;
}

// Replaces the chain check by a comparison with the fingerprint that hangs on the context.
int check_pin(X509_STORE_CTX* store, void* pinned) {
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  const bool is_pinned =
      leaf && equal_in_constant_time(bare_hex(format_fingerprint(leaf)), *static_cast<std::string*>(pinned));
  X509_STORE_CTX_set_error(store, is_pinned ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_pinned ? 1 : 0;
}

int pin_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* pinned, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::string*>(pinned);
      });
  return kIndex;
}

}  // namespace

std::string openssl_error() {
  std::string text;
  while (const auto code = ERR_get_error()) {
    char line[256];
    ERR_error_string_n(code, line, sizeof line);
    const char* reason = ERR_reason_error_string(code);
    text += fmt::format("{}{}", text.empty() ? "" : "; ", reason ? reason : line);
  }
  return text.empty() ? "unknown TLS error" : text;
}

TlsContext::TlsContext(const TlsContext& other) : context_(other.context_) {
  if (context_) SSL_CTX_up_ref(context_);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<TlsContext> TlsContext::make_client(const ClientOptions& options) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  BERTH_CHECK(context != nullptr);
  set_common(context.get());
  if (!options.pinned_fingerprint.empty()) {
    auto pinned = std::make_unique<std::string>(bare_hex(options.pinned_fingerprint));
    if (pinned->size() != 64 || !parse_hex(*pinned))
      return fail(Errc::kMalformed, "a certificate fingerprint has 64 hexadecimal digits");
    SSL_CTX_set_cert_verify_callback(context.get(), check_pin, pinned.get());
    SSL_CTX_set_ex_data(context.get(), pin_index(), pinned.release());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  } else if (options.verify) {
    SSL_CTX_set_default_verify_paths(context.get());
    const auto bio = memory_of(options.ca_pem);
    while (X509* root = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root);
      X509_free(root);
    }
    ERR_clear_error();
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  } else {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  }
  return TlsContext(context.release());
}

std::string peer_fingerprint(ssl_st* ssl) {
  const CertificatePtr certificate(ssl ? SSL_get1_peer_certificate(ssl) : nullptr);
  return certificate ? format_fingerprint(certificate.get()) : "";
}

}  // namespace berth::net
