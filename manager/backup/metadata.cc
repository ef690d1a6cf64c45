#include "manager/backup/metadata.h"

#include <sodium.h>

#include <boost/json.hpp>

namespace berth::manager {
namespace {

namespace json = boost::json;

constexpr int kFormat = 1;
constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kSaltBytes = crypto_pwhash_SALTBYTES;

void require_sodium() { BERTH_CHECK(sodium_init() >= 0); }

// A name for the key from which nothing of it can be learnt.
std::string id_of(std::string_view key) {
  std::uint8_t digest[crypto_generichash_BYTES_MIN];
  static constexpr std::string_view kPurpose = "berth backup key id";
  crypto_generichash(digest, sizeof digest, as_bytes(kPurpose).data(), kPurpose.size(), as_bytes(key).data(),
                     key.size());
  return format_hex(ByteView(digest, 8));
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (!value || !value->is_string()) return {};
  return std::string(value->as_string());
}

std::uint64_t number_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (!value) return 0;
  if (value->is_uint64()) return value->as_uint64();
  return value->is_int64() && value->as_int64() >= 0 ? static_cast<std::uint64_t>(value->as_int64()) : 0;
}

// A text of ours.
json::value parse_own(const std::string& text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  BERTH_CHECK(!error && value.is_object());
  return value;
}

std::string object_text(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_object() ? json::serialize(*value) : std::string();
}

json::object open_part(const BackupMetadata& metadata) {
  json::object instance;
  instance["name"] = metadata.name;
  instance["domain"] = metadata.domain;
  instance["path"] = metadata.path;
  instance["service"] = metadata.service;
  instance["build"] = metadata.build;
  instance["label"] = metadata.label;
  instance["database"] = metadata.database;
  instance["databaseUser"] = metadata.database_user;
  instance["logFlags"] = metadata.log_flags;
  instance["excludeFromBackup"] = metadata.exclude_from_backup;
  if (metadata.isolated) instance["isolated"] = true;
  instance["created"] = metadata.created;
  instance["platformVersion"] = metadata.platform_version;
  if (!metadata.limits_json.empty()) instance["limits"] = parse_own(metadata.limits_json);
  if (!metadata.extra_json.empty()) instance["extra"] = parse_own(metadata.extra_json);
  return instance;
}

Result<std::string> open_box(const json::object& sealed, std::string_view about, const BackupKey& key) {
  const auto nonce = parse_base64(text_of(sealed, "nonce"));
  const auto box = parse_base64(text_of(sealed, "box"));
  if (!nonce || nonce->size() != kNonceBytes || !box || box->size() < kTagBytes)
    return fail(Errc::kMalformed, "the sealed part is damaged");
  std::string secret(box->size() - kTagBytes, '\0');
  unsigned long long size = 0;
  const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(secret.data()), &size, nullptr, box->data(), box->size(),
      as_bytes(about).data(), about.size(), nonce->data(), as_bytes(key.bytes()).data());
  if (opened != 0)
    return fail(Errc::kMalformed, "what the backup says about its instance was changed after it was sealed");
  return secret;
}

}  // namespace

Result<BackupKey> BackupKey::from_bytes(std::string_view bytes) {
  require_sodium();
  if (bytes.size() != kKeyBytes)
    return fail(Errc::kMalformed, "a backup key has {} bytes, this one {}", kKeyBytes, bytes.size());
  BackupKey key;
  key.bytes_ = bytes;
  key.id_ = id_of(bytes);
  return key;
}

Result<BackupKey> BackupKey::from_passphrase(std::string_view passphrase, std::string_view salt) {
  require_sodium();
  if (salt.size() != kSaltBytes)
    return fail(Errc::kMalformed, "the salt of a backup key has {} bytes, not {}", kSaltBytes, salt.size());
  if (passphrase.empty()) return fail(Errc::kMalformed, "the backup passphrase is empty");
  std::string bytes(kKeyBytes, '\0');
  if (crypto_pwhash(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), passphrase.data(),
                    passphrase.size(), as_bytes(salt).data(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                    crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return fail(Errc::kFailed, "not enough memory for the backup passphrase (64 MiB)");
  BERTH_TRY(BackupKey key, from_bytes(bytes));
  erase_secret(bytes);
  key.salt_ = salt;
  return key;
}

std::string BackupKey::new_salt() {
  const auto bytes = random_bytes(kSaltBytes);
  return std::string(as_text(bytes));
}

std::string format_metadata(const BackupMetadata& metadata, const BackupKey* key) {
  json::object whole;
  whole["berthBackup"] = kFormat;
  // The clear part goes in as text, so that the very bytes that were sealed with it are checked.
  const std::string about = json::serialize(open_part(metadata));
  whole["instance"] = about;
  std::string secret = json::serialize(json::object{{"password", metadata.password}});
  if (!key) {
    whole["secret"] = secret;
    return json::serialize(whole);
  }
  require_sodium();
  const auto nonce = random_bytes(kNonceBytes);
  Bytes box(secret.size() + kTagBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(box.data(), nullptr, as_bytes(secret).data(), secret.size(),
                                             as_bytes(about).data(), about.size(), nullptr, nonce.data(),
                                             as_bytes(key->bytes()).data());
  erase_secret(secret);
  json::object sealed;
  sealed["key"] = key->id();
  if (!key->salt().empty()) sealed["salt"] = format_base64(as_bytes(key->salt()));
  sealed["nonce"] = format_base64(nonce);
  sealed["box"] = format_base64(box);
  whole["sealed"] = std::move(sealed);
  return json::serialize(whole);
}

Result<ReadMetadata> parse_metadata(std::string_view text, const BackupKeys& keys) {
  boost::system::error_code error;
  const auto value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object())
    return fail(Errc::kMalformed, "what the backup says about its instance is not readable");
  const auto& whole = value.as_object();
  const auto format = number_of(whole, "berthBackup");
  if (format > kFormat)
    return fail(Errc::kUnsupported,
                "the backup has format {}, this platform reads up to {}: it was made by a newer platform. "
                "Update this one first",
                format, kFormat);
  const std::string about = text_of(whole, "instance");
  const auto about_value = json::parse(about, error);
  if (format == 0 || error || !about_value.is_object())
    return fail(Errc::kMalformed, "what the backup says about its instance is not readable");
  const auto& instance = about_value.as_object();

  ReadMetadata read;
  auto& metadata = read.metadata;
  metadata.name = text_of(instance, "name");
  metadata.domain = text_of(instance, "domain");
  metadata.path = text_of(instance, "path");
  metadata.service = text_of(instance, "service");
  metadata.build = number_of(instance, "build");
  metadata.label = text_of(instance, "label");
  metadata.database = text_of(instance, "database");
  metadata.database_user = text_of(instance, "databaseUser");
  metadata.log_flags = number_of(instance, "logFlags");
  if (const auto* exclude = instance.if_contains("excludeFromBackup"))
    metadata.exclude_from_backup = exclude->is_bool() && exclude->as_bool();
  if (const auto* isolated = instance.if_contains("isolated"))
    metadata.isolated = isolated->is_bool() && isolated->as_bool();
  metadata.created = text_of(instance, "created");
  metadata.platform_version = text_of(instance, "platformVersion");
  metadata.limits_json = object_text(instance, "limits");
  metadata.extra_json = object_text(instance, "extra");
  if (metadata.name.empty() || metadata.service.empty())
    return fail(Errc::kMalformed, "the backup names no instance or service");

  std::string secret;
  if (const auto* sealed_value = whole.if_contains("sealed"); sealed_value && sealed_value->is_object()) {
    const auto& sealed = sealed_value->as_object();
    read.key_id = text_of(sealed, "key");
    const BackupKey* fitting = nullptr;
    std::optional<BackupKey> derived;
    for (const auto& key : keys.keys)
      if (key.id() == read.key_id) fitting = &key;
    const auto salt = parse_base64(text_of(sealed, "salt"));
    const bool has_salt = salt && !salt->empty();
    if (!fitting && keys.passphrase && has_salt) {
      if (auto key = BackupKey::from_passphrase(*keys.passphrase, as_text(*salt));
          key && key->id() == read.key_id) {
        derived = std::move(*key);
        fitting = &*derived;
      }
    }
    if (!fitting) {
      read.missing_key = fmt::format(
          "the backup is sealed with {} {}, which this platform does not have: give {}, or the instance gets "
          "a new password",
          has_salt ? "a passphrase, key" : "key", read.key_id, has_salt ? "that passphrase" : "that key");
      return read;
    }
    BERTH_TRY(secret, open_box(sealed, about, *fitting));
  } else {
    secret = text_of(whole, "secret");
  }
  const auto secret_value = json::parse(secret, error);
  erase_secret(secret);
  if (error || !secret_value.is_object())
    return fail(Errc::kMalformed, "the backup's own password part is not readable");
  metadata.password = text_of(secret_value.as_object(), "password");
  return read;
}

}  // namespace berth::manager
