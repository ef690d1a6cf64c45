// Databases on servers that are not ours: whether they can be reached, and who may use them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "db/connection_options.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::manager {

using loop::Task;

// What the data of an instance are kept in; an app is written for one of them.
enum class DatabaseType : std::uint8_t { kPostgresql, kMysql };
std::string_view name_of(DatabaseType type);  // "postgresql", "mysql"
std::optional<DatabaseType> parse_database_type(std::string_view word);
int default_port_of(DatabaseType type);

// A value.
struct ExternalPlace {
  DatabaseType type = DatabaseType::kPostgresql;
  std::string host;  // as parse_database_host() takes it
  std::string database, user, password;
  bool operator==(const ExternalPlace&) const = default;
  // "notes on db.example.com"
  std::string describe() const;
};

// As JSON, for sealed columns and journals. parse_place: kMalformed.
std::string format_place(const ExternalPlace& place);
Result<ExternalPlace> parse_place(std::string_view text);

// TLS is preferred, not demanded (S85). kMalformed for the host.
Result<db::ConnectionOptions> connection_of(const ExternalPlace& place);

// What does not work with a server of this server_version_num, whose pg_dump is younger than ours; empty: everything does.
std::string remark_on_version(int number);

// Throws Failure(kConflict): that platform has it.
[[noreturn]] void throw_in_use(const ExternalPlace& place, std::string_view name, std::string_view since);

// What a test of the connection found.
struct ExternalCheck {
  std::string server;         // "PostgreSQL 15.8"
  bool is_encrypted = false;  // by TLS
  std::uint64_t tables = 0;   // there already, but those of our own
  std::string owner;          // platform that has it in use; empty: none, or we
  std::string remark;         // what will not work there; empty: nothing
};

// Whoever has the row of schema berth_fence may use the database. Two platforms that write into one database would
// destroy it without any error (S88, S89), so an instance starts only if its platform is the one in the row.
// Owned by the manager's main. Any number of tasks at once.
class ExternalDatabases {
 public:
  // `platform`: what this platform is known by, different for every other and for a copy of this on another machine;
  // `name`: how people call it.
  ExternalDatabases(loop::Loop& loop, std::string platform, std::function<std::string()> name)
      : loop_(loop), platform_(std::move(platform)), name_(std::move(name)) {}

  // Connects once and looks. Throws Failure with a reason for people: kMalformed (host), kNotFound (host name, database),
  // kUnavailable (refused, no route), kTimeout, kDenied (password, pg_hba.conf, rights), kUnsupported (version, encoding).
  Task<ExternalCheck> check(ExternalPlace place);

  // Makes it ours. Throws Failure(kConflict) that names the platform that has it, unless `take_over`; else as check().
  Task<void> claim(ExternalPlace place, bool take_over);
  // Lets others have it. Nothing if it is not ours.
  Task<void> release(ExternalPlace place);
  // The name of another platform that has it now; empty: it is ours, or nobody's.
  Task<std::string> other_owner(ExternalPlace place);

 private:
  loop::Loop& loop_;
  std::string platform_;
  std::function<std::string()> name_;
};

}  // namespace berth::manager
