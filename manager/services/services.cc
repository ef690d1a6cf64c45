#include "manager/services/services.h"

#include <unistd.h>

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

Service& Services::make(ServiceRow row) {
  const std::string id = row.id;
  auto service = std::make_unique<Service>(loop_, table_, repository_, sandbox_, layout_, is_root_,
                                           std::move(row), static_cast<ServiceObserver&>(*this), settings);
  auto& made = *service;
  services_[id] = std::move(service);
  return made;
}

Task<void> Services::load() {
  if (is_root_) co_await sandbox_.networks().begin();
  auto rows = co_await repository_.all();
  for (auto& row : rows) {
    const bool wanted = row.wanted;
    Service& service = make(std::move(row));
    if (wanted) service.process().start();
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

Service* Services::find_by_pid(pid_t pid) {
  for (auto& [id, service] : services_)
    if (service->process().pid() == pid) return service.get();
  return nullptr;
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
  if (service) service->set_row(std::move(*row));
  else service = &make(std::move(*row));
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
    if (ready) co_return;
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
  if (Service* service = find(id)) {
    auto row = service->row();
    row.wanted = wanted;
    service->set_row(std::move(row));
  }
}

Task<void> Services::drop(std::string id) {
  Service* service = find(id);
  if (!service) co_return;
  co_await service->process().stop();
  services_.erase(id);
  if (removed) removed(id);
  if (is_root_) co_await sandbox_.networks().forget(id);
}

Task<void> Services::stop_all() {
  std::vector<std::unique_ptr<loop::Spawned<void>>> stops;
  for (auto& [id, service] : services_)
    stops.push_back(std::make_unique<loop::Spawned<void>>(loop_, service->process().stop()));
  for (auto& stop : stops) co_await stop->join();
}

void Services::start_wanted() {
  for (auto& [id, service] : services_)
    if (service->row().wanted && !service->process().is_wanted()) service->process().start();
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
  return is_of_another_call && is_of_another_call(service.row().id, key);
}

std::string Services::network_reason(const Service& service) {
  return network_reason_call ? network_reason_call(service.row().id) : std::string();
}

void Services::service_died(Service& service, const Death& death) {
  if (died_call) died_call(service, death);
}

void Services::alarm_said(Service& service, const std::string& source, const json::Object& message) {
  if (alarm_said_call) alarm_said_call(source, message);
}

}  // namespace berth::manager
