// Mail by SMTP (RFC 5321), on libcurl.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/task.h"

namespace berth::net {

enum class MailSecurity : std::uint8_t {
  kStartTls,       // RFC 3207; without it nothing is sent
  kTls,            // from the first byte (RFC 8314)
  kOpportunistic,  // STARTTLS if the server offers it
  kPlain,
};

struct MailRequest {
  std::string host;
  int port = 587;
  MailSecurity security = MailSecurity::kStartTls;
  std::string helo;  // our name; empty: "localhost"
  // Empty user: no authentication. With `token` XOAUTH2, or OAUTHBEARER (RFC 7628) where only that is offered; else what
  // the server offers of CRAM-MD5, PLAIN (RFC 4616) and LOGIN with the password.
  std::string user, password, token;
  std::string from;  // bare addresses
  std::vector<std::string> recipients;
  std::string message;             // RFC 5322 with CRLF (wire/mail/message.h); dots are stuffed here
  std::string ca_file;             // instead of the system's roots
  std::string pinned_fingerprint;  // SHA-256 of the leaf: if set it alone decides
  std::chrono::milliseconds limit{30000};
};

// Owned by main. Any number of mails at once.
class MailClient {
 public:
  explicit MailClient(loop::Loop& loop);
  ~MailClient();
  // The server has taken it. Throws Failure with the server's words: kDenied (login, certificate), kMalformed (an address
  // or the mail is refused for good: 5xx), kUnavailable (anything that may get better), kNotFound (name), kTimeout,
  // kUnsupported (no TLS offered where it is required). If cancelled it may have been taken.
  loop::Task<void> send(MailRequest request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::net
