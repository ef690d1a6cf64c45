#include "manager/platform/platform.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "berth/app_service.h"
#include "db/migrate.h"
#include "manager/database/cluster_files.h"
#include "manager/endpoints/manager_instance.h"
#include "manager/endpoints/socket_peer.h"
#include "manager/monitor/file_system_watch.h"
#include "manager/move/forwards.h"
#include "manager/platform/checks.h"
#include "manager/platform/clock.h"
#include "manager/platform/own_mac.h"
#include "manager/platform/parts.h"
#include "manager/platform/postgres_control.h"
#include "manager/platform/schema.h"
#include "manager/platform/version.h"
#include "manager/sets/set_timer.h"
#include "manager/settings/developer_mode.h"
#include "net/http_client.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr uid_t kWebserverUid = 70000;
constexpr auto kPurgeInterval = 1h;
constexpr auto kTimeMachineDelay = 20s;
constexpr auto kDatabaseLimit = 10min;  // crash recovery of a large cluster takes its time
constexpr auto kWebserverLimit = 30s;
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
  chosen.open_files = static_cast<std::uint64_t>(settings.number("serviceOpenFiles"));
  return chosen;
}

std::chrono::sys_seconds seconds_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

constexpr std::string_view kMetricsToken = "metricsToken";

bool is_of_alarms(std::string_view setting) {
  return setting.starts_with("alarm") || setting.starts_with("mail") || setting == "dnsName";
}

std::string read_password_line(const std::string& file) {
  const auto content = or_throw(read_file(file, 65536));
  const std::string_view line = std::string_view(content).substr(0, content.find_first_of("\r\n"));
  if (line.empty()) throw_failure(Errc::kMalformed, "password file {} is empty", file);
  return std::string(line);
}

}  // namespace

class Platform::Parts_ {
 public:
  Parts_(loop::Loop& loop, Options options, Layout layout, std::string program)
      : loop_(loop),
        options_(std::move(options)),
        layout_(std::move(layout)),
        is_root_(::geteuid() == 0),
        box_(or_throw(SecretBox::open(layout_.secret_key()))),
        table_(layout_.processes(), layout_.starting()),
        archive_program_(program.substr(0, program.rfind('/')) + "/berth-archive"),
        cluster_(loop_, cluster_settings()),
        postgres_(loop_, table_, cluster_, layout_.log("postgresql") + "/output.log"),
        admin_database_(loop_, database_options(cluster_.superuser(), 4)),
        database_(loop_, database_options(cluster_.superuser("manager"), 4)),
        settings_(database_, box_),
        developer_mode_(loop_, settings_),
        http_(loop_),
        alarm_tables_(database_),
        alarms_(loop_, alarm_tables_, seconds_now),
        alarm_setup_(loop_, alarms_, http_, settings_,
                     [this] { return AlarmSender{platform_name(), own_mac(), platform_version()}; }),
        disk_guard_(loop_, disk_parts()),
        crashes_(loop_, layout_, program.substr(0, program.rfind('/')) + "/berth-core"),
        traces_(loop_, database_, seconds_now),
        webserver_(loop_, table_, layout_, box_, webserver_options(program)),
        certificates_(settings_, webserver_),
        service_repository_(database_),
        services_(loop_, table_, service_repository_, layout_, is_root_,
                  program.substr(0, program.rfind('/')) + "/berth-launch"),
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
                   [this](int port) { return port == webserver_.http() || port == webserver_.https(); }}),
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
        sets_(SetParts{loop_, http_, database_, jobs_, instances_, instance_jobs_, backups_, reader_,
                       restorer_, settings_, box_, layout_, platform_version(), platform_build()}),
        set_restore_(sets_),
        platform_restore_(sets_, set_restore_),
        set_timer_(loop_, sets_, set_restore_),
        monitor_(loop_, layout_.monitor(), monitor_sources()),
        file_systems_(loop_, file_system_sources()),
        admin_(make_parts()),
        webserver_known_(loop_),
        services_known_(loop_),
        purge_timer_(loop_),
        time_machine_timer_(loop_),
        tasks_(loop_, "manager") {
    connect_parts();
  }

  Task<void> start();
  Task<void> stop();
  api::Status status() const;

 private:
  void add_check_facts(CheckFacts& facts) const;
  static void add_process_facts(CheckFacts& facts, const SupervisedProcess& process);
  std::vector<api::Check> checks() const;
  api::Disk disk() const;
  ClusterSettings cluster_settings() const {
    ClusterSettings settings;
    settings.data_folder = layout_.pgsql();
    settings.socket_folder = layout_.pgsql_sockets();
    settings.log_folder = layout_.log("postgresql");
    settings.archive_command = archive_command(layout_, archive_program_);
    return settings;
  }
  WebserverOptions webserver_options(const std::string& program) const {
    WebserverOptions options;
    options.program = program.substr(0, program.rfind('/')) + "/berth-webserver";
    options.http = options_.http;
    options.https = options_.https;
    options.bind = options_.bind;
    if (is_root_) options.uid = kWebserverUid;
    return options;
  }
  DiskParts disk_parts() {
    DiskParts parts;
    parts.figures = [this] { return read_disk(layout_.library()); };
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
  MonitorSources monitor_sources();
  FileSystemSources file_system_sources() {
    FileSystemSources sources;
    sources.folders = {"/", layout_.root, layout_.library(), layout_.pgsql(), layout_.logs()};
    sources.memory = layout_.monitor() + "/file_systems.json";
    sources.tell = [this](Condition condition) { alarms_.event(std::move(condition)); };
    return sources;
  }
  Task<void> load_metrics_token();
  StoreOptions store_options() const {
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
  Parts make_parts() {
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
                 .admin_password_changed =
                     [this](AdminPeer& by) {
                       if (manager_instance_) manager_instance_->end_sessions(by);
                     },
                 .backup_schedule_changed = [this] { set_timer_.changed(); },
                 .version = platform_version(),
                 .build = platform_build()};
  }
  void connect_parts();
  void apply_settings();
  Task<void> open_database();
  Task<void> load_domains();
  Task<void> set_first_password();
  HealthLimits health_limits() const {
    return {std::chrono::seconds(settings_.number("healthSeconds")),
            std::chrono::seconds(settings_.number("hangSeconds"))};
  }
  Task<void> start_webserver();
  Task<void> start_own_instances();
  Task<void> serve_control(ControlPeer& peer);
  void plan_purge();
  void follow_databases();
  // As people call this platform: its DNS name, else the machine's.
  std::string platform_name() const;
  Task<void> release_external(ExternalPlace place);
  void announce(double seconds) const;
  const InstanceRow* find_instance(const std::string& key) const;
  // Crash reports and traces.
  void connect_diagnostics();
  // A service that died and is started again is an event.
  void note_death(const Service& service);

  loop::Loop& loop_;
  Options options_;
  Layout layout_;
  bool is_root_;
  SecretBox box_;
  ProcessTable table_;
  std::string archive_program_;
  Cluster cluster_;
  PostgresControl postgres_;
  db::Database admin_database_, database_;
  Settings settings_;
  DeveloperMode developer_mode_;
  net::HttpClient http_;
  AlarmTables alarm_tables_;
  Alarms alarms_;
  AlarmSetup alarm_setup_;
  DiskGuard disk_guard_;
  CrashReports crashes_;
  TraceSwitches traces_;
  WebserverControl webserver_;
  Certificates certificates_;
  ServiceRepository service_repository_;
  Services services_;
  InstanceRepository instance_repository_;
  InstanceDatabases instance_databases_;
  Instances instances_;
  Store store_;
  BackupWriter backups_;
  BackupReader reader_;
  Restorer restorer_;
  JobRunner jobs_;
  ServiceJobs service_jobs_;
  InstanceJobs instance_jobs_;
  Exports exports_;
  CommandRunner commands_;
  TimeMachine time_machine_;
  TimeMachineJobs time_machine_jobs_;
  Maintenance maintenance_;
  DatabaseFigures figures_;
  DatabaseCare care_;
  ExternalDatabases externals_;
  ExternalJobs external_jobs_;
  RenameJobs rename_jobs_;
  Arrivals arrivals_;
  net::Resolver resolver_;
  MoveJobs move_jobs_;
  Forwards forwards_;
  BackupSets sets_;
  SetRestore set_restore_;
  PlatformRestore platform_restore_;
  SetTimer set_timer_;
  std::string metrics_token_;
  Monitor monitor_;
  FileSystemWatch file_systems_;
  ManagerInstance* manager_instance_ = nullptr;
  Admin admin_;
  std::unique_ptr<sdk::AppService> own_service_;
  // Until then those who say hello have to wait: their answer must hold all there is, or it would take something away.
  loop::Event webserver_known_, services_known_;
  std::unique_ptr<ControlServer> control_, admin_socket_;
  loop::Timer purge_timer_, time_machine_timer_;
  std::map<std::string, int> deaths_;  // of services, as last seen
  loop::TaskGroup tasks_;
  loop::TimePoint began_ = loop_.now();
  std::string began_at_ = format_utc(std::chrono::system_clock::now());
  bool is_up_ = false, is_stopping_ = false;
  std::string first_password_;  // to be shown once
};

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
    if (auto* service = services_.find(row ? row->service : source))
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
  services_.network_reason_call = [this](const std::string& id) -> std::string {
    for (const auto& row : instances_.of_service(id))
      if (row.external) return fmt::format("the database of {} is on {}", row.key(), row.external->host);
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
    co_await certificates_.load(own_names(settings_.text("dnsName")));
    co_await sets_.refresh_overview();
    set_timer_.changed();
  };
  jobs_.changed = [this](const api::Job& job) {
    admin_.job_changed(job);
    monitor_.job_changed(job);
  };
  webserver_.changed = [this] { admin_.status_changed(); };
  webserver_.health = [this] {
    auto limits = health_limits();
    // Its questions wake all reactors, and an unused webserver is to sleep.
    if (limits.every.count() > 0) limits.every = std::max(limits.every, kWebserverHealthEvery);
    return limits;
  };
  postgres_.changed = [this] { admin_.status_changed(); };
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
    for (const auto& [id, service] : services_.all()) add({SubjectKind::kService, id}, service->process());
    return all;
  };
  sources.instances = [this] {
    std::vector<WatchedInstance> all;
    const auto& sizes = instances_.database_sizes();
    for (const auto& [key, row] : instances_.all()) {
      if (!row.is_made || row.is_deleted()) continue;
      const auto size = sizes.find(row.database);
      all.push_back({key, row.service, row.database, size == sizes.end() ? 0 : size->second});
    }
    return all;
  };
  sources.webserver = [this] { return webserver_.counters(); };
  sources.service = [this](std::string id) -> Task<json::Object> {
    Service* service = services_.find(id);
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

Task<void> Platform::Parts_::load_metrics_token() {
  metrics_token_ = (co_await settings_.secret(kMetricsToken)).value_or("");
}

const InstanceRow* Platform::Parts_::find_instance(const std::string& key) const {
  const auto found = instances_.all().find(key);
  return found == instances_.all().end() ? nullptr : &found->second;
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
    else if (auto* service = services_.find(target)) service->set_log_flags(flags);
    else if (target == "manager" && own_service_) own_service_->set_log_flags("manager", "", flags);
  };
  instances_.traced = [this](const std::string& key) { return traces_.find(key); };
}

void Platform::Parts_::note_death(const Service& service) {
  const auto& process = service.process();
  int& known = deaths_[service.row().id];
  const bool has_died = process.restarts() > known;
  known = process.restarts();
  if (!has_died) return;
  Condition condition;
  condition.key = "death/" + service.row().id;
  condition.code = alarm_code::kService;
  condition.source = service.row().id;
  condition.text = fmt::format("{} ended by itself: {}", service.row().title,
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

void Platform::Parts_::apply_settings() {
  json::Object limits;
  constexpr std::string_view kPrefix = "webserver.";
  for (const auto& [item, text, check] : setting_declarations()) {
    if (!item.name.starts_with(kPrefix) || settings_.number(item.name) == 0) continue;
    limits[item.name.substr(kPrefix.size())] = settings_.number(item.name);
  }
  if (!settings_.flag("http2")) limits["http2Streams"] = 0;  // which means: not offered
  webserver_.set_options({.redirect_https = settings_.flag("redirectHttps"),
                          .access_log = settings_.flag("accessLog"),
                          .compact_tls = settings_.flag("compactTls")},
                         std::move(limits));
  const auto& dns = settings_.text("dnsName");
  const std::string host = dns.empty() ? "localhost" : dns;
  const int port = webserver_.https() ? webserver_.https() : webserver_.http();
  instances_.url_base = fmt::format("{}://{}:{}", webserver_.https() ? "https" : "http", host, port);
}

Task<void> Platform::Parts_::open_database() {
  or_throw(make_directories(layout_.log("postgresql"), 0755));
  co_await postgres_.start(kDatabaseLimit);
  const auto present =
      co_await admin_database_.query_repeatable("SELECT 1 FROM pg_database WHERE datname = 'manager'");
  if (present.empty())
    co_await admin_database_.query("CREATE DATABASE manager ENCODING 'UTF8' TEMPLATE template0");
  const int migrated = co_await db::migrate(database_, manager_migrations());
  if (migrated) log_info("manager database brought up to date", {{"steps", migrated}});
  co_await settings_.load();
}

Task<void> Platform::Parts_::load_domains() {
  const auto rows = co_await database_.query_repeatable("SELECT domain, password FROM registered_domain");
  for (const auto row : rows)
    instances_.registered_domains[row.get<std::string>("domain")] =
        or_throw(box_.unseal(row.text("password")));
}

Task<void> Platform::Parts_::set_first_password() {
  const auto present = co_await settings_.secret(kAdminPasswordRow);
  if (present) co_return;
  std::string password;
  if (!options_.password_file.empty() && path_exists(options_.password_file)) {
    password = read_password_line(options_.password_file);
  } else {
    password = random_password();
    if (!options_.password_file.empty())
      or_throw(write_file_durably(options_.password_file, password + "\n", 0600));
    else first_password_ = password;
  }
  co_await settings_.set_secret(kAdminPasswordRow, std::move(password));
}

Task<void> Platform::Parts_::start_webserver() {
  if (!webserver_.process().is_wanted()) webserver_.process().start();
  const auto deadline = loop_.now() + kWebserverLimit;
  for (;;) {
    const bool ready = co_await wait_at_most(loop_, webserver_.ready(), 20ms);
    if (ready) co_return;
    const auto& process = webserver_.process();
    if (process.last_status().code == WebserverControl::kPortTaken)
      throw_failure(Errc::kExists,
                    "{}\nAnother program has the port: choose others with --http PORT and --https PORT.",
                    webserver_.last_words());
    if (process.state() == ProcessState::kFailed || process.state() == ProcessState::kCrashed)
      throw_failure(Errc::kConflict, "the webserver cannot run: {}\n{}", process.detail(),
                    webserver_.last_words());
    if (loop_.now() >= deadline)
      throw_failure(Errc::kFailed, "the webserver does not report: {}", webserver_.last_words());
  }
}

Task<void> Platform::Parts_::start_own_instances() {
  sdk::ServiceDescription description;
  description.id = "manager";
  description.title = "Manager";
  description.build = platform_build();
  description.label = platform_version();
  description.apps = {
      {"manager", "Manager", false}, {"manager-domain", "", true}, {"manager-domain-api", "", true}};
  own_service_ = std::make_unique<sdk::AppService>(
      loop_, std::move(description), sdk::ServiceArguments{},
      [this](sdk::AppService& service,
             sdk::InstanceArguments arguments) -> std::unique_ptr<sdk::AppInstance> {
        if (arguments.name == "root")
          return std::make_unique<RootInstance>(service, std::move(arguments), manager_instance_, instances_,
                                                forwards_);
        auto instance = std::make_unique<ManagerInstance>(service, std::move(arguments), admin_);
        manager_instance_ = instance.get();
        return instance;
      });
  for (const std::string name : {"manager", "root"}) {
    sdk::InstanceArguments arguments;
    arguments.name = name;
    arguments.webserver_path = name == "root" ? "/" : "/manager";
    arguments.grant = format_hex(as_bytes(box_.derive("grant\n" + name)));
    arguments.link_sockets = webserver_.link_sockets();
    std::string path = arguments.webserver_path, grant = arguments.grant;
    co_await webserver_.set_grant(path, grant, ::geteuid());
    const auto started = co_await own_service_->start_instance(std::move(arguments));
    if (!started) throw Failure(started.error());
  }
}

Task<void> Platform::Parts_::serve_control(ControlPeer& peer) {
  auto first = co_await loop::with_timeout(loop_, 5s, peer.receive(), "hello");
  if (!first) co_return;
  const std::string mt = json::get_string(first->body, "mt");
  const pid_t pid = peer.credentials().pid;
  if (mt == "WebserverHello") {
    co_await webserver_known_.wait();
    if (pid == webserver_.process().pid()) co_await webserver_.serve(peer, std::move(first->body));
    else log_warning("unknown webserver on control.sock", {{"pid", pid}});
  } else if (mt == "ServiceHello") {
    co_await services_known_.wait();
    Service* service = services_.find(json::get_string(first->body, "service"));
    // Whoever is not the very process we watch has no business here, whatever it says.
    if (service && service->process().pid() == pid)
      co_await service->serve(peer, std::move(first->body), std::move(first->descriptors));
    else log_warning("unknown process on control.sock", {{"pid", pid}, {"uid", peer.credentials().uid}});
  }
}

// Autovacuum's round follows the number of databases, in steps, so that it is not told anew for each of them.
void Platform::Parts_::follow_databases() {
  const int present = static_cast<int>(instances_.all().size());
  const auto told = autovacuum_round(cluster_.settings().databases), wanted = autovacuum_round(present);
  if (std::chrono::abs(wanted - told) * 5 <= told) return;
  auto settings = cluster_.settings();
  settings.databases = present;
  tasks_.spawn([](Cluster& cluster, ClusterSettings settings) -> Task<void> {
    co_await cluster.change_settings(std::move(settings));
  }(cluster_, std::move(settings)));
}

void Platform::Parts_::plan_purge() {
  purge_timer_.start(kPurgeInterval, [this] {
    tasks_.spawn(instance_jobs_.purge());
    tasks_.spawn(time_machine_jobs_.look_after());
    tasks_.spawn(move_jobs_.look_after());
    plan_purge();
  });
}

void Platform::Parts_::announce(double seconds) const {
  const auto now = status();
  std::printf("\nBerth %s is running on %s (after %.1f s).\n", platform_version().c_str(),
              layout_.shown.c_str(), seconds);
  std::printf("  Manager      %s\n", now.url.c_str());
  if (webserver_.http()) std::printf("  http         port %d\n", webserver_.http());
  if (!now.fingerprint.empty())
    std::printf("  Certificate  SHA-256 %s%s\n", now.fingerprint.c_str(),
                certificates_.is_self_signed() ? " (self-signed)" : "");
  if (!first_password_.empty())
    std::printf("  Password     %s   (shown this once; change it in the manager)\n", first_password_.c_str());
  else if (!options_.password_file.empty())
    std::printf("  Password     in %s\n", options_.password_file.c_str());
  if (!is_root_) std::printf("  Not root: services run as this user, without users of their own.\n");
  std::printf("\n");
  std::fflush(stdout);
}

Task<void> Platform::Parts_::start() {
  table_.load();
  control_ =
      std::make_unique<ControlServer>(loop_, layout_.control_socket(), is_root_ ? 0666 : 0600, "control.sock",
                                      [this](ControlPeer& peer) { return serve_control(peer); });
  // Apps that live on can serve their users without the manager and without PostgreSQL, which may take its time to
  // recover; without a webserver they cannot.
  if (webserver_.recall()) {
    webserver_known_.set();
    webserver_.process().start();
  }
  co_await open_database();
  co_await set_first_password();
  co_await certificates_.load(own_names(settings_.text("dnsName")));
  co_await load_domains();
  apply_settings();
  developer_mode_.begin();
  settings_.secret_changed = [this](const std::string& name) {
    if (is_of_alarms(name)) tasks_.spawn(alarm_setup_.apply());
    if (name == kMetricsToken) tasks_.spawn(load_metrics_token());
  };
  settings_.on_changed([this](const std::vector<std::string>& names) {
    apply_settings();
    developer_mode_.changed(names);
    commands_.settings_changed();
    care_.replan();
    set_timer_.changed();
    if (std::any_of(names.begin(), names.end(), is_of_alarms)) tasks_.spawn(alarm_setup_.apply());
    for (const auto& name : names)
      if (name.starts_with("timeMachine")) tasks_.spawn(time_machine_jobs_.look_after());
  });
  co_await load_metrics_token();
  co_await alarms_.load();
  co_await traces_.load();
  co_await services_.load();
  // Before the survivors come back: the webserver must hear of all grants at once, not lose some.
  co_await instances_.load();
  follow_databases();
  for (const std::string name : {"manager", "root"}) {
    const std::string grant = format_hex(as_bytes(box_.derive("grant\n" + name)));
    co_await webserver_.set_grant(name == "root" ? "/" : "/manager", grant, ::geteuid());
  }
  co_await webserver_.forget_unconfirmed();
  webserver_known_.set();
  services_known_.set();
  co_await start_webserver();
  apply_settings();  // the ports are known now
  co_await start_own_instances();
  co_await time_machine_jobs_.begin();
  co_await commands_.load();
  co_await jobs_.resume();
  co_await instance_jobs_.remove_stray_uploads();
  struct stat owner{};
  ::stat(layout_.shown.c_str(), &owner);
  is_up_ = true;
  admin_socket_ = std::make_unique<ControlServer>(
      loop_, layout_.manager_socket(), 0600, "manager.sock",
      [this, uid = owner.st_uid](ControlPeer& peer) { return serve_admin_socket(admin_, peer, uid); });
  if (is_root_ && ::chown(layout_.manager_socket().c_str(), owner.st_uid, owner.st_gid) != 0)
    throw Failure(errno_error(errno, "chown manager.sock"));
  const double seconds = std::chrono::duration<double>(loop_.now() - began_).count();
  log_info("running", {{"version", platform_version()}, {"ms", static_cast<int>(seconds * 1000)}});
  announce(seconds);
  erase_secret(first_password_);
  tasks_.spawn(instance_jobs_.purge());
  plan_purge();
  traces_.apply_all();
  crashes_.begin();
  co_await disk_guard_.begin();
  co_await alarm_setup_.apply();
  alarms_.begin();
  monitor_.begin();
  file_systems_.begin();
  commands_.start();
  care_.begin();
  external_jobs_.begin();
  co_await sets_.make_defaults();
  co_await sets_.refresh_overview();
  set_timer_.start();
  // Not while everybody comes back.
  time_machine_timer_.start(kTimeMachineDelay, [this] { tasks_.spawn(time_machine_jobs_.look_after()); });
}

Task<void> Platform::Parts_::stop() {
  is_stopping_ = true;
  purge_timer_.cancel();
  developer_mode_.stop();
  commands_.stop();
  care_.stop();
  external_jobs_.stop();
  set_timer_.stop();
  time_machine_timer_.cancel();
  disk_guard_.stop();
  monitor_.stop();
  file_systems_.stop();
  admin_.status_changed();
  admin_socket_.reset();
  co_await services_.stop_all();
  if (own_service_) {
    co_await own_service_->stop_instance("manager", "", 2s);
    manager_instance_ = nullptr;
    co_await own_service_->stop_instance("root", "", 2s);
  }
  co_await webserver_.process().stop();
  control_.reset();
  co_await alarms_.stop();
  admin_database_.release();
  database_.release();
  co_await postgres_.stop();
  log_info("stopped");
}

api::Disk Platform::Parts_::disk() const {
  struct statvfs figures{};
  if (::statvfs(layout_.library().c_str(), &figures) != 0) return {};
  return {static_cast<std::uint64_t>(figures.f_blocks) * figures.f_frsize,
          static_cast<std::uint64_t>(figures.f_bavail) * figures.f_frsize};
}

void Platform::Parts_::add_process_facts(CheckFacts& facts, const SupervisedProcess& process) {
  if (process.is_wanted() && process.state() != ProcessState::kRunning)
    facts.down.push_back({process.name(), std::string(name_of(process.state())), process.detail(),
                          process.state() == ProcessState::kStarting});
}

std::vector<api::Check> Platform::Parts_::checks() const {
  CheckFacts facts;
  add_process_facts(facts, webserver_.process());
  add_process_facts(facts, postgres_.process());
  for (const auto& [id, service] : services_.all()) add_process_facts(facts, service->process());
  add_check_facts(facts);
  return find_checks(facts);
}

void Platform::Parts_::add_check_facts(CheckFacts& facts) const {
  facts.now = std::chrono::system_clock::now();
  facts.is_webserver_short = webserver_.is_short_of_descriptors();
  facts.is_root = is_root_;
  facts.developer_mode = settings_.flag("developerMode");
  for (const auto& [id, service] : services_.all())
    facts.services.push_back(
        {id, service->row().title, !service->row().signer.empty(), service->process().sandbox()});
  for (const auto& id : sandbox_settings(settings_, false).weaker)
    if (services_.find(id)) facts.weaker.push_back(id);
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
  for (auto& check : alarm_setup_.checks()) facts.others.push_back(std::move(check));
  for (const auto id : split(settings_.text("acceptedChecks"), ' '))
    if (!trim(id).empty()) facts.accepted.emplace(trim(id));
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
  bool degraded = false;
  const auto add = [&](const SupervisedProcess& process) {
    api::Process view;
    view.name = process.name();
    view.state = to_api(process.state());
    if (process.pid() > 0) {
      view.pid = process.pid();
      view.started_at = process.started_at();
      view.memory_bytes = memory_of(process.pid());
    }
    view.restarts = static_cast<std::uint64_t>(process.restarts());
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
  add(postgres_.process());
  for (const auto& [id, service] : services_.all()) add(service->process());
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

Platform::Platform(loop::Loop& loop, Options options, Layout layout, std::string program)
    : parts_(std::make_unique<Parts_>(loop, std::move(options), std::move(layout), std::move(program))) {}
Platform::~Platform() = default;
Task<void> Platform::start() { return parts_->start(); }
Task<void> Platform::stop() { return parts_->stop(); }
api::Status Platform::status() const { return parts_->status(); }

}  // namespace berth::manager
