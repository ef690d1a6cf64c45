// Reading a backup file, and bringing an instance's data back from it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "manager/backup/metadata.h"
#include "manager/database/cluster.h"
#include "manager/database/instance_database.h"

namespace berth::manager {

using loop::Task;

struct BackupFile {
  std::uint64_t bytes = 0;
  // nullopt: a plain dump of pg_dump, not made by a platform. It can be restored into an instance that
  // is there, which then keeps its name and password.
  std::optional<ReadMetadata> about;
};

// Looks into the file at `path` without restoring anything. Every message names fault and remedy.
// Errors: kMalformed (not a backup, cut off, damaged), kUnsupported (made by a newer platform or
// PostgreSQL), kNotFound. A wrong key is no error here: see ReadMetadata::missing_key.
//   inspect: reads the table of contents and the metadata; quick.
//   verify:  reads every byte too, so that a cut or flipped one is found before anything changes.
class BackupReader {
 public:
  BackupReader(loop::Loop& loop, std::string binaries) : loop_(loop), binaries_(std::move(binaries)) {}
  Task<BackupFile> inspect(std::string path, BackupKeys keys);
  Task<BackupFile> verify(std::string path, BackupKeys keys,
                          std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

 private:
  loop::Loop& loop_;
  std::string binaries_;
};

// Brings data back: into a new database beside the old one, checked, then swapped. Owned by the
// manager's main. The steps are apart so that a journalled job can call them one by one and again:
//   reserve → load_beside → (stop the instance) → swap_in → (start) … later drop_old or undo.
class Restorer {
 public:
  Restorer(loop::Loop& loop, const Cluster& cluster, InstanceDatabases& databases)
      : loop_(loop), cluster_(cluster), databases_(databases) {}

  // Held while one restore of a database runs.
  class Reservation {
   public:
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation();

   private:
    friend class Restorer;
    Reservation(Restorer* restorer, std::string database);
    Restorer* restorer_;
    std::string database_;
  };
  // kConflict if one is running for this database.
  Result<Reservation> reserve(const std::string& database);

  // The names of the databases a restore with this id uses (63 bytes at most).
  static std::string beside_name(const std::string& database, const std::string& id);  // <db>_restore_<id>
  static std::string old_name(const std::string& database, const std::string& id);     // <db>_old_<id>

  // Restores the file into a fresh database `beside_name`, owned by the role `names.user` and as that
  // role (so that a file from outside can do no more than the instance itself). One that is there from
  // a try before is dropped first. Checks that everything went in. On failure and on cancel nothing is
  // left (on cancel: after the next call, or forget()). Progress: bytes of the file taken so far.
  // Throws Failure: kMalformed with pg_restore's words, kNoSpace, kUnavailable.
  Task<void> load_beside(std::string path, InstanceDatabaseNames names, std::string user_password, std::string id,
                         std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

  // Swaps names; sessions of the instance are ended and find the new data when they reconnect. If
  // there is no live database the loaded one just takes its name. Idempotent.
  Task<void> swap_in(InstanceDatabaseNames names, std::string id);
  // Back to the data from before the restore, while it is there. The restored data take the place of
  // beside_name. kNotFound if the old ones are dropped already.
  Task<void> undo(InstanceDatabaseNames names, std::string id);
  // Drops what is left of the restore `id` beside the live database.
  Task<void> forget(InstanceDatabaseNames names, std::string id);

 private:
  loop::Loop& loop_;
  const Cluster& cluster_;
  InstanceDatabases& databases_;
  std::set<std::string> reserved_;
};

}  // namespace berth::manager
