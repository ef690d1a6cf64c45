// A PostgreSQL of a test's own.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "db/connection_options.h"

namespace berth::db {

// Makes a cluster in a temporary folder, runs it on a Unix socket there (no TCP) and removes all of
// it at the end. Under root it runs as user postgres. Fast and forgetful: fsync off, 60 connections.
// All calls block. Throws Failure when PostgreSQL cannot be run.
class TemporaryCluster {
 public:
  struct Settings {
    std::string extra_configuration;  // lines of postgresql.conf
    bool passwords = false;           // true: roles other than the superuser need theirs (scram)
  };
  TemporaryCluster() : TemporaryCluster(Settings{}) {}
  explicit TemporaryCluster(Settings settings);
  ~TemporaryCluster();
  TemporaryCluster(const TemporaryCluster&) = delete;
  TemporaryCluster& operator=(const TemporaryCluster&) = delete;

  // One for all tests of a process, made at the first use, gone at its exit.
  static TemporaryCluster& shared();

  ConnectionOptions superuser(std::string database = "postgres") const;
  // A new empty database, owned by the superuser.
  ConnectionOptions make_database();
  const std::string& socket_folder() const { return socket_folder_; }

  void start();
  void stop();      // fast shutdown
  void kill_now();  // SIGKILL of the postmaster and all backends, as by the OOM killer
  pid_t pid() const { return pid_; }

 private:
  std::string folder_, socket_folder_, superuser_;
  pid_t pid_ = 0;
  int made_ = 0;
  struct User;
  std::unique_ptr<User> user_;
};

}  // namespace berth::db
