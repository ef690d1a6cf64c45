#include "manager/endpoints/domain_api_endpoint.h"

#include "base/bytes.h"
#include "base/log.h"
#include "manager/endpoints/admin.h"
#include "manager/endpoints/original.h"
#include "manager/instances/names.h"
#include "net/address.h"
#include "wire/appwebsocket/login.h"
#include "wire/json/json.h"

namespace berth::manager {

using loop::Task;

namespace {
constexpr std::string_view kApi = "com.innovaphone.manager";
constexpr std::string_view kNoGuid = "00000000000000000000000000000000";

// For journals: "Anna of example.com from 192.0.2.7".
std::string who(const sdk::AppSession& session) {
  const std::string address(net::without_port(session.peer()));
  if (session.dn().empty()) return fmt::format("domain {} from {}", session.domain(), address);
  return fmt::format("{} of {} from {}", session.dn(), session.domain(), address);
}
}  // namespace

class DomainApiEndpoint::ManagerApi : public sdk::Api {
 public:
  explicit ManagerApi(DomainApiEndpoint& owner) : owner_(owner) {}
  std::string_view name() const override { return kApi; }
  std::optional<json::Object> announced() const override { return json::Object(); }
  Task<void> received(sdk::AppSession& session, sdk::Message message) override {
    return owner_.handle(session, std::move(message));
  }

 private:
  DomainApiEndpoint& owner_;
};

DomainApiEndpoint::DomainApiEndpoint(Parts& parts)
    : parts_(parts), api_(std::make_unique<ManagerApi>(*this)) {
  add_api(*api_);
}
DomainApiEndpoint::~DomainApiEndpoint() = default;

Task<std::vector<std::string>> DomainApiEndpoint::passwords(sdk::AppInstance&, sdk::Login login) {
  std::vector<std::string> all;
  const auto& registered = parts_.instances.registered_domains;
  if (const auto found = registered.find(std::string(login.domain())); found != registered.end())
    all.push_back(found->second);
  if (auto admin = co_await parts_.settings.secret(kAdminPasswordRow)) all.push_back(std::move(*admin));
  co_return all;
}

Result<void> DomainApiEndpoint::admit(sdk::AppInstance&, const sdk::Login& login) {
  // The AP object logs in with the last part of its URL.
  if (login.app() != "manager-domain-api") return fail(Errc::kDenied, "app \"{}\" is not here", login.app());
  if (login.domain().empty()) return fail(Errc::kDenied, "the login names no domain");
  return {};
}

sdk::AppInfo DomainApiEndpoint::app_info(sdk::AppSession&, std::string_view) {
  sdk::AppInfo info;
  info.hidden = true;
  info.apis[kApi] = json::Object();
  return info;
}

Task<void> DomainApiEndpoint::received(sdk::AppSession& session, sdk::Message message) {
  return handle(session, std::move(message));
}

Task<void> DomainApiEndpoint::handle(sdk::AppSession& session, sdk::Message message) {
  const std::string mt(message.mt());
  std::optional<Error> error;
  try {
    if (mt == "ManagerControls") {
      session.reply(message, controls(session.domain()));
    } else if (mt == "SetInstancePassword") {
      const auto* row = find_by_path(message.text("path"), session.domain());
      if (!row) throw_failure(Errc::kNotFound, "there is no instance at {}", message.text("path"));
      const auto* value = message.body().if_contains("pwd");
      const auto password = value ? session.open_secret(*value) : std::nullopt;
      if (!password) throw_failure(Errc::kMalformed, "pwd is missing");
      std::string name = row->name, domain = row->domain;
      co_await parts_.instances.set_password(name, domain, *password);
      session.reply(message, {});
    } else if (mt == "GetInstanceLogin") {
      session.reply(message, instance_login(session, message));
    } else if (mt == "GetManagerInfo") {
      const auto info = platform_info(parts_);
      session.reply(message, {{"platform", info.platform},
                              {"platformLabel", info.platform_label},
                              {"build", info.build},
                              {"version", info.version},
                              {"label", info.label}});
    } else if (mt == "CheckUserAgreement" || mt == "AcceptUserAgreement") {
      co_await agreement(session, message);
    } else if (mt == "RequestAppStore") {
      co_await request_store(session, message);
    } else if (mt == "InstallService") {
      co_await install(session, message);
    } else if (mt == "UpdateService") {
      co_await update(session, message);
    } else if (mt == "RemoveService") {
      co_await remove(session, message);
    } else {
      BERTH_LOG(kApp, "unknown message on manager-domain-api", {"mt", mt});
    }
  } catch (...) {
    error = current_error();
  }
  if (error) {
    log_warning("request of a domain failed",
                {{"mt", mt}, {"domain", session.domain()}, {"error", error->detail}});
    session.reply_error(message, *error);
  }
}

bool DomainApiEndpoint::is_visible(const InstanceRow& row, std::string_view domain) const {
  if (row.is_deleted() || !row.is_made) return false;
  if (row.domain == domain) return true;
  const Service* service = parts_.services.find(row.service);
  if (!service) return false;
  // Plugins flagged multi-domain show an instance to every registered domain.
  if (const auto* plugins = json::find_array(service->row().hello, "plugins"))
    for (const auto& plugin : *plugins)
      if (plugin.is_object() && json::get_bool(plugin.get_object(), "wildcard")) return true;
  return false;
}

const InstanceRow* DomainApiEndpoint::find_by_path(std::string_view path, std::string_view domain) const {
  const auto wanted = normalise_path(path);
  if (!wanted) return nullptr;
  for (const auto& [key, row] : parts_.instances.all())
    if (row.path == *wanted) return is_visible(row, domain) ? &row : nullptr;
  return nullptr;
}

json::Object DomainApiEndpoint::controls(std::string_view domain) const {
  json::Array controls;
  for (const auto& [key, row] : parts_.instances.all()) {
    const auto service = parts_.services.process_of(row.service, key);
    if (!service || row.is_deleted()) continue;
    const auto runtime = service->instances().find(key);
    if (runtime == service->instances().end() || runtime->second.state != api::InstanceState::kRunning)
      continue;
    const auto* plugins = json::find_array(service->row().hello, "plugins");
    if (!plugins) continue;
    for (const auto& value : *plugins) {
      if (!value.is_object()) continue;
      const auto& plugin = value.get_object();
      if (row.domain != domain && !json::get_bool(plugin, "wildcard")) continue;
      json::Array apis;
      if (const auto name = json::get_string(plugin, "api"); !name.empty()) apis.push_back(json::Value(name));
      // Relative to the AP: the caller puts "https://<ap>/" before it.
      const std::string base = row.path.substr(1) + "/";
      controls.push_back(json::Object{{"api", std::move(apis)},
                                      {"uri", base + json::get_string(plugin, "js")},
                                      {"png", base + json::get_string(plugin, "icon")},
                                      {"lang", base + json::get_string(plugin, "lang")}});
    }
  }
  const auto status = parts_.status();
  return {{"protocol", status.https ? "https:" : "http:"},
          {"host", parts_.settings.text("dnsName")},
          {"controls", std::move(controls)}};
}

json::Object DomainApiEndpoint::instance_login(const sdk::AppSession& session,
                                               const sdk::Message& message) const {
  const auto* row = find_by_path(message.text("path"), session.domain());
  if (!row) throw_failure(Errc::kNotFound, "there is no instance at {}", message.text("path"));
  const std::string challenge(message.text("challenge"));
  if (challenge.empty()) throw_failure(Errc::kMalformed, "challenge is missing");
  appwebsocket::Login login;
  login.app = message.text("app");
  login.domain = session.domain();
  login.sip = session.sip().empty() ? "admin" : session.sip();
  login.guid = kNoGuid;
  login.dn = session.dn().empty() ? "Admin" : session.dn();
  const std::string digest = appwebsocket::make_digest(login, challenge, row->password);
  const appwebsocket::SessionKey key(challenge, row->password);
  return {{"app", login.app}, {"sip", login.sip}, {"domain", login.domain}, {"guid", login.guid},
          {"dn", login.dn},   {"digest", digest}, {"key", key.text()}};
}

Task<void> DomainApiEndpoint::request_store(sdk::AppSession& session, const sdk::Message& message) {
  const auto services = co_await store_services(parts_);
  for (const auto& service : services) {
    session.reply(message, api::format_message(service));
    co_await session.drained();
  }
  session.reply(message, api::format_message(api::AppStoreResult{}));
}

Task<void> DomainApiEndpoint::agreement(sdk::AppSession& session, sdk::Message message) {
  const std::string domain(session.domain());
  if (message.mt() == "AcceptUserAgreement") {
    if (message.flag("accept")) {
      std::string user(message.text("user"));
      co_await parts_.database.query_repeatable(
          "INSERT INTO user_agreement (domain, accepted_by) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE "
          "SET accepted_by = $2, accepted = now()",
          domain, user);
    } else {
      co_await parts_.database.query_repeatable("DELETE FROM user_agreement WHERE domain = $1", domain);
    }
  }
  const auto rows =
      co_await parts_.database.query_repeatable("SELECT 1 FROM user_agreement WHERE domain = $1", domain);
  session.reply(message, {{"accepted", !rows.empty()}});
}

// Installs for the caller's own domain: the service if it is missing, and an instance, which is started.
Task<void> DomainApiEndpoint::install(sdk::AppSession& session, sdk::Message message) {
  auto wanted = or_throw(api::parse_message<api::InstallService>(message.body()));
  const std::string domain(session.domain());
  if (!wanted.domain.empty() && wanted.domain != domain)
    throw_failure(Errc::kDenied, "this session is of domain {}, not of {}", domain, wanted.domain);
  const auto agreed =
      co_await parts_.database.query_repeatable("SELECT 1 FROM user_agreement WHERE domain = $1", domain);
  wanted.user_agreement_accepted = wanted.user_agreement_accepted || !agreed.empty();
  if (!wanted.user_agreement_accepted) throw_failure(Errc::kDenied, "the user agreement was not accepted");
  std::string by = who(session);
  // A shared platform: a service that is there is taken as it is, whatever version was asked for.
  if (!parts_.services.find(wanted.app_service_id)) co_await install_and_wait(parts_, wanted, by);
  const Service* service = parts_.services.find(wanted.app_service_id);
  if (!service) throw_failure(Errc::kFailed, "{} was removed meanwhile", wanted.app_service_id);
  bool present = false;
  for (const auto& row : parts_.instances.of_service(wanted.app_service_id))
    if (row.domain == domain && !row.is_deleted()) present = true;
  if (!present) {
    api::SuggestInstance suggest;
    suggest.service = wanted.app_service_id;
    suggest.domain = domain;
    NewInstance instance;
    instance.service = wanted.app_service_id;
    instance.name = parts_.instances.suggest(suggest).name;
    instance.domain = domain;
    const auto created = or_throw(co_await parts_.instance_jobs.create(std::move(instance), by));
    co_await wait_for_job(parts_, created.job.id);
  }
  service = parts_.services.find(wanted.app_service_id);
  if (service) session.reply(message, api::format_message(service_installed(parts_, *service)));
  session.reply(message, {});
}

Task<void> DomainApiEndpoint::update(sdk::AppSession& session, sdk::Message message) {
  auto wanted = or_throw(api::parse_message<api::InstallService>(message.body()));
  const std::string domain(session.domain()), id = wanted.app_service_id;
  if (!parts_.services.find(id)) throw_failure(Errc::kNotFound, "{} is not installed", id);
  bool own = false;
  for (const auto& row : parts_.instances.of_service(id)) {
    if (row.domain != domain)
      throw_failure(Errc::kDenied, "{} is shared with other domains: only the platform's admin can update it",
                    id);
    own = own || !row.is_deleted();
  }
  if (!own) throw_failure(Errc::kDenied, "domain {} has no instance of {}", domain, id);
  std::string by = who(session);
  const std::string version = !wanted.version.build.empty() ? wanted.version.build : wanted.version.id;
  const auto job = or_throw(co_await parts_.service_jobs.install(id, version, by));
  co_await wait_for_job(parts_, job.id);
  if (const Service* service = parts_.services.find(id)) {
    auto updated = api::format_message(service_installed(parts_, *service));
    updated["mt"] = "ServiceUpdated";
    session.reply(message, std::move(updated));
  }
  session.reply(message, {});
}

// Removes the caller's instances; the service goes with the last instance of all.
Task<void> DomainApiEndpoint::remove(sdk::AppSession& session, sdk::Message message) {
  const std::string id(message.text("appServiceID")), domain(session.domain());
  const std::string asked(message.text("domain"));
  if (!asked.empty() && asked != domain)
    throw_failure(Errc::kDenied, "this session is of domain {}, not of {}", domain, asked);
  const Service* service = parts_.services.find(id);
  if (!service) throw_failure(Errc::kNotFound, "{} is not installed", id);
  const std::string filename = service->row().program;
  std::string by = who(session);
  const auto rows = parts_.instances.of_service(id);
  for (const auto& row : rows) {
    if (row.domain != domain || row.is_deleted()) continue;
    const auto job = or_throw(co_await parts_.instance_jobs.remove(row.name, row.domain, false, by));
    co_await wait_for_job(parts_, job.id);
  }
  // While its data are in the bin the service stays: without it they could not be brought back.
  if (parts_.instances.of_service(id).empty()) {
    const auto job = or_throw(co_await parts_.service_jobs.remove(id, by));
    co_await wait_for_job(parts_, job.id);
    session.reply(message, {{"mt", "ServiceRemoved"}, {"filename", filename}, {"appServiceID", id}});
  }
  session.reply(message, {});
}

}  // namespace berth::manager
