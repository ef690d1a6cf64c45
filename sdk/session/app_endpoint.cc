#include "berth/app_endpoint.h"

#include "berth/app_instance.h"

namespace berth::sdk {

AppEndpoint::~AppEndpoint() = default;

loop::Task<std::vector<std::string>> AppEndpoint::passwords(AppInstance& instance, Login login) {
  co_return instance.default_passwords(login);
}

Result<void> AppEndpoint::admit(AppInstance&, const Login&) { return {}; }
loop::Task<void> AppEndpoint::opened(AppSession&) { co_return; }

loop::Task<void> AppEndpoint::received(AppSession& session, Message message) {
  session.instance().log(kAppWebsocket, "unknown message ignored", {{"mt", message.mt()}});
  co_return;
}

void AppEndpoint::closed(AppSession&) {}

AppInfo AppEndpoint::app_info(AppSession&, std::string_view) {
  AppInfo info;
  for (const Api* api : apis_)
    if (auto properties = api->announced()) info.apis[api->name()] = std::move(*properties);
  return info;
}

void AppEndpoint::add_api(Api& api) { apis_.push_back(&api); }

Api* AppEndpoint::find_api(std::string_view name) const {
  for (Api* api : apis_)
    if (api->name() == name) return api;
  return nullptr;
}

void AppEndpoint::broadcast(const json::Object& message) { sdk::broadcast(sessions_, message); }

}  // namespace berth::sdk
