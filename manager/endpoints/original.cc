#include "manager/endpoints/original.h"

#include "base/file.h"
#include "base/text.h"
#include "manager/endpoints/admin.h"
#include "manager/endpoints/store_listing.h"
#include "manager/platform/own_mac.h"

namespace berth::manager {

api::AppPlatformInfoResult platform_info(const Parts& parts) {
  api::AppPlatformInfoResult result;
  static_cast<api::Status&>(result) = parts.status();
  result.platform = own_architecture();
  result.platform_label = parts.version;
  result.label = parts.version;
  result.mac = own_mac();
  result.timezone = parts.settings.text("timezone");
  return result;
}

Task<std::vector<api::AppStoreServiceAdded>> store_services(Parts& parts) {
  const auto* state = co_await parts.store.get(false);
  std::vector<api::AppStoreServiceAdded> services;
  for (const auto& entry : state->index.apps) {
    auto service = list_entry<api::AppStoreServiceAdded>(entry, parts.services.find(entry.id));
    service.binary = entry.binary;
    service.support = entry.support;
    service.requirement = entry.requirement;
    service.license_info = entry.license_info;
    service.license_type = entry.license_type;
    service.eula = entry.eula;
    service.apps = entry.apps;
    services.push_back(std::move(service));
  }
  co_return services;
}

api::ServiceInstalled service_installed(const Parts& parts, const Service& service) {
  api::ServiceInstalled message;
  const auto& row = service.row();
  message.filename = row.program;
  message.app_service_id = row.id;
  message.title = row.title;
  // The original's numbers are not public; ours: 0 stopped, 1 running.
  message.initial_status = message.initila_status = row.wanted ? 1 : 0;
  message.current_status = service.process().state() == ProcessState::kRunning ? 1 : 0;
  message.manufacturer = message.manufacturere = row.manufacturer;
  message.start_time = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                                      std::chrono::system_clock::now().time_since_epoch())
                                                      .count());
  api::StoreVersion version;
  version.id = row.version;
  version.build = row.build;
  version.label = row.label;
  message.versions.push_back(std::move(version));
  return message;
}

Task<void> wait_for_job(Parts& parts, std::string id) {
  const auto job = or_throw(co_await parts.jobs.wait(id));
  if (job.state == api::JobState::kDone) co_return;
  throw_failure(job.state == api::JobState::kCancelled ? Errc::kCancelled : Errc::kFailed, "{}",
                job.error.value_or("the job did not end well"));
}

Task<void> install_and_wait(Parts& parts, api::InstallService message, std::string by) {
  if (!message.user_agreement_accepted) throw_failure(Errc::kDenied, "the user agreement was not accepted");
  if (const auto running = parts.jobs.find_running(message.app_service_id)) {
    co_await wait_for_job(parts, running->id);  // somebody else installs the very same
    if (parts.services.find(message.app_service_id)) co_return;
  }
  const Service* present = parts.services.find(message.app_service_id);
  if (present && (message.version.build.empty() || present->row().build == message.version.build)) co_return;
  const std::string version = !message.version.build.empty() ? message.version.build : message.version.id;
  const auto job = or_throw(co_await parts.service_jobs.install(message.app_service_id, version, by));
  co_await wait_for_job(parts, job.id);
}

Task<void> add_instance(Parts& parts, api::AddInstance message, std::string password,
                        std::string database_password, std::string by) {
  NewInstance wanted;
  wanted.service = message.app_service_id;
  wanted.name = message.app_name;
  wanted.domain = message.app_domain;
  wanted.path = message.webserver_path;
  wanted.password = std::move(password);
  wanted.database = message.db_name;
  wanted.database_user = message.db_user;
  wanted.database_password = std::move(database_password);
  if (!message.db_host.empty())
    wanted.external = ExternalPlace{parts.instances.database_type(message.app_service_id), message.db_host,
                                    message.db_name, message.db_user, wanted.database_password};
  wanted.log_flags = message.log_flags == 0 ? kDefaultTraceFlags : message.log_flags;
  wanted.exclude_from_backup = message.exclude_from_backup;
  wanted.start = false;  // StartInstance comes next
  const auto created = or_throw(co_await parts.instance_jobs.create(std::move(wanted), by));
  co_await wait_for_job(parts, created.job.id);
}

void Admin::add_original() {
  on<api::AppPlatformInfoRequest>(
      [this](api::AppPlatformInfoRequest, AdminRequest&) -> Task<api::AppPlatformInfoResult> {
        co_return platform_info(parts_);
      });
  on<api::RequestHttpKey>([](api::RequestHttpKey, AdminRequest& request) -> Task<api::RequestHttpKeyResult> {
    api::RequestHttpKeyResult result;
    result.key = request.peer.http_key();
    if (result.key.empty()) throw_failure(Errc::kUnsupported, "HTTP keys are for WebSocket sessions");
    co_return result;
  });
  on_raw("RequestAppStore", [this](AdminRequest& request) -> Task<void> {
    const auto services = co_await store_services(parts_);
    for (const auto& service : services) {
      request.reply(api::format_message(service));
      co_await request.peer.drained();
    }
    request.reply(api::format_message(api::AppStoreResult{}));
  });
  // The answer of the original's requests has the name it has even when it fails.
  on_raw("InstallService", [this](AdminRequest& request) -> Task<void> {
    const auto message = or_throw(api::parse_message<api::InstallService>(request.body));
    co_await install_and_wait(parts_, message, request.peer.who());
    const Service* service = parts_.services.find(message.app_service_id);
    if (!service) throw_failure(Errc::kFailed, "{} was removed meanwhile", message.app_service_id);
    request.reply(api::format_message(service_installed(parts_, *service)));
    request.reply(api::format_message(api::InstallServiceResult{}));
  });
  on<api::AddInstance>(
      [this](api::AddInstance message, AdminRequest& request) -> Task<api::AddInstanceResult> {
        const std::string password = or_throw(request.peer.open_secret(message.app_password));
        const std::string database_password = or_throw(request.peer.open_secret(message.db_password));
        co_await add_instance(parts_, message, password, database_password, request.peer.who());
        co_return api::AddInstanceResult{};
      });
  on<api::StartInstance>([this](api::StartInstance message, AdminRequest&) -> Task<api::StartInstanceResult> {
    co_await parts_.instances.start(message.app_name, message.app_domain);
    co_return api::StartInstanceResult{};
  });
}

}  // namespace berth::manager
