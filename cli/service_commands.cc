// berth service …
#include "api/service.h"
#include "api/store.h"

#include <fcntl.h>

#include "base/text.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

using api::Service;
using api::ServiceState;

constexpr std::chrono::seconds kStateLimit{60};

loop::Task<Service> find_service(Invocation& invocation, std::string id) {
  auto services = (co_await invocation.ask(api::GetServices{})).services;
  for (auto& service : services)
    if (service.id == id) co_return std::move(service);
  throw_failure(Errc::kNotFound, "no service {} is installed; berth service ls shows those that are", id);
}

void print_services(Output& output, const std::vector<Service>& services) {
  Table table({{"SERVICE"},
               {"TITLE", false, true},
               {"STATE"},
               {"BUILD"},
               {"INSTANCES", true},
               {"SESSIONS", true},
               {"MEMORY", true},
               {"STARTED"}});
  for (const auto& service : services)
    table.add({Cell(service.id, Style::kStrong), service.title, state_cell(service.state), service.build,
               std::to_string(service.instances), std::to_string(service.sessions),
               service.memory_bytes ? format_size(service.memory_bytes) : "-",
               format_relative(service.started_at.value_or(""), output.now())});
  output.print_table(table);
}

void print_service(Output& output, const Service& service) {
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) output.print_line(fmt::format("{:<18}{}", name, printable(value)));
  };
  output.print_line(
      fmt::format("{}  {}", output.painted(service.id, Style::kStrong),
                  output.painted(fmt::format("● {}", api::word_of(service.state)), style_of(service.state))));
  line("title", service.title);
  line("manufacturer", service.manufacturer);
  line("build", service.label.empty() ? service.build : fmt::format("{} ({})", service.build, service.label));
  line("signed by", service.signer.value_or("nobody"));
  line("pid", service.pid ? std::to_string(*service.pid) : "");
  line("started", service.started_at ? format_relative(*service.started_at, output.now()) : "");
  line("restarts", std::to_string(service.restarts));
  line("last end", service.last_exit.value_or(""));
  line("memory", service.memory_bytes ? format_size(service.memory_bytes) : "");
  line("instances", std::to_string(service.instances));
  line("sessions", std::to_string(service.sessions));
  for (const auto& app : service.apps)
    line("app", fmt::format("{}{}{}", app.name, app.title.empty() ? "" : "  " + app.title,
                            app.websocket_only ? "  (no page)" : ""));
  for (const auto& process : service.processes)
    line("process", fmt::format("{}  {}{}, {}", process.instance, api::word_of(process.state),
                                process.pid ? fmt::format(" ({})", *process.pid) : "",
                                format_size(process.memory_bytes)));
  for (const auto& layer : service.sandbox)
    line("sandbox", fmt::format("{:<20}{}{}", layer.layer, api::word_of(layer.state),
                                layer.why.empty() ? "" : ": " + layer.why));
}

loop::Task<int> list_services(Invocation& invocation) {
  const auto answer = co_await invocation.ask(api::GetServices{});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(answer.services));
  else if (output.is_quiet())
    for (const auto& service : answer.services) output.print_line(service.id);
  else if (answer.services.empty()) output.note("No app is installed yet. See: berth store ls");
  else print_services(output, answer.services);
  co_return 0;
}

loop::Task<int> show_service(Invocation& invocation) {
  const auto service = co_await find_service(invocation, invocation.arguments().text("SERVICE"));
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(service));
  else if (output.is_quiet()) output.print_line(service.id);
  else print_service(output, service);
  co_return 0;
}

loop::Task<api::Job> install_file(Invocation& invocation, std::string id, std::string path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Failure(errno_error(errno, fmt::format("open {}", path)));
  auto* session = co_await invocation.session();
  co_return co_await session->install_package(std::move(id), std::move(file));
}

// What the app asks for beyond every app's sandbox, before it is there. A store that cannot be asked tells so itself when
// the app is installed.
loop::Task<void> show_wants(Invocation& invocation, std::string id) {
  if (invocation.output().is_json() || invocation.output().is_quiet()) co_return;
  std::vector<api::StoreApp> apps;
  try {
    apps = (co_await invocation.ask(api::GetStore{})).apps;
  } catch (const Failure&) {
    co_return;
  }
  for (const auto& app : apps) {
    if (app.id != id || app.wants.empty()) continue;
    invocation.output().note(fmt::format("{} asks for more than other apps:", app.title));
    for (const auto& line : app.wants) invocation.output().note("  it " + line);
  }
}

loop::Task<int> install_service(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const std::string id = arguments.text("SERVICE");
  const std::string version = arguments.text("--version");
  const std::string file = arguments.text("--file");
  if (id.empty() && file.empty()) throw_usage("service install SERVICE from the store, or --file PACKAGE");
  const std::string what = file.empty() ? id : file;
  if (file.empty()) co_await show_wants(invocation, id);
  if (invocation.is_rehearsal(
          {fmt::format("install {}{}{}", what, version.empty() ? "" : " version ", version)}))
    co_return 0;

  api::Job job;
  if (!file.empty()) {
    job = co_await install_file(invocation, id, file);
  } else {
    api::InstallApp request;
    request.id = id;
    if (!version.empty()) request.version = version;
    job = (co_await invocation.ask(std::move(request))).job;
  }
  job = co_await invocation.finish(std::move(job));
  invocation.report(job, id.empty() ? job.target : id, fmt::format("{} is installed", what));
  co_return 0;
}

// Until the service is in the state that was asked for, or cannot get there.
loop::Task<Service> wait_for_state(Invocation& invocation, std::string id, ServiceState wanted) {
  while (true) {
    auto service = co_await find_service(invocation, id);
    if (service.state == wanted) co_return service;
    if (wanted == ServiceState::kRunning && service.state == ServiceState::kFailed)
      throw_failure(Errc::kFailed, "{} did not start: {}; see berth log {}", id,
                    service.last_exit.value_or("it gave up"), id);
    co_await loop::sleep_for(invocation.loop(), std::chrono::milliseconds(100));
  }
}

template <api::Request T>
loop::Task<int> change_state(Invocation& invocation, std::string verb, ServiceState wanted) {
  const std::string id = invocation.arguments().text("SERVICE");
  if (invocation.is_rehearsal({fmt::format("{} {}", verb, (co_await find_service(invocation, id)).id)}))
    co_return 0;
  auto answer = co_await invocation.ask(T{id});
  if (answer.job) co_await invocation.finish(std::move(*answer.job));
  if (invocation.waits()) {
    auto waiting = wait_for_state(invocation, id, wanted);
    co_await loop::with_timeout(invocation.loop(), invocation.timeout_or(kStateLimit), std::move(waiting),
                                fmt::format("{} {}", verb, id));
  }
  const auto service = co_await find_service(invocation, id);
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(service));
  else if (output.is_quiet()) output.print_line(id);
  else output.print_line(fmt::format("{} is {}", id, api::word_of(service.state)));
  co_return 0;
}

loop::Task<int> start_service(Invocation& invocation) {
  return change_state<api::StartService>(invocation, "start", ServiceState::kRunning);
}
loop::Task<int> stop_service(Invocation& invocation) {
  return change_state<api::StopService>(invocation, "stop", ServiceState::kStopped);
}
loop::Task<int> restart_service(Invocation& invocation) {
  return change_state<api::RestartService>(invocation, "restart", ServiceState::kRunning);
}

loop::Task<int> remove_service(Invocation& invocation) {
  const std::string id = invocation.arguments().text("SERVICE");
  const auto service = co_await find_service(invocation, id);
  if (invocation.is_rehearsal(
          {fmt::format("remove {} ({})", id, format_count(service.instances, "instance"))}))
    co_return 0;
  invocation.confirm(fmt::format("{} will be removed.", id), id);
  auto answer = co_await invocation.ask(api::RemoveService{id});
  api::Job job{.id = "", .kind = api::JobKind::kRemove, .target = id, .state = api::JobState::kDone};
  if (answer.job) job = co_await invocation.finish(std::move(*answer.job));
  invocation.report(job, id, fmt::format("{} is removed", id));
  co_return 0;
}

}  // namespace

std::vector<Command> service_commands() {
  const auto service = positional("SERVICE", "Id of the service, as in: berth service ls");
  return {
      {"service", "ls", "Installed services", Effect::kReads, {}, "service ls", list_services},
      {"service", "show", "All about one", Effect::kReads, {service}, "service show notes", show_service},
      {"service",
       "install",
       "Install or update from the store (or from a file), and start",
       Effect::kWorks,
       {optional_positional("SERVICE",
                            "Id in the store, as in: berth store ls; with --file: if it holds several apps"),
        option("--version", "ID", "Release of the store's list (default: the first)"),
        option("--file", "PACKAGE", "A package file instead of the store")},
       "service install notes --wait",
       install_service},
      {"service",
       "start",
       "Start its process",
       Effect::kWorks,
       {service},
       "service start notes",
       start_service},
      {"service", "stop", "Stop its process", Effect::kWorks, {service}, "service stop notes", stop_service},
      {"service",
       "restart",
       "Stop and start its process",
       Effect::kWorks,
       {service},
       "service restart notes",
       restart_service},
      {"service",
       "rm",
       "Remove a service that has no instances",
       Effect::kDestroys,
       {service},
       "service rm notes --yes",
       remove_service},
  };
}

}  // namespace berth::cli
