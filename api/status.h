// State of the platform as a whole.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

// A webserver that has handed over: it takes no new connections and ends with its last one.
struct Draining {
  static constexpr std::string_view kName = "Draining";
  std::uint64_t connections = 0, websockets = 0;
  std::string until;  // when it ends what is left then
  static constexpr auto fields() {
    return std::tuple(with_default("connections", &Draining::connections),
                      with_default("websockets", &Draining::websockets),
                      with_default("until", &Draining::until));
  }
};

// One process that the manager supervises, or the manager itself.
struct Process {
  static constexpr std::string_view kName = "Process";
  // "webserver", "postgres", "manager", a service id (of an isolated instance: with '~' and digits); "webserver-4711" (its pid) while it drains
  std::string name;
  std::optional<std::int64_t> pid;
  ServiceState state = ServiceState{};
  std::uint64_t memory_bytes = 0;  // proportional share (PSS)
  std::optional<std::string> started_at;
  std::uint64_t restarts = 0;  // starts after a death, since the last start by hand
  std::optional<Draining> draining;
  std::optional<std::string> instance;  // whose own process it is
  static constexpr auto fields() {
    return std::tuple(field("name", &Process::name), field("pid", &Process::pid),
                      with_default("state", &Process::state),
                      with_default("memoryBytes", &Process::memory_bytes),
                      field("startedAt", &Process::started_at), with_default("restarts", &Process::restarts),
                      field("draining", &Process::draining), field("instance", &Process::instance));
  }
};

// One finding about the health of the platform, with its remedy.
struct Check {
  static constexpr std::string_view kName = "Check";
  std::string id;
  Severity severity = Severity{};
  std::string text;
  std::string why;                  // why it matters; may be empty
  std::string fix;                  // what to do about it
  std::string command;              // the command line that does it; may be empty
  std::vector<std::string> values;  // particulars of `text`, `why` and `fix`, for translations by `id`
  bool is_accepted = false;         // an admin knows it and wants to hear no more (setting acceptedChecks)
  static constexpr auto fields() {
    return std::tuple(field("id", &Check::id), field("severity", &Check::severity),
                      with_default("text", &Check::text), with_default("why", &Check::why),
                      with_default("fix", &Check::fix), with_default("command", &Check::command),
                      with_default("values", &Check::values), with_default("accepted", &Check::is_accepted));
  }
};

// The file system that holds the database.
struct Disk {
  static constexpr std::string_view kName = "Disk";
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  static constexpr auto fields() {
    return std::tuple(with_default("totalBytes", &Disk::total_bytes),
                      with_default("freeBytes", &Disk::free_bytes));
  }
};

// A switch that lowers the guard of the whole platform, and is on.
struct Mode {
  static constexpr std::string_view kName = "Mode";
  std::string setting;  // developerMode, appSecurityOff
  std::string ends;     // when it is switched off by itself; empty: never
  static constexpr auto fields() {
    return std::tuple(field("setting", &Mode::setting), with_default("ends", &Mode::ends));
  }
};

struct Status {
  static constexpr std::string_view kName = "Status";
  PlatformState state = PlatformState{};
  std::string version;
  std::string build;
  std::string root;          // folder that holds everything
  std::uint64_t uptime = 0;  // seconds since the manager started
  int http = 0;              // port bound, 0 = none
  int https = 0;
  std::string url;          // of the manager's page
  std::string fingerprint;  // SHA-256 of the certificate, hex with colons
  std::string dns;
  std::vector<Process> processes;
  std::uint64_t services = 0;
  std::uint64_t instances = 0;
  Disk disk;
  bool developer_mode = false;
  std::vector<Mode> modes;
  std::vector<Check> checks;
  static constexpr auto fields() {
    return std::tuple(field("state", &Status::state), with_default("version", &Status::version),
                      with_default("build", &Status::build), with_default("root", &Status::root),
                      with_default("uptime", &Status::uptime), with_default("http", &Status::http),
                      with_default("https", &Status::https), with_default("url", &Status::url),
                      with_default("fingerprint", &Status::fingerprint), with_default("dns", &Status::dns),
                      with_default("processes", &Status::processes),
                      with_default("services", &Status::services),
                      with_default("instances", &Status::instances), with_default("disk", &Status::disk),
                      with_default("developerMode", &Status::developer_mode),
                      with_default("modes", &Status::modes), with_default("checks", &Status::checks));
  }
};

struct GetStatusResult {
  static constexpr std::string_view kMt = "GetStatusResult";
  Status status;
  static constexpr auto fields() { return std::tuple(field("status", &GetStatusResult::status)); }
};

struct GetStatus {
  static constexpr std::string_view kMt = "GetStatus";
  using Answer = GetStatusResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct StatusChanged {
  static constexpr std::string_view kMt = "StatusChanged";
  Status status;
  static constexpr auto fields() { return std::tuple(field("status", &StatusChanged::status)); }
};

}  // namespace berth::api
