// One app service: a process with its instances.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "berth/app_instance.h"
#include "loop/loop.h"

namespace berth::sdk {

// A page (or, with websocket_only, a mere AppWebsocket role) of the service.
struct AppDescription {
  std::string name;  // last part of its URL, without ".htm"
  std::string title;
  bool websocket_only = false;
};

// A script for PBX Manager pages.
struct PluginDescription {
  std::string js, icon, lang;  // file names, js and lang without ".js"
  bool wildcard = false;       // visible in PBXs of every registered domain
  std::string api;
};

struct ServiceDescription {
  std::string id;  // "notes"
  std::string title;
  std::string build = "0";  // hexadecimal digits
  std::string label;        // "1.0"
  std::vector<AppDescription> apps;
  std::vector<PluginDescription> plugins;
  // What its instances keep their data in: "postgresql", or "mysql" (also MariaDB). The platform gives no instance a
  // database of the other type.
  std::string database_type = "postgresql";
};

struct ServiceArguments {
  std::string service;                           // --service; default: ServiceDescription::id
  std::string manager;                           // --manager: the manager's control socket; empty: alone
  std::string log_dir;                           // --log-dir; empty: stderr
  std::uint64_t log_file_bytes = 1 << 20;        // --log-file-size
  int log_files = 5;                             // --log-files
  std::uint64_t log_flags = kDefaultTraceFlags;  // --log-flags
  bool disable_hexdumps = false;                 // --disable-hexdumps true
  // Of the flight recorder's ring; 0: none. From the environment, BERTH_FLIGHT_RECORDER: a service that does not know it runs
  // without.
  std::size_t flight_recorder_bytes = 0;

  // Alone, for debugging: one instance, reached at http://127.0.0.1:PORT/<domain>/<name>/.
  bool alone = false;
  std::string db;                    // --db CONNINFO
  int port = 0;                      // --port N; 0: any, printed
  std::string name = "debug";        // --name
  std::string domain = "localhost";  // --domain
  std::string password_file;         // --password-file; absent: a random one is printed
  std::string webserver;             // --webserver PATH; default: berth-webserver beside our binary
};
// Errors: kMalformed with a text for the terminal.
Result<ServiceArguments> parse_service_arguments(int argc, const char* const* argv);

// What the manager says of the platform.
struct PlatformInfo {
  std::string dns;
  std::string timezone;
  bool segfaulted = false;  // our last run ended by a crash
};

struct Alarm {
  enum class Type : std::uint8_t { kSet = 0, kClear = 1, kEvent = 2 };
  enum class Severity : std::uint8_t { kIndeterminate = 0, kMajor = 1, kCritical = 2 };
  Type type = Type::kSet;
  Severity severity = Severity::kMajor;
  std::uint16_t code = 0;
  std::string text;
  json::Object details;
};

class ServiceImpl;

using InstanceFactory = std::function<std::unique_ptr<AppInstance>(class AppService&, InstanceArguments)>;

// Owned by main. Works without manager too: a main program may start instances itself (the manager
// does so for its own).
class AppService {
 public:
  AppService(loop::Loop& loop, ServiceDescription description, ServiceArguments arguments,
             InstanceFactory factory);
  ~AppService();
  AppService(const AppService&) = delete;
  AppService& operator=(const AppService&) = delete;

  loop::Loop& loop() const;
  const ServiceDescription& description() const;
  const ServiceArguments& arguments() const;
  const PlatformInfo& platform() const;

  // Makes an instance, brings its schema up to date, starts it. Errors: kExists if it runs already, or why not.
  // If cancelled the instance is gone again.
  loop::Task<Result<AppInstance*>> start_instance(InstanceArguments arguments);
  // Waits for its stopping(), at most `limit`, closes its sessions (1001) and destroys it. False if there is none.
  loop::Task<bool> stop_instance(std::string name, std::string domain,
                                 std::chrono::milliseconds limit = std::chrono::seconds(10));
  AppInstance* find_instance(std::string_view name, std::string_view domain) const;
  std::vector<AppInstance*> instances() const;

  // Applied to the running instance as the manager's messages would; false if there is none.
  bool set_log_flags(std::string_view name, std::string_view domain, std::uint64_t flags);
  bool set_password(std::string_view name, std::string_view domain, std::string password);
  bool set_database_password(std::string_view name, std::string_view domain, std::string password);
  bool set_domain(std::string_view name, std::string_view domain, std::string registered,
                  std::string password);
  bool remove_domain(std::string_view name, std::string_view domain, std::string_view registered);

  bool set_limits(std::string_view name, std::string_view domain, const InstanceLimits& limits);

  // Sockets of the webserver's reactors to keep a link to, beside those the instances name.
  void add_link_sockets(const std::vector<std::string>& paths);

  // To the manager; dropped with a log line when there is none.
  void send_alarm(const AppInstance* instance, const Alarm& alarm);
  void send_status(const AppInstance& instance, std::string status, std::string detail = {});

  // Serves until the manager or shutdown() asks for the end, and ends once all instances are stopped. run_service()
  // calls shutdown() at SIGTERM and SIGINT.
  loop::Task<void> run();
  void shutdown(std::chrono::milliseconds limit = std::chrono::seconds(10));

 private:
  friend class AppInstance;
  friend class ServiceTestAccess;
  ServiceImpl& impl() { return *impl_; }
  std::unique_ptr<ServiceImpl> impl_;
};

// The usual main(): arguments, log, loop, run. Returns the exit code.
int run_service(int argc, const char* const* argv, ServiceDescription description, InstanceFactory factory);

template <class Instance>
InstanceFactory instances_of() {
  return [](AppService& service, InstanceArguments arguments) -> std::unique_ptr<AppInstance> {
    return std::make_unique<Instance>(service, std::move(arguments));
  };
}

}  // namespace berth::sdk
