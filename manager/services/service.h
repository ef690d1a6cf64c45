// A process of an installed service at run time: its control connection, its instances' states. A service has one that all its
// instances share, and one for each that is isolated.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/service.h"
#include "api/state.h"
#include "manager/control/control_server.h"
#include "manager/control/health_watch.h"
#include "manager/platform/layout.h"
#include "manager/services/process_place.h"
#include "manager/services/service_repository.h"
#include "manager/services/service_sandbox.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {

// What an instance may have at most; 0: no limit, or the SDK's own (sdk/include/berth/app_instance.h).
struct ServiceLimits {
  std::uint64_t websockets = 0, requests = 0, messages = 0, database_connections = 0, statement_seconds = 0;
  bool is_database_read_only = false;  // it is above its size; connections are made anew when this changes
};
json::Object format_limits(const ServiceLimits& limits);

// What AppStart tells a service (docs/protocols/control.md).
struct InstanceStart {
  std::string name, domain, password, path, grant;
  std::vector<std::string> link_sockets;
  std::string database_type = "postgresql";  // or mysql
  std::string database_host;
  int database_port = 5432;
  std::string database, database_user, database_password;
  std::string working_path;
  std::uint64_t log_flags = 0;
  std::map<std::string, std::string> domains;  // registered for access
  ServiceLimits limits;
};

struct InstanceRuntime {
  api::InstanceState state = api::InstanceState::kStopped;
  std::string detail;
  std::uint64_t sessions = 0;
};

class Service;
struct Death;

// How a service's events reach those who care. Outlives the services.
class ServiceObserver {
 public:
  // After its hello: start what should run, stop what should not.
  virtual Task<void> service_ready(Service& service) = 0;
  virtual void service_changed(Service& service) = 0;
  virtual void instance_changed(Service& service, const std::string& name, const std::string& domain) = 0;
  // Is `key` an instance of another service? This one may say what it wants about it.
  virtual bool is_of_another(const Service& service, const std::string& key) = 0;
  // Why this service cannot do without the machine's network; empty: it can.
  virtual std::string network_reason(const Service& service) = 0;
  // `source`: the instance of the service that it is about ("name@domain"), else the service.
  // The process ended though it was wanted; it is started again.
  virtual void service_died(Service& service, const Death& death) = 0;
  virtual void alarm_said(Service& service, const std::string& source, const json::Object& message) = 0;

 protected:
  ~ServiceObserver() = default;
};

// Settings that a service is told.
struct ServiceSettings {
  std::string dns, timezone;
  std::uint64_t log_flags = 0;
  std::uint64_t log_file_bytes = 1 << 20;
  std::uint64_t log_files = 5;
  HealthLimits health;  // ours: how it is watched
  bool hexdumps = true;
  std::uint64_t flight_bytes = 0;  // of the flight recorder's ring; 0: none
};

// Owned by Services. Goes without stopping the process.
class Service {
 public:
  // `isolated`: the only instance of this process; absent: it is the one that the others share.
  Service(loop::Loop& loop, ProcessTable& table, ServiceRepository& repository, ServiceSandbox& sandbox,
          const Layout& layout, bool is_root, ServiceRow row, std::optional<IsolatedInstance> isolated,
          ServiceObserver& observer, std::function<ServiceSettings()> settings);
  ~Service();

  // "notes", or "notes~" and digits for the process of an isolated instance.
  const std::string& name() const { return place_.name; }
  const ProcessPlace& place() const { return place_; }
  const std::optional<IsolatedInstance>& isolated() const { return isolated_; }
  // For people: its title, with the instance it is for, if it is for one.
  std::string title() const;

  const ServiceRow& row() const { return row_; }
  void set_row(ServiceRow row) { row_ = std::move(row); }
  SupervisedProcess& process() { return *process_; }
  const SupervisedProcess& process() const { return *process_; }
  bool is_connected() const { return peer_ != nullptr; }
  bool can_check_itself() const { return peer_ != nullptr && can_check_itself_; }
  // Set while the service's hello has been dealt with.
  loop::Event& ready() { return ready_; }

  // Serves the control connection that began with `hello`, until it ends. `descriptors`: what came with it.
  Task<void> serve(ControlPeer& peer, json::Object hello, std::vector<UniqueFd> descriptors = {});

  // The flight recorder's memory as it is now, of the process that runs or has just died. kNotFound if it handed none over.
  Result<std::string> read_flight_memory() const;
  // Likewise, the last time; empty if there is none.
  std::string take_flight_memory();
  // Flags of what it does for no instance; told at once.
  void set_log_flags(std::uint64_t flags);

  // Asks the service and waits for its answer. Throws Failure: kUnavailable if it is not connected (or dies
  // meanwhile), kTimeout, or the reason it tells.
  Task<void> start_instance(InstanceStart start);
  // For one that runs: the service takes over what changed while no manager could tell it.
  void renew_instance(const InstanceStart& start);
  Task<void> stop_instance(std::string name, std::string domain);
  // Has it look at a restored database, in `start` (only the database matters). What is wrong, for people; absent: it has no
  // such check. Throws as start_instance().
  Task<std::optional<std::vector<std::string>>> self_check(InstanceStart start);
  // Tells it, if it is connected.
  void tell(json::Object message);
  // Its counters, asked for at most every second; empty if it does not answer.
  Task<json::Object> counters();

  // Instances it told us of, by "name@domain".
  const std::map<std::string, InstanceRuntime>& instances() const { return instances_; }
  InstanceRuntime* find_instance(const std::string& key);
  std::uint64_t sessions() const;

  api::Service view(std::uint64_t instances) const;
  api::ServiceProcess process_view() const;

 private:
  struct Waiting;
  Task<ProcessPlan> plan();
  Task<void> get_network(std::string database_host);
  json::Object make_config() const;
  void received(const json::Object& message);
  Task<void> await_answer(std::string key, bool starts, json::Object request, loop::Duration limit);
  void set_state(const std::string& name, const std::string& domain, api::InstanceState state,
                 std::string detail);
  void forget_peer();

  loop::Loop& loop_;
  ServiceRepository& repository_;
  ServiceSandbox& sandbox_;
  const Layout& layout_;
  bool is_root_;
  ServiceRow row_;
  std::optional<IsolatedInstance> isolated_;
  ProcessPlace place_;
  ServiceObserver& observer_;
  std::function<ServiceSettings()> settings_;
  ControlPeer* peer_ = nullptr;
  bool can_check_itself_ = false;
  UniqueFd flight_recorder_;
  std::optional<std::uint64_t> log_flags_;  // other than the settings'
  loop::Event ready_;
  std::map<std::string, InstanceRuntime> instances_;
  std::multimap<std::string, Waiting*> waiting_;
  std::unique_ptr<SupervisedProcess> process_;
};

// States as the messages write them.
api::ServiceState to_api(ProcessState state);
api::InstanceState parse_instance_status(std::string_view status);
// Resident memory of a process (PSS), 0 if unknown.
std::uint64_t memory_of(pid_t pid);

}  // namespace berth::manager
