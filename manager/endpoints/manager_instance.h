// The manager as a service on the SDK: its pages, its AppWebsockets, its HTTP requests.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "berth/app_instance.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

class DomainEndpoint;
class DomainApiEndpoint;
class Forwards;
class LineHandler;

// At /manager: the admin's page and AppWebsocket, keyed HTTP, and below it manager-domain and manager-domain-api.
class ManagerInstance : public sdk::AppInstance {
 public:
  ManagerInstance(sdk::AppService& service, sdk::InstanceArguments arguments, Admin& admin);
  ~ManagerInstance() override;

  loop::Task<void> started() override;
  // The admin's password, for app "manager" only (reference/manager-api.md, "Password rules").
  loop::Task<std::vector<std::string>> passwords(sdk::AppInstance& instance, sdk::Login login) override;
  Result<void> admit(sdk::AppInstance& instance, const sdk::Login& login) override;
  loop::Task<void> opened(sdk::AppSession& session) override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;
  void closed(sdk::AppSession& session) override;

  // Ends all admin sessions but that of `by`.
  void end_sessions(const AdminPeer& by);

  // HTTP below /manager, and by its alias from the root.
  loop::Task<void> serve_http(sdk::HttpRequest& request, sdk::HttpResponse& response);

  // /metrics, /healthz and /readyz, below /manager and at the root.
  static bool is_monitor_path(std::string_view path);
  loop::Task<void> serve_monitor(sdk::HttpRequest& request, sdk::HttpResponse& response);

  // Did one of our sessions give out this key?
  bool is_key(const std::string& key) const;

 private:
  class SessionPeer;
  // Whose session gave out the key, for journals. Throws Failure(kDenied) if none did.
  std::string check_key(const std::optional<std::string>& key) const;
  loop::Task<void> serve_backup(sdk::HttpRequest& request, sdk::HttpResponse& response);
  // By an address that serves once; who has it needs no other key.
  loop::Task<void> serve_download(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> serve_restore(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> serve_dump(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> serve_package(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> serve_icon(sdk::HttpResponse& response, std::string path);
  loop::Task<std::string> take_upload(sdk::HttpRequest& request, std::uint64_t limit_bytes);
  void tell_restore(std::string src, std::optional<std::string> error);
  loop::Task<void> follow_restore(std::string job, std::string src);

  Admin& admin_;
  std::unique_ptr<DomainEndpoint> domain_;
  std::unique_ptr<DomainApiEndpoint> domain_api_;
  std::unique_ptr<LineHandler> lines_;
};

// At /: redirect to the UI, the keyed HTTP requests by their names at the root, 503 for apps that are just starting, and
// clients of instances that leave or have left.
class RootInstance : public sdk::AppInstance {
 public:
  RootInstance(sdk::AppService& service, sdk::InstanceArguments arguments, ManagerInstance*& manager,
               const Instances& instances, Forwards& forwards)
      : AppInstance(service, std::move(arguments)),
        manager_(manager),
        instances_(instances),
        forwards_(forwards) {}
  loop::Task<void> started() override;
  loop::Task<void> stopping() override;

 private:
  ManagerInstance*& manager_;
  const Instances& instances_;
  Forwards& forwards_;
};

}  // namespace berth::manager
