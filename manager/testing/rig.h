// The manager's parts on a real PostgreSQL, with a webserver in name only: for tests of jobs. Destroying a rig and making
// another on the same root is the death and return of the manager.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "manager/archive/time_machine_jobs.h"
#include "manager/care/database_care.h"
#include "manager/database/testing/running_cluster.h"
#include "manager/external/external_jobs.h"
#include "manager/instances/instance_jobs.h"
#include "manager/instances/rename_jobs.h"
#include "manager/move/move_jobs.h"
#include "manager/platform/layout.h"
#include "manager/services/service_jobs.h"
#include "manager/sets/platform_restore.h"
#include "net/http_client.h"
#include "wire/minisign/minisign.h"

namespace berth::manager {

// What outlives the manager: disk, PostgreSQL, processes, the store.
struct RigWorld {
  explicit RigWorld(loop::Loop& loop);
  ~RigWorld();
  // Puts an app into the store: the fake service with this build and behaviour.
  void publish(const std::string& id, const std::string& build, const std::string& behaviour = "good");

  loop::Loop& loop;
  std::string folder;
  Layout layout;
  RunningCluster cluster;
  minisign::SecretKey key;
  std::string platform = "one";  // whom the external databases know us as
  std::chrono::sys_seconds now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);  // of the care
  FindPlatform find_platform;                  // for moves: the other platform, which is another rig
  std::map<std::string, std::string> entries;  // of the store's index, by id
  std::string store() const { return folder + "/store"; }
  std::string archiver() const { return folder + "/berth-archive"; }
};

class Rig {
 public:
  explicit Rig(RigWorld& world);
  ~Rig();
  // As Platform::start().
  void start();
  // Ends all service processes.
  void stop_services();
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(world.loop, std::move(task));
  }
  api::Job finish(Result<api::Job> job) { return run(jobs.wait(or_throw(std::move(job)).id)).value(); }

  RigWorld& world;
  SecretBox box;
  ProcessTable table;
  db::Database admin_database, database;
  Settings settings;
  net::HttpClient http;
  WebserverControl webserver;
  ServiceRepository service_repository;
  Services services;
  InstanceRepository instance_repository;
  InstanceDatabases databases;
  Instances instances;
  Store store;
  BackupWriter backups;
  BackupReader reader;
  Restorer restorer;
  JobRunner jobs;
  ServiceJobs service_jobs;
  InstanceJobs instance_jobs;
  TimeMachine time_machine;
  TimeMachineJobs time_machine_jobs;
  Maintenance maintenance;
  DatabaseFigures figures;
  DatabaseCare care;
  ExternalDatabases externals;
  ExternalJobs external_jobs;
  RenameJobs rename_jobs;
  Arrivals arrivals;
  MoveJobs move_jobs;
  BackupSets sets;
  SetRestore set_restore;
  PlatformRestore platform_restore;

 private:
  Task<void> serve_control(ControlPeer& peer);
  Task<void> play_webserver();
  std::unique_ptr<ControlPeer> webserver_peer_;
  std::unique_ptr<net::MessageSocket> webserver_side_;
  std::unique_ptr<ControlServer> control_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
