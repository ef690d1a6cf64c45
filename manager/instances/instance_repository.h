// Rows of table `instance`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/usage.h"
#include "db/database.h"
#include "manager/database/commit_sync.h"
#include "manager/external/external_database.h"
#include "manager/instances/moved.h"
#include "manager/settings/secret_box.h"

namespace berth::manager {

using loop::Task;

// Data that a restore has replaced, in a database of their own.
struct KeptData {
  std::string id;  // of the job that replaced them
  std::string database;
  std::string replaced, purge;  // ISO 8601 UTC
};

struct InstanceRow {
  std::string name, domain, service, path;
  std::string password;                 // clear text here, sealed in the table
  std::string database, database_user;  // of the platform's own PostgreSQL
  std::string database_password;        // as password
  std::optional<ExternalPlace>
      external;  // where the data are instead; `database` is then there, too, and unused
  std::uint64_t log_flags = 0;
  bool exclude_from_backup = false;
  bool wanted = true;                   // an admin wants it to run
  bool is_made = false;                 // its database is there
  std::string created, deleted, purge;  // ISO 8601 UTC; deleted empty: not in the bin
  std::string backed_up;                // ISO 8601 UTC of the last complete backup; empty: none yet
  std::vector<KeptData> kept;           // newest first
  std::optional<Moved> moved;           // to, or from, another platform
  api::Limits limits;                   // set for it; absent ones are the domain's or everybody's
  bool isolated = false;                // runs in a process of its own
  std::string writable_until;  // ISO 8601 UTC: it may write though its database is too large; empty: no
  bool is_deleted() const { return !deleted.empty(); }
  // Its data are not here yet, or no longer: it does not run here.
  bool is_away() const { return moved && moved->state != Moved::State::kArrived; }
  // False: an admin left it out, its data are in MySQL, which the platform's tools do not save (S82), or on their way.
  bool is_in_backups() const {
    return !exclude_from_backup && (!is_away() || moved->state == Moved::State::kLeaving) &&
           !(external && external->type == DatabaseType::kMysql);
  }
  std::string key() const { return name + "@" + domain; }
};

// Owned by the manager's main.
class InstanceRepository {
 public:
  InstanceRepository(db::Database& database, const SecretBox& box) : database_(database), box_(box) {}
  Task<std::vector<InstanceRow>> all();
  Task<std::optional<InstanceRow>> find(std::string name, std::string domain);
  // kExists says whether name, path or database is taken, and by whom; kNotFound if the service is not there. A row
  // that is not made yet and equal is harmless (a job that runs again). kInOrder: enter()
  // makes it durable.
  Task<void> add(InstanceRow row, CommitSync sync = CommitSync::kNow);
  // Its database is made: so is the instance, on disk. False, and nothing is done, if the database is not there or not closed
  // to others: PostgreSQL has crashed and lost what was not on disk. kExists as add().
  Task<bool> enter(InstanceRow row);
  // All but name, domain, created, deleted, purge, backed_up. kExists as add().
  Task<void> update(InstanceRow row);
  Task<void> rename(std::string name, std::string domain, std::string new_name, std::string new_domain);
  Task<void> put_in_bin(std::string name, std::string domain, int days);
  // Now, by the database's clock.
  Task<void> set_backed_up(std::string name, std::string domain);
  Task<void> take_from_bin(std::string name, std::string domain);
  Task<void> remove(std::string name, std::string domain);
  // Those whose time in the bin is over.
  Task<std::vector<InstanceRow>> purgeable();

  // Enters what job `id` has replaced; harmless if it is there already.
  Task<void> keep_data(std::string id, std::string name, std::string domain, std::string database, int days);
  // The data of `id` are live again, those they replaced are in `database` and are kept as long anew.
  Task<void> turn_kept(std::string id, std::string database, int days);
  Task<void> forget_kept(std::string id);
  // Name, domain and id of what has been kept long enough.
  struct PurgeableData {
    std::string name, domain, id;
  };
  Task<std::vector<PurgeableData>> purgeable_data();

 private:
  Task<void> explain_taken(InstanceRow row, std::string constraint);
  InstanceRow read(const db::Row& row) const;
  db::Database& database_;
  const SecretBox& box_;
};

}  // namespace berth::manager
