// Writing one instance to one file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "db/connection_options.h"
#include "db/database.h"
#include "loop/process.h"
#include "manager/backup/metadata.h"

namespace berth::manager {

using loop::Task;

// Where the bytes of a backup go, in order. write() may wait (slow download); throws Failure
// (kNoSpace, kUnavailable) when it cannot go on. The sink outlives the backup.
class BackupSink {
 public:
  virtual ~BackupSink() = default;
  virtual Task<void> write(std::string bytes) = 0;
};

// A descriptor: file, pipe or socket. Borrows it. Does not make it durable.
class DescriptorSink : public BackupSink {
 public:
  DescriptorSink(loop::Loop& loop, int fd);
  ~DescriptorSink() override;
  Task<void> write(std::string bytes) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A new file that is there whole and durable after finish(), or not at all: until then it has another
// name, and goes with the sink. Replaces `path`.
class FileSink : public BackupSink {
 public:
  explicit FileSink(std::string path, unsigned mode = 0600);  // throws Failure
  ~FileSink() override;
  Task<void> write(std::string bytes) override;
  void finish();

 private:
  std::string path_, temporary_;
  UniqueFd fd_;
};

struct BackupProgress {
  std::uint64_t bytes = 0;           // written so far
  std::uint64_t database_bytes = 0;  // size of the database on disk, for an estimate
};

struct BackupResult {
  std::uint64_t bytes = 0;
  std::string sha256;                // hex, of the whole file without its end mark
};

// Makes backups with PostgreSQL's own pg_dump of the cluster's version. Owned by the manager's main;
// any number of backups at once (each is a child process and two connections).
class BackupWriter {
 public:
  struct Programs {
    std::string folder = "/usr/lib/postgresql/15/bin";
  };
  BackupWriter(loop::Loop& loop, Programs programs) : loop_(loop), programs_(std::move(programs)) {}

  // Writes the database at `source` (superuser or owner) with `metadata` to `sink`. The app may go
  // on working: the file holds one moment. If cancelled pg_dump is ended and what was written so far
  // is cut off (readers notice). Throws Failure: kNoSpace, kUnavailable (PostgreSQL gone), kNotFound
  // (no such database), kFailed with pg_dump's words.
  Task<BackupResult> write(db::ConnectionOptions source, BackupMetadata metadata, const BackupKey* key,
                           BackupSink& sink, std::function<void(BackupProgress)> progress = {});

  // The same moment as SQL text (HTTP `uncompressed=1`), without metadata and end mark.
  Task<std::uint64_t> write_sql(db::ConnectionOptions source, BackupSink& sink, bool with_statistics = true);

 private:
  loop::Loop& loop_;
  Programs programs_;
};

// All rows of all tables of one database as XML (HTTP `dbdump`), `excluded` tables left out:
// <database name="…"><table schema="public" name="…"><row><column name="…">text</column>…. Binary
// values are base64 with encoding="base64", nulls have null="true".
Task<void> write_xml(loop::Loop& loop, db::ConnectionOptions source, std::vector<std::string> excluded,
                     BackupSink& sink);

}  // namespace berth::manager
