#include "sdk/service/service_impl.h"

#include "base/log.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

std::string key_of(std::string_view name, std::string_view domain) {
  return fmt::format("{}@{}", name, domain);
}

}  // namespace

ServiceImpl::ServiceImpl(AppService& service, loop::Loop& loop, ServiceDescription description,
                         ServiceArguments arguments, InstanceFactory factory)
    : service_(service),
      loop_(loop),
      description_(std::move(description)),
      arguments_([&] {
        if (arguments.service.empty()) arguments.service = description_.id;
        return std::move(arguments);
      }()),
      factory_(std::move(factory)),
      log_flags_(arguments_.log_flags),
      has_hexdumps_(!arguments_.disable_hexdumps),
      turns_(loop),
      links_(loop, arguments_.service),
      environment_{loop, links_, turns_, throttle_, static_memory_, challenges_, description_.build},
      starts_(loop, kStartsAtOnce),
      ending_(loop),
      tasks_(loop, arguments_.service) {
  turns_.before_slice = [this] { links_.flush_early(); };
  if (!arguments_.log_dir.empty()) {
    log_file_ = or_throw(LogFile::open(arguments_.log_dir, arguments_.service, arguments_.log_file_bytes,
                                       arguments_.log_files));
    set_log_sink([file = log_file_.get()](LogLevel, std::string_view line) { file->write(line); });
  }
  if (arguments_.flight_recorder_bytes > 0) {
    // Without it the service works as well.
    if (auto recorder = FlightRecorder::make(arguments_.flight_recorder_bytes)) {
      flight_recorder_ = std::move(*recorder);
      set_flight_recorder(flight_recorder_.get());
    } else {
      log_warning("no flight recorder", {{"error", recorder.error().detail}});
    }
  }
  update_trace_flags();
  links_.attach_judged = [this](const void* runtime) { attach_judged(runtime); };
}

void ServiceImpl::attach_judged(const void* runtime) {
  for (auto& [key, entry] : instances_) {
    if (entry.state != State::kRunning || &runtime_of(*entry.instance) != runtime) continue;
    std::string refusal = links_.refusal(runtime);
    if (refusal == entry.refusal) return;
    entry.refusal = refusal;
    entry.instance->log(refusal.empty() ? "all paths are attached again" : "not reachable",
                        {{"why", refusal}});
    service_.send_status(*entry.instance, refusal.empty() ? "running" : "degraded", refusal);
    entry.instance->reachability_changed(refusal);
    return;
  }
}

ServiceImpl::~ServiceImpl() {
  control_.reset();
  tasks_.cancel_all();
  while (!instances_.empty()) destroy(instances_.begin()->first);
  if (flight_recorder_) set_flight_recorder(nullptr);
  if (log_file_) set_log_sink(nullptr);
}

std::unique_ptr<InstanceRuntime> ServiceImpl::make_runtime(AppInstance& instance,
                                                           InstanceArguments arguments) {
  return std::make_unique<InstanceRuntime>(instance, environment_, std::move(arguments));
}

InstanceRuntime& ServiceImpl::runtime_of(AppInstance& instance) { return *instance.runtime_; }

AppInstance* ServiceImpl::find(std::string_view name, std::string_view domain) const {
  const auto found = instances_.find(key_of(name, domain));
  return found == instances_.end() ? nullptr : found->second.instance.get();
}

void ServiceImpl::update_trace_flags() {
  auto flags = log_flags_;
  for (const auto& [key, entry] : instances_)
    if (entry.instance) flags |= runtime_of(*entry.instance).arguments().log_flags;
  set_trace_flags(flags);
}

// Streams first: they call back into the instance.
void ServiceImpl::destroy(const std::string& key) {
  const auto found = instances_.find(key);
  if (found == instances_.end()) return;
  if (found->second.instance) {
    InstanceRuntime& runtime = runtime_of(*found->second.instance);
    links_.drop(&runtime);
    runtime.tasks().cancel_all();
  }
  instances_.erase(found);
  update_trace_flags();
}

loop::Task<Result<AppInstance*>> ServiceImpl::start_instance(InstanceArguments arguments) {
  const std::string key = key_of(arguments.name, arguments.domain);
  const auto permit = co_await starts_.acquire();
  if (instances_.contains(key)) co_return fail(Errc::kExists, "{} runs already", key);
  struct Guard {
    ServiceImpl& service;
    const std::string& key;
    bool is_started = false;
    ~Guard() {
      if (!is_started) service.destroy(key);
    }
  } guard{*this, key};
  Error error;
  try {
    Entry& entry = instances_[key];
    entry.instance = factory_(service_, std::move(arguments));
    update_trace_flags();
    co_await runtime_of(*entry.instance).start();
    entry.state = State::kRunning;
    guard.is_started = true;
    entry.instance->log("running", {{"path", entry.instance->webserver_path()}});
    co_return entry.instance.get();
  } catch (...) {
    error = current_error();
  }
  log_info(key + " could not be started", {{"error", error.detail}});
  co_return tl::unexpected(std::move(error));
}

loop::Task<bool> ServiceImpl::stop_instance(std::string key, loop::Duration limit) {
  const auto found = instances_.find(key);
  if (found == instances_.end() || found->second.state != State::kRunning) co_return false;
  found->second.state = State::kStopping;
  AppInstance& instance = *found->second.instance;
  co_await runtime_of(instance).stop(limit);
  instance.log("stopped");
  destroy(key);
  co_return true;
}

loop::Task<void> ServiceImpl::run() {
  if (!arguments_.manager.empty())
    control_ = std::make_unique<ControlClient>(
        loop_, arguments_.manager, [this] { return make_hello(); }, [this] { return hello_descriptors(); },
        [this](json::Object message) { receive(std::move(message)); });
  co_await ending_.wait();
  tasks_.cancel_all();  // starts that are under way
  // One without sessions may be gone before its stop has returned, and its entry with it.
  std::vector<std::string> keys;
  for (const auto& [key, entry] : instances_) keys.push_back(key);
  std::vector<std::unique_ptr<loop::Spawned<bool>>> stops;
  for (const auto& key : keys)
    stops.push_back(std::make_unique<loop::Spawned<bool>>(loop_, stop_instance(key, end_limit_)));
  for (auto& stop : stops) co_await stop->join();
  if (tell_end_ && control_) {
    control_->send({{"mt", "AppServiceShutdownComplete"}});
    co_await control_->flush(std::chrono::seconds(1));
  }
  control_.reset();
}

void ServiceImpl::shutdown(std::chrono::milliseconds limit) {
  end_limit_ = limit;
  ending_.set();
}

void ServiceImpl::send_to_manager(const json::Object& message) {
  if (control_ && control_->send(message)) return;
  BERTH_LOG(kLds, "no manager to tell", {"mt", json::get_string(message, "mt")});
}

// --- AppService ---

AppService::AppService(loop::Loop& loop, ServiceDescription description, ServiceArguments arguments,
                       InstanceFactory factory)
    : impl_(std::make_unique<ServiceImpl>(*this, loop, std::move(description), std::move(arguments),
                                          std::move(factory))) {}
AppService::~AppService() = default;

loop::Loop& AppService::loop() const { return impl_->loop_; }
const ServiceDescription& AppService::description() const { return impl_->description_; }
const ServiceArguments& AppService::arguments() const { return impl_->arguments_; }
const PlatformInfo& AppService::platform() const { return impl_->platform_; }

loop::Task<Result<AppInstance*>> AppService::start_instance(InstanceArguments arguments) {
  return impl_->start_instance(std::move(arguments));
}
loop::Task<bool> AppService::stop_instance(std::string name, std::string domain,
                                           std::chrono::milliseconds limit) {
  return impl_->stop_instance(key_of(name, domain), limit);
}
AppInstance* AppService::find_instance(std::string_view name, std::string_view domain) const {
  return impl_->find(name, domain);
}
std::vector<AppInstance*> AppService::instances() const {
  std::vector<AppInstance*> all;
  for (const auto& [key, entry] : impl_->instances_)
    if (entry.state == ServiceImpl::State::kRunning) all.push_back(entry.instance.get());
  return all;
}

bool AppService::set_log_flags(std::string_view name, std::string_view domain, std::uint64_t flags) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  ServiceImpl::runtime_of(*instance).arguments().log_flags = flags;
  impl_->update_trace_flags();
  instance->log_flags_changed();
  return true;
}

bool AppService::set_password(std::string_view name, std::string_view domain, std::string password) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  ServiceImpl::runtime_of(*instance).arguments().password = std::move(password);
  instance->password_changed();
  return true;
}

bool AppService::set_database_password(std::string_view name, std::string_view domain, std::string password) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  ServiceImpl::runtime_of(*instance).set_database_password(std::move(password));
  return true;
}

bool AppService::set_domain(std::string_view name, std::string_view domain, std::string registered,
                            std::string password) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  ServiceImpl::runtime_of(*instance).arguments().domains[registered] = std::move(password);
  instance->domain_changed(registered);
  return true;
}

bool AppService::remove_domain(std::string_view name, std::string_view domain, std::string_view registered) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  const std::string which(registered);
  ServiceImpl::runtime_of(*instance).arguments().domains.erase(which);
  instance->domain_changed(which);
  return true;
}

bool AppService::set_limits(std::string_view name, std::string_view domain, const InstanceLimits& limits) {
  AppInstance* instance = find_instance(name, domain);
  if (!instance) return false;
  ServiceImpl::runtime_of(*instance).set_limits(limits);
  return true;
}

void AppService::add_link_sockets(const std::vector<std::string>& paths) {
  for (const auto& path : paths) impl_->links_.add_socket(path);
}

void AppService::send_alarm(const AppInstance* instance, const Alarm& alarm) {
  impl_->send_to_manager({{"mt", "AppSendAlarm"},
                          {"type", static_cast<int>(alarm.type)},
                          {"severity", static_cast<int>(alarm.severity)},
                          {"code", alarm.code},
                          {"text", alarm.text},
                          {"details", alarm.details},
                          {"name", instance ? instance->name() : ""},
                          {"domain", instance ? instance->domain() : ""}});
}

void AppService::send_status(const AppInstance& instance, std::string status, std::string detail) {
  json::Object message{{"mt", "AppSendStatus"},
                       {"name", instance.name()},
                       {"domain", instance.domain()},
                       {"status", std::move(status)},
                       {"webserverPath", instance.webserver_path()}};
  if (!detail.empty()) message["detail"] = std::move(detail);
  impl_->send_to_manager(message);
}

loop::Task<void> AppService::run() { return impl_->run(); }
void AppService::shutdown(std::chrono::milliseconds limit) { impl_->shutdown(limit); }

}  // namespace berth::sdk
