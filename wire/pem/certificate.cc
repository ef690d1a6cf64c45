#include "wire/pem/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <memory>

#include "base/bytes.h"
#include "base/text.h"

namespace berth::pem {
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
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

constexpr std::size_t kMaxText = 1 << 20;
constexpr std::size_t kMaxCertificates = 20;
constexpr std::size_t kMaxKeys = 20;

struct Block {
  std::string_view label;  // "CERTIFICATE"
  std::string_view text;   // from BEGIN to END
  bool is_encrypted = false;
};

bool is_key_label(std::string_view label) { return label.ends_with("PRIVATE KEY"); }
bool is_certificate_label(std::string_view label) {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE";
}

BioPtr memory_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<std::vector<Block>> find_blocks(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
  if (pem.size() > kMaxText) return fail(Errc::kTooLarge, "PEM text above {} bytes", kMaxText);
  std::vector<Block> blocks;
  for (std::size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    const auto label_begin = at + kBegin.size();
    const auto label_end = pem.find(kDashes, label_begin);
    if (label_end == std::string_view::npos || label_end - label_begin > 64)
      return fail(Errc::kMalformed, "PEM block {} has a broken first line", blocks.size() + 1);
    const auto label = pem.substr(label_begin, label_end - label_begin);
    const std::string last = fmt::format("{}{}{}", kEnd, label, kDashes);
    const auto end = pem.find(last, label_end);
    if (end == std::string_view::npos)
      return fail(Errc::kMalformed, "PEM block {} ({}) is cut off: its END line is missing",
                  blocks.size() + 1, label);
    Block block{label, pem.substr(at, end + last.size() - at)};
    block.is_encrypted = label == "ENCRYPTED PRIVATE KEY" ||
                         block.text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos;
    blocks.push_back(block);
    at = end + last.size();
  }
  return blocks;
}

std::string name_text(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return text_of(bio.get());
}

Time time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Time{};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string date_text(Time time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::vector<std::string> alternative_names(X509* certificate) {
  std::vector<std::string> result;
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
      if (is_valid_utf8(text) && text.find('\0') == std::string_view::npos) result.emplace_back(text);
    } else if (name->type == GEN_IPADD) {
      const auto* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
      const int size = ASN1_STRING_length(name->d.iPAddress);
      char text[INET6_ADDRSTRLEN] = "";
      if (size == 4) ::inet_ntop(AF_INET, bytes, text, sizeof text);
      if (size == 16) ::inet_ntop(AF_INET6, bytes, text, sizeof text);
      if (*text) result.emplace_back(text);
    }
  }
  return result;
}

std::string fingerprint_of(X509* certificate) {
  std::array<std::uint8_t, 32> hash{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), hash.data(), &size);
  std::string text;
  for (const auto byte : hash) text += fmt::format("{}{:02X}", text.empty() ? "" : ":", byte);
  return text;
}

CertificateInfo describe(X509* certificate) {
  CertificateInfo info;
  info.subject = name_text(X509_get_subject_name(certificate));
  info.issuer = name_text(X509_get_issuer_name(certificate));
  info.names = alternative_names(certificate);
  info.not_before = time_of(X509_get0_notBefore(certificate));
  info.not_after = time_of(X509_get0_notAfter(certificate));
  info.fingerprint = fingerprint_of(certificate);
  info.is_self_signed =
      X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
  return info;
}

Result<std::vector<CertificatePtr>> read_all(const std::vector<Block>& blocks) {
  std::vector<CertificatePtr> certificates;
  for (const auto& block : blocks) {
    if (!is_certificate_label(block.label)) continue;
    const auto bio = memory_of(block.text);
    CertificatePtr certificate(PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!certificate) return fail(Errc::kMalformed, "certificate {} cannot be read", certificates.size() + 1);
    certificates.push_back(std::move(certificate));
    if (certificates.size() > kMaxCertificates)
      return fail(Errc::kTooLarge, "more than {} certificates", kMaxCertificates);
  }
  return certificates;
}

Result<KeyPtr> read_key(const std::vector<Block>& blocks) {
  const Block* found = nullptr;
  for (const auto& block : blocks) {
    if (!is_key_label(block.label)) continue;
    if (found) return fail(Errc::kMalformed, "more than one private key");
    found = &block;
  }
  if (!found) return fail(Errc::kMalformed, "the private key is missing");
  if (found->is_encrypted)
    return fail(Errc::kMalformed,
                "the private key is encrypted; take its password off (openssl pkey -in key.pem)");
  const auto bio = memory_of(found->text);
  const auto no_password = [](char*, int, int, void*) { return -1; };
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (!key) return fail(Errc::kMalformed, "the private key cannot be read");
  return key;
}

// Each certificate must be signed by the one after it.
Result<void> check_order(const std::vector<CertificatePtr>& certificates,
                         const std::vector<CertificateInfo>& infos) {
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
    const bool is_issuer = X509_check_issued(certificates[i + 1].get(), certificates[i].get()) == X509_V_OK;
    const KeyPtr key(X509_get_pubkey(certificates[i + 1].get()));
    const bool is_signer = key && X509_verify(certificates[i].get(), key.get()) == 1;
    ERR_clear_error();
    if (is_issuer && is_signer) continue;
    const auto later = std::find_if(infos.begin(), infos.end(),
                                    [&](const auto& info) { return info.subject == infos[i].issuer; });
    if (later != infos.end() && !infos[i].is_self_signed)
      return fail(Errc::kMalformed, "certificates are out of order: the issuer of '{}' must follow it",
                  infos[i].subject);
    return fail(Errc::kMalformed, "an intermediate certificate is missing: '{}' was issued by '{}'",
                infos[i].subject, infos[i].issuer);
  }
  return {};
}

Result<std::string> format_key(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return fail(Errc::kFailed, "the private key cannot be written");
  return text_of(bio.get());
}

}  // namespace

Result<std::vector<CertificateInfo>> read_certificates(std::string_view pem) {
  BERTH_TRY(const auto blocks, find_blocks(pem));
  BERTH_TRY(const auto certificates, read_all(blocks));
  if (certificates.empty()) return fail(Errc::kMalformed, "no certificate found");
  std::vector<CertificateInfo> infos;
  for (const auto& certificate : certificates) infos.push_back(describe(certificate.get()));
  return infos;
}

Result<CheckedChain> check_chain(std::string_view pem, Time now) {
  BERTH_TRY(const auto blocks, find_blocks(pem));
  BERTH_TRY(const auto certificates, read_all(blocks));
  if (certificates.empty()) return fail(Errc::kMalformed, "no certificate found");
  BERTH_TRY(const auto key, read_key(blocks));
  CheckedChain chain;
  for (const auto& certificate : certificates) chain.certificates.push_back(describe(certificate.get()));
  const KeyPtr leaf_key(X509_get_pubkey(certificates.front().get()));
  const bool matches = leaf_key && EVP_PKEY_eq(leaf_key.get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches)
    return fail(Errc::kMalformed, "the private key does not belong to the first certificate '{}'",
                chain.certificates.front().subject);
  for (const auto& info : chain.certificates) {
    if (now < info.not_before)
      return fail(Errc::kMalformed, "certificate '{}' is valid from {} only", info.subject,
                  date_text(info.not_before));
    if (now > info.not_after)
      return fail(Errc::kMalformed, "certificate '{}' expired on {}", info.subject,
                  date_text(info.not_after));
  }
  BERTH_TRY_VOID(check_order(certificates, chain.certificates));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  for (const auto& certificate : certificates) PEM_write_bio_X509(bio.get(), certificate.get());
  chain.certificates_pem = text_of(bio.get());
  BERTH_TRY(chain.key_pem, format_key(key.get()));
  return chain;
}

Result<std::vector<CheckedChain>> check_chains(std::string_view pem, Time now) {
  BERTH_TRY(const auto blocks, find_blocks(pem));
  const auto keys =
      std::ranges::count_if(blocks, [](const Block& block) { return is_key_label(block.label); });
  if (keys > static_cast<std::ptrdiff_t>(kMaxKeys))
    return fail(Errc::kTooLarge, "more than {} private keys", kMaxKeys);
  std::vector<CheckedChain> chains;
  if (keys <= 1) {
    BERTH_TRY(auto only, check_chain(pem, now));
    chains.push_back(std::move(only));
    return chains;
  }
  std::vector<Block> certificate_blocks;
  std::ranges::copy_if(blocks, std::back_inserter(certificate_blocks),
                       [](const Block& block) { return is_certificate_label(block.label); });
  BERTH_TRY(const auto certificates, read_all(certificate_blocks));
  std::vector<std::string> texts(certificates.size());  // where a chain begins: its key
  for (const auto& block : blocks) {
    if (!is_key_label(block.label)) continue;
    BERTH_TRY(const auto key, read_key({block}));
    std::size_t leaf = 0;
    for (; leaf < certificates.size(); ++leaf) {
      const KeyPtr its_key(X509_get_pubkey(certificates[leaf].get()));
      if (texts[leaf].empty() && its_key && EVP_PKEY_eq(its_key.get(), key.get()) == 1) break;
    }
    ERR_clear_error();
    if (leaf == certificates.size())
      return fail(Errc::kMalformed, "a private key belongs to none of the certificates");
    texts[leaf] = std::string(block.text) + "\n";
  }
  if (texts.empty() || texts.front().empty())
    return fail(Errc::kMalformed, "no private key belongs to the first certificate");
  for (std::size_t i = 0; i < certificates.size();) {
    std::string text = std::move(texts[i]);
    do text += std::string(certificate_blocks[i].text) + "\n";
    while (++i < certificates.size() && texts[i].empty());
    auto chain = check_chain(text, now);
    erase_secret(text);
    if (!chain)
      return tl::unexpected(std::move(chain.error()).within(fmt::format("chain {}", chains.size() + 1)));
    chains.push_back(std::move(*chain));
  }
  return chains;
}

}  // namespace berth::pem
