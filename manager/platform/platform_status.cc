#include "manager/platform/platform_parts.h"

#include <unistd.h>

#include "base/disk_space.h"
#include "base/text.h"
#include "base/utc.h"
#include "manager/platform/version.h"

namespace berth::manager {

api::Disk Platform::Parts_::disk() const {
  const auto space = read_disk_space(layout_.library());
  if (!space) return {};
  return {space->total_bytes, space->free_bytes};
}

void Platform::Parts_::add_process_facts(CheckFacts& facts, const SupervisedProcess& process,
                                         const std::string& name) {
  if (process.is_wanted() && process.state() != ProcessState::kRunning)
    facts.down.push_back({name, std::string(name_of(process.state())), process.detail(),
                          process.state() == ProcessState::kStarting});
}

std::vector<api::Check> Platform::Parts_::checks() const {
  CheckFacts facts;
  add_process_facts(facts, webserver_.process(), "webserver");
  add_process_facts(facts, postgres_.process(), "postgres");
  for (const auto& service : services_.processes())
    add_process_facts(facts, service->process(), service->name());
  add_check_facts(facts);
  return find_checks(facts);
}

void Platform::Parts_::add_check_facts(CheckFacts& facts) const {
  facts.now = std::chrono::system_clock::now();
  facts.is_webserver_short = webserver_.is_short_of_descriptors();
  facts.is_root = is_root_;
  facts.developer_mode = settings_.flag("developerMode");
  facts.app_security_off = settings_.flag("appSecurityOff");
  for (const auto& [id, service] : services_.all())
    facts.services.push_back(
        {id, service->row().title, !service->row().signer.empty(), service->process().sandbox()});
  for (const auto id : split(settings_.text("weakerSandbox"), ' '))
    if (services_.find(std::string(id))) facts.weaker.emplace_back(id);
  if (const auto end = certificates_.not_after())
    facts.certificate = CheckFacts::Certificate{certificates_.is_self_signed(), *end};
  const auto& backups = sets_.overview();
  for (const auto& [key, row] : instances_.all()) {
    if (!row.is_made || row.is_deleted() || !row.is_in_backups()) continue;
    CheckFacts::Instance instance{key, parse_utc(row.created).value_or(std::chrono::sys_seconds{}),
                                  parse_utc(row.backed_up)};
    if (const auto proof = backups.proofs.find(key); proof != backups.proofs.end()) {
      instance.proven = parse_utc(proof->second.proven);
      instance.drill_error = proof->second.error;
    }
    facts.instances.push_back(std::move(instance));
  }
  if (const auto& run = care_.last_run())
    for (const auto& failure : run->failures) facts.not_optimised.push_back(failure.database);
  facts.taken = external_jobs_.taken();
  for (const auto& [name, error] : backups.targets) facts.backup_targets.push_back({name, error});
  facts.has_backup_sets = backups.has_sets;
  facts.keys_were_shown = backups.keys_were_shown;
  facts.drill_days = settings_.number("drillDays");
  facts.backup_days = settings_.number("backupDays");
  facts.commands = commands_.report();
  facts.others = time_machine_.checks();
  for (auto& check : disk_guard_.checks()) facts.others.push_back(std::move(check));
  for (auto& check : file_systems_.checks()) facts.others.push_back(std::move(check));
  for (auto& check : capture_.checks()) facts.others.push_back(std::move(check));
  for (auto& check : service_watch_.checks()) facts.others.push_back(std::move(check));
  for (auto& check : usage_.limits().checks()) facts.others.push_back(std::move(check));
  for (auto& check : alarm_setup_.checks()) facts.others.push_back(std::move(check));
  for (const auto id : split(settings_.text("acceptedChecks"), ' '))
    if (!trim(id).empty()) facts.accepted.emplace(trim(id));
}

std::vector<api::Mode> Platform::Parts_::modes() const {
  std::vector<api::Mode> on;
  for (const auto& names : {kDeveloperMode, kAppSecurityOff})
    if (settings_.flag(names.flag)) on.push_back({std::string(names.flag), settings_.text(names.ends)});
  if (auto capture = capture_.mode()) on.push_back(std::move(*capture));
  return on;
}

api::Status Platform::Parts_::status() const {
  api::Status status;
  status.version = platform_version();
  status.build = platform_build();
  status.root = layout_.shown;
  status.uptime = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(loop_.now() - began_).count());
  status.http = webserver_.http();
  status.https = webserver_.https();
  status.url = instances_.url_base + "/manager";
  status.fingerprint = certificates_.fingerprint();
  status.dns = settings_.text("dnsName");
  status.developer_mode = settings_.flag("developerMode");
  status.modes = modes();
  bool degraded = false;
  const auto add = [&](const SupervisedProcess& process, std::optional<std::string> instance = {}) {
    api::Process view;
    view.name = process.name();
    view.state = to_api(process.state());
    if (process.pid() > 0) {
      view.pid = process.pid();
      view.started_at = process.started_at();
      view.memory_bytes = memory_of(process.pid());
    }
    view.restarts = static_cast<std::uint64_t>(process.restarts());
    view.instance = std::move(instance);
    degraded = degraded || (process.is_wanted() && process.state() != ProcessState::kRunning);
    status.processes.push_back(std::move(view));
  };
  api::Process own;
  own.name = "manager";
  own.pid = ::getpid();
  own.state = is_stopping_ ? api::ServiceState::kStopping
              : is_up_     ? api::ServiceState::kRunning
                           : api::ServiceState::kStarting;
  own.memory_bytes = memory_of(::getpid());
  own.started_at = format_utc(std::chrono::system_clock::now() - std::chrono::seconds(status.uptime));
  status.processes.push_back(std::move(own));
  add(webserver_.process());
  for (const auto& [pid, drain] : webserver_.draining()) {
    api::Process view;
    view.name = drain->name;
    view.pid = pid;
    view.state = api::ServiceState::kStopping;
    view.started_at = drain->started_at;
    view.memory_bytes = memory_of(pid);
    view.draining = api::Draining{drain->connections, drain->websockets, drain->until};
    status.processes.push_back(std::move(view));
  }
  add(postgres_.process());
  for (const auto& service : services_.processes())
    add(service->process(), service->isolated() ? std::optional(service->isolated()->key) : std::nullopt);
  status.services = services_.all().size();
  for (const auto& [key, row] : instances_.all())
    if (!row.is_deleted()) ++status.instances;
  status.disk = disk();
  status.checks = checks();
  status.state = is_stopping_ ? api::PlatformState::kStopping
                 : !is_up_    ? api::PlatformState::kStarting
                 : degraded   ? api::PlatformState::kDegraded
                              : api::PlatformState::kRunning;
  return status;
}

}  // namespace berth::manager
