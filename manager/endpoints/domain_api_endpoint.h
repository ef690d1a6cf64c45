#pragma once

#include "berth/app_endpoint.h"
#include "manager/platform/parts.h"

namespace berth::manager {

// /manager/manager-domain-api: API com.innovaphone.manager for the PBX's AP object (reference/manager-api.md section 3). A login
// is made with the password registered for its domain, or with the admin's.
class DomainApiEndpoint : public sdk::AppEndpoint {
 public:
  explicit DomainApiEndpoint(Parts& parts);
  ~DomainApiEndpoint() override;
  loop::Task<std::vector<std::string>> passwords(sdk::AppInstance& instance, sdk::Login login) override;
  Result<void> admit(sdk::AppInstance& instance, const sdk::Login& login) override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;
  sdk::AppInfo app_info(sdk::AppSession& session, std::string_view app) override;

  // Messages come with or without `api`.
  loop::Task<void> handle(sdk::AppSession& session, sdk::Message message);

 private:
  class ManagerApi;
  bool is_visible(const InstanceRow& row, std::string_view domain) const;
  const InstanceRow* find_by_path(std::string_view path, std::string_view domain) const;
  json::Object controls(std::string_view domain) const;
  json::Object instance_login(const sdk::AppSession& session, const sdk::Message& message) const;
  loop::Task<void> request_store(sdk::AppSession& session, const sdk::Message& message);
  loop::Task<void> install(sdk::AppSession& session, sdk::Message message);
  loop::Task<void> update(sdk::AppSession& session, sdk::Message message);
  loop::Task<void> remove(sdk::AppSession& session, sdk::Message message);
  loop::Task<void> agreement(sdk::AppSession& session, sdk::Message message);

  Parts& parts_;
  std::unique_ptr<ManagerApi> api_;
};

}  // namespace berth::manager
