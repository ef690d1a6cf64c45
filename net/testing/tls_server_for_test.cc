#include "net/testing/tls_server.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/result.h"

namespace berth::net::test {
namespace {

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr unsigned char kHttp1[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp1, sizeof kHttp1 - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void must(bool worked, std::string_view what) {
  if (!worked) throw_failure(Errc::kMalformed, "{}: {}", what, openssl_error());
}

}  // namespace

TlsContext make_tls_server(std::string_view certificates_pem, std::string_view key_pem) {
  TlsContext made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);

  BIO* text = BIO_new_mem_buf(certificates_pem.data(), static_cast<int>(certificates_pem.size()));
  X509* leaf = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
  const bool has_leaf = leaf && SSL_CTX_use_certificate(context, leaf) == 1;
  X509_free(leaf);
  while (X509* next = PEM_read_bio_X509(text, nullptr, nullptr, nullptr))
    SSL_CTX_add0_chain_cert(context, next);
  BIO_free(text);
  must(has_leaf, "certificate");

  text = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
  BIO_free(text);
  const bool has_key = key && SSL_CTX_use_PrivateKey(context, key) == 1;
  EVP_PKEY_free(key);
  must(has_key && SSL_CTX_check_private_key(context) == 1, "private key");
  return made;
}

}  // namespace berth::net::test
