// App services: installed programs, one process each, and one for each isolated instance.
#pragma once

#include "api/job.h"
#include "api/json.h"
#include "api/state.h"

namespace berth::api {

// One app of a service.
struct ServiceApp {
  static constexpr std::string_view kName = "ServiceApp";
  std::string name;  // the page is <name>.htm
  std::string title;
  bool websocket_only = false;
  static constexpr auto fields() {
    return std::tuple(field("name", &ServiceApp::name), with_default("title", &ServiceApp::title),
                      with_default("websocketOnly", &ServiceApp::websocket_only));
  }
};

struct SandboxLayer {
  static constexpr std::string_view kName = "SandboxLayer";
  std::string layer;
  LayerState state = LayerState{};
  std::string why;  // reason if it is not on
  static constexpr auto fields() {
    return std::tuple(field("layer", &SandboxLayer::layer), with_default("state", &SandboxLayer::state),
                      with_default("why", &SandboxLayer::why));
  }
};

// The process of an isolated instance.
struct ServiceProcess {
  static constexpr std::string_view kName = "ServiceProcess";
  std::string name;      // of logs, checks and crash reports: the service's id, '~' and digits
  std::string instance;  // "team@example.com"
  ServiceState state = ServiceState{};
  std::optional<std::int64_t> pid;
  std::optional<std::string> started_at;
  std::uint64_t restarts = 0;
  std::optional<std::string> last_exit;
  std::uint64_t memory_bytes = 0;
  std::uint64_t sessions = 0;
  static constexpr auto fields() {
    return std::tuple(
        field("name", &ServiceProcess::name), with_default("instance", &ServiceProcess::instance),
        with_default("state", &ServiceProcess::state), field("pid", &ServiceProcess::pid),
        field("startedAt", &ServiceProcess::started_at), with_default("restarts", &ServiceProcess::restarts),
        field("lastExit", &ServiceProcess::last_exit),
        with_default("memoryBytes", &ServiceProcess::memory_bytes),
        with_default("sessions", &ServiceProcess::sessions));
  }
};

struct Service {
  static constexpr std::string_view kName = "Service";
  std::string id;
  std::string title;
  std::string manufacturer;
  ServiceState state = ServiceState{};
  std::string build;
  std::string label;
  std::optional<std::int64_t> pid;
  std::optional<std::string> started_at;
  std::uint64_t restarts = 0;
  std::optional<std::string> last_exit;  // "signal 9 (Killed)"; absent if it never ended by itself
  std::uint64_t memory_bytes = 0;        // of all its processes
  std::uint64_t sessions = 0;
  std::string icon;  // URL path on the platform
  std::vector<ServiceApp> apps;
  std::vector<SandboxLayer> sandbox;
  std::optional<std::string> signer;  // absent: not signed
  std::uint64_t instances = 0;
  std::vector<ServiceProcess> processes;  // of isolated instances
  static constexpr auto fields() {
    return std::tuple(field("id", &Service::id), with_default("title", &Service::title),
                      with_default("manufacturer", &Service::manufacturer), field("state", &Service::state),
                      with_default("build", &Service::build), with_default("label", &Service::label),
                      field("pid", &Service::pid), field("startedAt", &Service::started_at),
                      with_default("restarts", &Service::restarts), field("lastExit", &Service::last_exit),
                      with_default("memoryBytes", &Service::memory_bytes),
                      with_default("sessions", &Service::sessions), with_default("icon", &Service::icon),
                      with_default("apps", &Service::apps), with_default("sandbox", &Service::sandbox),
                      field("signer", &Service::signer), with_default("instances", &Service::instances),
                      with_default("processes", &Service::processes));
  }
};

struct GetServicesResult {
  static constexpr std::string_view kMt = "GetServicesResult";
  std::vector<Service> services;
  static constexpr auto fields() { return std::tuple(field("services", &GetServicesResult::services)); }
};

struct GetServices {
  static constexpr std::string_view kMt = "GetServices";
  using Answer = GetServicesResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct InstallAppResult {
  static constexpr std::string_view kMt = "InstallAppResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &InstallAppResult::job)); }
};

// Download, verify, unpack, keep, start; or update if it is installed.
struct InstallApp {
  static constexpr std::string_view kMt = "InstallApp";
  using Answer = InstallAppResult;
  std::string id;                      // of the store
  std::optional<std::string> version;  // id of an element of versions; absent: the first
  static constexpr auto fields() {
    return std::tuple(field("id", &InstallApp::id), field("version", &InstallApp::version));
  }
};

struct InstallPackageResult {
  static constexpr std::string_view kMt = "InstallPackageResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &InstallPackageResult::job)); }
};

// With the descriptor of the package file; by manager.sock only (else HTTP package).
struct InstallPackage {
  static constexpr std::string_view kMt = "InstallPackage";
  using Answer = InstallPackageResult;
  std::optional<std::string> name;  // id of the app; absent: the only one in the package
  static constexpr auto fields() { return std::tuple(field("name", &InstallPackage::name)); }
};

struct StartServiceResult {
  static constexpr std::string_view kMt = "StartServiceResult";
  std::optional<Job> job;
  static constexpr auto fields() { return std::tuple(field("job", &StartServiceResult::job)); }
};

struct StartService {
  static constexpr std::string_view kMt = "StartService";
  using Answer = StartServiceResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &StartService::id)); }
};

struct StopServiceResult {
  static constexpr std::string_view kMt = "StopServiceResult";
  std::optional<Job> job;
  static constexpr auto fields() { return std::tuple(field("job", &StopServiceResult::job)); }
};

struct StopService {
  static constexpr std::string_view kMt = "StopService";
  using Answer = StopServiceResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &StopService::id)); }
};

struct RestartServiceResult {
  static constexpr std::string_view kMt = "RestartServiceResult";
  std::optional<Job> job;
  static constexpr auto fields() { return std::tuple(field("job", &RestartServiceResult::job)); }
};

struct RestartService {
  static constexpr std::string_view kMt = "RestartService";
  using Answer = RestartServiceResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &RestartService::id)); }
};

// Where berth service shell goes in.
struct OpenServiceShellResult {
  static constexpr std::string_view kMt = "OpenServiceShellResult";
  std::int64_t pid = 0;   // of the service's program: its namespaces
  std::int64_t uid = 0;   // as whom it runs
  std::string directory;  // its work folder
  std::string ends;       // when shells must end; empty: never by themselves
  static constexpr auto fields() {
    return std::tuple(field("pid", &OpenServiceShellResult::pid), field("uid", &OpenServiceShellResult::uid),
                      field("directory", &OpenServiceShellResult::directory),
                      with_default("ends", &OpenServiceShellResult::ends));
  }
};

// kDenied unless the setting appSecurityOff is on. It is an event.
struct OpenServiceShell {
  static constexpr std::string_view kMt = "OpenServiceShell";
  using Answer = OpenServiceShellResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &OpenServiceShell::id)); }
};

struct RemoveServiceResult {
  static constexpr std::string_view kMt = "RemoveServiceResult";
  std::optional<Job> job;
  static constexpr auto fields() { return std::tuple(field("job", &RemoveServiceResult::job)); }
};

// kConflict while it has instances.
struct RemoveService {
  static constexpr std::string_view kMt = "RemoveService";
  using Answer = RemoveServiceResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &RemoveService::id)); }
};

struct ServiceChanged {
  static constexpr std::string_view kMt = "ServiceChanged";
  Service service;
  static constexpr auto fields() { return std::tuple(field("service", &ServiceChanged::service)); }
};

struct ServiceRemoved {
  static constexpr std::string_view kMt = "ServiceRemoved";
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &ServiceRemoved::id)); }
};

}  // namespace berth::api
