#include "manager/services/service.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/flight_recorder.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/instances/names.h"
#include "manager/platform/cut_text.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

// The files that an earlier service of this name left to the present user, without following links or touching files that are
// elsewhere too.
void hand_over(const std::string& folder, uid_t uid) {
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return;
  while (const dirent* entry = ::readdir(directory)) {
    struct stat info{};
    if (::fstatat(::dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode) || info.st_nlink != 1 || info.st_uid == uid)
      continue;
    if (::fchownat(::dirfd(directory), entry->d_name, uid, uid, AT_SYMLINK_NOFOLLOW) != 0)
      log_warning("log file keeps its old owner", {{"folder", folder}, {"file", entry->d_name}});
  }
  ::closedir(directory);
}

constexpr auto kStartLimit = 60s;  // an instance's schema may take its time
constexpr auto kStopLimit = 15s;
constexpr auto kCheckLimit = 10min;
constexpr std::size_t kMaxDetail = 1'000;      // bytes of what it says about an instance
constexpr std::size_t kMaxHello = 256 * 1024;  // of what is kept of a hello
constexpr std::size_t kMaxInstances = 100'000;

}  // namespace

json::Object format_limits(const ServiceLimits& limits) {
  return {{"websockets", limits.websockets},
          {"requests", limits.requests},
          {"messages", limits.messages},
          {"databaseConnections", limits.database_connections},
          {"statementSeconds", limits.statement_seconds},
          {"databaseReadOnly", limits.is_database_read_only}};
}

struct Service::Waiting {
  explicit Waiting(loop::Loop& loop, bool for_start) : starts(for_start), done(loop) {}
  bool starts;
  loop::Event done;
  std::optional<Error> error;
};

api::ServiceState to_api(ProcessState state) {
  switch (state) {
    case ProcessState::kStopped: return api::ServiceState::kStopped;
    case ProcessState::kStarting: return api::ServiceState::kStarting;
    case ProcessState::kRunning: return api::ServiceState::kRunning;
    case ProcessState::kStopping: return api::ServiceState::kStopping;
    case ProcessState::kFailed: return api::ServiceState::kFailed;
    case ProcessState::kCrashed: return api::ServiceState::kCrashed;
  }
  return api::ServiceState::kFailed;
}

api::InstanceState parse_instance_status(std::string_view status) {
  if (status == "degraded") return api::InstanceState::kRunning;  // works, with a detail
  return api::parse_word<api::InstanceState>(status).value_or(api::InstanceState::kRunning);
}

std::uint64_t memory_of(pid_t pid) {
  if (pid <= 0) return 0;
  const auto rollup = read_file(fmt::format("/proc/{}/smaps_rollup", pid), 1 << 16);
  if (!rollup) return 0;
  for (const auto line : split(*rollup, '\n')) {
    if (!line.starts_with("Pss:")) continue;
    const auto number = parse_integer(trim(trim(line.substr(4)).substr(0, trim(line.substr(4)).find(' '))));
    return number ? static_cast<std::uint64_t>(*number) * 1024 : 0;
  }
  return 0;
}

Service::Service(loop::Loop& loop, ProcessTable& table, ServiceRepository& repository,
                 ServiceSandbox& sandbox, const Layout& layout, bool is_root, ServiceRow row,
                 std::optional<IsolatedInstance> isolated, ServiceObserver& observer,
                 std::function<ServiceSettings()> settings)
    : loop_(loop),
      repository_(repository),
      sandbox_(sandbox),
      layout_(layout),
      is_root_(is_root),
      row_(std::move(row)),
      isolated_(std::move(isolated)),
      place_(isolated_ ? place_of_instance(layout, row_.id, isolated_->database)
                       : place_of_service(layout, row_.id)),
      observer_(observer),
      settings_(std::move(settings)),
      ready_(loop) {
  SupervisedOptions options;
  options.name = place_.name;
  options.program = layout_.app(row_.id) + "/" + row_.program;
  options.plan = [this] { return plan(); };
  options.ask_to_stop = [this] {
    if (peer_) peer_->send(json::Object{{"mt", "AppServiceShutdown"}, {"timeoutMs", 8000}});
  };
  options.grace = 10s;
  options.stop_steps = {{SIGTERM, 5s}};
  options.died = [this](const Death& death) { observer_.service_died(*this, death); };
  options.changed = [this] { observer_.service_changed(*this); };
  process_ = std::make_unique<SupervisedProcess>(loop_, table, std::move(options));
}

Service::~Service() {
  for (auto& [key, waiting] : waiting_) waiting->done.set();
  if (peer_) peer_->close();
}

std::string Service::title() const {
  return isolated_ ? fmt::format("{} of {}", row_.title, isolated_->key) : row_.title;
}

Task<ProcessPlan> Service::plan() {
  const std::string folder = layout_.app(row_.id);
  const auto& [name, logs, work] = place_;
  co_await repository_.write_out(row_.id, row_.build, folder);
  or_throw(make_directories(logs, 0750));
  or_throw(make_directories(work, 0700));
  const auto settings = settings_();
  ProcessPlan plan;
  std::vector<std::string> arguments = {"--service",       row_.id,
                                        "--manager",       layout_.control_socket(),
                                        "--log-dir",       logs,
                                        "--log-file-size", std::to_string(settings.log_file_bytes),
                                        "--log-files",     std::to_string(settings.log_files)};
  // Nothing of our environment but what a sanitizer build needs.
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "HOME=" + work, "TMPDIR=/tmp",
                                          "LANG=C.UTF-8"};
  if (settings.flight_bytes > 0)
    environment.push_back(fmt::format("BERTH_FLIGHT_RECORDER={}", settings.flight_bytes));
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = ::getenv(name)) environment.push_back(fmt::format("{}={}", name, value));
  auto sandbox_plan = sandbox_.plan(row_, place_, observer_.network_reason(*this), std::move(arguments),
                                    std::move(environment));
  plan.sandbox = co_await std::move(sandbox_plan);
  // The user that it runs as, which is the manager's own where that layer is off, and its files are his.
  if (is_root_) {
    const uid_t uid = plan.sandbox->spec.uid;
    for (const auto& path : {logs, work})
      if (::chown(path.c_str(), uid, uid) != 0) throw Failure(errno_error(errno, "chown " + path));
    hand_over(logs, uid);  // it was installed before, or ran, under another uid
  }
  plan.output = logs + "/output.log";
  co_return plan;
}

void Service::forget_peer() {
  peer_ = nullptr;
  ready_.reset();
  for (auto& [key, waiting] : waiting_) {
    waiting->error = Error{Errc::kUnavailable, place_.name + " went away"};
    waiting->done.set();
  }
  for (auto& [key, runtime] : instances_) {
    runtime.sessions = 0;
    if (runtime.state == api::InstanceState::kStopped || runtime.state == api::InstanceState::kFailed)
      continue;
    runtime.state = process_->is_wanted() ? api::InstanceState::kStarting : api::InstanceState::kStopped;
    const auto at = key.find('@');
    observer_.instance_changed(*this, key.substr(0, at), key.substr(at + 1));
  }
}

json::Object Service::make_config() const {
  const auto settings = settings_();
  return {{"mt", "ServiceConfig"},
          {"dns", settings.dns},
          {"timezone", settings.timezone},
          {"logFlags", log_flags_.value_or(settings.log_flags)},
          {"logFileSize", settings.log_file_bytes},
          {"logFiles", settings.log_files},
          {"disableHexdumps", !settings.hexdumps},
          {"segfaulted", process_->last_ended_by_fault()}};
}

void Service::set_log_flags(std::uint64_t flags) {
  log_flags_ = flags;
  if (peer_) peer_->send(make_config());
}

Result<std::string> Service::read_flight_memory() const {
  if (!flight_recorder_) return fail(Errc::kNotFound, "{} has no flight recorder", place_.name);
  return berth::read_flight_memory(flight_recorder_.get());
}

std::string Service::take_flight_memory() {
  auto memory = read_flight_memory();
  flight_recorder_.reset();
  return memory ? std::move(*memory) : std::string();
}

Task<void> Service::serve(ControlPeer& peer, json::Object hello, std::vector<UniqueFd> descriptors) {
  if (peer_) {
    // The older connection of the same process is a left-over.
    peer_->close();
    forget_peer();
  }
  peer_ = &peer;
  struct Leave {
    Service& service;
    ControlPeer& peer;
    ~Leave() {
      if (service.peer_ == &peer) service.forget_peer();
    }
  } leave{*this, peer};

  flight_recorder_.reset();
  if (json::get_bool(hello, "flightRecorder") && !descriptors.empty())
    flight_recorder_ = std::move(descriptors.front());
  peer.send(make_config());

  instances_.clear();
  if (const auto* list = json::find_array(hello, "instances"))
    for (const auto& entry : *list) {
      if (!entry.is_object()) continue;
      const auto key = instance_key(json::get_string(entry.get_object(), "name"),
                                    json::get_string(entry.get_object(), "domain"));
      if (instances_.size() >= kMaxInstances || observer_.is_of_another(*this, key)) continue;
      instances_[key].state = api::InstanceState::kRunning;
    }
  json::Object told;
  for (const char* member : {"apps", "plugins", "build", "label", "databaseType"})
    if (const auto* value = json::find(hello, member)) told[member] = *value;
  if (json::serialize(told).size() > kMaxHello) {
    log_warning("says too much of itself, of which nothing is kept", {{"service", place_.name}});
    told.clear();
  }
  row_.hello = told;
  can_check_itself_ = json::get_bool(hello, "selfCheck");
  process_->note_ready();
  std::optional<loop::Spawned<void>> keeping;
  if (!isolated_) keeping.emplace(loop_, repository_.set_hello(row_.id, told));
  loop::Spawned<void> starting(loop_, observer_.service_ready(*this));
  loop::Spawned<void> watching(loop_, watch_health(
                                          loop_, peer, [this] { return settings_().health; },
                                          [this](std::string why) { process_->end_hung(std::move(why)); }));
  ready_.set();
  while (auto message = co_await peer.receive()) received(message->body);
}

void Service::received(const json::Object& message) {
  const std::string mt = json::get_string(message, "mt");
  const std::string name = json::get_string(message, "name"), domain = json::get_string(message, "domain");
  const std::string key = instance_key(name, domain);
  const auto answer = [&](bool starts, std::optional<Error> error) {
    const auto [first, last] = waiting_.equal_range(key);
    for (auto it = first; it != last; ++it) {
      if (it->second->starts != starts) continue;
      it->second->error = error;
      it->second->done.set();
    }
  };
  // What it can say of instances it was not told to start is wrong, and would pile up.
  const bool is_known = instances_.contains(key);
  if (!is_known && (mt.starts_with("AppSt") || mt == "AppSendStatus")) {
    BERTH_LOG(kProcess, "of an instance that is not its own", {"service", place_.name}, {"mt", mt});
  } else if (mt == "AppStarted") {
    set_state(name, domain, api::InstanceState::kRunning, "");
    answer(true, std::nullopt);
  } else if (mt == "AppStartFailed") {
    std::string reason = json::get_string(message, "error", "the app gave no reason");
    cut_text(reason, kMaxDetail);
    set_state(name, domain, api::InstanceState::kFailed, reason);
    answer(true, Error{Errc::kFailed, reason});
  } else if (mt == "AppStopped") {
    set_state(name, domain, api::InstanceState::kStopped, "");
    answer(false, std::nullopt);
  } else if (mt == "AppSendStatus") {
    set_state(name, domain, parse_instance_status(json::get_string(message, "status")),
              json::get_string(message, "detail"));
  } else if (mt == "AppSendAlarm") {
    observer_.alarm_said(*this, is_known ? key : isolated_ ? isolated_->key : row_.id, message);
  } else if (mt != "AppServiceShutdownComplete") {
    BERTH_LOG(kProcess, "unknown control message", {"service", place_.name}, {"mt", mt});
  }
}

void Service::set_state(const std::string& name, const std::string& domain, api::InstanceState state,
                        std::string detail) {
  cut_text(detail, kMaxDetail);
  auto& runtime = instances_[instance_key(name, domain)];
  if (runtime.state == state && runtime.detail == detail) return;
  runtime.state = state;
  runtime.detail = std::move(detail);
  if (state != api::InstanceState::kRunning) runtime.sessions = 0;
  observer_.instance_changed(*this, name, domain);
}

Task<void> Service::await_answer(std::string key, bool starts, json::Object request, loop::Duration limit) {
  if (!peer_) throw_failure(Errc::kUnavailable, "{} does not run", place_.name);
  struct Registered {
    std::multimap<std::string, Waiting*>& map;
    std::multimap<std::string, Waiting*>::iterator position;
    ~Registered() { map.erase(position); }
  };
  Waiting waiting(loop_, starts);
  Registered registered{waiting_, waiting_.emplace(key, &waiting)};
  if (!request.empty()) peer_->send(request);
  const bool answered = co_await wait_at_most(loop_, waiting.done, limit);
  if (!answered)
    throw_failure(Errc::kTimeout, "{} does not {} {}", place_.name, starts ? "start" : "stop", key);
  if (waiting.error) throw Failure(*waiting.error);
}

namespace {

json::Object format_start(const InstanceStart& start) {
  json::Array links, domains;
  for (const auto& path : start.link_sockets) links.push_back(json::Value(path));
  for (const auto& [domain, password] : start.domains)
    domains.push_back(json::Object{{"domain", domain}, {"password", password}});
  return {{"mt", "AppStart"},
          {"name", start.name},
          {"domain", start.domain},
          {"password", start.password},
          {"webserverPath", start.path},
          {"grant", start.grant},
          {"linkSockets", std::move(links)},
          {"dbType", start.database_type},
          {"dbHost", start.database_host},
          {"dbPort", start.database_port},
          {"dbName", start.database},
          {"dbUser", start.database_user},
          {"dbPassword", start.database_password},
          {"workingPath", start.working_path},
          {"logFlags", start.log_flags},
          {"domains", std::move(domains)},
          {"limits", format_limits(start.limits)}};
}

}  // namespace

void Service::renew_instance(const InstanceStart& start) {
  if (peer_) peer_->send(format_start(start));
}

// A service that was started without a network cannot reach a database on another host.
Task<void> Service::get_network(std::string database_host) {
  const auto& layers = process_->sandbox();
  const auto network = std::find_if(layers.begin(), layers.end(), [](const auto& layer) {
    return layer.layer == sandbox::name_of(sandbox::Layer::kNetwork);
  });
  if (network == layers.end() || network->state != "on") co_return;
  log_warning("started again with a network", {{"service", place_.name}, {"database", database_host}});
  const pid_t old = process_->pid();
  process_->recycle();
  const auto deadline = loop_.now() + kStartLimit;
  while (loop_.now() < deadline) {
    if (ready_.is_set() && process_->pid() != old) co_return;
    co_await loop::sleep_for(loop_, 20ms);
  }
  throw_failure(Errc::kTimeout, "{} does not come back with a network", place_.name);
}

Task<void> Service::start_instance(InstanceStart start) {
  if (peer_ && !start.database_host.starts_with('/')) co_await get_network(start.database_host);
  const std::string key = instance_key(start.name, start.domain);
  if (const auto found = instances_.find(key);
      found != instances_.end() && found->second.state == api::InstanceState::kStopping)
    co_await await_answer(key, false, {}, kStopLimit);  // it was asked by whom it stops for
  auto request = format_start(start);
  set_state(start.name, start.domain, api::InstanceState::kStarting, "");
  co_await await_answer(key, true, std::move(request), kStartLimit);
}

Task<void> Service::stop_instance(std::string name, std::string domain) {
  const std::string key = instance_key(name, domain);
  const auto found = instances_.find(key);
  if (!peer_ || found == instances_.end() || found->second.state == api::InstanceState::kStopped) co_return;
  set_state(name, domain, api::InstanceState::kStopping, "");
  json::Object request{{"mt", "AppStop"}, {"name", name}, {"domain", domain}};
  co_await await_answer(key, false, std::move(request), kStopLimit);
}

Task<std::optional<std::vector<std::string>>> Service::self_check(InstanceStart start) {
  if (!peer_) throw_failure(Errc::kUnavailable, "{} does not run", place_.name);
  auto request = format_start(start);
  request["mt"] = "AppSelfCheck";
  const auto answer = co_await peer_->ask(std::move(request), kCheckLimit);
  if (!json::get_bool(answer, "checked")) co_return std::nullopt;
  std::vector<std::string> problems;
  if (const auto* list = json::find_array(answer, "problems"))
    for (const auto& problem : *list)
      if (problem.is_string()) problems.emplace_back(problem.get_string());
  co_return problems;
}

void Service::tell(json::Object message) {
  if (peer_) peer_->send(message);
}

Task<json::Object> Service::counters() {
  if (!peer_) co_return json::Object();
  json::Object answer;
  try {
    json::Object request{{"mt", "GetCounters"}};
    answer = co_await peer_->ask(std::move(request), 2s);
  } catch (const Failure& failure) {
    BERTH_LOG(kProcess, "no counters", {"service", place_.name}, {"error", failure.error().detail});
    co_return json::Object();
  }
  if (const auto* list = json::find_array(answer, "instances"))
    for (const auto& entry : *list) {
      if (!entry.is_object()) continue;
      const auto& object = entry.get_object();
      const auto found =
          instances_.find(instance_key(json::get_string(object, "name"), json::get_string(object, "domain")));
      if (found != instances_.end())
        found->second.sessions =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::get_integer(object, "sessions")));
    }
  co_return answer;
}

InstanceRuntime* Service::find_instance(const std::string& key) {
  const auto found = instances_.find(key);
  return found == instances_.end() ? nullptr : &found->second;
}

std::uint64_t Service::sessions() const {
  std::uint64_t sum = 0;
  for (const auto& [key, runtime] : instances_) sum += runtime.sessions;
  return sum;
}

namespace {

// What is told of a process, whether it is the service's or an instance's own.
template <class View>
void tell_process(const SupervisedProcess& process, std::uint64_t sessions, View& view) {
  view.state = to_api(process.state());
  if (process.pid() > 0) {
    view.pid = process.pid();
    view.started_at = process.started_at();
  }
  view.restarts = static_cast<std::uint64_t>(process.restarts());
  if (!process.last_exit().empty()) view.last_exit = process.last_exit();
  view.memory_bytes = memory_of(process.pid());
  view.sessions = sessions;
}

}  // namespace

api::ServiceProcess Service::process_view() const {
  api::ServiceProcess view;
  view.name = place_.name;
  if (isolated_) view.instance = isolated_->key;
  tell_process(*process_, sessions(), view);
  return view;
}

api::Service Service::view(std::uint64_t instances) const {
  api::Service view;
  view.id = row_.id;
  view.title = row_.title;
  view.manufacturer = row_.manufacturer;
  view.build = row_.build;
  view.label = row_.label;
  tell_process(*process_, sessions(), view);
  view.icon = fmt::format("/manager/icon/{}.png", row_.id);
  if (const auto* apps = json::find_array(row_.hello, "apps"))
    for (const auto& app : *apps) {
      if (!app.is_object()) continue;
      const auto& object = app.get_object();
      view.apps.push_back({json::get_string(object, "name"), json::get_string(object, "title"),
                           json::get_bool(object, "websocketOnly")});
    }
  for (const auto& layer : process_->sandbox())
    view.sandbox.push_back(
        {layer.layer, api::parse_word<api::LayerState>(layer.state).value_or(api::LayerState::kUnavailable),
         layer.why});
  if (!row_.signer.empty()) view.signer = row_.signer;
  view.instances = instances;
  return view;
}

}  // namespace berth::manager
