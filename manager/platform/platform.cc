#include "manager/platform/platform_parts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "db/migrate.h"
#include "manager/database/cluster_files.h"
#include "manager/endpoints/manager_instance.h"
#include "manager/endpoints/socket_peer.h"
#include "manager/platform/clock.h"
#include "manager/platform/schema.h"
#include "manager/platform/version.h"
#include "manager/settings/timed_mode.h"
#include "net/http_client.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kPurgeInterval = 1h;
constexpr auto kTimeMachineDelay = 20s;
constexpr auto kDatabaseLimit = 10min;  // crash recovery of a large cluster takes its time
constexpr auto kWebserverLimit = 30s;
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

Task<void> Platform::Parts_::load_metrics_token() {
  metrics_token_ = (co_await settings_.secret(kMetricsToken)).value_or("");
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
    if (webserver_.knows(pid)) co_await webserver_.serve(peer, std::move(first->body));
    else log_warning("unknown webserver on control.sock", {{"pid", pid}});
  } else if (mt == "ServiceHello") {
    co_await services_known_.wait();
    // Whoever is not a process that we watch has no business here, whatever it says.
    const auto service = services_.find_by_pid(pid);
    if (service && service->row().id == json::get_string(first->body, "service"))
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

void Platform::Parts_::announce_succession(double seconds) const {
  if (!inherited_.error.empty())
    std::printf("\nBerth %s goes on: it could not be replaced (%s).\n\n", platform_version().c_str(),
                inherited_.error.c_str());
  else
    std::printf("\nBerth %s (build %s) took over from %s (build %s) after %.1f s.\n\n",
                platform_version().c_str(), platform_build().c_str(), inherited_.version.c_str(),
                inherited_.build.c_str(), seconds);
  std::fflush(stdout);
}

Task<void> Platform::Parts_::start() {
  table_.load();
  const bool follows = static_cast<bool>(inherited_.control);
  if (follows) take_leave_of_strays();
  webserver_.adopt_others();
  control_ = std::make_unique<ControlServer>(
      loop_, layout_.control_socket(), is_root_ ? 0666 : 0600, "control.sock",
      [this](ControlPeer& peer) { return serve_control(peer); }, std::move(inherited_.control));
  // Apps that live on can serve their users without the manager and without PostgreSQL, which may take its time to
  // recover; without a webserver they cannot.
  if (webserver_.recall()) {
    webserver_.process().start();  // first, for who says hello already is known only then
    webserver_known_.set();
  }
  co_await open_database();
  co_await set_first_password();
  co_await certificates_.load(own_names(settings_.text("dnsName")));
  co_await load_domains();
  apply_settings();
  developer_mode_.begin();
  app_security_off_.begin();
  capture_.begin();
  settings_.secret_changed = [this](const std::string& name) {
    if (is_of_alarms(name)) tasks_.spawn(alarm_setup_.apply());
    if (name == kMetricsToken) tasks_.spawn(load_metrics_token());
    capture_.secret_changed(name);
  };
  settings_.on_changed([this](const std::vector<std::string>& names) {
    apply_settings();
    developer_mode_.changed(names);
    app_security_off_.changed(names);
    admin_.status_changed();  // also what switches itself off is seen at once
    capture_.changed(names);
    commands_.settings_changed();
    care_.replan();
    set_timer_.changed();
    usage_.settings_changed(names);
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
  co_await usage_.load();
  follow_databases();
  for (const std::string name : {"manager", "root"}) {
    const std::string grant = format_hex(as_bytes(box_.derive("grant\n" + name)));
    co_await webserver_.set_grant(name == "root" ? "/" : "/manager", grant, ::geteuid());
  }
  co_await webserver_.forget_unconfirmed();
  if (!webserver_.process().is_wanted()) webserver_.process().start();
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
      [this, uid = owner.st_uid](ControlPeer& peer) { return serve_admin_socket(admin_, peer, uid); },
      std::move(inherited_.admin));
  if (is_root_ && ::chown(layout_.manager_socket().c_str(), owner.st_uid, owner.st_gid) != 0)
    throw Failure(errno_error(errno, "chown manager.sock"));
  const double seconds = std::chrono::duration<double>(loop_.now() - began_).count();
  log_info("running", {{"version", platform_version()},
                       {"build", platform_build()},
                       {"ms", static_cast<int>(seconds * 1000)}});
  if (follows) announce_succession(seconds);
  else announce(seconds);
  erase_secret(first_password_);
  tasks_.spawn(instance_jobs_.purge());
  plan_purge();
  traces_.apply_all();
  crashes_.begin();
  co_await disk_guard_.begin();
  co_await alarm_setup_.apply();
  alarms_.begin();
  monitor_.begin();
  usage_.begin();
  file_systems_.begin();
  service_watch_.begin();
  commands_.start();
  care_.begin();
  external_jobs_.begin();
  co_await sets_.make_defaults();
  co_await sets_.refresh_overview();
  set_timer_.start();
  if (std::exchange(inherited_.webserver, false)) tasks_.spawn(replace_older_webserver());
  // Not while everybody comes back.
  time_machine_timer_.start(kTimeMachineDelay, [this] { tasks_.spawn(time_machine_jobs_.look_after()); });
  started_.set();
}

// All that begins something by itself.
void Platform::Parts_::stop_timers() {
  purge_timer_.cancel();
  developer_mode_.stop();
  app_security_off_.stop();
  capture_.let_go();
  commands_.stop();
  care_.stop();
  external_jobs_.stop();
  set_timer_.stop();
  time_machine_timer_.cancel();
  disk_guard_.stop();
  monitor_.stop();
  file_systems_.stop();
  service_watch_.stop();
}

// Those of the manager's own pages.
Task<void> Platform::Parts_::stop_own_instances() {
  if (!own_service_) co_return;
  co_await own_service_->stop_instance("manager", "", 2s);
  manager_instance_ = nullptr;
  co_await own_service_->stop_instance("root", "", 2s);
}

// What of it stays is taken over by the next manager.
Task<void> Platform::Parts_::end_app_networks() {
  if (!is_root_) co_return;
  try {
    co_await services_.sandbox().networks().end();
  } catch (const Failure& failure) {
    log_error("the apps' networks are not cleared away", {{"error", failure.error().detail}});
  }
}

Task<void> Platform::Parts_::stop() {
  is_stopping_ = true;
  stop_timers();
  admin_.status_changed();
  admin_socket_.reset();
  co_await capture_.stop();
  co_await services_.stop_all();
  co_await end_app_networks();
  co_await stop_own_instances();
  co_await webserver_.stop();
  control_.reset();
  co_await usage_.stop();
  co_await alarms_.stop();
  admin_database_.release();
  database_.release();
  co_await postgres_.stop();
  log_info("stopped");
}

Platform::Platform(loop::Loop& loop, Options options, Layout layout, std::string program,
                   std::vector<std::string> arguments, Handover inherited)
    : parts_(std::make_unique<Parts_>(loop, std::move(options), std::move(layout), std::move(program),
                                      std::move(arguments), std::move(inherited))) {}
Platform::~Platform() = default;
Task<void> Platform::start() { return parts_->start(); }
Task<void> Platform::stop() { return parts_->stop(); }
Task<Successor> Platform::ask_to_replace(bool webserver, WhenBusy when_busy) {
  return parts_->ask_to_replace(webserver, when_busy);
}
loop::Event& Platform::replace_asked() { return parts_->replace_asked(); }
Task<Handover> Platform::hand_over() { return parts_->hand_over(); }
api::Status Platform::status() const { return parts_->status(); }

}  // namespace berth::manager
