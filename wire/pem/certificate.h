// Certificate chains and keys as an admin uploads them: PEM text in, checked chain out.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::pem {

using Time = std::chrono::system_clock::time_point;

struct CertificateInfo {
  std::string subject, issuer;     // "CN=example.com,O=Example"
  std::vector<std::string> names;  // DNS names and IP addresses of subjectAltName
  Time not_before, not_after;
  std::string fingerprint;  // SHA-256 of the DER, "AB:CD:…" in upper case
  bool is_self_signed = false;
};

struct CheckedChain {
  std::string certificates_pem;  // leaf first, root (if given) last
  std::string key_pem;           // unencrypted PKCS #8; secret
  std::vector<CertificateInfo> certificates;
};

// Reads a PEM text with the private key and its certificates in the order leaf … root.
// Errors name the fault and the certificate: no key, key encrypted, key does not match the first
// certificate, not yet valid or expired at `now`, an intermediate is missing or out of order,
// unreadable block. Does not judge whether the root is trusted.
Result<CheckedChain> check_chain(std::string_view pem, Time now);

// Several chains with a private key each in one text, as for ECDSA beside RSA or for several names. A chain begins with the
// certificate that one of the keys belongs to. Keys may stand anywhere. Errors are those of check_chain with the number of
// the chain, and a key that belongs to no certificate.
Result<std::vector<CheckedChain>> check_chains(std::string_view pem, Time now);

// Certificates alone, in their order.
Result<std::vector<CertificateInfo>> read_certificates(std::string_view pem);

}  // namespace berth::pem
