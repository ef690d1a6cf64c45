// The platform's settings: declared in one place, kept in table `config` of the manager's database.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/settings.h"
#include "berth/config.h"
#include "db/database.h"
#include "manager/settings/secret_box.h"

namespace berth::manager {

using loop::Task;

// A setting and what people are told about it.
struct SettingDeclaration {
  sdk::ConfigItem item;
  std::string text;
  // Refuses with the reason. Empty values are not asked.
  Result<void> (*check)(std::string_view value) = nullptr;
};
// All of them, in the order in which forms show them. Limits of the webserver are called "webserver.<name>".
const std::vector<SettingDeclaration>& setting_declarations();

// Names of the sealed rows; they are unmanaged: no API shows them.
inline constexpr std::string_view kCertificateRow =
    "webserverCertificate";  // of the original: deleting it resets
inline constexpr std::string_view kSelfSignedRow = "selfSignedCertificate";
inline constexpr std::string_view kAdminPasswordRow = "adminPassword";

// Owned by the manager's main.
class Settings {
 public:
  Settings(db::Database& database, const SecretBox& box);

  Task<void> load();
  const std::string& text(std::string_view name) const { return config_.text(name); }
  std::int64_t number(std::string_view name) const { return config_.number(name); }
  bool flag(std::string_view name) const { return config_.flag(name); }
  // kNotFound, kMalformed (not a value of its type; numbers outside their range too).
  Task<Result<void>> set(std::string name, std::string value);
  std::vector<api::Setting> list() const;
  void on_changed(std::function<void(const std::vector<std::string>&)> call) {
    config_.on_changed(std::move(call));
  }
  // An admin has set or forgotten the secret `name`.
  std::function<void(const std::string& name)> secret_changed;
  // For the API `Config` of the admin endpoint.
  sdk::Config& config() { return config_; }

  // Throws Failure if it cannot be unsealed. nullopt: no such row.
  Task<std::optional<std::string>> secret(std::string_view name);
  Task<void> set_secret(std::string_view name, std::string value);
  Task<void> forget_secret(std::string_view name);

 private:
  db::Database& database_;
  const SecretBox& box_;
  sdk::Config config_;
};

}  // namespace berth::manager
