// Writing one instance to one file.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "db/connection_options.h"
#include "db/rows.h"
#include "loop/process.h"
#include "loop/sync.h"
#include "manager/backup/metadata.h"
#include "manager/backup/sink.h"

namespace berth::manager {

using loop::Task;

struct BackupProgress {
  std::uint64_t bytes = 0;           // written so far
  std::uint64_t database_bytes = 0;  // size of the database on disk, for an estimate
};

// Rows by table, "schema.table".
using RowCounts = std::map<std::string, std::uint64_t>;

struct WriteOptions {
  bool compress = true;     // off for targets that find what they have already, and compress by themselves
  bool count_rows = false;  // reads every table once more, at the moment of the backup
};

struct BackupResult {
  std::uint64_t bytes = 0;  // of the whole file
  std::string sha256;       // hex, of the file without its end mark (docs/backup-file.md)
  RowCounts rows;           // if asked for
};

// Makes backups with PostgreSQL's own pg_dump. Owned by the manager's main; any number of backups at
// once (each is a child process and three connections).
class BackupWriter {
 public:
  // `binaries`: folder of pg_dump.
  BackupWriter(loop::Loop& loop, std::string binaries)
      : loop_(loop), binaries_(std::move(binaries)), marking_(loop, 1) {}

  // Writes the database at `source` (superuser or owner) with `metadata` to `sink`. The app may go
  // on working: the file holds one moment. `metadata.created` is set here. If cancelled pg_dump is ended and
  // what was written so far is cut off (readers notice). Throws Failure: kNoSpace, kUnavailable
  // (PostgreSQL gone), kNotFound (no such database), kTimeout (a table was locked for a minute), else
  // kFailed with pg_dump's words.
  Task<BackupResult> write(db::ConnectionOptions source, BackupMetadata metadata,
                           std::optional<BackupKey> key, BackupSink& sink,
                           std::function<void(BackupProgress)> progress = {}, WriteOptions options = {});

  // The database as SQL text for psql (HTTP `uncompressed=1`), without metadata and end mark. Tables in
  // `without_rows` come without their rows. Gives the number of bytes.
  Task<std::uint64_t> write_sql(db::ConnectionOptions source, BackupSink& sink,
                                std::vector<std::string> without_rows = {});

 private:
  loop::SpawnOptions dump_options(const db::ConnectionOptions& source) const;

  loop::Loop& loop_;
  const std::string binaries_;
  loop::Semaphore marking_;  // one at a time puts its metadata into a database
};

// All rows of all tables of one database as XML (HTTP `dbdump`), tables in `excluded` left out:
// <database name="…"><table schema="public" name="…"><row><column name="…">text</column>…. Bytes, and
// text that XML cannot hold, are base64 with encoding="base64"; nulls have null="true". One moment.
Task<void> write_xml(loop::Loop& loop, db::ConnectionOptions source, std::vector<std::string> excluded,
                     BackupSink& sink);

// Rows of all tables of the app, without our own berth_backup. `ask` runs one statement.
Task<RowCounts> count_rows(std::function<Task<db::Rows>(std::string)> ask);

}  // namespace berth::manager
