// Where everything of one platform lies below its root (docs/architecture.md).
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// Paths of one root; plain text, no I/O. `root` is the path by which every process of the platform
// can reach it; `shown` the one the admin gave. They differ when the admin's path cannot be reached
// by other users (see open_root).
struct Layout {
  std::string root;
  std::string shown;

  std::string etc() const { return root + "/etc/berth"; }
  std::string secret_key() const { return etc() + "/secret.key"; }
  std::string library() const { return root + "/var/lib/berth"; }
  std::string pgsql() const { return library() + "/pgsql"; }
  std::string apps() const { return library() + "/apps"; }
  std::string app(std::string_view service) const { return apps() + "/" + std::string(service); }
  std::string reserve() const { return library() + "/reserve"; }
  std::string monitor() const { return library() + "/monitor"; }
  std::string backup() const { return library() + "/backup"; }
  std::string downloads() const { return library() + "/downloads"; }
  std::string work() const { return library() + "/work"; }  // a writable folder per instance
  // That of the instance with this database, whose name may be any text: '/' and '%' are percent-encoded, and "." and ".."
  // are, so that it is one folder below its service's.
  std::string work_of(std::string_view service, std::string_view database) const;
  std::string logs() const { return root + "/var/log/berth"; }
  std::string log(std::string_view service) const { return logs() + "/" + std::string(service); }
  std::string core_dumps() const { return logs() + "/core_dumps"; }
  std::string run() const { return root + "/run/berth"; }
  // What a sandboxed app finds of run(): sockets of the manager and the webserver, and nothing else.
  std::string app_sockets() const { return run() + "/apps"; }
  std::string control_socket() const { return app_sockets() + "/control.sock"; }
  std::string manager_socket() const { return run() + "/manager.sock"; }
  std::string pgsql_sockets() const { return run() + "/pgsql"; }
  // Folder of the socket by which a job reaches another platform's database; short, as socket paths are.
  std::string move_socket(const std::string& job) const { return run() + "/m" + job; }
  std::string processes() const { return run() + "/processes.json"; }
  std::string starting() const { return run() + "/starting"; }
  std::string webserver_state() const { return run() + "/webserver.sealed"; }
  std::string lock() const { return run() + "/manager.lock"; }
};

// The longest root by which all sockets stay below the 107 bytes of sockaddr_un (unix(7)).
inline constexpr std::size_t kLongestRoot = 107 - std::string_view("/run/berth/pgsql/.s.PGSQL.5432").size();

// Creates the folders of `directory` and gives their layout. As root (`is_root`), when the folder
// cannot be reached by other users (an ancestor without o+x, as mktemp -d makes them) or its path is
// too long for sockets, the calling thread moves into a private mount namespace and binds the folder
// to /run/berth-<hash>; sockets in it still work from outside by the admin's path, because they are
// the same inodes. Call before any thread is started. Errors say what to do instead.
Result<Layout> open_root(const std::string& directory, bool is_root);

// True if every ancestor of `path`, and itself, may be traversed by users that are not its owner.
bool is_reachable_by_others(const std::string& path);

// Holds the root for one manager. kConflict names the other one's pid. Goes with the process, however it ends.
Result<UniqueFd> lock_root(const Layout& layout);

}  // namespace berth::manager
