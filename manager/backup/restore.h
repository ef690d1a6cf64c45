// Bringing an instance's data back from a backup file.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "manager/backup/reader.h"
#include "manager/database/cluster.h"
#include "manager/database/instance_database.h"

namespace berth::manager {

using loop::Task;

// Into a new database beside the old one, checked, then swapped. Owned by the manager's main. The steps
// are apart so that a journalled job can call them one by one and again:
//   reserve → load_beside → (stop the instance) → swap_in → (start) … later forget, or undo.
class Restorer {
 public:
  Restorer(loop::Loop& loop, const Cluster& cluster, InstanceDatabases& databases)
      : loop_(loop), cluster_(cluster), databases_(databases) {}

  // Held while one restore of a database runs. The Restorer outlives it.
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

  // The names of the databases a restore with this id uses, 63 bytes at most (shortened with a hash).
  // `id`: of the job; [a-z0-9]{1,20}.
  static std::string beside_name(const std::string& database, const std::string& id);  // <db>_restore_<id>
  static std::string old_name(const std::string& database, const std::string& id);     // <db>_old_<id>

  // Restores the file into a fresh database `beside_name`, owned by the role `names.user` (which must be
  // there) and *as* that role, so that a file from outside can do no more than the instance itself. One
  // from a try before is dropped first. All of it goes in or nothing. On failure nothing is left; if
  // cancelled, what is left goes with the next call or forget(). Progress: bytes of the file taken.
  // Throws Failure: kMalformed with pg_restore's words, kNoSpace, kUnavailable, kDenied (password).
  Task<void> load_beside(std::string path, InstanceDatabaseNames names, std::string user_password,
                         std::string id,
                         std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

  // The same from a database that is there: pg_dump's output goes straight into pg_restore, never to the disk. `source`:
  // its superuser. Progress: bytes that went over, and `of_bytes`, a guess of all.
  Task<void> load_beside_from(db::ConnectionOptions source, std::uint64_t of_bytes,
                              InstanceDatabaseNames names, std::string user_password, std::string id,
                              std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

  // Swaps names; sessions of the instance are ended and find the new data when they reconnect. If
  // there is no live database the loaded one just takes its name. Idempotent.
  Task<void> swap_in(InstanceDatabaseNames names, std::string id);
  // Back to the data from before the restore, while they are there; the restored data take the place of
  // beside_name. Idempotent. kNotFound if the old ones are dropped already.
  Task<void> undo(InstanceDatabaseNames names, std::string id);
  // For data on a server that is not ours, which has one place for them only. Nobody writes there meanwhile. First what
  // is there goes into a fresh database of ours, `old_name`, owned by `names.user`; kNoSpace before, if there is no room.
  Task<void> save_aside(db::ConnectionOptions place, InstanceDatabaseNames names, std::string user_password,
                        std::string id,
                        std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});
  // Then what our `database` holds takes its stead. These are two transactions there: broken off between them the place
  // is empty, and the same call once more fills it.
  Task<void> put_onto(db::ConnectionOptions place, std::string database,
                      std::function<void(std::uint64_t bytes, std::uint64_t of)> progress = {});

  // Drops what is left of the restore `id` beside the live database, and lets sessions of the live one in,
  // should a swap have been broken off. With `keep_old` the data from before it stay. Idempotent.
  Task<void> forget(InstanceDatabaseNames names, std::string id, bool keep_old = false);

 private:
  Task<void> load(Task<void> filling, InstanceDatabaseNames names, std::string id);
  Task<void> copy_over(db::ConnectionOptions source, std::uint64_t of_bytes, db::ConnectionOptions place,
                       std::function<void(std::uint64_t bytes, std::uint64_t of)> progress);
  Task<void> finish(db::ConnectionOptions place);
  loop::SpawnOptions restore_options(const db::ConnectionOptions& place, int input) const;
  Task<void> fill(std::string path, std::string database, InstanceDatabaseNames names,
                  std::string user_password,
                  std::function<void(std::uint64_t bytes, std::uint64_t of)> progress);
  Task<void> run_pg_restore(db::ConnectionOptions place, int fd, std::uint64_t size,
                            std::function<void(std::uint64_t bytes, std::uint64_t of)> progress);

  loop::Loop& loop_;
  const Cluster& cluster_;
  InstanceDatabases& databases_;
  std::set<std::string> reserved_;
};

}  // namespace berth::manager
