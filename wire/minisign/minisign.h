// Signatures in the format of minisign (Ed25519, trusted comments), with libsodium.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::minisign {

using KeyId = std::array<std::uint8_t, 8>;

struct PublicKey {
  KeyId id{};
  std::array<std::uint8_t, 32> key{};
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};
// Of a whole .pub file or of its base64 line alone.
Result<PublicKey> parse_public_key(std::string_view text);
std::string format_public_key(const PublicKey& key);  // two lines, as minisign -G writes it
std::string format_key_id(const KeyId& id);           // "E7620F1842B4E81F"

struct Signature {
  KeyId id{};
  bool is_prehashed = true;  // "ED": over BLAKE2b-512 of the content; "Ed": over it
  std::array<std::uint8_t, 64> signature{};
  std::string trusted_comment;
  std::array<std::uint8_t, 64> global_signature{};  // over signature and trusted comment
};
Result<Signature> parse_signature(std::string_view text);  // a .minisig file

// Verifies content that comes in pieces (files larger than memory). Legacy signatures need it whole
// and are refused here with kUnsupported.
class Verifier {
 public:
  static Result<Verifier> make(const PublicKey& key, std::string_view signature_text);
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;
  ~Verifier();
  void update(ByteView content);
  // The trusted comment. kDenied if the signature is not of this key or not of this content.
  Result<std::string> finish();

 private:
  struct State;
  explicit Verifier(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Both forms, content in memory. Gives the trusted comment. kDenied: other key, content changed,
// comment changed. kMalformed: no signature file.
Result<std::string> verify(const PublicKey& key, std::string_view content, std::string_view signature_text);

// A secret key without password (as minisign -G -W makes), for builds and tests.
struct SecretKey {
  KeyId id{};
  std::array<std::uint8_t, 64> key{};
  PublicKey public_key() const;
};
SecretKey make_secret_key();
// kUnsupported if it is protected by a password.
Result<SecretKey> parse_secret_key(std::string_view text);
std::string format_secret_key(const SecretKey& key);
std::string sign(const SecretKey& key, std::string_view content, std::string_view trusted_comment);

}  // namespace berth::minisign
