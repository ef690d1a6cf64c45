// All parts of the manager and what ties them together. start() and stop() are in platform.cc, who tells whom in
// platform_wiring.cc, what an admin sees of the whole in platform_status.cc.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/utc.h"
#include "berth/app_service.h"
#include "manager/capture/capture_switch.h"
#include "manager/endpoints/admin.h"
#include "manager/endpoints/manager_instance.h"
#include "manager/monitor/file_system_watch.h"
#include "manager/monitor/service_watch.h"
#include "manager/move/forwards.h"
#include "manager/platform/checks.h"
#include "manager/platform/parts.h"
#include "manager/platform/platform.h"
#include "manager/platform/postgres_control.h"
#include "manager/sets/set_timer.h"
#include "manager/settings/timed_mode.h"

namespace berth::manager {

class Platform::Parts_ {
 public:
  Parts_(loop::Loop& loop, Options options, Layout layout, std::string program,
         std::vector<std::string> arguments, Handover inherited);

  Task<void> start();
  Task<void> stop();
  api::Status status() const;
  Task<Successor> ask_to_replace(bool webserver, WhenBusy when_busy = WhenBusy::kRefuse);
  loop::Event& replace_asked() { return replace_asked_; }
  Task<Handover> hand_over();

 private:
  Task<void> settled();
  void add_check_facts(CheckFacts& facts) const;
  static void add_process_facts(CheckFacts& facts, const SupervisedProcess& process, const std::string& name);
  std::vector<api::Check> checks() const;
  api::Disk disk() const;
  std::string program_beside(std::string_view name) const { return fmt::format("{}{}", programs_, name); }
  ClusterSettings cluster_settings() const;
  WebserverOptions webserver_options() const;
  DiskParts disk_parts();
  MonitorSources monitor_sources();
  FileSystemSources file_system_sources();
  ServiceWatchSources service_watch_sources();
  Task<void> load_metrics_token();
  StoreOptions store_options() const;
  Parts make_parts();
  void connect_parts();
  void apply_settings();
  Task<void> open_database();
  Task<void> load_domains();
  Task<void> set_first_password();
  HealthLimits health_limits() const;
  Task<void> start_webserver();
  Task<void> start_own_instances();
  Task<void> serve_control(ControlPeer& peer);
  void stop_timers();
  Task<void> stop_own_instances();
  Task<void> end_app_networks();
  void plan_purge();
  void follow_databases();
  // As people call this platform: its DNS name, else the machine's.
  std::string platform_name() const;
  // What lowers the guard of the whole platform for a while, as far as it is on.
  std::vector<api::Mode> modes() const;
  Task<void> release_external(ExternalPlace place);
  void announce(double seconds) const;
  bool is_own_port(int port) const { return port == webserver_.http() || port == webserver_.https(); }
  void announce_succession(double seconds) const;
  const InstanceRow* find_instance(const std::string& key) const;
  // Crash reports and traces.
  void connect_diagnostics();
  // A service that died and is started again is an event.
  void note_death(const Service& service);
  void take_leave_of_strays();
  std::chrono::seconds drain_limit() const {
    return std::chrono::minutes(settings_.number("webserverDrainMinutes"));
  }
  Task<api::ReplaceWebserverResult> replace_webserver();
  Task<void> replace_older_webserver();

  loop::Loop& loop_;
  Options options_;
  Layout layout_;
  std::string program_;
  std::vector<std::string> arguments_;
  Handover inherited_;  // its sockets until start() has taken them
  loop::Event replace_asked_;
  bool is_root_;
  SecretBox box_;
  ProcessTable table_;
  std::string programs_;  // the folder of this program and those beside it, with its slash
  std::string archive_program_;
  Cluster cluster_;
  PostgresControl postgres_;
  db::Database admin_database_, database_;
  Settings settings_;
  TimedMode developer_mode_, app_security_off_;
  CaptureSwitch capture_;
  net::HttpClient http_;
  AlarmTables alarm_tables_;
  Alarms alarms_;
  AlarmSetup alarm_setup_;
  DiskGuard disk_guard_;
  CrashReports crashes_;
  TraceSwitches traces_;
  WebserverControl webserver_;
  Certificates certificates_;
  ServiceRepository service_repository_;
  Services services_;
  InstanceRepository instance_repository_;
  InstanceDatabases instance_databases_;
  Instances instances_;
  Store store_;
  BackupWriter backups_;
  BackupReader reader_;
  Restorer restorer_;
  JobRunner jobs_;
  ServiceJobs service_jobs_;
  InstanceJobs instance_jobs_;
  Exports exports_;
  CommandRunner commands_;
  TimeMachine time_machine_;
  TimeMachineJobs time_machine_jobs_;
  Maintenance maintenance_;
  DatabaseFigures figures_;
  DatabaseCare care_;
  ExternalDatabases externals_;
  ExternalJobs external_jobs_;
  RenameJobs rename_jobs_;
  Arrivals arrivals_;
  net::Resolver resolver_;
  MoveJobs move_jobs_;
  Forwards forwards_;
  BackupSets sets_;
  SetRestore set_restore_;
  PlatformRestore platform_restore_;
  SetTimer set_timer_;
  std::string metrics_token_;
  UsageParts usage_;
  Monitor monitor_;
  FileSystemWatch file_systems_;
  ServiceWatch service_watch_;
  ManagerInstance* manager_instance_ = nullptr;
  Admin admin_;
  std::unique_ptr<sdk::AppService> own_service_;
  // Until then those who say hello have to wait: their answer must hold all there is, or it would take something away.
  loop::Event webserver_known_, services_known_;
  std::unique_ptr<ControlServer> control_, admin_socket_;
  loop::Timer purge_timer_, time_machine_timer_;
  std::map<std::string, int> deaths_;  // of services, as last seen
  loop::TaskGroup tasks_;
  loop::TimePoint began_ = loop_.now();
  std::string began_at_ = format_utc(std::chrono::system_clock::now());
  bool is_up_ = false, is_stopping_ = false;
  loop::Event started_{loop_};  // start() is done
  std::string first_password_;  // to be shown once
};

}  // namespace berth::manager
