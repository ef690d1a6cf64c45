// How much instances may have: what is set for whom, and databases that grow too large.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/status.h"
#include "api/usage.h"
#include "db/database.h"
#include "loop/sync.h"
#include "manager/database/instance_database.h"
#include "manager/services/service.h"
#include "manager/usage/limit_ranges.h"
#include "manager/usage/quota.h"

namespace berth::manager {

using loop::Task;

// An instance as the limits see it.
struct LimitedInstance {
  std::string name, domain;
  std::string database, user;  // empty: its data are not on the platform's own server
  std::uint64_t database_bytes = 0;
  api::Limits own;
  std::string writable_until;  // ISO 8601 UTC, or empty
  std::string key() const { return name + "@" + domain; }
};

struct LimitSources {
  std::function<api::Limits()> usual;  // the settings; none absent
  std::function<std::vector<LimitedInstance>()> instances;
  std::function<Task<void>()> sizes;  // looks at the sizes of databases
  // Enters what an instance has from now on. Throws Failure.
  std::function<Task<void>(std::string name, std::string domain, api::Limits limits,
                           std::string writable_until)>
      enter;
  std::function<void(const std::string& key)> apply;  // tells a running instance
  std::function<std::chrono::sys_seconds()> now;
  loop::Duration watch_every = std::chrono::seconds(10);  // those that can only be read
};

// Owned by the manager's main.
class InstanceLimits {
 public:
  static constexpr std::chrono::seconds kLookEvery{60};

  InstanceLimits(loop::Loop& loop, db::Database& database, InstanceDatabases& databases,
                 LimitSources sources);

  Task<void> load();
  void begin();
  void stop();
  // The settings have changed.
  void changed();
  // Compares databases with their limits, and has those that are above read only, the others write. Every minute.
  Task<void> look();
  // Whether those that can only be read keep to it: the sessions of one that still grows are ended, and if it goes on
  // growing its role is locked out. Every ten seconds; with each look as well.
  Task<void> watch();

  // What a service is told of an instance; `database` empty: not on the platform's own server.
  ServiceLimits of(const std::string& domain, const std::string& database, const api::Limits& own) const;

  // Throw Failure: kNotFound, kMalformed with the range.
  Task<api::GetLimitsResult> tell(api::GetLimits request);
  Task<api::LimitsOf> set(api::SetLimits request);
  Task<api::LimitsOf> allow_writes(api::AllowWrites request);

  // Databases that are near their limit or above it.
  std::vector<api::Check> checks() const;

 private:
  api::Limits of_domain(const std::string& domain) const;
  using Words = std::map<std::string, std::string_view>;  // of databases' states, by name@domain
  Words words() const;
  api::LimitsOf view(const LimitedInstance& instance, const Words& words) const;
  Task<api::LimitsOf> look_and_view(std::string name, std::string domain);
  api::LimitsOf view_domain(const std::string& domain) const;
  std::vector<QuotaFact> quota_facts() const;
  const LimitedInstance* find(const std::vector<LimitedInstance>& all, const std::string& name,
                              const std::string& domain) const;
  void apply_all();
  void plan();
  Task<void> go_on();
  Task<void> switch_to(LimitedInstance instance, bool is_read_only);
  Task<void> let_in(LimitedInstance instance);
  Task<void> watch_readers();
  Task<void> watch_reader(LimitedInstance instance, std::uint64_t limit);

  loop::Loop& loop_;
  db::Database& database_;
  InstanceDatabases& databases_;
  LimitSources sources_;
  std::map<std::string, api::Limits> domains_;
  std::set<std::string> read_only_, locked_out_;  // databases, as PostgreSQL says
  // A database that is to be read only.
  struct Reader {
    std::string oid;
    std::uint64_t bytes = 0;  // it had; less since counts from there
    bool was_ended = false;   // it grew, and its sessions were ended
  };
  std::map<std::string, Reader> readers_;
  loop::TimePoint looked_at_;
  std::map<std::string, std::int64_t>
      ending_;                      // databases whose older sessions end at the next look: since when
  std::vector<QuotaState> states_;  // of the last look
  bool is_failing_ = false;
  loop::Semaphore looking_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
