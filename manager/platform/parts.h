// What the endpoints work on: the manager's parts, made and owned by Platform.
#pragma once

#include <functional>

#include "api/replace.h"
#include "api/status.h"
#include "manager/alarms/alarm_setup.h"
#include "manager/archive/time_machine_jobs.h"
#include "manager/care/database_care.h"
#include "manager/commands/command_runner.h"
#include "manager/control/webserver_control.h"
#include "manager/crashes/crash_reports.h"
#include "manager/disk/disk_guard.h"
#include "manager/external/external_jobs.h"
#include "manager/instances/exports.h"
#include "manager/instances/instance_jobs.h"
#include "manager/instances/instances.h"
#include "manager/instances/rename_jobs.h"
#include "manager/jobs/runner.h"
#include "manager/monitor/monitor.h"
#include "manager/move/move_jobs.h"
#include "manager/platform/handover.h"
#include "manager/services/service_jobs.h"
#include "manager/services/services.h"
#include "manager/sets/platform_restore.h"
#include "manager/settings/certificate.h"
#include "manager/settings/settings.h"
#include "manager/store/store.h"
#include "manager/traces/trace_switches.h"
#include "manager/usage/usage_parts.h"

namespace berth::manager {

class AdminPeer;

struct Parts {
  loop::Loop& loop;
  const Layout& layout;
  db::Database& database;  // of the manager
  const SecretBox& box;
  Settings& settings;
  Certificates& certificates;
  WebserverControl& webserver;
  Services& services;
  Instances& instances;
  JobRunner& jobs;
  ServiceJobs& service_jobs;
  InstanceJobs& instance_jobs;
  Exports& exports;
  CommandRunner& commands;
  DatabaseCare& care;
  Alarms& alarms;
  AlarmSetup& alarm_setup;
  DiskGuard& disk_guard;
  Monitor& monitor;
  UsageParts& usage;
  // Of the setting metricsToken; empty: nobody may ask.
  const std::string& metrics_token;
  CrashReports& crashes;
  TraceSwitches& traces;
  ExternalDatabases& externals;
  ExternalJobs& external_jobs;
  RenameJobs& rename_jobs;
  Arrivals& arrivals;
  MoveJobs& move_jobs;
  BackupSets& sets;
  SetRestore& set_restore;
  PlatformRestore& platform_restore;
  Store& store;
  TimeMachine& time_machine;
  TimeMachineJobs& time_machine_jobs;
  std::function<api::Status()> status;
  std::function<Task<Successor>(bool webserver)> replace_manager;
  std::function<Task<api::ReplaceWebserverResult>()> replace_webserver;
  // Ends the admin sessions but that of `by`.
  std::function<void(AdminPeer& by)> admin_password_changed;
  std::function<void()> backup_schedule_changed;
  std::string version, build;
};

}  // namespace berth::manager
