#include "manager/platform/platform_parts.h"

#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/platform/own_mac.h"
#include "manager/platform/version.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr uid_t kWebserverUid = 70000;
constexpr auto kWebserverHealthEvery = 60s;

db::DatabaseOptions database_options(db::ConnectionOptions connection, std::size_t connections) {
  db::DatabaseOptions options;
  options.connection = std::move(connection);
  options.max_connections = connections;
  options.query_limit = 10min;  // CREATE DATABASE on a slow disk
  options.idle_release = 60s;
  return options;
}

// A copy of this platform on another machine is another one.
std::string machine_id() { return std::string(trim(read_file("/etc/machine-id", 4096).value_or(""))); }

SandboxSettings sandbox_settings(const Settings& settings, bool has_core_place) {
  SandboxSettings chosen;
  for (const auto id : split(settings.text("weakerSandbox"), ' '))
    if (!id.empty()) chosen.weaker.emplace(id);
  chosen.off = parse_switched_off(settings.text("sandboxOff"))
                   .value_or(std::map<std::string, std::set<sandbox::Layer>>());
  chosen.memory_bytes = static_cast<std::uint64_t>(settings.number("serviceMemory"));
  if (chosen.memory_bytes == 0) {
    const auto pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGE_SIZE);
    if (pages > 0 && page > 0)
      chosen.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) / 2;
  }
  chosen.tasks = static_cast<std::uint64_t>(settings.number("serviceTasks"));
  // Where dumps go elsewhere, nothing may be left in the service's folder.
  if (has_core_place) chosen.core_bytes = static_cast<std::uint64_t>(settings.number("coreBytes"));
  chosen.networks.range = settings.text("appNetworkRange");
  chosen.networks.refresh = std::chrono::seconds(settings.number("appNetworkSeconds"));
  chosen.open_files = static_cast<std::uint64_t>(settings.number("serviceOpenFiles"));
  return chosen;
}

std::chrono::sys_seconds seconds_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

Platform::Parts_::Parts_(loop::Loop& loop, Options options, Layout layout, std::string program,
                         std::vector<std::string> arguments, Handover inherited)
    : loop_(loop),
      options_(std::move(options)),
      layout_(std::move(layout)),
      program_(program),
      arguments_(std::move(arguments)),
      inherited_(std::move(inherited)),
      replace_asked_(loop),
      is_root_(::geteuid() == 0),
      box_(or_throw(SecretBox::open(layout_.secret_key()))),
      table_(layout_.processes(), layout_.starting()),
      programs_(program.substr(0, program.rfind('/') + 1)),
      archive_program_(program_beside("berth-archive")),
      cluster_(loop_, cluster_settings()),
      postgres_(loop_, table_, cluster_, layout_.log("postgresql") + "/output.log"),
      admin_database_(loop_, database_options(cluster_.superuser(), 4)),
      database_(loop_, database_options(cluster_.superuser("manager"), 4)),
      settings_(database_, box_),
      developer_mode_(loop_, settings_, kDeveloperMode),
      app_security_off_(loop_, settings_, kAppSecurityOff),
      capture_(loop_, table_, settings_, layout_, is_root_, program_beside("berth-capture")),
      http_(loop_),
      alarm_tables_(database_),
      alarms_(loop_, alarm_tables_, seconds_now),
      alarm_setup_(loop_, alarms_, http_, settings_,
                   [this] { return AlarmSender{platform_name(), own_mac(), platform_version()}; }),
      disk_guard_(loop_, disk_parts()),
      crashes_(loop_, layout_, program_beside("berth-core")),
      traces_(loop_, database_, seconds_now),
      webserver_(loop_, table_, layout_, box_, webserver_options()),
      certificates_(settings_, webserver_),
      service_repository_(database_),
      services_(loop_, table_, service_repository_, layout_, is_root_, program_beside("berth-launch")),
      instance_repository_(database_, box_),
      instance_databases_(admin_database_),
      instances_(loop_, instance_repository_, instance_databases_, cluster_, services_, webserver_, box_,
                 layout_),
      store_(loop_, http_, layout_.library() + "/store", [this] { return store_options(); }),
      backups_(loop_, cluster_.settings().binaries),
      reader_(loop_, cluster_.settings().binaries),
      restorer_(loop_, cluster_, instance_databases_),
      jobs_(loop_, database_),
      service_jobs_(loop_, jobs_, services_, instances_, store_, http_, settings_, layout_),
      instance_jobs_(jobs_, instances_, backups_, reader_, restorer_, settings_, box_, layout_,
                     platform_version()),
      exports_(instances_, instance_jobs_, backups_, platform_version()),
      commands_({loop_, http_, database_, jobs_, instances_, exports_, settings_, box_, platform_version(),
                 [this](int port) { return is_own_port(port); }}),
      time_machine_(cluster_, admin_database_, settings_, layout_, archive_program_),
      time_machine_jobs_(loop_, jobs_, time_machine_, instances_, instance_jobs_, restorer_, cluster_,
                         admin_database_, database_, settings_, box_, layout_),
      maintenance_(loop_, cluster_),
      figures_(loop_, cluster_, database_, admin_database_),
      care_(loop_, jobs_, instances_, maintenance_, figures_, database_, settings_, box_, seconds_now),
      externals_(loop_, format_hex(as_bytes(box_.derive("platform\n" + machine_id()))),
                 [this] { return platform_name(); }),
      external_jobs_(loop_, jobs_, instances_, externals_, box_),
      rename_jobs_(jobs_, instances_),
      arrivals_(loop_, jobs_, instances_, instance_jobs_, admin_database_, layout_, platform_version()),
      resolver_(loop_),
      move_jobs_(loop_, jobs_, instances_, instance_jobs_, arrivals_, settings_, box_, layout_,
                 [this](MoveTarget to) { return connect_platform(loop_, resolver_, std::move(to)); }),
      forwards_(loop_, instances_, settings_, resolver_),
      sets_(SetParts{loop_, http_, database_, jobs_, instances_, instance_jobs_, backups_, reader_, restorer_,
                     settings_, box_, layout_, platform_version(), platform_build(),
                     [this](int port) { return is_own_port(port); }}),
      set_restore_(sets_),
      platform_restore_(sets_, set_restore_),
      set_timer_(loop_, sets_, set_restore_),
      usage_(loop_, database_, settings_, instances_, seconds_now),
      monitor_(loop_, layout_.monitor(), monitor_sources()),
      file_systems_(loop_, file_system_sources()),
      service_watch_(loop_, service_watch_sources()),
      admin_(make_parts()),
      webserver_known_(loop_),
      services_known_(loop_),
      purge_timer_(loop_),
      time_machine_timer_(loop_),
      tasks_(loop_, "manager") {
  connect_parts();
}

ClusterSettings Platform::Parts_::cluster_settings() const {
  ClusterSettings settings;
  settings.data_folder = layout_.pgsql();
  settings.socket_folder = layout_.pgsql_sockets();
  settings.log_folder = layout_.log("postgresql");
  settings.archive_command = archive_command(layout_, archive_program_);
  return settings;
}

WebserverOptions Platform::Parts_::webserver_options() const {
  WebserverOptions options;
  options.program = program_beside("berth-webserver");
  options.http = options_.http;
  options.https = options_.https;
  options.bind = options_.bind;
  if (is_root_) options.uid = kWebserverUid;
  return options;
}

StoreOptions Platform::Parts_::store_options() const {
  StoreOptions options;
  options.place = !options_.store.empty() ? options_.store : settings_.text("storeUrl");
  for (const auto key : split(settings_.text("storeKeys"), ' '))
    if (!trim(key).empty()) options.keys.emplace_back(trim(key));
  if (!options_.store_key.empty()) options.keys.push_back(options_.store_key);
  options.allow_unsigned = settings_.flag("developerMode");
  options.index_limit = static_cast<std::uint64_t>(settings_.number("storeIndexLimit"));
  options.file_limit = static_cast<std::uint64_t>(settings_.number("storeFileLimit"));
  options.stall = std::chrono::seconds(settings_.number("storeStallSeconds"));
  return options;
}

HealthLimits Platform::Parts_::health_limits() const {
  return {std::chrono::seconds(settings_.number("healthSeconds")),
          std::chrono::seconds(settings_.number("hangSeconds"))};
}

DiskParts Platform::Parts_::disk_parts() {
  DiskParts parts;
  parts.figures = [this] { return read_disk_space(layout_.library()); };
  parts.threshold = [this] { return static_cast<int>(settings_.number("diskThreshold")); };
  parts.reserve = [this] { return static_cast<std::uint64_t>(settings_.number("reserveBytes")); };
  parts.reserve_folder = layout_.reserve();
  parts.stop_apps = [this] { return services_.stop_all(); };
  parts.start_apps = [this]() -> Task<void> {
    services_.start_wanted();
    co_return;
  };
  parts.growth = [this] { return figures_.growth(); };
  parts.changed = [this] { admin_.status_changed(); };
  return parts;
}

FileSystemSources Platform::Parts_::file_system_sources() {
  FileSystemSources sources;
  sources.folders = {"/", layout_.root, layout_.library(), layout_.pgsql(), layout_.logs()};
  sources.memory = layout_.monitor() + "/file_systems.json";
  sources.tell = [this](Condition condition) { alarms_.event(std::move(condition)); };
  return sources;
}

ServiceWatchSources Platform::Parts_::service_watch_sources() {
  ServiceWatchSources sources;
  sources.services = [this] {
    std::vector<WatchedService> all;
    for (const auto& service : services_.processes())
      all.push_back({service->name(), service->title(), service->place().logs, service->process().pid()});
    return all;
  };
  sources.flood_bytes = [this] { return static_cast<std::uint64_t>(settings_.number("logFloodBytes")); };
  return sources;
}

Parts Platform::Parts_::make_parts() {
  return Parts{.loop = loop_,
               .layout = layout_,
               .database = database_,
               .box = box_,
               .settings = settings_,
               .certificates = certificates_,
               .webserver = webserver_,
               .services = services_,
               .instances = instances_,
               .jobs = jobs_,
               .service_jobs = service_jobs_,
               .instance_jobs = instance_jobs_,
               .exports = exports_,
               .commands = commands_,
               .care = care_,
               .alarms = alarms_,
               .alarm_setup = alarm_setup_,
               .disk_guard = disk_guard_,
               .monitor = monitor_,
               .usage = usage_,
               .metrics_token = metrics_token_,
               .crashes = crashes_,
               .traces = traces_,
               .externals = externals_,
               .external_jobs = external_jobs_,
               .rename_jobs = rename_jobs_,
               .arrivals = arrivals_,
               .move_jobs = move_jobs_,
               .sets = sets_,
               .set_restore = set_restore_,
               .platform_restore = platform_restore_,
               .store = store_,
               .time_machine = time_machine_,
               .time_machine_jobs = time_machine_jobs_,
               .status = [this] { return status(); },
               .replace_manager = [this](bool webserver) { return ask_to_replace(webserver); },
               .replace_webserver = [this] { return replace_webserver(); },
               .admin_password_changed =
                   [this](AdminPeer& by) {
                     if (manager_instance_) manager_instance_->end_sessions(by);
                   },
               .backup_schedule_changed = [this] { set_timer_.changed(); },
               .version = platform_version(),
               .build = platform_build()};
}

void Platform::Parts_::connect_parts() {
  services_.settings = [this] {
    ServiceSettings settings;
    settings.dns = settings_.text("dnsName");
    settings.timezone = settings_.text("timezone");
    settings.log_flags = kDefaultTraceFlags;
    settings.log_file_bytes = static_cast<std::uint64_t>(settings_.number("logFileBytes"));
    settings.log_files = static_cast<std::uint64_t>(settings_.number("logFiles"));
    settings.health = health_limits();
    settings.hexdumps = settings_.flag("hexdumps");
    settings.flight_bytes = static_cast<std::uint64_t>(settings_.number("flightRecorderBytes"));
    return settings;
  };
  connect_diagnostics();
  services_.ready = [this](Service& service) { return instances_.service_ready(service); };
  services_.changed = [this](Service& service) {
    note_death(service);
    admin_.service_changed(service);
  };
  services_.alarm_said_call = [this](const std::string& source, const json::Object& message) {
    alarms_.app_said(source, message);
    // What led to it is still in the flight recorder. (Type 0: set.)
    if (json::get_integer(message, "type", -1) != 0) return;
    const auto* row = find_instance(source);
    if (const auto service = services_.process_of(row ? row->service : source, row ? source : ""))
      crashes_.alarm_raised(*service, json::get_string(message, "text"));
  };
  alarms_.checks = [this] { return checks(); };
  alarms_.changed = [this] { admin_.status_changed(); };
  services_.hold = [this]() -> std::optional<Error> {
    if (!disk_guard_.are_apps_held()) return std::nullopt;
    return Error{Errc::kNoSpace,
                 "the apps are stopped because the disk was full; berth platform start-apps starts them"};
  };
  services_.removed = [this](const std::string& id) { admin_.service_removed(id); };
  services_.sandbox().settings = [this] {
    return sandbox_settings(settings_, crashes_.core_place().is_beside);
  };
  services_.is_of_another_call = [this](const Service& service, const std::string& key) {
    const auto* row = find_instance(key);
    return row && services_.process_of(row->service, key).get() != &service;
  };
  services_.network_reason_call = [this](const Service& service) -> std::string {
    for (const auto& row : instances_.of_service(service.row().id))
      if (row.external && services_.process_of(row.service, row.key()).get() == &service)
        return fmt::format("the database of {} is on {}", row.key(), row.external->host);
    return {};
  };
  services_.instance_changed_call = [this](const std::string& name, const std::string& domain) {
    if (const auto* row = instances_.find(name, domain)) admin_.instance_changed(*row);
    forwards_.changed();
  };
  instances_.claim = [this](ExternalPlace place) { return externals_.claim(std::move(place), false); };
  instances_.release = [this](ExternalPlace place) { return release_external(std::move(place)); };
  instances_.changed = [this](const InstanceRow& row) {
    admin_.instance_changed(row);
    forwards_.changed();
    follow_databases();
  };
  move_jobs_.own_name = [this] { return platform_name(); };
  instances_.removed = [this](const std::string& name, const std::string& domain) {
    admin_.instance_removed(name, domain);
    follow_databases();
  };
  platform_restore_.taken_over = [this]() -> Task<void> {
    co_await settings_.load();
    co_await load_domains();
    apply_settings();
    co_await usage_.limits().load();
    co_await certificates_.load(own_names(settings_.text("dnsName")));
    co_await sets_.refresh_overview();
    set_timer_.changed();
    usage_.limits().changed();
  };
  jobs_.changed = [this](const api::Job& job) {
    admin_.job_changed(job);
    monitor_.job_changed(job);
  };
  webserver_.changed = [this] { admin_.status_changed(); };
  webserver_.drain_limit = [this] { return drain_limit(); };
  webserver_.health = [this] {
    auto limits = health_limits();
    // Its questions wake all reactors, and an unused webserver is to sleep.
    if (limits.every.count() > 0) limits.every = std::max(limits.every, kWebserverHealthEvery);
    return limits;
  };
  postgres_.changed = [this] { admin_.status_changed(); };
}

void Platform::Parts_::connect_diagnostics() {
  crashes_.settings = [this] {
    CrashSettings chosen;
    chosen.core_bytes = static_cast<std::uint64_t>(settings_.number("coreBytes"));
    chosen.limits.cores = static_cast<std::size_t>(settings_.number("coresPerService"));
    chosen.limits.reports = static_cast<std::size_t>(settings_.number("reportsPerService"));
    chosen.limits.bytes = static_cast<std::uint64_t>(settings_.number("reportBytes"));
    return chosen;
  };
  services_.died_call = [this](Service& service, const Death& death) {
    crashes_.service_died(service, death);
  };
  webserver_.died = [this](const Death& death) { crashes_.process_died("webserver", death); };
  postgres_.died = [this](const Death& death) { crashes_.process_died("postgres", death); };
  traces_.usual = [this](const std::string& target) -> std::optional<std::uint64_t> {
    if (const auto* row = find_instance(target)) return row->log_flags;
    if (target == "manager" || services_.find(target)) return kDefaultTraceFlags;
    return std::nullopt;
  };
  traces_.apply = [this](const std::string& target, std::uint64_t flags) {
    if (const auto* row = find_instance(target)) instances_.apply_log_flags(*row, flags);
    else if (services_.find(target))
      for (const auto& process : services_.processes_of(target)) process->set_log_flags(flags);
    else if (target == "manager" && own_service_) own_service_->set_log_flags("manager", "", flags);
  };
  instances_.traced = [this](const std::string& key) { return traces_.find(key); };
}

MonitorSources Platform::Parts_::monitor_sources() {
  MonitorSources sources;
  sources.processes = [this] {
    std::vector<WatchedProcess> all;
    const auto add = [&](Subject subject, const SupervisedProcess& process) {
      const bool is_up = !process.is_wanted() || process.state() == ProcessState::kRunning;
      all.push_back({std::move(subject), process.pid(), is_up, process.pid() > 0 ? process.started_at() : "",
                     process.restarts(), process.last_exit()});
    };
    all.push_back({{SubjectKind::kManager, ""}, ::getpid(), is_up_, began_at_, 0, ""});
    add({SubjectKind::kWebserver, ""}, webserver_.process());
    add({SubjectKind::kPostgres, ""}, postgres_.process());
    for (const auto& service : services_.processes())
      add({SubjectKind::kService, service->name()}, service->process());
    return all;
  };
  sources.instances = [this] { return watched_instances(instances_); };
  sources.measured = [this](const auto& services) { usage_.usage().measured(services); };
  sources.webserver = [this] { return webserver_.counters(); };
  webserver_.served_files = [this](const std::string& run, const json::Array& files) {
    usage_.usage().served_files(run, files);
  };
  sources.service = [this](std::string name) -> Task<json::Object> {
    const auto service = services_.find_process(name);
    if (!service) co_return json::Object();
    co_return co_await service->counters();
  };
  sources.sizes = [this] { return instances_.refresh_sizes(); };
  sources.query = [this](std::string sql) { return admin_database_.query_repeatable(std::move(sql)); };
  sources.most_bytes = [this] { return static_cast<std::uint64_t>(settings_.number("monitorBytes")); };
  sources.alarms = [this] { return alarms_.count_set(); };
  sources.disk = layout_.library();
  sources.version = platform_version();
  sources.build = platform_build();
  return sources;
}

const InstanceRow* Platform::Parts_::find_instance(const std::string& key) const {
  const auto found = instances_.all().find(key);
  return found == instances_.all().end() ? nullptr : &found->second;
}

void Platform::Parts_::note_death(const Service& service) {
  const auto& process = service.process();
  int& known = deaths_[service.name()];
  const bool has_died = process.restarts() > known;
  known = process.restarts();
  if (!has_died) return;
  Condition condition;
  condition.key = "death/" + service.name();
  condition.code = alarm_code::kService;
  condition.source = service.isolated() ? service.isolated()->key : service.row().id;
  condition.text = fmt::format("{} ended by itself: {}", service.title(),
                               process.last_exit().empty() ? "the cause is unknown" : process.last_exit());
  condition.details = "It is started again by itself.";
  condition.command = fmt::format("berth crash ls {}", service.row().id);
  alarms_.event(std::move(condition));
}

std::string Platform::Parts_::platform_name() const {
  if (const auto& dns = settings_.text("dnsName"); !dns.empty()) return dns;
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) return "unknown";
  return host;
}

// A server that cannot be reached keeps nobody from stopping: the row stays ours.
Task<void> Platform::Parts_::release_external(ExternalPlace place) {
  try {
    co_await externals_.release(place);
  } catch (const Failure& failure) {
    log_warning("external database not released",
                {{"database", place.describe()}, {"error", failure.error().detail}});
  }
}

}  // namespace berth::manager
