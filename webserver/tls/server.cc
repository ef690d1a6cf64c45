#include "webserver/tls/server.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "webserver/tls/layer.h"

namespace berth::webserver {
namespace {

constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

int keys_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  auto secret = key.mac;
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 = good, 2 = good but renew, 0 = no such key, -1 = error.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
               int make) {
  const auto& keys = *static_cast<const TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index()));
  if (make) {
    std::copy(keys.current.name.begin(), keys.current.name.end(), name);
    if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
    if (EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, keys.current.cipher.data(), iv) != 1)
      return -1;
    return set_mac_key(mac, keys.current) ? 1 : -1;
  }
  const auto is = [&](const TicketKey& key) {
    return std::memcmp(name, key.name.data(), key.name.size()) == 0;
  };
  const bool is_current = is(keys.current);
  if (!is_current && !is(keys.previous)) return 0;
  const TicketKey& key = is_current ? keys.current : keys.previous;
  if (!set_mac_key(mac, key)) return -1;
  if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv) != 1) return -1;
  // TLS 1.3 clients use a ticket once: renew always.
  return is_current && SSL_version(ssl) != TLS1_3_VERSION ? 1 : 2;
}

// What we speak, best first; RFC 7301 section 3.1.
constexpr std::string_view kProtocols = "\x02h2\x08http/1.1\x08http/1.0";

template <bool kHttp2>
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  const auto ours = kHttp2 ? kProtocols : kProtocols.substr(3);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301 section 3.2
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using BioPointer = std::unique_ptr<BIO, Freed<BIO_free>>;
using CertificatePointer = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using NamesPointer = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

BioPointer open_text(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

struct Chain {
  CertificatePointer leaf;
  std::vector<CertificatePointer> issuers;
  KeyPointer key;
};

Result<Chain> read_chain(const std::string& pem) {
  Chain chain;
  const auto certificates = open_text(pem);
  chain.leaf.reset(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
  if (!chain.leaf) return fail(Errc::kMalformed, "certificate: {}", take_tls_error());
  while (CertificatePointer next{PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)})
    chain.issuers.push_back(std::move(next));
  ERR_clear_error();  // the end of the text reads as an error
  const auto text = open_text(pem);
  const auto no_password = [](char*, int, int, void*) { return -1; };
  chain.key.reset(PEM_read_bio_PrivateKey(text.get(), nullptr, no_password, nullptr));
  if (!chain.key) return fail(Errc::kMalformed, "private key: {}", take_tls_error());
  if (X509_check_private_key(chain.leaf.get(), chain.key.get()) != 1)
    return fail(Errc::kMalformed, "private key does not belong to the certificate: {}", take_tls_error());
  return chain;
}

bool is_for(X509* certificate, std::string_view name) {
  return X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
}

// Whether `other` serves every DNS name of `certificate`.
bool covers(X509* other, X509* certificate) {
  const NamesPointer names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (!is_for(other, text)) return false;
  }
  return true;
}

Result<void> use(SSL_CTX* context, const Chain& chain) {
  if (SSL_CTX_use_certificate(context, chain.leaf.get()) != 1)
    return fail(Errc::kMalformed, "certificate: {}", take_tls_error());
  for (const auto& issuer : chain.issuers)
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1)
      return fail(Errc::kMalformed, "certificate chain: {}", take_tls_error());
  if (SSL_CTX_use_PrivateKey(context, chain.key.get()) != 1)
    return fail(Errc::kMalformed, "private key: {}", take_tls_error());
  return {};
}

}  // namespace

void TicketKeys::rotate() {
  previous = current;
  const auto fill = [](auto& array) {
    const auto bytes = random_bytes(array.size());
    std::copy(bytes.begin(), bytes.end(), array.begin());
  };
  fill(current.name);
  fill(current.cipher);
  fill(current.mac);
}

std::string take_tls_error() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "not found";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : fmt::format("error {:#x}", code);
}

Result<std::shared_ptr<const TlsServer>> TlsServer::make(std::span<const std::string> chains,
                                                         const TicketKeys& keys) {
  ERR_clear_error();
  std::vector<Chain> read;
  for (std::size_t i = 0; i < chains.size(); ++i) {
    auto chain = read_chain(chains[i]);
    if (!chain && chains.size() > 1)
      return tl::unexpected(std::move(chain.error()).within(fmt::format("chain {}", i + 1)));
    if (!chain) return tl::unexpected(chain.error());
    read.push_back(std::move(*chain));
  }
  if (read.empty()) return fail(Errc::kMalformed, "certificate: none given");
  std::shared_ptr<TlsServer> server(new TlsServer);
  for (const auto& chain : read) {
    server->contexts_.push_back(server->make_context(keys));
    SSL_CTX* context = server->contexts_.back().get();
    BERTH_TRY_VOID(use(context, chain));
    std::vector<int> kinds = {EVP_PKEY_get_base_id(chain.key.get())};
    for (const auto& other : read) {
      const int kind = EVP_PKEY_get_base_id(other.key.get());
      if (std::ranges::count(kinds, kind) > 0 || !covers(other.leaf.get(), chain.leaf.get())) continue;
      BERTH_TRY_VOID(use(context, other));
      kinds.push_back(kind);
    }
  }
  return server;
}

TlsServer::ContextPointer TlsServer::make_context(const TicketKeys& keys) const {
  ContextPointer made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.get();
  BERTH_CHECK(context);
  BERTH_CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  BERTH_CHECK(SSL_CTX_set_cipher_list(context, kCiphers12) == 1);
  BERTH_CHECK(SSL_CTX_set_ciphersuites(context, kCiphers13) == 1);
  BERTH_CHECK(SSL_CTX_set1_groups_list(context, kGroups) == 1);
  SSL_CTX_set_dh_auto(context, 1);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_ex_data(context, keys_index(), const_cast<TicketKeys*>(&keys));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol<true>, nullptr);
  SSL_CTX_set_tlsext_servername_callback(context, choose_context);
  SSL_CTX_set_tlsext_servername_arg(context, const_cast<TlsServer*>(this));
  TlsLayer::prepare(context);
  static constexpr unsigned char kContextName[] = "berth";
  SSL_CTX_set_session_id_context(context, kContextName, sizeof kContextName - 1);
  return made;
}

void TlsServer::offer_http2(bool offers) const {
  for (const auto& context : contexts_)
    SSL_CTX_set_alpn_select_cb(context.get(), offers ? choose_protocol<true> : choose_protocol<false>,
                               nullptr);
}

int TlsServer::choose_context(SSL* ssl, int*, void* argument) {
  const auto& contexts = static_cast<const TlsServer*>(argument)->contexts_;
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name || contexts.size() == 1) return SSL_TLSEXT_ERR_OK;
  for (const auto& context : contexts) {
    if (!is_for(SSL_CTX_get0_certificate(context.get()), name)) continue;
    SSL_set_SSL_CTX(ssl, context.get());
    break;
  }
  return SSL_TLSEXT_ERR_OK;
}

SslPointer TlsServer::accept() const {
  SslPointer ssl(SSL_new(contexts_.front().get()));
  BERTH_CHECK(ssl);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace berth::webserver
