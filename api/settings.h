// Settings of the platform, its certificate, and the admin's password.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

struct Setting {
  static constexpr std::string_view kName = "Setting";
  std::string name;
  std::string value;  // as text; empty if secret
  SettingType type = SettingType{};
  std::string default_value;
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> max;
  std::vector<std::string> choices;
  bool secret = false;
  std::string text;  // what it is, for people
  static constexpr auto fields() {
    return std::tuple(field("name", &Setting::name), with_default("value", &Setting::value),
                      with_default("type", &Setting::type), with_default("default", &Setting::default_value),
                      field("min", &Setting::min), field("max", &Setting::max),
                      with_default("choices", &Setting::choices), with_default("secret", &Setting::secret),
                      with_default("text", &Setting::text));
  }
};

struct GetSettingsResult {
  static constexpr std::string_view kMt = "GetSettingsResult";
  std::vector<Setting> settings;
  static constexpr auto fields() { return std::tuple(field("settings", &GetSettingsResult::settings)); }
};

struct GetSettings {
  static constexpr std::string_view kMt = "GetSettings";
  using Answer = GetSettingsResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct SetSettingResult {
  static constexpr std::string_view kMt = "SetSettingResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct SetSetting {
  static constexpr std::string_view kMt = "SetSetting";
  using Answer = SetSettingResult;
  std::string name;
  std::string value;
  static constexpr auto fields() {
    return std::tuple(field("name", &SetSetting::name), field("value", &SetSetting::value));
  }
};

struct SetAdminPasswordResult {
  static constexpr std::string_view kMt = "SetAdminPasswordResult";
  static constexpr auto fields() { return std::tuple(); }
};

// Other admin sessions end.
struct SetAdminPassword {
  static constexpr std::string_view kMt = "SetAdminPassword";
  using Answer = SetAdminPasswordResult;
  Password password;
  static constexpr auto fields() { return std::tuple(field("password", &SetAdminPassword::password)); }
};

// One certificate of the chain, the server's first.
struct Certificate {
  static constexpr std::string_view kName = "Certificate";
  std::string subject;
  std::string issuer;
  std::string not_after;
  std::string fingerprint;  // SHA-256, hex with colons
  std::vector<std::string> names;
  static constexpr auto fields() {
    return std::tuple(field("subject", &Certificate::subject), with_default("issuer", &Certificate::issuer),
                      with_default("notAfter", &Certificate::not_after),
                      with_default("fingerprint", &Certificate::fingerprint),
                      with_default("names", &Certificate::names));
  }
};

struct GetCertificateResult {
  static constexpr std::string_view kMt = "GetCertificateResult";
  std::vector<Certificate> chain;
  static constexpr auto fields() { return std::tuple(field("chain", &GetCertificateResult::chain)); }
};

struct GetCertificate {
  static constexpr std::string_view kMt = "GetCertificate";
  using Answer = GetCertificateResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct SetCertificateResult {
  static constexpr std::string_view kMt = "SetCertificateResult";
  std::vector<Certificate> chain;
  static constexpr auto fields() { return std::tuple(with_default("chain", &SetCertificateResult::chain)); }
};

struct SetCertificate {
  static constexpr std::string_view kMt = "SetCertificate";
  using Answer = SetCertificateResult;
  std::string pem;  // chain and key
  static constexpr auto fields() { return std::tuple(field("pem", &SetCertificate::pem)); }
};

struct ResetCertificateResult {
  static constexpr std::string_view kMt = "ResetCertificateResult";
  std::vector<Certificate> chain;
  static constexpr auto fields() { return std::tuple(with_default("chain", &ResetCertificateResult::chain)); }
};

// A new self-signed one.
struct ResetCertificate {
  static constexpr std::string_view kMt = "ResetCertificate";
  using Answer = ResetCertificateResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
