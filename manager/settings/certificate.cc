#include "manager/settings/certificate.h"

#include <unistd.h>

#include "base/log.h"
#include "manager/platform/clock.h"
#include "net/tls.h"
#include "wire/pem/certificate.h"

namespace berth::manager {

std::vector<std::string> own_names(const std::string& dns) {
  std::vector<std::string> names;
  if (!dns.empty()) names.push_back(dns);
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) == 0 && host[0] && std::string_view(host) != "localhost")
    names.emplace_back(host);
  names.insert(names.end(), {"localhost", "127.0.0.1", "::1"});
  return names;
}

Task<Result<void>> Certificates::use(std::string pem, bool is_own) {
  auto checked = pem::check_chains(pem, std::chrono::system_clock::now());
  if (!checked) co_return tl::unexpected(checked.error());
  chain_.clear();
  std::vector<std::string> chains;
  not_after_.reset();
  for (const auto& chain : *checked) {
    const auto ends = chain.certificates.front().not_after;  // the leaf that ends first is what to watch
    if (!not_after_ || ends < *not_after_) not_after_ = ends;
    for (const auto& info : chain.certificates) {
      api::Certificate certificate;
      certificate.subject = info.subject;
      certificate.issuer = info.issuer;
      certificate.not_after = format_utc(info.not_after);
      certificate.fingerprint = info.fingerprint;
      certificate.names = info.names;
      chain_.push_back(std::move(certificate));
    }
    chains.push_back(chain.certificates_pem + chain.key_pem);
  }
  fingerprint_ = chain_.empty() ? "" : chain_.front().fingerprint;
  certificates_pem_ = checked->front().certificates_pem;
  is_own_ = is_own;
  co_await webserver_.set_certificates(std::move(chains));
  co_return Result<void>();
}

Task<void> Certificates::load(std::vector<std::string> names) {
  names_ = std::move(names);
  if (auto pem = co_await settings_.secret(kCertificateRow)) {
    const auto used = co_await use(std::move(*pem), false);
    if (used) co_return;
    log_error("the certificate cannot be used, the self-signed one is in its place",
              {{"why", used.error().detail}});
  }
  if (auto pem = co_await settings_.secret(kSelfSignedRow)) {
    const auto used = co_await use(std::move(*pem), true);
    if (used) co_return;
    log_warning("the self-signed certificate cannot be used, making another", {{"why", used.error().detail}});
  }
  const auto made = net::make_self_signed(names_);
  const std::string pem = made.certificate_pem + made.key_pem;
  co_await settings_.set_secret(kSelfSignedRow, pem);
  or_throw(co_await use(pem, true));
}

Task<Result<void>> Certificates::set(std::string pem) {
  const auto used = co_await use(pem, false);
  if (!used) co_return used;
  co_await settings_.set_secret(kCertificateRow, std::move(pem));
  co_return Result<void>();
}

Task<void> Certificates::reset() {
  co_await settings_.forget_secret(kCertificateRow);
  co_await load(names_);
}

}  // namespace berth::manager
