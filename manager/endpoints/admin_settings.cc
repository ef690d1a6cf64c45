#include "base/bytes.h"
#include "manager/endpoints/admin.h"
#include "manager/instances/names.h"

namespace berth::manager {

void Admin::add_settings() {
  on<api::GetSettings>([this](api::GetSettings, AdminRequest&) -> Task<api::GetSettingsResult> {
    api::GetSettingsResult result;
    result.settings = parts_.settings.list();
    co_return result;
  });
  on<api::SetSetting>([this](api::SetSetting message, AdminRequest&) -> Task<api::SetSettingResult> {
    or_throw(co_await parts_.settings.set(message.name, message.value));
    status_changed();
    co_return api::SetSettingResult{};
  });
  on<api::SetAdminPassword>(
      [this](api::SetAdminPassword message, AdminRequest& request) -> Task<api::SetAdminPasswordResult> {
        std::string password = or_throw(request.peer.open_secret(message.password));
        or_throw(check_password(password));
        if (password.size() < 8)
          throw_failure(Errc::kMalformed, "the admin password needs at least 8 characters");
        co_await parts_.settings.set_secret(kAdminPasswordRow, std::move(password));
        if (parts_.admin_password_changed) parts_.admin_password_changed(request.peer);
        co_return api::SetAdminPasswordResult{};
      });
  on<api::GetCertificate>([this](api::GetCertificate, AdminRequest&) -> Task<api::GetCertificateResult> {
    api::GetCertificateResult result;
    result.chain = parts_.certificates.chain();
    co_return result;
  });
  on<api::SetCertificate>(
      [this](api::SetCertificate message, AdminRequest&) -> Task<api::SetCertificateResult> {
        or_throw(co_await parts_.certificates.set(message.pem));
        status_changed();
        api::SetCertificateResult result;
        result.chain = parts_.certificates.chain();
        co_return result;
      });
  on<api::GetCommandFile>([this](api::GetCommandFile, AdminRequest&) -> Task<api::GetCommandFileResult> {
    co_return api::GetCommandFileResult{parts_.commands.report()};
  });
  on<api::RunCommandFile>(
      [this](api::RunCommandFile, AdminRequest& request) -> Task<api::RunCommandFileResult> {
        auto outcome = co_await parts_.commands.run_now(request.peer.who());
        api::RunCommandFileResult result;
        result.report = std::move(outcome.report);
        result.job = std::move(outcome.job);
        co_return result;
      });
  on<api::ResetCertificate>(
      [this](api::ResetCertificate, AdminRequest&) -> Task<api::ResetCertificateResult> {
        co_await parts_.certificates.reset();
        status_changed();
        api::ResetCertificateResult result;
        result.chain = parts_.certificates.chain();
        co_return result;
      });
}

}  // namespace berth::manager
