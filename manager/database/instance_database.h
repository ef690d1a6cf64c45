// The role and database of each instance: made, changed, renamed, dropped. Every step may be run
// again after a crash with the same arguments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "db/database.h"
#include "manager/database/commit_sync.h"

namespace berth::manager {

using loop::Task;

// PostgreSQL's limit of a name in bytes (NAMEDATALEN - 1), not characters.
inline constexpr std::size_t kMaxDatabaseName = 63;

// kMalformed: empty, not UTF-8, zero or control characters; kTooLarge above 63 bytes (the text says
// how many it has); kExists for names that are the platform's own (postgres, template0, template1,
// manager, berth, pg_…). Whether it is taken is asked of the database.
Result<void> check_database_name(std::string_view name);

// `<domain>_<instance>`; if that is longer than 63 bytes a short form of it, cut at a character, with
// '_' and 8 hex digits of the hash of the whole: the same for the same input, different for others.
std::string suggest_database_name(std::string_view domain, std::string_view instance);

struct InstanceDatabaseNames {
  std::string database, user;
};

// The statements by which an admin makes an instance's database on a server of his own (S83), for
// psql as superuser. The password is a psql variable asked for, never in the text.
std::string sql_recipe(const InstanceDatabaseNames& names);
// The same for the mysql or mariadb program, as its root: the password is a variable that stands in the first line.
std::string mysql_recipe(const InstanceDatabaseNames& names);

// Owned by the manager's main. `admin`: superuser on database postgres of the cluster. Any number of
// tasks at once, on different databases. Throws Failure: kExists if a name belongs to somebody else,
// kNoSpace, kUnavailable.
class InstanceDatabases {
 public:
  explicit InstanceDatabases(db::Database& admin) : admin_(admin) {}

  // Role with password, database (UTF8, owner = role, all privileges, CONNECT revoked from public).
  // If both are there and belong together the password is set and that is all. kExists if the
  // database is there with another owner, or the role owns another database.
  // kInOrder: the caller sees to it that it is there (InstanceRepository::enter()).
  Task<void> create(InstanceDatabaseNames names, std::string password, CommitSync sync = CommitSync::kNow);
  // Only the database, for a role that is there (restore beside the old one). What is there under that name goes first.
  Task<void> create_beside(std::string database, std::string owner);

  Task<void> set_password(std::string user, std::string password);
  // Ends all sessions on it first. Absent is fine. The role goes too if it owns nothing else.
  Task<void> drop(InstanceDatabaseNames names);
  Task<void> drop_database(std::string database);
  // Ends all sessions on it first. Done already (old absent, new there) is fine.
  Task<void> rename(std::string from, std::string to);

  // Atomically: `live` becomes `aside`, `replacement` becomes `live`, and its owner's; what is aside is the superuser's, and
  // nobody else gets in. Sessions on both are ended and kept out meanwhile. Done already is fine. The same call with other names is the undo.
  Task<void> swap(std::string live, std::string replacement, std::string aside);

  // For a database whose data are elsewhere (external), or about to be: ends the sessions of roles and lets none in;
  // superusers still may. Absent is fine.
  Task<void> keep_apps_out(std::string database);
  Task<void> let_apps_in(std::string database);

  // New sessions of `user` on it read only, or write again; superusers always may. Absent is fine.
  Task<void> set_read_only(std::string database, std::string user, bool is_read_only);
  // Databases whose owner reads only.
  Task<std::set<std::string>> read_only();
  // Ends the sessions of `user` on it that began before `moment` (seconds since 1970).
  Task<void> end_old_sessions(std::string database, std::string user, std::int64_t moment);
  // All of them, whenever they began; new ones may begin at once.
  Task<void> end_sessions_of(std::string database, std::string user);

  // A role that cannot be trusted to keep to read only: no new session anywhere, and those it has end. It cannot take
  // that back itself, though it owns its database. Absent is fine.
  Task<void> lock_out(std::string user);
  Task<void> unlock(std::string user);
  // Databases whose owner is locked out.
  Task<std::set<std::string>> locked_out();
  struct Seen {
    std::string oid;  // another one under the same name has another
    std::uint64_t bytes = 0;
  };
  Task<std::optional<Seen>> look_at(std::string database);

  // Lets sessions in again, should a swap have been broken off half-way. Absent is fine.
  Task<void> admit(std::string database);

  Task<bool> exists(std::string database);
  Task<bool> user_exists(std::string user);
  // Bytes on disk; kNotFound if absent.
  Task<std::uint64_t> size(std::string database);
  // Of all databases, one query.
  Task<std::map<std::string, std::uint64_t>> sizes();
  // Number of sessions on it.
  Task<int> sessions(std::string database);
  // Where all of this is said.
  db::Database& admin() { return admin_; }

 private:
  Task<void> try_to_create(InstanceDatabaseNames names, std::string password, CommitSync sync);
  Task<void> create_database(std::string database, std::string owner, CommitSync sync);
  Task<void> protect(std::string database, std::string owner, CommitSync sync);
  Task<void> end_sessions(std::string database, bool keep_out);
  db::Database& admin_;
};

}  // namespace berth::manager
