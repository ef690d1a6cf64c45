// Looking into a backup file before anything changes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "loop/task.h"
#include "manager/backup/metadata.h"

namespace berth::loop {
class Loop;
}

namespace berth::manager {

using loop::Task;

struct BackupFile {
  std::uint64_t bytes = 0;
  // True: SQL text as HTTP `uncompressed=1` gives it, not a custom-format dump.
  bool is_sql_text = false;
  // nullopt: a plain dump of pg_dump or SQL text. It can be restored into an instance that
  // is there, which then keeps its name and password.
  std::optional<ReadMetadata> about;
};

// Every message names fault and remedy. Errors: kMalformed (not a backup, cut off, damaged),
// kUnsupported (made by a newer platform or PostgreSQL), kNotFound. A wrong key is no error here: see
// ReadMetadata::missing_key. As root the file is read by a program without rights.
class BackupReader {
 public:
  // `binaries`: folder of pg_restore.
  BackupReader(loop::Loop& loop, std::string binaries) : loop_(loop), binaries_(std::move(binaries)) {}

  // Table of contents, metadata and end mark; quick whatever the size.
  Task<BackupFile> inspect(std::string path, BackupKeys keys);
  // Reads every byte too, so that a missing or flipped one is found before anything changes. (In plain dumps
  // missing bytes are found and most flipped ones, in SQL text missing ones; only our end mark finds them all.)
  Task<BackupFile> verify(std::string path, BackupKeys keys,
                          std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

 private:
  loop::Loop& loop_;
  const std::string binaries_;
};

// Can an instance of `service` at `installed_build` take these data? nullopt build: not installed. Errors
// name the remedy: kNotFound (install the service), kConflict (other service), kUnsupported (newer build).
Result<void> check_restorable(const BackupMetadata& metadata, std::string_view service,
                              std::optional<std::uint64_t> installed_build);

}  // namespace berth::manager
