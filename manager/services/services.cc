#include "manager/services/services.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace berth::manager {

using namespace std::chrono_literals;

Services::Services(loop::Loop& loop, ProcessTable& table, ServiceRepository& repository, const Layout& layout,
                   bool is_root, std::string launcher)
    : loop_(loop),
      table_(table),
      repository_(repository),
      layout_(layout),
      is_root_(is_root),
      sandbox_(loop, layout, is_root, std::move(launcher)) {}

std::shared_ptr<Service> Services::make(ServiceRow row, std::optional<IsolatedInstance> isolated) {
  return std::make_shared<Service>(loop_, table_, repository_, sandbox_, layout_, is_root_, std::move(row),
                                   std::move(isolated), static_cast<ServiceObserver&>(*this), settings);
}

Task<void> Services::load() {
  if (is_root_) co_await sandbox_.networks().begin();
  auto rows = co_await repository_.all();
  for (auto& row : rows) {
    const bool wanted = row.wanted;
    const std::string id = row.id;
    auto& service = services_[id] = make(std::move(row), std::nullopt);
    if (wanted) service->process().start();
  }
}

Service* Services::find(const std::string& id) {
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : found->second.get();
}
const Service* Services::find(const std::string& id) const {
  const auto found = services_.find(id);
  return found == services_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Service> Services::process_of(const std::string& id, const std::string& instance) const {
  const auto own = isolated_.find(instance);
  if (own != isolated_.end() && own->second->row().id == id) return own->second;
  const auto shared = services_.find(id);
  return shared == services_.end() ? nullptr : shared->second;
}

std::shared_ptr<Service> Services::find_process(const std::string& text, const std::string& instance) const {
  if (find(text)) return process_of(text, instance);
  for (const auto& process : processes())
    if (process->name() == text || (process->isolated() && process->isolated()->key == text)) return process;
  return nullptr;
}

std::shared_ptr<Service> Services::find_by_pid(pid_t pid) const {
  for (const auto& process : processes())
    if (process->process().pid() == pid) return process;
  return nullptr;
}

std::vector<std::shared_ptr<Service>> Services::processes() const {
  std::vector<std::shared_ptr<Service>> all;
  for (const auto& [id, service] : services_) all.push_back(service);
  for (const auto& [instance, process] : isolated_) all.push_back(process);
  return all;
}

std::vector<std::shared_ptr<Service>> Services::processes_of(const std::string& id) const {
  auto all = processes();
  std::erase_if(all, [&](const auto& process) { return process->row().id != id; });
  return all;
}

void Services::isolate(const std::string& id, IsolatedInstance instance) {
  const Service* service = find(id);
  if (!service || isolated_.contains(instance.key)) return;
  const std::string key = instance.key;
  isolated_[key] = make(service->row(), std::move(instance));
}

Task<void> Services::unite(std::string instance) {
  const auto found = isolated_.find(instance);
  if (found == isolated_.end()) co_return;
  co_await end(found->second);
  isolated_.erase(instance);
}

void Services::start_isolated(const std::string& id) {
  for (const auto& process : processes_of(id))
    if (process->isolated() && !process->process().is_wanted() && is_instance_wanted_call &&
        is_instance_wanted_call(process->isolated()->key))
      process->process().start();
}

api::Service Services::view(const std::string& id, std::uint64_t instances) const {
  api::Service view;
  for (const auto& process : processes_of(id)) {
    if (!process->isolated()) {
      view = process->view(instances);
      continue;
    }
    view.processes.push_back(process->process_view());
    view.memory_bytes += view.processes.back().memory_bytes;
    view.sessions += view.processes.back().sessions;
  }
  return view;
}

uid_t Services::uid_of(const std::string& id) const {
  const auto* service = find(id);
  if (!is_root_ || !service) return ::geteuid();
  for (const auto& layer : service->process().sandbox())
    if (layer.layer == sandbox::name_of(sandbox::Layer::kUser) && layer.state != "on") return ::geteuid();
  return service->row().uid;
}

Task<Service*> Services::take_over(std::string id) {
  auto row = co_await repository_.find(id);
  if (!row) throw_failure(Errc::kNotFound, "service {} is not installed", id);
  Service* service = find(id);
  if (service)
    for (const auto& process : processes_of(id)) process->set_row(*row);
  else service = (services_[id] = make(std::move(*row), std::nullopt)).get();
  service_changed(*service);
  co_return service;
}

Task<void> Services::start_and_wait(std::string id, loop::Duration limit) {
  Service* service = find(id);
  if (!service) throw_failure(Errc::kNotFound, "service {} is not installed", id);
  if (hold)
    if (auto reason = hold()) throw Failure(std::move(*reason));
  service->process().start();
  const auto deadline = loop_.now() + limit;
  while (loop_.now() < deadline) {
    const bool ready = co_await wait_at_most(loop_, service->ready(), 100ms);
    service = find(id);
    if (!service) throw_failure(Errc::kNotFound, "service {} was removed meanwhile", id);
    if (ready) {
      start_isolated(id);
      co_return;
    }
    const auto state = service->process().state();
    if (state == ProcessState::kFailed || state == ProcessState::kCrashed)
      throw_failure(Errc::kFailed, "{}: {}", id, service->process().detail());
  }
  throw_failure(Errc::kTimeout, "{} did not report within {} s{}{}", id,
                std::chrono::duration_cast<std::chrono::seconds>(limit).count(),
                service->process().detail().empty() ? "" : ": ", service->process().detail());
}

Task<void> Services::set_wanted(std::string id, bool wanted) {
  co_await repository_.set_wanted(id, wanted);
  for (const auto& process : processes_of(id)) {
    auto row = process->row();
    row.wanted = wanted;
    process->set_row(std::move(row));
  }
}

// Nothing of it is left but its files.
Task<void> Services::end(std::shared_ptr<Service> process) {
  co_await process->process().stop();
  if (is_root_) co_await sandbox_.networks().forget(process->name());
}

Task<void> Services::drop(std::string id) {
  const auto processes = processes_of(id);
  for (const auto& process : processes) {
    const auto isolated = process->isolated();
    co_await end(process);
    if (isolated) isolated_.erase(isolated->key);
  }
  if (services_.erase(id) > 0 && removed) removed(id);
}

Task<void> Services::stop_side_by_side(std::vector<std::shared_ptr<Service>> processes) {
  std::vector<std::unique_ptr<loop::Spawned<void>>> stops;
  for (const auto& process : processes)
    stops.push_back(std::make_unique<loop::Spawned<void>>(loop_, process->process().stop()));
  for (auto& stop : stops) co_await stop->join();
}

Task<void> Services::stop(std::string id) { co_await stop_side_by_side(processes_of(id)); }

Task<void> Services::stop_all() { co_await stop_side_by_side(processes()); }

void Services::start_wanted() {
  for (auto& [id, service] : services_) {
    if (!service->row().wanted) continue;
    if (!service->process().is_wanted()) service->process().start();
    start_isolated(id);
  }
}

Task<void> Services::service_ready(Service& service) {
  service_changed(service);
  if (ready) co_await ready(service);
}

void Services::service_changed(Service& service) {
  if (changed) changed(service);
}

void Services::instance_changed(Service& service, const std::string& name, const std::string& domain) {
  if (instance_changed_call) instance_changed_call(name, domain);
}

bool Services::is_of_another(const Service& service, const std::string& key) {
  return is_of_another_call && is_of_another_call(service, key);
}

std::string Services::network_reason(const Service& service) {
  return network_reason_call ? network_reason_call(service) : std::string();
}

void Services::service_died(Service& service, const Death& death) {
  if (died_call) died_call(service, death);
}

void Services::alarm_said(Service& service, const std::string& source, const json::Object& message) {
  if (alarm_said_call) alarm_said_call(source, message);
}

}  // namespace berth::manager
