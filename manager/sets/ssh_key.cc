#include "manager/sets/ssh_key.h"

#include <sodium.h>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::manager {
namespace {

constexpr std::string_view kType = "ssh-ed25519";
constexpr std::size_t kLine = 70;

std::string number(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}
// A string of the SSH protocol (RFC 4251 section 5).
std::string field(std::string_view text) {
  return number(static_cast<std::uint32_t>(text.size())).append(text);
}

}  // namespace

SshKey make_ssh_key(std::string_view comment) {
  BERTH_CHECK(::sodium_init() >= 0);
  std::string public_bytes(crypto_sign_PUBLICKEYBYTES, '\0'), secret_bytes(crypto_sign_SECRETKEYBYTES, '\0');
  ::crypto_sign_keypair(reinterpret_cast<unsigned char*>(public_bytes.data()),
                        reinterpret_cast<unsigned char*>(secret_bytes.data()));
  const std::string public_blob = field(kType) + field(public_bytes);
  const std::string check(as_text(random_bytes(4)));
  std::string section =
      check + check + field(kType) + field(public_bytes) + field(secret_bytes) + field(comment);
  for (char pad = 1; section.size() % 8 != 0; ++pad) section += pad;
  std::string key("openssh-key-v1\0", 15);
  key += field("none") + field("none") + field("") + number(1) + field(public_blob) + field(section);
  const std::string text = format_base64(as_bytes(key));
  SshKey pair;
  pair.private_key = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  for (std::size_t at = 0; at < text.size(); at += kLine) pair.private_key += text.substr(at, kLine) + "\n";
  pair.private_key += "-----END OPENSSH PRIVATE KEY-----\n";
  pair.public_key = fmt::format("{} {} {}", kType, format_base64(as_bytes(public_blob)), comment);
  for (auto* secret : {&secret_bytes, &section, &key}) erase_secret(*secret);
  return pair;
}

}  // namespace berth::manager
