// What a backup file tells about its instance beside the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::manager {

// Written and read as JSON, documented in docs/backup-file.md. The database password is not in it: it
// never leaves the platform; a restore makes a new one where there is none.
struct BackupMetadata {
  std::string name, domain;  // of the instance
  std::string path;          // "/example.com/team"
  std::string password;      // the instance password: the only secret
  std::string service;       // id of the service
  std::uint64_t build = 0;   // of the service that wrote the data
  std::string label;
  std::string database, database_user;
  std::uint64_t log_flags = 0;
  bool exclude_from_backup = false;
  bool isolated = false;         // it ran in a process of its own
  std::string limits_json;       // an object with the limits set for it (limit_ranges.h); empty: none
  std::string created;           // ISO 8601 UTC, set by the writer
  std::string platform_version;  // of the manager that wrote it
  std::string extra_json;        // an object with what the manager adds; empty: none. Not secret
};

// Seals the secret part of backups (XChaCha20-Poly1305). Its id is told in clear in each file.
class BackupKey {
 public:
  // From 32 random bytes, as kept in a key file. kMalformed for another length.
  static Result<BackupKey> from_bytes(std::string_view bytes);
  // From a passphrase (Argon2id, "interactive" limits: 64 MiB, some 0.1 s; blocks) and a salt of 16 bytes.
  static Result<BackupKey> from_passphrase(std::string_view passphrase, std::string_view salt);
  static std::string new_salt();

  const std::string& id() const { return id_; }      // 16 hex digits, tells nothing about the key
  const std::string& salt() const { return salt_; }  // empty for a key of bytes
  std::string_view bytes() const { return bytes_; }

 private:
  BackupKey() = default;
  std::string id_, salt_, bytes_;
};

// The keys a restore may try.
struct BackupKeys {
  std::vector<BackupKey> keys;
  std::optional<std::string> passphrase;  // tried with the salt that the file names
};

// One JSON object in one line. Sealed if there is a key.
std::string format_metadata(const BackupMetadata& metadata, const BackupKey* key);

struct ReadMetadata {
  BackupMetadata metadata;  // password empty if `missing_key` is set
  std::string key_id;       // empty: not sealed
  // Set: the file was sealed with a key we do not have; the text names its id and what to do.
  std::optional<std::string> missing_key;
};
// kMalformed: not what format_metadata writes, or changed after sealing; kUnsupported: written by a
// newer format than we know.
Result<ReadMetadata> parse_metadata(std::string_view json, const BackupKeys& keys);

}  // namespace berth::manager
