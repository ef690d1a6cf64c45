// All instances: what they are, whether they run, and the simple acts on them. Creating, deleting and restoring are
// jobs (instance_jobs.h).
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "api/instance.h"
#include "manager/control/webserver_control.h"
#include "manager/database/cluster.h"
#include "manager/database/database_sizes.h"
#include "manager/database/instance_database.h"
#include "manager/instances/instance_repository.h"
#include "manager/services/services.h"

namespace berth::manager {

// Owned by the manager's main.
class Instances {
 public:
  Instances(loop::Loop& loop, InstanceRepository& repository, InstanceDatabases& databases,
            const Cluster& cluster, Services& services, WebserverControl& webserver, const SecretBox& box,
            const Layout& layout);

  // Reads all rows and tells the webserver their grants.
  Task<void> load();
  std::function<void(const InstanceRow&)> changed;
  std::function<void(const std::string& name, const std::string& domain)> removed;

  // Where to read the data of an instance, on whatever server. kUnsupported: MySQL, which the platform cannot save.
  Result<db::ConnectionOptions> data_source(const InstanceRow& row) const;

  // The flags that hold for a while instead of its own; may be empty.
  std::function<std::optional<api::TraceSwitch>(const std::string& key)> traced;
  // Has the running instance trace these.
  void apply_log_flags(const InstanceRow& row, std::uint64_t flags);

  // What an instance may have; may be empty.
  std::function<ServiceLimits(const InstanceRow&)> limits_of;
  // Has the running instance keep to them.
  void apply_limits(const InstanceRow& row);
  // Enters what was set for it. Throws Failure: kNotFound.
  Task<void> set_limits(std::string name, std::string domain, api::Limits limits, std::string writable_until);

  // Before the start of an instance with an external database, and after its stop.
  std::function<Task<void>(ExternalPlace)> claim, release;
  // What a service is written for, as it said last.
  DatabaseType database_type(const std::string& service) const;

  const InstanceRow* find(const std::string& name, const std::string& domain) const;
  Result<InstanceRow> get(const std::string& name, const std::string& domain) const;  // kNotFound
  std::vector<InstanceRow> of_service(const std::string& service) const;              // also those in the bin
  const std::map<std::string, InstanceRow>& all() const { return rows_; }

  // After the service said hello: starts those that should run, stops what should not.
  Task<void> service_ready(Service& service);

  // Wants it to run and starts it. Throws Failure with the service's reason.
  Task<void> start(std::string name, std::string domain);
  Task<void> stop(std::string name, std::string domain);
  Task<void> restart(std::string name, std::string domain);
  // Stops the running instance without changing the wish (for jobs).
  Task<void> halt(std::string name, std::string domain);
  // Starts it if it is wanted and its service runs; waits at most a moment for a service that is just starting.
  Task<void> start_if_wanted(std::string name, std::string domain);

  // Starts one that has come from another platform but is not ours yet (manager/move). Throws as start().
  Task<void> start_on_trial(std::string name, std::string domain);

  // Checks and applies. Restarts the instance if name, domain or path changed.
  Task<InstanceRow> edit(api::EditInstance edit);
  Task<void> set_password(std::string name, std::string domain, std::string password);
  Task<void> set_database_password(std::string name, std::string domain, std::string password);
  Task<void> registered_domain_changed(std::string domain, std::optional<std::string> password);

  // For jobs: after a row was written.
  Task<void> put(InstanceRow row);  // grant, view
  Task<void> forget(std::string name, std::string domain);
  Task<void> reload(std::string name, std::string domain);
  // A backup of it has been written to its end.
  Task<void> backed_up(std::string name, std::string domain);

  // Refuses what another instance has; `self`: the key of the one that may have it.
  Result<void> check_free(const InstanceRow& row, const std::string& self) const;
  api::SuggestInstanceResult suggest(const api::SuggestInstance& request) const;

  api::Instance view(const InstanceRow& row) const;
  // Looks for changed sizes, once a second at most. Whoever asks waits a moment only: what takes longer, as for a
  // thousand databases after a start, goes on in the background.
  Task<void> refresh_sizes();
  // Looks anew and waits to the end. Throws Failure when PostgreSQL does not answer; what was known stays.
  Task<void> measure_sizes();
  // Bytes by name of the database, as of the last look.
  const std::map<std::string, std::uint64_t>& database_sizes() const { return sizes_.all(); }
  std::string url_base;  // "https://localhost:8443"

  std::map<std::string, std::string> registered_domains;  // domain → password
  InstanceRepository& repository() { return repository_; }
  InstanceDatabases& databases() { return databases_; }
  Services& services() { return services_; }
  const Services& services() const { return services_; }
  const Cluster& cluster() const { return cluster_; }
  std::string grant_of(const InstanceRow& row) const;

 private:
  InstanceStart start_message(const InstanceRow& row) const;
  // Its process, if it is to have one of its own.
  void place(const InstanceRow& row);
  // In which it is; null if its service is not installed.
  std::shared_ptr<Service> process_of(const InstanceRow& row) const;
  std::uint64_t log_flags_of(const InstanceRow& row) const;
  class Preparing;
  // `only_if_wanted`: not if somebody has stopped it meanwhile.
  Task<void> start_row(InstanceRow row, bool only_if_wanted);
  bool should_run(const std::string& key) const;
  static bool should_run(const InstanceRow& row);
  Task<void> start_when_ready(InstanceRow row);
  Task<void> grant(const InstanceRow& row);
  void tell(const InstanceRow& row);

  loop::Loop& loop_;
  InstanceRepository& repository_;
  InstanceDatabases& databases_;
  const Cluster& cluster_;
  Services& services_;
  WebserverControl& webserver_;
  const SecretBox& box_;
  const Layout& layout_;
  std::map<std::string, InstanceRow> rows_;  // by key
  Task<void> measure();
  void begin_measuring();
  loop::Semaphore starts_;  // of all services, when they come up
  std::multiset<std::string> preparing_;
  std::multiset<std::string> awaited_;  // who starts them waits for their process
  loop::Event prepared_;
  DatabaseSizes sizes_;
  loop::TimePoint sizes_read_{};
  loop::Event sizes_known_;  // set while nothing is measured
  std::optional<Error> sizes_failure_;
  std::unique_ptr<loop::Spawned<void>> measuring_;
};

}  // namespace berth::manager
