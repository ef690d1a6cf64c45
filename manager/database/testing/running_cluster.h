// The platform's cluster, made and run as the manager does, for tests.
#pragma once

#include <memory>
#include <string>

#include "db/database.h"
#include "loop/process.h"
#include "manager/database/cluster.h"
#include "manager/database/instance_database.h"

namespace berth::manager {

// In a temporary folder; ends and removes it when it goes. Throws Failure.
class RunningCluster {
 public:
  // `serves_tcp`: on a free port of 127.0.0.1 and ::1, with passwords; `tls` with a certificate of its own.
  explicit RunningCluster(loop::Loop& loop, bool serves_tcp = false, bool tls = false);
  ~RunningCluster();

  void start();  // and waits until it answers
  void stop();
  void kill_now();         // SIGKILL of postmaster and backends
  void kill_postmaster();  // and of nobody else

  const std::string& folder() const { return folder_; }
  Cluster& cluster() { return *cluster_; }
  db::Database& admin() { return *admin_; }
  InstanceDatabases& databases() { return *databases_; }
  db::DatabaseOptions options(std::string database, std::string user, std::string password) const;
  pid_t pid() const { return watch_ ? watch_->pid() : 0; }
  loop::ProcessWatch& watch() { return *watch_; }

 private:
  loop::Loop& loop_;
  std::string folder_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<loop::ProcessWatch> watch_;
  std::unique_ptr<db::Database> admin_;
  std::unique_ptr<InstanceDatabases> databases_;
};

}  // namespace berth::manager
