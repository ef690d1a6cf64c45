#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "manager/control/webserver_control.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// The webserver's certificate: the admin's, or a self-signed one made at the first start. Owned by the manager's main.
class Certificates {
 public:
  Certificates(Settings& settings, WebserverControl& webserver)
      : settings_(settings), webserver_(webserver) {}

  // Takes the certificate of the database, makes a self-signed one if there is none, and hands it to the webserver.
  // `names`: for the self-signed one. An unusable row is told in the log and the self-signed one is used.
  Task<void> load(std::vector<std::string> names);
  // An admin's chain with key, or several (RSA beside ECDSA, other names) in one text. kMalformed with what is wrong; the old one stays then.
  Task<Result<void>> set(std::string pem);
  // Back to the self-signed one.
  Task<void> reset();

  // Of all chains, one after the other; the first is for names that no other has.
  const std::vector<api::Certificate>& chain() const { return chain_; }
  const std::string& fingerprint() const { return fingerprint_; }  // of the leaf, "AB:CD:…"
  const std::string& certificates_pem() const { return certificates_pem_; }
  // When the leaf ends; nullopt before load().
  std::optional<std::chrono::system_clock::time_point> not_after() const { return not_after_; }
  bool is_self_signed() const { return is_own_; }

 private:
  Task<Result<void>> use(std::string pem, bool is_own);
  Settings& settings_;
  WebserverControl& webserver_;
  std::vector<std::string> names_;
  std::vector<api::Certificate> chain_;
  std::string fingerprint_, certificates_pem_;
  std::optional<std::chrono::system_clock::time_point> not_after_;
  bool is_own_ = true;
};

// Names for a self-signed certificate: localhost, this host, its addresses' loopback forms, the DNS name if set.
std::vector<std::string> own_names(const std::string& dns);

}  // namespace berth::manager
