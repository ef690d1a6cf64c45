// A real mail server (Python's aiosmtpd) for tests.
#pragma once

#include <string>
#include <vector>

#include "wire/json/json.h"

namespace berth::net::test {

// Runs until it goes.
class SmtpServer {
 public:
  // `mode`: plain, starttls, tls. `folder` gets the mails; its files say who may send (smtp_server.py). With a
  // certificate for 127.0.0.1 in `folder`/cert.pem. Throws Failure if it does not start.
  SmtpServer(std::string folder, std::string mode);
  ~SmtpServer();
  SmtpServer(const SmtpServer&) = delete;

  int port() const { return port_; }
  // All mails so far: from, to, tls, helo, login, message.
  std::vector<json::Object> mails() const;
  std::string certificate_file() const { return folder_ + "/cert.pem"; }
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  std::string folder_, fingerprint_;
  int port_ = 0;
  pid_t pid_ = 0;
  std::FILE* output_ = nullptr;
};

// False where Python has no aiosmtpd.
bool has_smtp_server();

}  // namespace berth::net::test
