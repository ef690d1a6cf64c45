// One app instance: name, domain, database, paths and the hooks an app fills in.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "berth/app_endpoint.h"
#include "berth/http.h"
#include "berth/websocket.h"
#include "loop/sync.h"
#include "loop/task.h"

namespace berth::db {
class Database;
class MysqlDatabase;
}  // namespace berth::db

namespace berth::sdk {

class AppService;
class InstanceRuntime;
class ServiceImpl;

// How to reach an instance's database. All empty: the instance has none.
struct DatabaseArguments {
  std::string type = "postgresql";  // or "mysql"
  std::string host;                 // folder of the Unix socket, or a host name
  int port = 5432;
  std::string name, user, password;
  std::string conninfo;  // instead of the above, for debugging (libpq connection string)
};

// What an instance may have at most; 0: no limit, or what the SDK has by itself. docs/limits.md says what happens at each.
struct InstanceLimits {
  std::uint64_t websockets = 0;            // open at once
  std::uint32_t requests = 0;              // a second: HTTP and passthrough
  std::uint32_t messages = 0;              // a second: what comes by WebSockets
  std::uint32_t database_connections = 0;  // at once; 0: 4
  std::uint32_t statement_seconds = 0;     // longest run of a statement; 0: 60
  // Its database is above its size: PostgreSQL lets it only read (SQLSTATE 25006, Errc::kNoSpace, HTTP 507).
  bool is_database_read_only = false;
  bool operator==(const InstanceLimits&) const = default;
};

struct InstanceArguments {
  std::string name, domain, password;
  std::string webserver_path;             // "/example.com/team"
  std::string grant;                      // hex, 32 bytes: allows us to attach below webserver_path
  std::vector<std::string> link_sockets;  // of the webserver's reactors
  DatabaseArguments database;
  std::string working_path;  // own folder; may be empty
  std::uint64_t log_flags = kDefaultTraceFlags;
  std::map<std::string, std::string> domains;  // registered for access: domain → password
  InstanceLimits limits;
};

// Schema changes compiled in by berth_embed_schema(); run in order of their names.
struct SchemaFile {
  std::string_view name;  // "001_notes.sql"
  std::string_view sql;
};

// How the webserver serves packed files (docs/protocols/link.md).
struct StaticSettings {
  // In every answer with a file: Content-Security-Policy and the like. At most 16, 4 KiB in all; those of the content,
  // of caching and of the connection are the webserver's.
  std::vector<std::pair<std::string, std::string>> headers;
  // Pages asked for outside the running build's directory (/team/notes.htm) are answered with a redirect into it, where
  // they may be cached for good and where CheckBuild has nothing to say.
  bool redirect_pages = false;
};

// Headers for a page of one's own files only: no inline script or style, no foreign sources, not sniffed, no referrer.
// `frame_ancestors`: who may show it in a frame (CSP level 3): "'self'", "*" for apps that portals show.
std::vector<std::pair<std::string, std::string>> strict_page_headers(std::string_view frame_ancestors);

struct InstanceCounters {
  std::uint64_t sessions = 0;    // logged in now
  std::uint64_t websockets = 0;  // open now, sessions among them
  // Since the start:
  std::uint64_t requests = 0, messages_in = 0, messages_out = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;  // of messages and of bodies
  std::uint64_t database_ms = 0;              // what its statements took
  std::uint64_t websocket_ms = 0;             // sum over its WebSockets of the time they were open
  std::uint64_t busy_us = 0;                  // time that the service worked for it
  std::uint64_t slowed = 0;                   // messages and requests that had to wait because of a limit
  std::uint64_t refused = 0;                  // WebSockets and requests answered 503 because of a limit
};

// Derive, fill in the hooks, give the class to run_service(). Made when the manager starts the
// instance, destroyed after stopping() is done.
class AppInstance : public AppEndpoint {
 public:
  AppInstance(AppService& service, InstanceArguments arguments);
  ~AppInstance() override;

  // --- hooks ---
  // The schema, run before started(). Default: none.
  virtual std::span<const SchemaFile> schema() const { return {}; }
  // Call attach_…() here, load what is needed. The instance reports "running" once this is done and
  // the webserver agreed (or is not there yet). A Failure that leaves it: the start failed.
  virtual loop::Task<void> started() { co_return; }
  // Before the instance goes. New requests are already refused, sessions are closed afterwards.
  virtual loop::Task<void> stopping() { co_return; }
  // Do the data add up? Asked in a restore drill, of an object made for that alone: its database holds what came back from a
  // backup, with the schema brought up to date; started() was not called, nobody reaches it. What is wrong, for people;
  // empty: nothing; absent: the app has no such check.
  virtual loop::Task<std::optional<std::vector<std::string>>> self_check() { co_return std::nullopt; }
  // Mask of log_flags() has changed.
  virtual void log_flags_changed() {}
  // A registered access domain was added, changed or (no password) removed.
  virtual void domain_changed(const std::string& domain) {}
  virtual void password_changed() {}
  // The webserver took a path away or refuses it (`why` says which and why); empty: all are attached again. The SDK
  // tries again by itself and tells the manager, which shows it; an app that has more to do about it does it here.
  virtual void reachability_changed(const std::string& why) {}

  // --- attaching; `path` is below the instance path, "" is the instance path itself ---
  // Packed files (berth_embed_pack) that the webserver serves alone; must stay in memory.
  void attach_static(ByteView pack, std::string path = "", StaticSettings settings = {});
  // Logins and sessions; `endpoint` absent: this instance itself.
  void attach_app_websocket(std::string path = "");
  void attach_app_websocket(std::string path, AppEndpoint& endpoint);
  // WebSockets without login.
  void attach_websocket(std::string path, WebsocketHandler& handler, WebsocketLimits limits = {});
  void attach_http(std::string path, HttpHandler handler);
  void attach_passthrough(std::string path, PassthroughHandler handler);
  void detach(const std::string& path);

  // --- what an instance knows ---
  AppService& service() const { return service_; }
  loop::Loop& loop() const;
  const std::string& name() const;
  const std::string& domain() const;
  std::string key() const;                    // "team@example.com"
  const std::string& password() const;        // a secret
  const std::string& webserver_path() const;  // "/example.com/team"
  const std::string& working_path() const;
  const std::string* domain_password(std::string_view domain) const;
  // Connects when first used, lets go after some minutes. BERTH_CHECK that there is one: mysql() for services whose
  // ServiceDescription::database_type is "mysql" (include db/mysql_database.h), database() for all others.
  db::Database& database();
  db::MysqlDatabase& mysql();
  bool has_database() const;
  // Tasks of the instance beside requests; cancelled when it goes.
  loop::TaskGroup& tasks();
  const InstanceCounters& counters() const;

  // --- log: one line "… name@domain text", into the service's log file ---
  // Is anybody interested? The log by its flags, or the flight recorder, which takes everything.
  bool traces(std::uint64_t flag) const;
  void log(std::string_view text, std::initializer_list<LogField> fields = {}) const;  // kApp
  void log(std::uint64_t flag, std::string_view text, std::initializer_list<LogField> fields = {}) const;
  // `bytes` below a line with `text`, sixteen in a row; only into the log, and only if the platform has hexdumps on. No secrets.
  void log_hexdump(std::uint64_t flag, std::string_view text, ByteView bytes) const;

  // The rule of AppEndpoint::passwords(): the instance's password, then that of the login's registered domain.
  std::vector<std::string> default_passwords(const Login& login) const;

 private:
  friend class ServiceImpl;
  AppService& service_;
  std::unique_ptr<InstanceRuntime> runtime_;
};

}  // namespace berth::sdk
