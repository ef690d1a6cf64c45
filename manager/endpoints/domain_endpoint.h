#pragma once

#include "berth/app_endpoint.h"
#include "manager/platform/parts.h"

namespace berth::manager {

// /manager/manager-domain: PBX domains register a password of their own, by which they are let into multi-domain
// instances (reference/manager-api.md section 2). Anybody may connect (password "-"); the admin's password is in the message.
class DomainEndpoint : public sdk::AppEndpoint {
 public:
  explicit DomainEndpoint(Parts& parts) : parts_(parts) {}
  loop::Task<std::vector<std::string>> passwords(sdk::AppInstance& instance, sdk::Login login) override;
  Result<void> admit(sdk::AppInstance& instance, const sdk::Login& login) override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;

 private:
  loop::Task<void> register_domain(sdk::AppSession& session, sdk::Message message);
  Parts& parts_;
  std::map<std::string, int> failures_;  // by peer address, for the delay
};

}  // namespace berth::manager
