// Whether the log of the cluster is archived, what of it is there, and what may go.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/time_machine.h"
#include "archive/manifest.h"
#include "archive/window.h"
#include "base/disk_space.h"
#include "base/time_zone.h"
#include "manager/archive/policy.h"
#include "manager/database/cluster.h"
#include "manager/platform/layout.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// What the cluster's archive_command is to be when PostgreSQL starts, before any setting can be read: as it was switched
// last. `program`: berth-archive.
std::string archive_command(const Layout& layout, const std::string& program);

// Owned by the manager's main. `admin`: superuser on database postgres. One task at a time changes it; looking is free.
class TimeMachine {
 public:
  TimeMachine(Cluster& cluster, db::Database& admin, Settings& settings, const Layout& layout,
              std::string program);

  // Switches on or off as the setting and the disk have it. No restart of PostgreSQL, but where an older platform has
  // started it without archiving: it then begins with the next start.
  Task<void> apply();
  // Looks at archive, archiver and disk anew.
  Task<void> refresh();
  // Removes what is kept long enough, and what no base backup refers to. With little room left on the disk the oldest
  // base backups go earlier. `making`: id of a base backup under way.
  Task<void> expire(std::string making = {});

  // As of the last refresh().
  bool is_on() const { return is_on_; }
  api::TimeMachine view() const;
  std::vector<api::Check> checks() const;
  bool is_base_due() const;
  std::vector<archive::Range> ranges() const;
  const archive::BaseFacts* find_base(std::chrono::sys_seconds moment) const;
  std::uint64_t log_bytes_between(std::uint64_t first, std::chrono::sys_seconds moment) const;
  std::uint64_t free_bytes() const { return disk_.free_bytes; }
  std::uint64_t reserve_bytes() const { return archive_reserve(disk_.total_bytes); }
  TimeZone zone() const;

  Result<archive::Manifest> read_manifest(const std::string& id) const;
  // The newest that is there; empty: none.
  std::string newest_base() const { return bases_.empty() ? std::string() : bases_.back().facts.id; }
  const std::vector<archive::BaseInstance>* instances_of(const std::string& base) const;
  bool is_archived(const std::string& segment) const;

  std::string folder() const;          // of the archive
  std::string scratch_folder() const;  // where clusters are recovered
  const std::string& program() const { return program_; }
  // The program's words for restore_command.
  std::string restore_command() const;

 private:
  struct Base {
    archive::BaseFacts facts;
    std::uint64_t bytes = 0, new_bytes = 0;
    std::vector<archive::BaseInstance> instances;
  };
  void read_bases();
  void make_folders() const;
  void count_waiting();
  Task<void> read_archiver();

  Cluster& cluster_;
  db::Database& admin_;
  Settings& settings_;
  const Layout& layout_;
  std::string program_;

  bool is_on_ = false;
  std::string reason_;       // why it is off
  std::string failure_;      // why it does not archive; empty: it does
  bool is_current_ = false;  // what is not archived yet is in the live log
  DiskSpace disk_;
  std::vector<Base> bases_;  // by time
  std::vector<archive::BaseFacts> base_facts_;
  std::vector<archive::StoredSegment> segments_;
  std::uint64_t waiting_ = 0;
  std::string system_;  // PostgreSQL's system identifier
};

}  // namespace berth::manager
