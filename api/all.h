// Every type of the admin protocol in the order that the generated files show them. A new message
// is declared in its header and listed here.
#pragma once

#include "api/alarm.h"
#include "api/backup.h"
#include "api/capture.h"
#include "api/commands.h"
#include "api/crash.h"
#include "api/database.h"
#include "api/external.h"
#include "api/instance.h"
#include "api/job.h"
#include "api/log.h"
#include "api/message.h"
#include "api/monitor.h"
#include "api/move.h"
#include "api/original.h"
#include "api/rename.h"
#include "api/replace.h"
#include "api/service.h"
#include "api/settings.h"
#include "api/status.h"
#include "api/store.h"
#include "api/subscribe.h"
#include "api/time_machine.h"
#include "api/trace.h"
#include "api/usage.h"

namespace berth::api {

template <class... T>
struct TypeList {};

using AllWords = TypeList<PlatformState, ServiceState, InstanceState, Severity, LayerState, JobState, JobKind,
                          SettingType, CommandState, Topic, BackupScope, BackupSetState, BackupItemState,
                          TimeMachineState, AlarmSeverity, ReportCause>;

using AllObjects =
    TypeList<ExternalDatabase, Draining, Process, Check, Disk, Mode, Status, ServiceApp, SandboxLayer,
             ServiceProcess, Service, KeptData, MovedInstance, Instance, OtherPlatform, TableSize, DaySize,
             InstanceDatabase, DatabaseFailure, Optimisation, Renaming, Job, JobLogLine, FieldProblem,
             StoreVersion, StoreAppState, StoreApp, Setting, Certificate, CommandLine, CommandFileReport,
             AppStoreApp, BackupOption, BackupTarget, BackupPolicy, BackupItem, BackupSet, BackupProof,
             BackupVerdict, BackupKey, ReachableRange, BaseBackup, TimeMachine, RewindPlan, Alarm,
             AlarmChannel, MonitorSeries, MonitorMarker, MonitorSpace, DiskForecast, TraceSwitch, StackFrame,
             CrashReport, CrashGroup, Download, UsageRow, Limits, LimitsOf>;

// Their answers come along.
using AllRequests = TypeList<
    GetStatus, Subscribe, GetServices, GetInstances, GetJobs, GetInstance, GetJob, GetStore, InstallApp,
    InstallPackage, StartService, StopService, RestartService, RemoveService, OpenServiceShell,
    CreateInstance, SuggestInstance, StopInstance, RestartInstance, EditInstance, DeleteInstance, UndoDelete,
    SetInstancePassword, SetDatabasePassword, BackupInstance, RestoreInstance, CancelJob, GetLog, StopLog,
    GetSettings, SetSetting, SetAdminPassword, GetCertificate, SetCertificate, ResetCertificate,
    GetCommandFile, RunCommandFile, AppPlatformInfoRequest, RequestHttpKey, RequestAppStore, InstallService,
    AddInstance, StartInstance, GetInstanceDatabase, CleanUpInstance, CleanUpAll, OptimiseDatabases,
    GetDatabases, TestDatabase, UseDatabase, RenameInstances, TakeOverDatabase, GetSqlRecipe,
    GetBackupTargets, SetBackupTarget, TestBackupTarget, RemoveBackupTarget, GetBackupPolicies,
    SetBackupPolicy, RemoveBackupPolicy, RunBackup, GetBackupSets, GetBackupSet, FetchBackup, VerifyBackup,
    DrillBackup, PlanBackupPrune, PruneBackups, RestoreFromSet, RestorePlatform, GetBackupKeys,
    GetTimeMachine, MakeBaseBackup, RewindInstance, MoveInstance, EndForward, UndoMove, PrepareArrival,
    StartArrival, ConfirmArrival, AbandonArrival, GetAlarms, AcknowledgeAlarm, SilenceAlarm, TestAlarm,
    TestMail, StartApps, ReplaceManager, ReplaceWebserver, GetMonitor, GetMetrics, GetDisk, GetTraces,
    SetTrace, GetFlightRecorder, GetCrashes, GetCrash, RemoveCrashes, MakeReport, FetchCore,
    MakeSupportBundle, GetUsage, GetLimits, SetLimits, AllowWrites, StartCapture>;

// Come unasked, under the src of what was subscribed to.
using AllIndications =
    TypeList<StatusChanged, ServiceChanged, ServiceRemoved, InstanceChanged, InstanceRemoved, JobChanged,
             StoreChanged, LogLines, AppStoreServiceAdded, ServiceInstalled>;

}  // namespace berth::api
