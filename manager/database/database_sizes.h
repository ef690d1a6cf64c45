// What each database takes on disk, known at little cost however many there are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "db/database.h"

namespace berth::manager {

using loop::Task;

// Measuring is a look at every file of a database, some 300: a second for a thousand of them. PostgreSQL counts the
// transactions of each database (pg_stat_database), so only those in which something happened are measured again.
// Owned by Instances; used by one task at a time.
class DatabaseSizes {
 public:
  // So many are measured by one statement: the others see theirs soon.
  static constexpr std::size_t kAtOnce = 50;

  explicit DatabaseSizes(db::Database& admin) : admin_(admin) {}

  // Measures what is new or was written to since the last time. PostgreSQL tells transactions at the end of a session
  // or some seconds late; databases in use are measured each time. If cancelled it goes on with the next call.
  // Throws Failure when PostgreSQL does not answer; what was known stays.
  Task<void> refresh();

  // Bytes by name of the database, as last measured; those not measured yet are missing.
  const std::map<std::string, std::uint64_t>& all() const { return bytes_; }
  // How many were measured since the beginning, for tests.
  std::uint64_t measured() const { return measured_; }

 private:
  struct Seen {
    std::int64_t transactions = -1;
    bool was_in_use = false;
    std::uint64_t bytes = 0;
  };
  db::Database& admin_;
  std::map<std::int64_t, Seen> seen_;  // by OID: a database that was swapped in is another one under its name
  std::map<std::string, std::uint64_t> bytes_;
  std::uint64_t measured_ = 0;
};

}  // namespace berth::manager
