// The platform's own PostgreSQL: made once, configured, found again, stopped. Who keeps it running is
// supervise/; this says what to start, when it is ready and how it ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "db/connection_options.h"
#include "loop/process.h"
#include "loop/task.h"
#include "manager/database/superuser_password.h"

namespace berth::manager {

using loop::Task;

struct ClusterSettings {
  std::string data_folder;       // <root>/var/lib/berth/pgsql
  std::string socket_folder;     // <root>/run/berth/pgsql (at most 90 bytes: sockaddr_un)
  std::string log_folder;        // <root>/var/log/berth/postgresql
  int port = 5432;               // names the socket; TCP only with listen_addresses
  std::string listen_addresses;  // empty: no TCP
  int max_connections = 200;     // 10..5000
  int shared_buffers_mb = 32;    // 8..65536
  // How many databases there are, about. Autovacuum visits each of them once in a round, whether something has happened
  // there or not: the more there are, the longer is its round (format_configuration).
  int databases = 0;
  std::string binaries = "/usr/lib/postgresql/15/bin";
  std::string user = "postgres";  // whom it runs as when we are root; not used otherwise
  // What is done with a full segment of the log; empty: nothing, it may go (manager/archive).
  std::string archive_command;
};

// A postmaster that runs on our data folder.
struct RunningPostmaster {
  pid_t pid;
  std::uint64_t start_time;  // loop::process_start_time
  bool is_ready;             // as it wrote in postmaster.pid
};

// Owned by the manager's main; used by one task at a time.
class Cluster {
 public:
  Cluster(loop::Loop& loop, ClusterSettings settings);

  // Makes folders and cluster if they are not there (initdb: UTF8, C.UTF-8, checksums, superuser
  // role `berth` by peer, everybody else scram-sha-256), and writes our settings. An initdb that a
  // power cut ended half-way is removed and done again. True if a cluster was made. Admin's lines in
  // pg_hba.conf, pg_ident.conf and postgresql.conf stay as they are. Idempotent. Throws Failure
  // (kNoSpace, kUnsupported when PostgreSQL 15 is not there or the data is of another version, …).
  // If cancelled, the next call starts again.
  Task<bool> prepare();

  // What supervise starts: program, arguments, in_child (drops to the user). prepare() came before.
  loop::SpawnOptions start_options() const;

  // The postmaster to adopt, if one lives on our data folder. A postmaster.pid that a power cut left,
  // or whose pid now belongs to another program, is nullopt (PostgreSQL takes it over by itself).
  std::optional<RunningPostmaster> find_running() const;

  // True if it answers a connection now.
  Task<bool> is_ready();
  // Until it answers. Failure(kTimeout) after `limit`, with the last reason (recovery, full, …).
  Task<void> wait_until_ready(std::chrono::milliseconds limit);

  // kFast: ends sessions, checkpoints. kImmediate: as by power cut, recovery at the next start.
  enum class Stop { kFast, kImmediate };
  void send_stop(const loop::ProcessWatch& postmaster, Stop how) const;
  // Fast, then after `patience` immediate, then after as long again SIGKILL. Ends when it is gone.
  Task<void> stop(loop::ProcessWatch& postmaster, std::chrono::milliseconds patience);

  // Writes our settings anew (after `settings` changed) and has a running server read what it can;
  // true if some need a restart.
  Task<bool> change_settings(ClusterSettings settings);

  const ClusterSettings& settings() const { return settings_; }
  // Superuser `berth` on the Unix socket: as root by peer, else by password.
  db::ConnectionOptions superuser(std::string database = "postgres") const;
  // The same place for another role.
  db::ConnectionOptions connection(std::string database, std::string user, std::string password) const;
  std::string program(std::string name) const { return settings_.binaries + "/" + name; }

  // For programs that work on the cluster's files: run as its user, with files of their own for it alone.
  loop::SpawnOptions as_database_user(loop::SpawnOptions options) const;
  // A folder of this user, with what leads there; one that is there is given to it.
  void make_own_folder(const std::string& path, unsigned mode) const;
  void write_own_file(const std::string& path, std::string_view content) const;
  // The lines of pg_ident.conf by which we are superuser `berth`.
  std::string superuser_map() const;

 private:
  Task<void> make_cluster();
  void write_configuration() const;

  loop::Loop& loop_;
  ClusterSettings settings_;
  SuperuserPassword password_;
};

}  // namespace berth::manager
