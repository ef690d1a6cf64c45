#include "wire/minisign/minisign.h"

#include <sodium.h>

#include "base/text.h"

namespace berth::minisign {
namespace {

constexpr std::string_view kUntrusted = "untrusted comment: ";
constexpr std::string_view kTrusted = "trusted comment: ";
constexpr std::size_t kPublicSize = 2 + 8 + 32;
constexpr std::size_t kSignatureSize = 2 + 8 + 64;
// Algorithm, KDF, checksum algorithm, salt, two limits, then id, key and checksum.
constexpr std::size_t kSecretSize = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 64 + 32;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (const auto line : split(text, '\n'))
    lines.push_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::array<std::uint8_t, 64> blake2b(ByteView content) {
  std::array<std::uint8_t, 64> hash;
  crypto_generichash(hash.data(), hash.size(), content.data(), content.size(), nullptr, 0);
  return hash;
}

Bytes global_message(const Signature& signature) {
  Bytes message(signature.signature.begin(), signature.signature.end());
  message.insert(message.end(), signature.trusted_comment.begin(), signature.trusted_comment.end());
  return message;
}

Result<void> check_key(const PublicKey& key, const Signature& signature) {
  if (key.id != signature.id)
    return fail(Errc::kDenied, "signed with key {}, not with the trusted key {}", format_key_id(signature.id),
                format_key_id(key.id));
  return {};
}

// `signed_bytes`: the content or its hash.
Result<std::string> check(const PublicKey& key, const Signature& signature, ByteView signed_bytes) {
  if (crypto_sign_verify_detached(signature.signature.data(), signed_bytes.data(), signed_bytes.size(),
                                  key.key.data()) != 0)
    return fail(Errc::kDenied, "signature does not fit the content");
  const Bytes message = global_message(signature);
  if (crypto_sign_verify_detached(signature.global_signature.data(), message.data(), message.size(),
                                  key.key.data()) != 0)
    return fail(Errc::kDenied, "trusted comment was changed");
  return signature.trusted_comment;
}

// Of a file with a comment line before, or of the line alone.
Result<Bytes> read_key_line(std::string_view text, std::size_t size, std::string_view what) {
  const auto lines = lines_of(text);
  const bool has_comment = !lines.empty() && lines.front().starts_with(kUntrusted);
  if (lines.size() != (has_comment ? 2u : 1u)) return fail(Errc::kMalformed, "no minisign {}", what);
  auto bytes = parse_base64(lines.back());
  if (!bytes || bytes->size() != size || (*bytes)[0] != 'E' || (*bytes)[1] != 'd')
    return fail(Errc::kMalformed, "no minisign {}", what);
  return std::move(*bytes);
}

}  // namespace

Result<PublicKey> parse_public_key(std::string_view text) {
  BERTH_TRY(const auto bytes, read_key_line(text, kPublicSize, "public key"));
  PublicKey key;
  std::copy_n(bytes.begin() + 2, key.id.size(), key.id.begin());
  std::copy_n(bytes.begin() + 10, key.key.size(), key.key.begin());
  return key;
}

std::string format_public_key(const PublicKey& key) {
  Bytes bytes{'E', 'd'};
  bytes.insert(bytes.end(), key.id.begin(), key.id.end());
  bytes.insert(bytes.end(), key.key.begin(), key.key.end());
  return fmt::format("{}minisign public key {}\n{}\n", kUntrusted, format_key_id(key.id),
                     format_base64(bytes));
}

std::string format_key_id(const KeyId& id) {
  std::string text;
  for (auto byte = id.rbegin(); byte != id.rend(); ++byte) text += fmt::format("{:02X}", *byte);
  return text;
}

Result<Signature> parse_signature(std::string_view text) {
  const auto lines = lines_of(text);
  if (lines.size() != 4 || !lines[0].starts_with(kUntrusted) || !lines[2].starts_with(kTrusted))
    return fail(Errc::kMalformed, "no minisign signature");
  const auto bytes = parse_base64(lines[1]);
  const auto global = parse_base64(lines[3]);
  if (!bytes || bytes->size() != kSignatureSize || !global || global->size() != 64)
    return fail(Errc::kMalformed, "no minisign signature");
  Signature signature;
  const auto algorithm = as_text(ByteView(*bytes).first(2));
  if (algorithm != "ED" && algorithm != "Ed")
    return fail(Errc::kUnsupported, "signature algorithm {} is not known", format_hex(as_bytes(algorithm)));
  signature.is_prehashed = algorithm == "ED";
  std::copy_n(bytes->begin() + 2, signature.id.size(), signature.id.begin());
  std::copy_n(bytes->begin() + 10, signature.signature.size(), signature.signature.begin());
  signature.trusted_comment = lines[2].substr(kTrusted.size());
  std::copy_n(global->begin(), signature.global_signature.size(), signature.global_signature.begin());
  return signature;
}

struct Verifier::State {
  PublicKey key;
  Signature signature;
  crypto_generichash_state hash;
};

Verifier::Verifier(std::unique_ptr<State> state) : state_(std::move(state)) {}
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;
Verifier::~Verifier() = default;

Result<Verifier> Verifier::make(const PublicKey& key, std::string_view signature_text) {
  BERTH_TRY(auto signature, parse_signature(signature_text));
  BERTH_TRY_VOID(check_key(key, signature));
  if (!signature.is_prehashed)
    return fail(Errc::kUnsupported,
                "signature in the legacy form needs the whole file in memory; sign it again");
  auto state = std::make_unique<State>();
  state->key = key;
  state->signature = std::move(signature);
  crypto_generichash_init(&state->hash, nullptr, 0, 64);
  return Verifier(std::move(state));
}

void Verifier::update(ByteView content) {
  crypto_generichash_update(&state_->hash, content.data(), content.size());
}

Result<std::string> Verifier::finish() {
  std::array<std::uint8_t, 64> hash;
  crypto_generichash_final(&state_->hash, hash.data(), hash.size());
  return check(state_->key, state_->signature, hash);
}

Result<std::string> verify(const PublicKey& key, std::string_view content, std::string_view signature_text) {
  BERTH_TRY(const auto signature, parse_signature(signature_text));
  BERTH_TRY_VOID(check_key(key, signature));
  if (signature.is_prehashed) return check(key, signature, blake2b(as_bytes(content)));
  return check(key, signature, as_bytes(content));
}

PublicKey SecretKey::public_key() const {
  PublicKey result{.id = id};
  std::copy_n(key.begin() + 32, 32, result.key.begin());  // Ed25519: seed, then public key
  return result;
}

SecretKey make_secret_key() {
  SecretKey key;
  std::array<std::uint8_t, 32> unused;
  crypto_sign_keypair(unused.data(), key.key.data());
  const auto id = random_bytes(key.id.size());
  std::copy(id.begin(), id.end(), key.id.begin());
  return key;
}

Result<SecretKey> parse_secret_key(std::string_view text) {
  BERTH_TRY(const auto bytes, read_key_line(text, kSecretSize, "secret key"));
  if (bytes[2] != 0 || bytes[3] != 0)
    return fail(Errc::kUnsupported,
                "the secret key is protected by a password; make one with: minisign -G -W");
  SecretKey key;
  std::copy_n(bytes.begin() + 54, key.id.size(), key.id.begin());
  std::copy_n(bytes.begin() + 62, key.key.size(), key.key.begin());
  // Without password minisign writes no checksum; the key itself tells whether it is whole.
  std::array<std::uint8_t, 32> public_half;
  std::array<std::uint8_t, 64> whole;
  crypto_sign_seed_keypair(public_half.data(), whole.data(), key.key.data());
  if (whole != key.key) return fail(Errc::kMalformed, "the secret key is damaged");
  return key;
}

std::string format_secret_key(const SecretKey& key) {
  Bytes bytes{'E', 'd', 0, 0, 'B', '2'};
  bytes.resize(54, 0);  // no password: no salt, no limits
  bytes.insert(bytes.end(), key.id.begin(), key.id.end());
  bytes.insert(bytes.end(), key.key.begin(), key.key.end());
  bytes.resize(kSecretSize, 0);
  return fmt::format("{}minisign secret key\n{}\n", kUntrusted, format_base64(bytes));
}

std::string sign(const SecretKey& key, std::string_view content, std::string_view trusted_comment) {
  BERTH_CHECK(trusted_comment.find_first_of("\r\n") == std::string_view::npos);
  Signature signature{.id = key.id, .trusted_comment = std::string(trusted_comment)};
  const auto hash = blake2b(as_bytes(content));
  crypto_sign_detached(signature.signature.data(), nullptr, hash.data(), hash.size(), key.key.data());
  const Bytes message = global_message(signature);
  crypto_sign_detached(signature.global_signature.data(), nullptr, message.data(), message.size(),
                       key.key.data());
  Bytes bytes{'E', 'D'};
  bytes.insert(bytes.end(), signature.id.begin(), signature.id.end());
  bytes.insert(bytes.end(), signature.signature.begin(), signature.signature.end());
  return fmt::format("{}signature from berth\n{}\n{}{}\n{}\n", kUntrusted, format_base64(bytes), kTrusted,
                     trusted_comment, format_base64(signature.global_signature));
}

}  // namespace berth::minisign
