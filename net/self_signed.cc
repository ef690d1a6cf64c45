#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "net/address.h"
#include "net/tls.h"

namespace berth::net {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension) throw_failure(Errc::kMalformed, "certificate extension '{}': {}", value, openssl_error());
  X509_add_ext(certificate, extension.get(), -1);
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

SelfSigned make_self_signed(const std::vector<std::string>& names, int days) {
  BERTH_CHECK(!names.empty());
  const KeyPtr key(EVP_EC_gen("P-256"));
  const CertificatePtr certificate(X509_new());
  BERTH_CHECK(key && certificate);
  X509_set_version(certificate.get(), 2);  // 2 means version 3
  unsigned char serial[16];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  constexpr long kDay = 86400;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kDay);  // clocks of clients may be late
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * kDay);
  X509_set_pubkey(certificate.get(), key.get());
  // RFC 5280: a common name has 64 characters at most; names in full are in subjectAltName.
  const std::string common = names.front().substr(0, 64);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  std::string alternatives;
  for (const auto& name : names) {
    if (name.find_first_of(",\n\r") != std::string::npos)
      throw_failure(Errc::kMalformed, "'{}' is no host name", name);
    const bool is_ip = Address::parse(name, 0).has_value();
    alternatives += fmt::format("{}{}:{}", alternatives.empty() ? "" : ",", is_ip ? "IP" : "DNS", name);
  }
  add_extension(certificate.get(), NID_subject_alt_name, alternatives);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
    throw_failure(Errc::kFailed, "certificate cannot be signed: {}", openssl_error());

  SelfSigned result;
  const BioPtr certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  result.certificate_pem = text_of(certificate_text.get());
  result.key_pem = text_of(key_text.get());
  std::array<unsigned char, 32> hash{};
  unsigned size = 0;
  X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size);
  for (const auto byte : hash)
    result.fingerprint += fmt::format("{}{:02X}", result.fingerprint.empty() ? "" : ":", byte);
  return result;
}

}  // namespace berth::net
