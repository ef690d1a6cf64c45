#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::manager {

// Seals the secrets of the manager's database (libsodium secretbox: XSalsa20-Poly1305) with the key of this
// machine. A sealed text is "s1:" and base64 of nonce and box. A value; may be used from any task.
class SecretBox {
 public:
  // Reads the key file, or makes it (32 random bytes, 0600) if it is not there. kMalformed for a file that
  // is no key; kDenied for one that others may read.
  static Result<SecretBox> open(const std::string& key_file);
  // For tests.
  explicit SecretBox(std::string key) : key_(std::move(key)) {}

  std::string seal(std::string_view secret) const;
  // kDenied if it was not sealed with this key or was changed.
  Result<std::string> unseal(std::string_view sealed) const;

  // The key itself, for the one place that must have it too: a backup set that holds the manager's database.
  std::string_view key() const { return key_; }

  // 32 bytes that only this platform can know, always the same for the same label (BLAKE2b, keyed).
  std::string derive(std::string_view label) const;

 private:
  std::string key_;
};

}  // namespace berth::manager
