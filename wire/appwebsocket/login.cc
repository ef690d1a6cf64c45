#include "wire/appwebsocket/login.h"

#include "base/bytes.h"
#include "base/text.h"
#include "wire/appwebsocket/raw_json.h"
#include "wire/appwebsocket/rc4.h"

namespace berth::appwebsocket {
namespace {

constexpr std::size_t kMaxRc4Key = 256;  // RC4 takes no more; longer seeds are cut as others cut them

std::string rc4_key(std::string_view seed, std::string_view session_key) {
  return fmt::format("{}:{}", seed, session_key).substr(0, kMaxRc4Key);
}

}  // namespace

std::string make_challenge() {
  std::string challenge;
  while (challenge.size() < 16) {
    // 250 is the largest multiple of 10 below 256: each digit equally often.
    for (const auto byte : random_bytes(16))
      if (byte < 250 && challenge.size() < 16) challenge += static_cast<char>('0' + byte % 10);
  }
  return challenge;
}

std::string make_digest(const Login& login, std::string_view challenge, std::string_view password) {
  std::string text =
      login.app + ":" + login.domain + ":" + login.sip + ":" + login.guid + ":" + login.dn + ":";
  if (login.info) text += *login.info + ":";
  text.append(challenge).append(":").append(password);
  auto digest = sha256_hex(text);
  erase_secret(text);
  return digest;
}

bool verify_digest(const Login& login, std::string_view challenge, std::string_view password,
                   std::string_view digest) {
  const std::string wanted = to_lower(digest);
  if (equal_in_constant_time(make_digest(login, challenge, password), wanted)) return true;
  if (!login.info) return false;
  auto minimal = to_minimal(*login.info);
  if (!minimal || *minimal == *login.info) return false;
  Login rewritten = login;
  rewritten.info = std::move(*minimal);
  return equal_in_constant_time(make_digest(rewritten, challenge, password), wanted);
}

bool verify_check_login(std::string_view app, std::string_view domain, std::string_view challenge,
                        std::string_view password, std::string_view digest) {
  Login login{.app = std::string(app), .domain = std::string(domain)};
  if (verify_digest(login, challenge, password, digest)) return true;
  login.info = "{}";
  return verify_digest(login, challenge, password, digest);
}

SessionKey::SessionKey(std::string_view challenge, std::string_view password) {
  std::string text = "innovaphoneAppSessionKey:" + std::string(challenge) + ":" + std::string(password);
  key_ = sha256_hex(text);
  erase_secret(text);
}

std::string SessionKey::encrypt(std::string_view seed, std::string_view text) const {
  return format_hex(as_bytes(rc4(rc4_key(seed, key_), text)));
}

Result<std::string> SessionKey::decrypt(std::string_view seed, std::string_view hex) const {
  const auto bytes = parse_hex(hex);
  if (!bytes) return fail(Errc::kMalformed, "encrypted text is not hexadecimal");
  auto text = rc4(rc4_key(seed, key_), as_text(*bytes));
  if (!is_valid_utf8(text)) return fail(Errc::kMalformed, "encrypted text was made with another key or seed");
  return text;
}

std::string SessionKey::hash(std::string_view seed, std::string_view text) const {
  return sha256_hex(fmt::format("{}:{}:{}", seed, key_, text));
}

std::string SessionKey::dbfiles_key() const { return sha256_hex("generic-dbfiles:" + key_); }

}  // namespace berth::appwebsocket
