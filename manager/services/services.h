// All installed services.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manager/services/service.h"

namespace berth::manager {

// Owned by the manager's main.
class Services : private ServiceObserver {
 public:
  // `launcher`: path of berth-launch.
  Services(loop::Loop& loop, ProcessTable& table, ServiceRepository& repository, const Layout& layout,
           bool is_root, std::string launcher);

  std::function<ServiceSettings()> settings;
  std::function<Task<void>(Service&)> ready;  // after a hello
  std::function<void(Service&)> changed;
  std::function<void(const std::string& id)> removed;
  std::function<void(const std::string& name, const std::string& domain)> instance_changed_call;
  std::function<std::string(const Service&)> network_reason_call;  // may be empty: none needs one
  std::function<bool(const Service&, const std::string& key)> is_of_another_call;  // may be empty
  std::function<void(const std::string& source, const json::Object& message)> alarm_said_call;
  std::function<void(Service&, const Death&)> died_call;  // may be empty

  // Reads all rows; starts (or adopts) those that are wanted.
  Task<void> load();
  // The process that instances of the service share, which stands for the service.
  Service* find(const std::string& id);
  const Service* find(const std::string& id) const;
  // The process that an instance of the service is in, its own or the shared one. Whoever waits keeps it: an instance may lose
  // its own meanwhile.
  std::shared_ptr<Service> process_of(const std::string& id, const std::string& instance) const;
  // By what people call it: a service's id (then that in which `instance` is, if given), the name of a process, or an instance
  // that has its own. Null: there is none.
  std::shared_ptr<Service> find_process(const std::string& text, const std::string& instance = {}) const;
  std::shared_ptr<Service> find_by_pid(pid_t pid) const;
  // Installed services: of each its shared process.
  const std::map<std::string, std::shared_ptr<Service>>& all() const { return services_; }
  // All processes; of one service the shared one comes first.
  std::vector<std::shared_ptr<Service>> processes() const;
  std::vector<std::shared_ptr<Service>> processes_of(const std::string& id) const;

  // From now on the instance, which does not run just now, has a process of its own, which is not started.
  void isolate(const std::string& id, IsolatedInstance instance);
  // It has none any more; its process is stopped. Harmless if it had none.
  Task<void> unite(std::string instance);
  // Starts those of isolated instances that are wanted and do not run.
  void start_isolated(const std::string& id);
  // Which isolated instances are to run. May be empty: none.
  std::function<bool(const std::string& instance)> is_instance_wanted_call;

  // With the figures of all its processes. The service must be there.
  api::Service view(const std::string& id, std::uint64_t instances) const;

  // Takes over a row that was just written: makes the service, or gives the existing one its new build.
  Task<Service*> take_over(std::string id);
  // Starts the shared process and waits for its hello, then starts those of isolated instances. Throws Failure with the reason
  // if it dies or does not report.
  Task<void> start_and_wait(std::string id, loop::Duration limit);
  // Stops all processes of the service, without changing wishes.
  Task<void> stop(std::string id);
  Task<void> set_wanted(std::string id, bool wanted);
  // Stops its processes and forgets the service; its row, files and folders are the caller's business.
  Task<void> drop(std::string id);
  // Stops all, side by side, without changing wishes.
  Task<void> stop_all();
  // No service is started while it says why. May be empty.
  std::function<std::optional<Error>()> hold;
  // Starts those that are wanted and do not run.
  void start_wanted();

  ServiceRepository& repository() { return repository_; }
  ServiceSandbox& sandbox() { return sandbox_; }
  uid_t uid_of(const std::string& id) const;  // as which its processes run
  bool is_root() const { return is_root_; }

 private:
  Task<void> service_ready(Service& service) override;
  void service_changed(Service& service) override;
  void instance_changed(Service& service, const std::string& name, const std::string& domain) override;
  bool is_of_another(const Service& service, const std::string& key) override;
  std::string network_reason(const Service& service) override;
  void service_died(Service& service, const Death& death) override;
  void alarm_said(Service& service, const std::string& source, const json::Object& message) override;
  std::shared_ptr<Service> make(ServiceRow row, std::optional<IsolatedInstance> isolated);
  Task<void> end(std::shared_ptr<Service> process);
  Task<void> stop_side_by_side(std::vector<std::shared_ptr<Service>> processes);

  loop::Loop& loop_;
  ProcessTable& table_;
  ServiceRepository& repository_;
  const Layout& layout_;
  bool is_root_;
  ServiceSandbox sandbox_;
  std::map<std::string, std::shared_ptr<Service>> services_;
  std::map<std::string, std::shared_ptr<Service>> isolated_;  // by instance
};

}  // namespace berth::manager
