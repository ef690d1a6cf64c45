// All installed services.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

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
  std::function<std::string(const std::string& id)> network_reason_call;  // may be empty: none needs one
  std::function<bool(const std::string& id, const std::string& key)> is_of_another_call;  // may be empty
  std::function<void(const std::string& source, const json::Object& message)> alarm_said_call;
  std::function<void(Service&, const Death&)> died_call;  // may be empty

  // Reads all rows; starts (or adopts) those that are wanted.
  Task<void> load();
  Service* find(const std::string& id);
  const Service* find(const std::string& id) const;
  Service* find_by_pid(pid_t pid);
  const std::map<std::string, std::unique_ptr<Service>>& all() const { return services_; }

  // Takes over a row that was just written: makes the service, or gives the existing one its new build.
  Task<Service*> take_over(std::string id);
  // Starts the process and waits for its hello. Throws Failure with the reason if it dies or does not report.
  Task<void> start_and_wait(std::string id, loop::Duration limit);
  Task<void> set_wanted(std::string id, bool wanted);
  // Stops the process and forgets the service; its row, files and folders are the caller's business.
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
  Service& make(ServiceRow row);

  loop::Loop& loop_;
  ProcessTable& table_;
  ServiceRepository& repository_;
  const Layout& layout_;
  bool is_root_;
  ServiceSandbox sandbox_;
  std::map<std::string, std::unique_ptr<Service>> services_;
};

}  // namespace berth::manager
