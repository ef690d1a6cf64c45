// Login of the AppWebsocket protocol: challenge, digest, session key and what hangs on it
// (docs/protocols/appwebsocket.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::appwebsocket {

// 16 decimal digits from the kernel's generator.
std::string make_challenge();

struct Login {
  std::string app, domain, sip, guid, dn;
  std::optional<std::string> info;  // JSON text as received: its raw substring of the message
};

// Lower-case hex SHA-256 of the parts joined with ':'; `info` and its colon vanish if absent.
std::string make_digest(const Login& login, std::string_view challenge, std::string_view password);

// Checks a client's digest, with `info` as received and then in its minimal form; either case of
// hex, in constant time.
bool verify_digest(const Login& login, std::string_view challenge, std::string_view password,
                   std::string_view digest);

// The formula of AppCheckLogin: sip, guid and dn empty, `info` absent or {}.
bool verify_check_login(std::string_view app, std::string_view domain, std::string_view challenge,
                        std::string_view password, std::string_view digest);

// What both sides know after a login. Secret: never log it.
class SessionKey {
 public:
  SessionKey(std::string_view challenge, std::string_view password);
  // A key that a portal handed over as text.
  static SessionKey from_text(std::string key) { return SessionKey(std::move(key)); }

  // RC4, hex. `seed` is a short random text sent beside it.
  std::string encrypt(std::string_view seed, std::string_view text) const;
  // kMalformed if it is no hex or no UTF-8 comes out (wrong key or seed).
  Result<std::string> decrypt(std::string_view seed, std::string_view hex) const;
  std::string hash(std::string_view seed, std::string_view text) const;
  std::string dbfiles_key() const;  // key of the database file upload and download URLs
  const std::string& text() const { return key_; }

 private:
  explicit SessionKey(std::string key) : key_(std::move(key)) {}
  std::string key_;  // 64 hex digits
};

}  // namespace berth::appwebsocket
