// Messages of the original App Platform that existing clients send. Spellings are the wire's.
#pragma once

#include "api/status.h"
#include "api/store.h"

namespace berth::api {

struct AppPlatformInfoResult : Status {
  static constexpr std::string_view kName = "AppPlatformInfoResult";
  static constexpr std::string_view kMt = "AppPlatformInfoResult";
  std::string platform;  // arm, arm64, x86_64
  std::string platform_label;
  std::string label;
  std::string mac;
  std::string timezone;
  static constexpr auto fields() {
    return std::tuple_cat(Status::fields(),
                          std::tuple(with_default("platform", &AppPlatformInfoResult::platform),
                                     with_default("platformLabel", &AppPlatformInfoResult::platform_label),
                                     with_default("label", &AppPlatformInfoResult::label),
                                     with_default("mac", &AppPlatformInfoResult::mac),
                                     with_default("timezone", &AppPlatformInfoResult::timezone)));
  }
};

struct AppPlatformInfoRequest {
  static constexpr std::string_view kMt = "AppPlatformInfoRequest";
  using Answer = AppPlatformInfoResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct RequestHttpKeyResult {
  static constexpr std::string_view kMt = "RequestHttpKeyResult";
  std::string key;  // for HTTP backup, restore, dbdump, package; valid while the session is open
  static constexpr auto fields() { return std::tuple(field("key", &RequestHttpKeyResult::key)); }
};

struct RequestHttpKey {
  static constexpr std::string_view kMt = "RequestHttpKey";
  using Answer = RequestHttpKeyResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct AppStoreApp {
  static constexpr std::string_view kName = "AppStoreApp";
  std::string name;
  std::string title;
  static constexpr auto fields() {
    return std::tuple(field("name", &AppStoreApp::name), with_default("title", &AppStoreApp::title));
  }
};

// One for each app of the store, before AppStoreResult, under the request's src.
struct AppStoreServiceAdded {
  static constexpr std::string_view kMt = "AppStoreServiceAdded";
  std::string id;
  std::string folder;
  std::string binary;
  std::string title;
  std::string manufacturer;
  std::string infourl;
  std::string logo;
  std::vector<StoreVersion> versions;
  StoreAppState state;
  std::string support;
  std::string requirement;
  std::string license_info;
  std::string license_type;
  std::string eula;
  std::vector<std::string> langs;
  std::vector<std::string> categories;
  std::vector<AppStoreApp> apps;
  static constexpr auto fields() {
    return std::tuple(field("id", &AppStoreServiceAdded::id),
                      with_default("folder", &AppStoreServiceAdded::folder),
                      with_default("binary", &AppStoreServiceAdded::binary),
                      with_default("title", &AppStoreServiceAdded::title),
                      with_default("manufacturer", &AppStoreServiceAdded::manufacturer),
                      with_default("infourl", &AppStoreServiceAdded::infourl),
                      with_default("logo", &AppStoreServiceAdded::logo),
                      with_default("versions", &AppStoreServiceAdded::versions),
                      with_default("state", &AppStoreServiceAdded::state),
                      with_default("support", &AppStoreServiceAdded::support),
                      with_default("requirement", &AppStoreServiceAdded::requirement),
                      with_default("licenseInfo", &AppStoreServiceAdded::license_info),
                      with_default("licenseType", &AppStoreServiceAdded::license_type),
                      with_default("eula", &AppStoreServiceAdded::eula),
                      with_default("langs", &AppStoreServiceAdded::langs),
                      with_default("categories", &AppStoreServiceAdded::categories),
                      with_default("apps", &AppStoreServiceAdded::apps));
  }
};

struct AppStoreResult {
  static constexpr std::string_view kMt = "AppStoreResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct RequestAppStore {
  static constexpr std::string_view kMt = "RequestAppStore";
  using Answer = AppStoreResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct InstallServiceResult {
  static constexpr std::string_view kMt = "InstallServiceResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct InstallService {
  static constexpr std::string_view kMt = "InstallService";
  using Answer = InstallServiceResult;
  std::string app_service_id;
  std::string title;
  std::string folder;
  std::string binary;
  std::string manufacturer;
  StoreVersion version;
  std::vector<std::string> copy;
  bool user_agreement_accepted = false;
  std::string domain;  // only on manager-domain-api
  static constexpr auto fields() {
    return std::tuple(
        field("appServiceID", &InstallService::app_service_id), with_default("title", &InstallService::title),
        with_default("folder", &InstallService::folder), with_default("binary", &InstallService::binary),
        with_default("manufacturer", &InstallService::manufacturer),
        with_default("version", &InstallService::version), with_default("copy", &InstallService::copy),
        with_default("userAgreementAccepted", &InstallService::user_agreement_accepted),
        with_default("domain", &InstallService::domain));
  }
};

struct ServiceInstalled {
  static constexpr std::string_view kMt = "ServiceInstalled";
  std::string filename;
  std::string app_service_id;
  std::string title;
  std::int64_t initila_status = 0;
  std::int64_t initial_status = 0;
  std::int64_t current_status = 0;
  std::string manufacturere;
  std::string manufacturer;
  std::uint64_t start_time = 0;  // ms since 1970
  std::vector<StoreVersion> versions;
  static constexpr auto fields() {
    return std::tuple(with_default("filename", &ServiceInstalled::filename),
                      field("appServiceID", &ServiceInstalled::app_service_id),
                      with_default("title", &ServiceInstalled::title),
                      with_default("initilaStatus", &ServiceInstalled::initila_status),
                      with_default("initialStatus", &ServiceInstalled::initial_status),
                      with_default("currentStatus", &ServiceInstalled::current_status),
                      with_default("manufacturere", &ServiceInstalled::manufacturere),
                      with_default("manufacturer", &ServiceInstalled::manufacturer),
                      with_default("startTime", &ServiceInstalled::start_time),
                      with_default("versions", &ServiceInstalled::versions));
  }
};

struct AddInstanceResult {
  static constexpr std::string_view kMt = "AddInstanceResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct AddInstance {
  static constexpr std::string_view kMt = "AddInstance";
  using Answer = AddInstanceResult;
  std::string app_service_id;
  std::string app_name;
  std::string app_domain;
  Password app_password;
  std::string webserver_path;  // with or without leading slash
  std::string db_host;         // empty: the platform's own
  std::string db_name;
  std::string db_user;
  Password db_password;
  std::uint64_t log_flags = 0;
  bool exclude_from_backup = false;
  static constexpr auto fields() {
    return std::tuple(
        field("appServiceID", &AddInstance::app_service_id), field("appName", &AddInstance::app_name),
        field("appDomain", &AddInstance::app_domain), field("appPassword", &AddInstance::app_password),
        with_default("webserverPath", &AddInstance::webserver_path),
        with_default("dbHost", &AddInstance::db_host), with_default("dbName", &AddInstance::db_name),
        with_default("dbUser", &AddInstance::db_user), with_default("dbPassword", &AddInstance::db_password),
        with_default("logFlags", &AddInstance::log_flags),
        with_default("excludeFromBackup", &AddInstance::exclude_from_backup));
  }
};

struct StartInstanceResult {
  static constexpr std::string_view kMt = "StartInstanceResult";
  static constexpr auto fields() { return std::tuple(); }
};

struct StartInstance {
  static constexpr std::string_view kMt = "StartInstance";
  using Answer = StartInstanceResult;
  std::string app_service_id;
  std::string app_name;
  std::string app_domain;
  static constexpr auto fields() {
    return std::tuple(with_default("appServiceID", &StartInstance::app_service_id),
                      field("appName", &StartInstance::app_name),
                      field("appDomain", &StartInstance::app_domain));
  }
};

}  // namespace berth::api
