#include "manager/endpoints/admin.h"

#include "base/log.h"
#include "manager/endpoints/log_follow.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

std::string AdminRequest::mt() const { return json::get_string(body, "mt"); }

void AdminRequest::reply(api::JsonObject message) const {
  for (const char* member : {"api", "src"})
    if (const auto* value = json::find(body, member)) message[member] = *value;
  peer.send(std::move(message));
}

void AdminRequest::reply_failure(const Error& error) const {
  reply(api::format_failure(mt() + "Result", error, std::nullopt));
}

Admin::Admin(Parts parts)
    : parts_(std::move(parts)),
      downloads_(parts_.loop,
                 [this] {
                   return DownloadLimits{static_cast<std::size_t>(parts_.settings.number("downloads")),
                                         std::chrono::seconds(parts_.settings.number("downloadSeconds"))};
                 }),
      status_timer_(parts_.loop),
      tick_timer_(parts_.loop),
      idle_(parts_.loop),
      tasks_(parts_.loop, "admin") {
  idle_.set();
  add_status();
  add_replace();
  add_services();
  add_instances();
  add_databases();
  add_alarms();
  add_monitor();
  add_usage();
  add_capture();
  add_crashes();
  add_external();
  add_move();
  add_jobs();
  add_store();
  add_settings();
  add_logs();
  add_original();
  add_backups();
  add_time_machine();
}

Admin::~Admin() = default;

Task<void> Admin::received(AdminPeer& peer, api::JsonObject body, std::vector<UniqueFd> descriptors) {
  AdminRequest request{peer, std::move(body), std::move(descriptors)};
  const std::string mt = request.mt();
  const auto found = handlers_.find(mt);
  if (found == handlers_.end()) {
    BERTH_LOG(kApp, "unknown admin message", {"mt", mt});
    if (request.body.contains("src")) {
      const Error error{Errc::kUnsupported, "unknown message " + mt};
      request.reply(api::format_failure("Error", error, std::nullopt));
    }
    co_return;
  }
  struct Busy {
    Admin& admin;
    explicit Busy(Admin& one) : admin(one) {
      ++admin.busy_;
      admin.idle_.reset();
    }
    ~Busy() {
      if (--admin.busy_ == 0) admin.idle_.set();
    }
  } busy(*this);
  std::optional<Error> error;
  try {
    co_await found->second(request);
  } catch (...) {
    error = current_error();
  }
  if (!error) co_return;
  log_warning("admin request failed", {{"mt", mt}, {"by", peer.who()}, {"error", error->detail}});
  request.reply_failure(*error);
}

void Admin::closed(AdminPeer& peer) {
  downloads_.withdraw(peer);
  std::erase_if(subscriptions_, [&](const Subscription& one) { return one.peer == &peer; });
  std::erase_if(follows_, [&](const std::unique_ptr<Follow>& one) { return one->peer == &peer; });
  if (!is_watched()) tick_timer_.cancel();
}

bool Admin::has_subscribers(api::Topic topic) const {
  for (const auto& one : subscriptions_)
    if (one.topics.contains(topic)) return true;
  return false;
}

bool Admin::is_watched() const {
  return has_subscribers(api::Topic::kStatus) || has_subscribers(api::Topic::kServices) ||
         has_subscribers(api::Topic::kInstances);
}

void Admin::publish(api::Topic topic, const api::JsonObject& message) {
  for (const auto& one : subscriptions_) {
    if (!one.topics.contains(topic)) continue;
    auto copy = message;
    if (!one.src.is_null()) copy["src"] = one.src;
    one.peer->send(std::move(copy));
  }
}

void Admin::service_changed(const Service& service) {
  status_changed();
  if (has_subscribers(api::Topic::kServices)) {
    const auto count = parts_.instances.of_service(service.row().id).size();
    publish(api::Topic::kServices,
            api::format_message(api::ServiceChanged{parts_.services.view(service.row().id, count)}));
  }
  // Its instances are up or down with it.
  if (has_subscribers(api::Topic::kInstances))
    for (const auto& row : parts_.instances.of_service(service.row().id)) instance_changed(row);
}

void Admin::service_removed(const std::string& id) {
  publish(api::Topic::kServices, api::format_message(api::ServiceRemoved{id}));
  store_changed();
  status_changed();
}

void Admin::instance_changed(const InstanceRow& row) {
  if (!has_subscribers(api::Topic::kInstances)) return;
  const auto message = api::format_message(api::InstanceChanged{parts_.instances.view(row)});
  std::string text = json::serialize(message);
  auto& last = last_instance_[row.key()];
  if (last == text) return;
  last = std::move(text);
  publish(api::Topic::kInstances, message);
}

void Admin::instance_removed(const std::string& name, const std::string& domain) {
  last_instance_.erase(name + "@" + domain);
  api::InstanceRemoved removed;
  removed.name = name;
  removed.domain = domain;
  publish(api::Topic::kInstances, api::format_message(removed));
}

void Admin::job_changed(const api::Job& job) {
  publish(api::Topic::kJobs, api::format_message(api::JobChanged{job}));
  if (api::is_final(job.state) && (job.kind == api::JobKind::kInstall || job.kind == api::JobKind::kUpdate))
    store_changed();
}

void Admin::store_changed() { publish(api::Topic::kStore, api::format_message(api::StoreChanged{})); }

void Admin::status_changed() {
  if (!has_subscribers(api::Topic::kStatus) || status_timer_.is_running()) return;
  // One message for a burst of changes.
  status_timer_.start(100ms, [this] {
    publish(api::Topic::kStatus, api::format_message(api::StatusChanged{parts_.status()}));
  });
}

Task<void> Admin::refresh() {
  for (const auto& process : parts_.services.processes())
    if (process->is_connected()) co_await process->counters();
  co_await parts_.instances.refresh_sizes();
}

// Numbers that change without an event: sessions, sizes, memory. Only while somebody looks.
Task<void> Admin::tick() {
  co_await refresh();
  for (const auto& [key, row] : parts_.instances.all()) instance_changed(row);
  if (has_subscribers(api::Topic::kServices))
    for (const auto& [id, service] : parts_.services.all())
      publish(api::Topic::kServices, api::format_message(api::ServiceChanged{
                                         parts_.services.view(id, parts_.instances.of_service(id).size())}));
  status_changed();
  if (is_watched()) tick_timer_.start(5s, [this] { tasks_.spawn(tick()); });
}

void Admin::add_status() {
  on<api::GetStatus>([this](api::GetStatus, AdminRequest&) -> Task<api::GetStatusResult> {
    co_return api::GetStatusResult{parts_.status()};
  });
  on_raw("Subscribe", [this](AdminRequest& request) -> Task<void> {
    const auto message = or_throw(api::parse_message<api::Subscribe>(request.body));
    const std::set<api::Topic> topics(message.topics.begin(), message.topics.end());
    if (topics.contains(api::Topic::kServices) || topics.contains(api::Topic::kInstances)) co_await refresh();
    api::SubscribeResult result;
    if (topics.contains(api::Topic::kStatus)) result.status = parts_.status();
    if (topics.contains(api::Topic::kServices))
      for (const auto& [id, service] : parts_.services.all())
        result.services.push_back(parts_.services.view(id, parts_.instances.of_service(id).size()));
    if (topics.contains(api::Topic::kInstances))
      for (const auto& [key, row] : parts_.instances.all())
        result.instances.push_back(parts_.instances.view(row));
    if (topics.contains(api::Topic::kJobs)) result.jobs = co_await parts_.jobs.recent(100);
    if (!request.peer.is_open()) co_return;
    request.reply(api::format_message(result));
    const auto* src = json::find(request.body, "src");
    const api::Json mark = src ? *src : api::Json(nullptr);
    std::erase_if(subscriptions_,
                  [&](const Subscription& one) { return one.peer == &request.peer && one.src == mark; });
    subscriptions_.push_back({&request.peer, mark, topics});
    if (is_watched() && !tick_timer_.is_running()) tick_timer_.start(5s, [this] { tasks_.spawn(tick()); });
  });
}

void Admin::add_services() {
  on<api::GetServices>([this](api::GetServices, AdminRequest&) -> Task<api::GetServicesResult> {
    api::GetServicesResult result;
    for (const auto& process : parts_.services.processes()) co_await process->counters();
    for (const auto& [id, service] : parts_.services.all())
      result.services.push_back(parts_.services.view(id, parts_.instances.of_service(id).size()));
    co_return result;
  });
  on<api::InstallApp>([this](api::InstallApp message, AdminRequest& request) -> Task<api::InstallAppResult> {
    api::InstallAppResult result;
    result.job = or_throw(
        co_await parts_.service_jobs.install(message.id, message.version.value_or(""), request.peer.who()));
    co_return result;
  });
  on<api::InstallPackage>(
      [this](api::InstallPackage message, AdminRequest& request) -> Task<api::InstallPackageResult> {
        if (request.descriptors.empty())
          throw_failure(Errc::kMalformed, "InstallPackage comes with the descriptor of the package file");
        const std::string file = parts_.instance_jobs.upload_path();
        UniqueFd source = std::move(request.descriptors.front());
        co_await copy_to_file(parts_.loop, std::move(source), file,
                              static_cast<std::uint64_t>(parts_.settings.number("storeFileLimit")));
        api::InstallPackageResult result;
        result.job = or_throw(co_await parts_.service_jobs.install_package(message.name.value_or(""), file,
                                                                           request.peer.who()));
        co_return result;
      });
  using Act = ServiceJobs::Act;
  on<api::StartService>(
      [this](api::StartService message, AdminRequest& request) -> Task<api::StartServiceResult> {
        api::StartServiceResult result;
        result.job = or_throw(co_await parts_.service_jobs.act(message.id, Act::kStart, request.peer.who()));
        co_return result;
      });
  on<api::StopService>(
      [this](api::StopService message, AdminRequest& request) -> Task<api::StopServiceResult> {
        api::StopServiceResult result;
        result.job = or_throw(co_await parts_.service_jobs.act(message.id, Act::kStop, request.peer.who()));
        co_return result;
      });
  on<api::RestartService>([this](api::RestartService message,
                                 AdminRequest& request) -> Task<api::RestartServiceResult> {
    api::RestartServiceResult result;
    result.job = or_throw(co_await parts_.service_jobs.act(message.id, Act::kRestart, request.peer.who()));
    co_return result;
  });
  on<api::RemoveService>(
      [this](api::RemoveService message, AdminRequest& request) -> Task<api::RemoveServiceResult> {
        api::RemoveServiceResult result;
        result.job = or_throw(co_await parts_.service_jobs.remove(message.id, request.peer.who()));
        co_return result;
      });
}

void Admin::add_jobs() {
  on<api::GetJobs>([this](api::GetJobs message, AdminRequest&) -> Task<api::GetJobsResult> {
    api::GetJobsResult result;
    result.jobs = co_await parts_.jobs.recent(message.limit);
    co_return result;
  });
  on<api::GetJob>([this](api::GetJob message, AdminRequest&) -> Task<api::GetJobResult> {
    api::GetJobResult result;
    result.job = or_throw(co_await parts_.jobs.find(message.id));
    result.log = co_await parts_.jobs.journal().log(message.id);
    co_return result;
  });
  on<api::CancelJob>([this](api::CancelJob message, AdminRequest&) -> Task<api::CancelJobResult> {
    or_throw(parts_.jobs.cancel(message.id));
    co_return api::CancelJobResult{};
  });
}

}  // namespace berth::manager
