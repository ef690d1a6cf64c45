// Made by build/bin/generate_api from api/*.h. Do not edit: change the C++ structs, then run
// build/bin/generate_api --typescript ui/manager/api.ts

export type ErrorCode = "malformed" | "too_large" | "not_found" | "exists" | "denied" | "unavailable" | "timeout" | "conflict" | "unsupported" | "no_space" | "cancelled" | "failed";
// Plain text, or encrypted with the session key by the seed `key`.
export type Password = string | { value: string; key: string };
export type PlatformState = "starting" | "running" | "degraded" | "stopping";
export type ServiceState = "stopped" | "starting" | "running" | "stopping" | "failed" | "crashed";
export type InstanceState = "stopped" | "starting" | "running" | "stopping" | "failed" | "crashed" | "deleted";
export type Severity = "ok" | "warning" | "error";
export type LayerState = "on" | "unavailable" | "off";
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";
export type JobKind = "install" | "update" | "remove" | "create" | "delete" | "undo" | "restore" | "backup" | "start" | "stop" | "commands" | "optimise" | "clean-up" | "move-data" | "rename" | "prune" | "drill" | "fetch" | "platform" | "rewind" | "base" | "move";
export type SettingType = "text" | "password" | "integer" | "boolean" | "choice";
export type CommandState = "skipped" | "waiting" | "done" | "failed";
export type Topic = "status" | "services" | "instances" | "jobs" | "store";
export type BackupScope = "all" | "domain" | "instance" | "manager";
export type BackupSetState = "running" | "good" | "partial" | "failed" | "damaged";
export type BackupItemState = "waiting" | "written" | "failed" | "damaged";
export type TimeMachineState = "off" | "starting" | "on" | "failing";
export type AlarmSeverity = "indeterminate" | "major" | "critical";
export type ReportCause = "crash" | "alarm" | "request";

export interface ExternalDatabase {
  type: string;
  host: string;
  database: string;
  user: string;
  password?: Password;
}

export interface Draining {
  connections: number;
  websockets: number;
  until: string;
}

export interface Process {
  name: string;
  pid?: number;
  state: ServiceState;
  memoryBytes: number;
  startedAt?: string;
  restarts: number;
  draining?: Draining;
  instance?: string;
}

export interface Check {
  id: string;
  severity: Severity;
  text: string;
  why: string;
  fix: string;
  command: string;
  values: string[];
  accepted: boolean;
}

export interface Disk {
  totalBytes: number;
  freeBytes: number;
}

export interface Mode {
  setting: string;
  ends: string;
}

export interface Status {
  state: PlatformState;
  version: string;
  build: string;
  root: string;
  uptime: number;
  http: number;
  https: number;
  url: string;
  fingerprint: string;
  dns: string;
  processes: Process[];
  services: number;
  instances: number;
  disk: Disk;
  developerMode: boolean;
  modes: Mode[];
  checks: Check[];
}

export interface ServiceApp {
  name: string;
  title: string;
  websocketOnly: boolean;
}

export interface SandboxLayer {
  layer: string;
  state: LayerState;
  why: string;
}

export interface ServiceProcess {
  name: string;
  instance: string;
  state: ServiceState;
  pid?: number;
  startedAt?: string;
  restarts: number;
  lastExit?: string;
  memoryBytes: number;
  sessions: number;
}

export interface Service {
  id: string;
  title: string;
  manufacturer: string;
  state: ServiceState;
  build: string;
  label: string;
  pid?: number;
  startedAt?: string;
  restarts: number;
  lastExit?: string;
  memoryBytes: number;
  sessions: number;
  icon: string;
  apps: ServiceApp[];
  sandbox: SandboxLayer[];
  signer?: string;
  instances: number;
  processes: ServiceProcess[];
}

export interface KeptData {
  id: string;
  replacedAt: string;
  purgeAt: string;
  databaseBytes: number;
}

export interface MovedInstance {
  state: string;
  url: string;
  at: string;
  until?: string;
  forwards: boolean;
}

export interface Instance {
  service: string;
  name: string;
  domain: string;
  state: InstanceState;
  detail: string;
  path: string;
  url: string;
  app: string;
  database: string;
  databaseUser: string;
  databaseHost: string;
  external?: ExternalDatabase;
  databaseBytes: number;
  sessions: number;
  createdAt?: string;
  backedUpAt?: string;
  logFlags: number;
  excludeFromBackup: boolean;
  deletedAt?: string;
  purgeAt?: string;
  kept: KeptData[];
  moved?: MovedInstance;
  trace?: TraceSwitch;
  isolated: boolean;
}

export interface OtherPlatform {
  url: string;
  password: Password;
  fingerprint?: string;
  insecure: boolean;
}

export interface TableSize {
  table: string;
  bytes: number;
  rows: number;
  bloatBytes: number;
}

export interface DaySize {
  day: string;
  bytes: number;
}

export interface InstanceDatabase {
  name: string;
  domain: string;
  database: string;
  bytes: number;
  bloatBytes: number;
  bytesADay?: number;
  growthDays: number;
  connections: number;
  cleanUpNeedsBytes: number;
  freeBytes: number;
  tableCount: number;
  tables: TableSize[];
  history: DaySize[];
}

export interface DatabaseFailure {
  database: string;
  error: string;
}

export interface Optimisation {
  job: string;
  night?: string;
  startedAt: string;
  endedAt?: string;
  databases: number;
  failures: DatabaseFailure[];
}

export interface Renaming {
  name: string;
  domain: string;
  path: string;
  newDomain: string;
  newPath: string;
  problem?: string;
}

export interface Job {
  id: string;
  kind: JobKind;
  title: string;
  target: string;
  state: JobState;
  step: number;
  steps: number;
  stepText: string;
  percent: number;
  startedAt?: string;
  endedAt?: string;
  by: string;
  error?: string;
  result?: unknown;
}

export interface JobLogLine {
  at: string;
  text: string;
}

export interface FieldProblem {
  field: string;
  text: string;
}

export interface StoreVersion {
  id: string;
  build: string;
  label: string;
  compatibilty: string;
  copy: string[];
}

export interface StoreAppState {
  installed: boolean;
  build: string;
  updateAvailable: boolean;
}

export interface StoreApp {
  id: string;
  folder: string;
  title: string;
  description: string;
  manufacturer: string;
  infourl: string;
  logo: string;
  versions: StoreVersion[];
  state: StoreAppState;
  categories: string[];
  langs: string[];
  signed: boolean;
  size: number;
  wants: string[];
}

export interface Setting {
  name: string;
  value: string;
  type: SettingType;
  default: string;
  min?: number;
  max?: number;
  choices: string[];
  secret: boolean;
  text: string;
}

export interface Certificate {
  subject: string;
  issuer: string;
  notAfter: string;
  fingerprint: string;
  names: string[];
}

export interface CommandLine {
  line: number;
  text: string;
  target: string;
  state: CommandState;
  detail: string;
  at: string;
}

export interface CommandFileReport {
  url: string;
  fetched: string;
  error: string;
  next: string;
  job: string;
  lines: CommandLine[];
}

export interface AppStoreApp {
  name: string;
  title: string;
}

export interface BackupOption {
  name: string;
  value: string;
}

export interface BackupTarget {
  name: string;
  kind: string;
  place: string;
  options: BackupOption[];
  appendOnly: boolean;
  madeAt?: string;
  testedAt?: string;
  error: string;
}

export interface BackupPolicy {
  name: string;
  target: string;
  scope: BackupScope;
  instance: string;
  domain: string;
  excluded: string[];
  schedule: string;
  keep: string;
  enabled: boolean;
  verify: boolean;
  dueAt?: string;
  wouldBackUp: string[];
}

export interface BackupItem {
  set: string;
  name: string;
  domain: string;
  service: string;
  build: string;
  label: string;
  state: BackupItemState;
  error: string;
  bytes: number;
  sha256: string;
  tables: number;
  rows: number;
  writtenAt?: string;
  verifiedAt?: string;
}

export interface BackupSet {
  id: string;
  policy: string;
  target: string;
  job: string;
  state: BackupSetState;
  error: string;
  startedAt?: string;
  endedAt?: string;
  verifiedAt?: string;
}

export interface BackupProof {
  name: string;
  domain: string;
  set: string;
  drilledAt?: string;
  error: string;
  provenAt?: string;
  provenMs: number;
}

export interface BackupVerdict {
  set: string;
  startedAt?: string;
  stays: boolean;
  reasons: string[];
}

export interface BackupKey {
  target: string;
  kind: string;
  place: string;
  options: BackupOption[];
  key: Password;
}

export interface ReachableRange {
  from: string;
  to?: string;
}

export interface BaseBackup {
  id: string;
  madeAt: string;
  bytes: number;
  newBytes: number;
}

export interface TimeMachine {
  state: TimeMachineState;
  reason: string;
  days: number;
  ranges: ReachableRange[];
  bases: BaseBackup[];
  baseBytes: number;
  logBytes: number;
  logBytesPerDay: number;
  waitingSegments: number;
  timeZone: string;
}

export interface RewindPlan {
  at: string;
  base: string;
  baseMadeAt: string;
  logBytes: number;
  neededBytes: number;
  freeBytes: number;
}

export interface Alarm {
  id: number;
  code: number;
  severity: AlarmSeverity;
  source: string;
  text: string;
  details: string;
  fix: string;
  command: string;
  event: boolean;
  raisedAt: string;
  clearedAt?: string;
  count: number;
  acknowledgedBy: string;
  acknowledgedAt?: string;
  silencedUntil?: string;
}

export interface AlarmChannel {
  name: string;
  waiting: number;
  error: string;
  deliveredAt?: string;
}

export interface MonitorSeries {
  subject: string;
  metric: string;
  unit: string;
  mean: number[];
  peak: number[];
}

export interface MonitorMarker {
  at: string;
  kind: string;
  subject: string;
  text: string;
  job: string;
  failed: boolean;
}

export interface MonitorSpace {
  bytes: number;
  fullBytes: number;
  mostBytes: number;
  subjects: number;
  leftOut: number;
}

export interface DiskForecast {
  days: number;
  who: string;
  bytesADay: number;
}

export interface TraceSwitch {
  target: string;
  flags: number;
  usualFlags: number;
  until: string;
  by: string;
}

export interface StackFrame {
  function: string;
  place: string;
  module: string;
  address: string;
}

export interface CrashReport {
  id: string;
  cause: ReportCause;
  service: string;
  instance?: string;
  build: string;
  label: string;
  at: string;
  text: string;
  signal: number;
  outOfMemory: boolean;
  pid: number;
  ranSeconds: number;
  group: string;
  place: string;
  stack: StackFrame[];
  threads: number;
  coreBytes: number;
  coreNote: string;
  traceLines: number;
}

export interface CrashGroup {
  group: string;
  service: string;
  text: string;
  place: string;
  count: number;
  firstAt: string;
  lastAt: string;
  builds: string[];
  lastReport: string;
}

export interface Download {
  address: string;
  name: string;
  seconds: number;
}

export interface UsageRow {
  day: string;
  domain: string;
  name: string;
  service: string;
  cpuSeconds: number;
  memoryGibHours: number;
  databaseBytes: number;
  requests: number;
  websocketMinutes: number;
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  databaseSeconds: number;
  slowed: number;
  refused: number;
}

export interface Limits {
  databaseBytes?: number;
  websockets?: number;
  requests?: number;
  messages?: number;
  databaseConnections?: number;
  statementSeconds?: number;
}

export interface LimitsOf {
  domain: string;
  name: string;
  own: Limits;
  effective: Limits;
  databaseBytes: number;
  databaseState: string;
  writableUntil?: string;
}

export interface GetStatus {
  mt: "GetStatus";
  src?: string;
}

export interface GetStatusResult {
  mt: "GetStatusResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  status: Status;
}

export interface Subscribe {
  mt: "Subscribe";
  src?: string;
  topics: Topic[];
}

export interface SubscribeResult {
  mt: "SubscribeResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  status?: Status;
  services: Service[];
  instances: Instance[];
  jobs: Job[];
}

export interface GetServices {
  mt: "GetServices";
  src?: string;
}

export interface GetServicesResult {
  mt: "GetServicesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  services: Service[];
}

export interface GetInstances {
  mt: "GetInstances";
  src?: string;
  deleted?: boolean;
}

export interface GetInstancesResult {
  mt: "GetInstancesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  instances: Instance[];
}

export interface GetJobs {
  mt: "GetJobs";
  src?: string;
  limit?: number;
}

export interface GetJobsResult {
  mt: "GetJobsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  jobs: Job[];
}

export interface GetInstance {
  mt: "GetInstance";
  src?: string;
  name: string;
  domain: string;
}

export interface GetInstanceResult {
  mt: "GetInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  instance: Instance;
}

export interface GetJob {
  mt: "GetJob";
  src?: string;
  id: string;
}

export interface GetJobResult {
  mt: "GetJobResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
  log: JobLogLine[];
}

export interface GetStore {
  mt: "GetStore";
  src?: string;
  refresh?: boolean;
}

export interface GetStoreResult {
  mt: "GetStoreResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  apps: StoreApp[];
  url: string;
  fetchedAt?: string;
  storeError?: string;
}

export interface InstallApp {
  mt: "InstallApp";
  src?: string;
  id: string;
  version?: string;
}

export interface InstallAppResult {
  mt: "InstallAppResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface InstallPackage {
  mt: "InstallPackage";
  src?: string;
  name?: string;
}

export interface InstallPackageResult {
  mt: "InstallPackageResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface StartService {
  mt: "StartService";
  src?: string;
  id: string;
}

export interface StartServiceResult {
  mt: "StartServiceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job?: Job;
}

export interface StopService {
  mt: "StopService";
  src?: string;
  id: string;
}

export interface StopServiceResult {
  mt: "StopServiceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job?: Job;
}

export interface RestartService {
  mt: "RestartService";
  src?: string;
  id: string;
}

export interface RestartServiceResult {
  mt: "RestartServiceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job?: Job;
}

export interface RemoveService {
  mt: "RemoveService";
  src?: string;
  id: string;
}

export interface RemoveServiceResult {
  mt: "RemoveServiceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job?: Job;
}

export interface OpenServiceShell {
  mt: "OpenServiceShell";
  src?: string;
  id: string;
}

export interface OpenServiceShellResult {
  mt: "OpenServiceShellResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  pid: number;
  uid: number;
  directory: string;
  ends: string;
}

export interface CreateInstance {
  mt: "CreateInstance";
  src?: string;
  service: string;
  name: string;
  domain: string;
  password?: Password;
  path?: string;
  database?: string;
  databasePassword?: Password;
  external?: ExternalDatabase;
  start?: boolean;
}

export interface CreateInstanceResult {
  mt: "CreateInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
  instance: Instance;
  password: Password;
  databasePassword: Password;
}

export interface SuggestInstance {
  mt: "SuggestInstance";
  src?: string;
  service: string;
  domain?: string;
  name?: string;
  path?: string;
  database?: string;
}

export interface SuggestInstanceResult {
  mt: "SuggestInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  name: string;
  path: string;
  database: string;
  problems: FieldProblem[];
}

export interface StopInstance {
  mt: "StopInstance";
  src?: string;
  name: string;
  domain: string;
}

export interface StopInstanceResult {
  mt: "StopInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface RestartInstance {
  mt: "RestartInstance";
  src?: string;
  name: string;
  domain: string;
}

export interface RestartInstanceResult {
  mt: "RestartInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface EditInstance {
  mt: "EditInstance";
  src?: string;
  name: string;
  domain: string;
  newName?: string;
  newDomain?: string;
  path?: string;
  logFlags?: number;
  excludeFromBackup?: boolean;
  isolated?: boolean;
}

export interface EditInstanceResult {
  mt: "EditInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  instance: Instance;
}

export interface DeleteInstance {
  mt: "DeleteInstance";
  src?: string;
  name: string;
  domain: string;
  now?: boolean;
  kept?: string;
}

export interface DeleteInstanceResult {
  mt: "DeleteInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface UndoDelete {
  mt: "UndoDelete";
  src?: string;
  name: string;
  domain: string;
  kept?: string;
}

export interface UndoDeleteResult {
  mt: "UndoDeleteResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface SetInstancePassword {
  mt: "SetInstancePassword";
  src?: string;
  name: string;
  domain: string;
  password?: Password;
}

export interface SetInstancePasswordResult {
  mt: "SetInstancePasswordResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  password?: Password;
}

export interface SetDatabasePassword {
  mt: "SetDatabasePassword";
  src?: string;
  name: string;
  domain: string;
  password?: Password;
}

export interface SetDatabasePasswordResult {
  mt: "SetDatabasePasswordResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  password?: Password;
}

export interface BackupInstance {
  mt: "BackupInstance";
  src?: string;
  name: string;
  domain: string;
}

export interface BackupInstanceResult {
  mt: "BackupInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  bytes: number;
}

export interface RestoreInstance {
  mt: "RestoreInstance";
  src?: string;
  name?: string;
  domain?: string;
  ontoExternal?: boolean;
}

export interface RestoreInstanceResult {
  mt: "RestoreInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface CancelJob {
  mt: "CancelJob";
  src?: string;
  id: string;
}

export interface CancelJobResult {
  mt: "CancelJobResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetLog {
  mt: "GetLog";
  src?: string;
  service: string;
  lines?: number;
  follow?: boolean;
  instance?: string;
}

export interface GetLogResult {
  mt: "GetLogResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  lines: string[];
  truncated: boolean;
}

export interface StopLog {
  mt: "StopLog";
  src?: string;
  follow?: string;
}

export interface StopLogResult {
  mt: "StopLogResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetSettings {
  mt: "GetSettings";
  src?: string;
}

export interface GetSettingsResult {
  mt: "GetSettingsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  settings: Setting[];
}

export interface SetSetting {
  mt: "SetSetting";
  src?: string;
  name: string;
  value: string;
}

export interface SetSettingResult {
  mt: "SetSettingResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface SetAdminPassword {
  mt: "SetAdminPassword";
  src?: string;
  password: Password;
}

export interface SetAdminPasswordResult {
  mt: "SetAdminPasswordResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetCertificate {
  mt: "GetCertificate";
  src?: string;
}

export interface GetCertificateResult {
  mt: "GetCertificateResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  chain: Certificate[];
}

export interface SetCertificate {
  mt: "SetCertificate";
  src?: string;
  pem: string;
}

export interface SetCertificateResult {
  mt: "SetCertificateResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  chain: Certificate[];
}

export interface ResetCertificate {
  mt: "ResetCertificate";
  src?: string;
}

export interface ResetCertificateResult {
  mt: "ResetCertificateResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  chain: Certificate[];
}

export interface GetCommandFile {
  mt: "GetCommandFile";
  src?: string;
}

export interface GetCommandFileResult {
  mt: "GetCommandFileResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  report: CommandFileReport;
}

export interface RunCommandFile {
  mt: "RunCommandFile";
  src?: string;
}

export interface RunCommandFileResult {
  mt: "RunCommandFileResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  report: CommandFileReport;
  job?: Job;
}

export interface AppPlatformInfoRequest {
  mt: "AppPlatformInfoRequest";
  src?: string;
}

export interface AppPlatformInfoResult {
  mt: "AppPlatformInfoResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  state: PlatformState;
  version: string;
  build: string;
  root: string;
  uptime: number;
  http: number;
  https: number;
  url: string;
  fingerprint: string;
  dns: string;
  processes: Process[];
  services: number;
  instances: number;
  disk: Disk;
  developerMode: boolean;
  modes: Mode[];
  checks: Check[];
  platform: string;
  platformLabel: string;
  label: string;
  mac: string;
  timezone: string;
}

export interface RequestHttpKey {
  mt: "RequestHttpKey";
  src?: string;
}

export interface RequestHttpKeyResult {
  mt: "RequestHttpKeyResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  key: string;
}

export interface RequestAppStore {
  mt: "RequestAppStore";
  src?: string;
}

export interface AppStoreResult {
  mt: "AppStoreResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface InstallService {
  mt: "InstallService";
  src?: string;
  appServiceID: string;
  title?: string;
  folder?: string;
  binary?: string;
  manufacturer?: string;
  version?: StoreVersion;
  copy?: string[];
  userAgreementAccepted?: boolean;
  domain?: string;
}

export interface InstallServiceResult {
  mt: "InstallServiceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface AddInstance {
  mt: "AddInstance";
  src?: string;
  appServiceID: string;
  appName: string;
  appDomain: string;
  appPassword: Password;
  webserverPath?: string;
  dbHost?: string;
  dbName?: string;
  dbUser?: string;
  dbPassword?: Password;
  logFlags?: number;
  excludeFromBackup?: boolean;
}

export interface AddInstanceResult {
  mt: "AddInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface StartInstance {
  mt: "StartInstance";
  src?: string;
  appServiceID?: string;
  appName: string;
  appDomain: string;
}

export interface StartInstanceResult {
  mt: "StartInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetInstanceDatabase {
  mt: "GetInstanceDatabase";
  src?: string;
  name: string;
  domain: string;
}

export interface GetInstanceDatabaseResult {
  mt: "GetInstanceDatabaseResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  database: InstanceDatabase;
}

export interface CleanUpInstance {
  mt: "CleanUpInstance";
  src?: string;
  name: string;
  domain: string;
}

export interface CleanUpInstanceResult {
  mt: "CleanUpInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface CleanUpAll {
  mt: "CleanUpAll";
  src?: string;
}

export interface CleanUpAllResult {
  mt: "CleanUpAllResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface OptimiseDatabases {
  mt: "OptimiseDatabases";
  src?: string;
}

export interface OptimiseDatabasesResult {
  mt: "OptimiseDatabasesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface GetDatabases {
  mt: "GetDatabases";
  src?: string;
}

export interface GetDatabasesResult {
  mt: "GetDatabasesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  bytes: number;
  walBytes: number;
  freeBytes: number;
  databases: number;
  connections: number;
  maxConnections: number;
  nextRun?: string;
  runs: Optimisation[];
}

export interface TestDatabase {
  mt: "TestDatabase";
  src?: string;
  external: ExternalDatabase;
}

export interface TestDatabaseResult {
  mt: "TestDatabaseResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  ok: boolean;
  reason?: string;
  code?: string;
  server: string;
  encrypted: boolean;
  tables: number;
  owner?: string;
  remark?: string;
}

export interface UseDatabase {
  mt: "UseDatabase";
  src?: string;
  name: string;
  domain: string;
  external?: ExternalDatabase;
  move?: boolean;
  takeOver?: boolean;
}

export interface UseDatabaseResult {
  mt: "UseDatabaseResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface RenameInstances {
  mt: "RenameInstances";
  src?: string;
  domain?: string;
  newDomain?: string;
  path?: string;
  newPath?: string;
  dryRun?: boolean;
}

export interface RenameInstancesResult {
  mt: "RenameInstancesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  renamings: Renaming[];
  job?: Job;
}

export interface TakeOverDatabase {
  mt: "TakeOverDatabase";
  src?: string;
  name: string;
  domain: string;
}

export interface TakeOverDatabaseResult {
  mt: "TakeOverDatabaseResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetSqlRecipe {
  mt: "GetSqlRecipe";
  src?: string;
  database: string;
  user: string;
  type?: string;
}

export interface GetSqlRecipeResult {
  mt: "GetSqlRecipeResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  sql: string;
}

export interface GetBackupTargets {
  mt: "GetBackupTargets";
  src?: string;
}

export interface GetBackupTargetsResult {
  mt: "GetBackupTargetsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  targets: BackupTarget[];
}

export interface SetBackupTarget {
  mt: "SetBackupTarget";
  src?: string;
  name: string;
  kind: string;
  place: string;
  options?: BackupOption[];
  password?: Password;
  repositoryKey?: Password;
  appendOnly?: boolean;
}

export interface SetBackupTargetResult {
  mt: "SetBackupTargetResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  target: BackupTarget;
  privateKey?: Password;
}

export interface TestBackupTarget {
  mt: "TestBackupTarget";
  src?: string;
  name: string;
}

export interface TestBackupTargetResult {
  mt: "TestBackupTargetResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  tookMs: number;
}

export interface RemoveBackupTarget {
  mt: "RemoveBackupTarget";
  src?: string;
  name: string;
}

export interface RemoveBackupTargetResult {
  mt: "RemoveBackupTargetResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetBackupPolicies {
  mt: "GetBackupPolicies";
  src?: string;
}

export interface GetBackupPoliciesResult {
  mt: "GetBackupPoliciesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  policies: BackupPolicy[];
}

export interface SetBackupPolicy {
  mt: "SetBackupPolicy";
  src?: string;
  policy: BackupPolicy;
}

export interface SetBackupPolicyResult {
  mt: "SetBackupPolicyResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  policy: BackupPolicy;
}

export interface RemoveBackupPolicy {
  mt: "RemoveBackupPolicy";
  src?: string;
  name: string;
}

export interface RemoveBackupPolicyResult {
  mt: "RemoveBackupPolicyResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface RunBackup {
  mt: "RunBackup";
  src?: string;
  policy: string;
}

export interface RunBackupResult {
  mt: "RunBackupResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface GetBackupSets {
  mt: "GetBackupSets";
  src?: string;
  limit?: number;
  policy?: string;
}

export interface GetBackupSetsResult {
  mt: "GetBackupSetsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  sets: BackupSet[];
  newest: BackupItem[];
  proofs: BackupProof[];
}

export interface GetBackupSet {
  mt: "GetBackupSet";
  src?: string;
  id: string;
}

export interface GetBackupSetResult {
  mt: "GetBackupSetResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  set: BackupSet;
  items: BackupItem[];
}

export interface FetchBackup {
  mt: "FetchBackup";
  src?: string;
  set: string;
  name?: string;
  domain?: string;
}

export interface FetchBackupResult {
  mt: "FetchBackupResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  bytes: number;
}

export interface VerifyBackup {
  mt: "VerifyBackup";
  src?: string;
  set: string;
}

export interface VerifyBackupResult {
  mt: "VerifyBackupResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface DrillBackup {
  mt: "DrillBackup";
  src?: string;
  name?: string;
  domain?: string;
}

export interface DrillBackupResult {
  mt: "DrillBackupResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface PlanBackupPrune {
  mt: "PlanBackupPrune";
  src?: string;
  policy: string;
  keep?: string;
}

export interface PlanBackupPruneResult {
  mt: "PlanBackupPruneResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  verdicts: BackupVerdict[];
}

export interface PruneBackups {
  mt: "PruneBackups";
  src?: string;
  policy: string;
}

export interface PruneBackupsResult {
  mt: "PruneBackupsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface RestoreFromSet {
  mt: "RestoreFromSet";
  src?: string;
  set: string;
  name: string;
  domain: string;
  asName?: string;
  asDomain?: string;
  ontoExternal?: boolean;
}

export interface RestoreFromSetResult {
  mt: "RestoreFromSetResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface RestorePlatform {
  mt: "RestorePlatform";
  src?: string;
  target: SetBackupTarget;
  set?: string;
  checkOnly?: boolean;
}

export interface RestorePlatformResult {
  mt: "RestorePlatformResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  set: string;
  startedAt?: string;
  version: string;
  sets: string[];
  items: BackupItem[];
  obstacles: string[];
  remarks: string[];
  job?: Job;
}

export interface GetBackupKeys {
  mt: "GetBackupKeys";
  src?: string;
}

export interface GetBackupKeysResult {
  mt: "GetBackupKeysResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  keys: BackupKey[];
}

export interface GetTimeMachine {
  mt: "GetTimeMachine";
  src?: string;
}

export interface GetTimeMachineResult {
  mt: "GetTimeMachineResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  timeMachine: TimeMachine;
}

export interface MakeBaseBackup {
  mt: "MakeBaseBackup";
  src?: string;
}

export interface MakeBaseBackupResult {
  mt: "MakeBaseBackupResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  job: Job;
}

export interface RewindInstance {
  mt: "RewindInstance";
  src?: string;
  name: string;
  domain: string;
  at: string;
  asName?: string;
  asDomain?: string;
  onlyPlan?: boolean;
}

export interface RewindInstanceResult {
  mt: "RewindInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  plan: RewindPlan;
  job?: Job;
}

export interface MoveInstance {
  mt: "MoveInstance";
  src?: string;
  name: string;
  domain: string;
  to: OtherPlatform;
  checkOnly?: boolean;
}

export interface MoveInstanceResult {
  mt: "MoveInstanceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  obstacles: string[];
  remarks: string[];
  bytes: number;
  version: string;
  job?: Job;
}

export interface EndForward {
  mt: "EndForward";
  src?: string;
  name: string;
  domain: string;
}

export interface EndForwardResult {
  mt: "EndForwardResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface UndoMove {
  mt: "UndoMove";
  src?: string;
  name: string;
  domain: string;
}

export interface UndoMoveResult {
  mt: "UndoMoveResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface PrepareArrival {
  mt: "PrepareArrival";
  src?: string;
  token: string;
  from?: string;
  service: string;
  build?: string;
  name: string;
  domain: string;
  path: string;
  database: string;
  databaseUser: string;
  password?: Password;
  databasePassword?: Password;
  logFlags?: number;
  excludeFromBackup?: boolean;
  isolated?: boolean;
  limits?: unknown;
  wanted?: boolean;
  bytes?: number;
  checkOnly?: boolean;
}

export interface PrepareArrivalResult {
  mt: "PrepareArrivalResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  obstacles: string[];
  remarks: string[];
  version: string;
}

export interface StartArrival {
  mt: "StartArrival";
  src?: string;
  name: string;
  domain: string;
  token: string;
}

export interface StartArrivalResult {
  mt: "StartArrivalResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface ConfirmArrival {
  mt: "ConfirmArrival";
  src?: string;
  name: string;
  domain: string;
  token: string;
}

export interface ConfirmArrivalResult {
  mt: "ConfirmArrivalResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface AbandonArrival {
  mt: "AbandonArrival";
  src?: string;
  name: string;
  domain: string;
  token: string;
}

export interface AbandonArrivalResult {
  mt: "AbandonArrivalResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface GetAlarms {
  mt: "GetAlarms";
  src?: string;
  history?: number;
}

export interface GetAlarmsResult {
  mt: "GetAlarmsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  alarms: Alarm[];
  history: Alarm[];
  channels: AlarmChannel[];
}

export interface AcknowledgeAlarm {
  mt: "AcknowledgeAlarm";
  src?: string;
  id: number;
}

export interface AcknowledgeAlarmResult {
  mt: "AcknowledgeAlarmResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  alarm: Alarm;
}

export interface SilenceAlarm {
  mt: "SilenceAlarm";
  src?: string;
  id: number;
  minutes: number;
}

export interface SilenceAlarmResult {
  mt: "SilenceAlarmResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  alarm: Alarm;
}

export interface TestAlarm {
  mt: "TestAlarm";
  src?: string;
}

export interface TestAlarmResult {
  mt: "TestAlarmResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  channels: string[];
}

export interface TestMail {
  mt: "TestMail";
  src?: string;
  to?: string;
}

export interface TestMailResult {
  mt: "TestMailResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  recipients: string[];
}

export interface StartApps {
  mt: "StartApps";
  src?: string;
}

export interface StartAppsResult {
  mt: "StartAppsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
}

export interface ReplaceManager {
  mt: "ReplaceManager";
  src?: string;
  webserver?: boolean;
}

export interface ReplaceManagerResult {
  mt: "ReplaceManagerResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  version: string;
  build: string;
}

export interface ReplaceWebserver {
  mt: "ReplaceWebserver";
  src?: string;
}

export interface ReplaceWebserverResult {
  mt: "ReplaceWebserverResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  version: string;
  websockets: number;
  limit: number;
}

export interface GetMonitor {
  mt: "GetMonitor";
  src?: string;
  subjects: string[];
  metrics?: string[];
  seconds?: number;
  until?: string;
  points?: number;
}

export interface GetMonitorResult {
  mt: "GetMonitorResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  from: string;
  step: number;
  series: MonitorSeries[];
  markers: MonitorMarker[];
  space: MonitorSpace;
}

export interface GetMetrics {
  mt: "GetMetrics";
  src?: string;
}

export interface GetMetricsResult {
  mt: "GetMetricsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  text: string;
}

export interface GetDisk {
  mt: "GetDisk";
  src?: string;
}

export interface GetDiskResult {
  mt: "GetDiskResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  totalBytes: number;
  usedBytes: number;
  freeBytes: number;
  threshold: number;
  warning: number;
  level: string;
  appsHeld: boolean;
  reserveBytes: number;
  reserveWanted: number;
  forecast?: DiskForecast;
}

export interface GetTraces {
  mt: "GetTraces";
  src?: string;
}

export interface GetTracesResult {
  mt: "GetTracesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  traces: TraceSwitch[];
}

export interface SetTrace {
  mt: "SetTrace";
  src?: string;
  target: string;
  flags?: number;
  minutes?: number;
}

export interface SetTraceResult {
  mt: "SetTraceResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  trace?: TraceSwitch;
}

export interface GetFlightRecorder {
  mt: "GetFlightRecorder";
  src?: string;
  service: string;
  lines?: number;
  instance?: string;
}

export interface GetFlightRecorderResult {
  mt: "GetFlightRecorderResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  lines: string[];
  truncated: boolean;
  torn: number;
}

export interface GetCrashes {
  mt: "GetCrashes";
  src?: string;
  service?: string;
}

export interface GetCrashesResult {
  mt: "GetCrashesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  groups: CrashGroup[];
  reports: CrashReport[];
  bytes: number;
  coreNote: string;
}

export interface GetCrash {
  mt: "GetCrash";
  src?: string;
  id: string;
}

export interface GetCrashResult {
  mt: "GetCrashResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  report: CrashReport;
  trace: string[];
}

export interface RemoveCrashes {
  mt: "RemoveCrashes";
  src?: string;
  id?: string;
  group?: string;
}

export interface RemoveCrashesResult {
  mt: "RemoveCrashesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  removed: number;
}

export interface MakeReport {
  mt: "MakeReport";
  src?: string;
  service: string;
  core?: boolean;
}

export interface MakeReportResult {
  mt: "MakeReportResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  report: CrashReport;
}

export interface FetchCore {
  mt: "FetchCore";
  src?: string;
  id: string;
}

export interface FetchCoreResult {
  mt: "FetchCoreResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  bytes: number;
  download?: Download;
}

export interface MakeSupportBundle {
  mt: "MakeSupportBundle";
  src?: string;
  cores?: boolean;
}

export interface MakeSupportBundleResult {
  mt: "MakeSupportBundleResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  bytes: number;
  download?: Download;
}

export interface GetUsage {
  mt: "GetUsage";
  src?: string;
  from?: string;
  to?: string;
  domain?: string;
  name?: string;
  byDay?: boolean;
  byInstance?: boolean;
}

export interface GetUsageResult {
  mt: "GetUsageResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  from: string;
  to: string;
  timeZone: string;
  keptDays: number;
  rows: UsageRow[];
}

export interface GetLimits {
  mt: "GetLimits";
  src?: string;
  domain?: string;
  name?: string;
}

export interface GetLimitsResult {
  mt: "GetLimitsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  usual: Limits;
  limits: LimitsOf[];
}

export interface SetLimits {
  mt: "SetLimits";
  src?: string;
  domain: string;
  name?: string;
  limits: Limits;
}

export interface SetLimitsResult {
  mt: "SetLimitsResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  limits: LimitsOf;
}

export interface AllowWrites {
  mt: "AllowWrites";
  src?: string;
  domain: string;
  name: string;
  minutes?: number;
}

export interface AllowWritesResult {
  mt: "AllowWritesResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  limits: LimitsOf;
}

export interface StartCapture {
  mt: "StartCapture";
  src?: string;
  minutes?: number;
  from?: string;
  interfaces?: string;
}

export interface StartCaptureResult {
  mt: "StartCaptureResult";
  src?: string;
  error?: string;
  errorCode?: ErrorCode;
  until: string;
  user: string;
  password?: Password;
}

// By `mt`: what to send and what comes back.
export interface Requests {
  GetStatus: { request: GetStatus; answer: GetStatusResult };
  Subscribe: { request: Subscribe; answer: SubscribeResult };
  GetServices: { request: GetServices; answer: GetServicesResult };
  GetInstances: { request: GetInstances; answer: GetInstancesResult };
  GetJobs: { request: GetJobs; answer: GetJobsResult };
  GetInstance: { request: GetInstance; answer: GetInstanceResult };
  GetJob: { request: GetJob; answer: GetJobResult };
  GetStore: { request: GetStore; answer: GetStoreResult };
  InstallApp: { request: InstallApp; answer: InstallAppResult };
  InstallPackage: { request: InstallPackage; answer: InstallPackageResult };
  StartService: { request: StartService; answer: StartServiceResult };
  StopService: { request: StopService; answer: StopServiceResult };
  RestartService: { request: RestartService; answer: RestartServiceResult };
  RemoveService: { request: RemoveService; answer: RemoveServiceResult };
  OpenServiceShell: { request: OpenServiceShell; answer: OpenServiceShellResult };
  CreateInstance: { request: CreateInstance; answer: CreateInstanceResult };
  SuggestInstance: { request: SuggestInstance; answer: SuggestInstanceResult };
  StopInstance: { request: StopInstance; answer: StopInstanceResult };
  RestartInstance: { request: RestartInstance; answer: RestartInstanceResult };
  EditInstance: { request: EditInstance; answer: EditInstanceResult };
  DeleteInstance: { request: DeleteInstance; answer: DeleteInstanceResult };
  UndoDelete: { request: UndoDelete; answer: UndoDeleteResult };
  SetInstancePassword: { request: SetInstancePassword; answer: SetInstancePasswordResult };
  SetDatabasePassword: { request: SetDatabasePassword; answer: SetDatabasePasswordResult };
  BackupInstance: { request: BackupInstance; answer: BackupInstanceResult };
  RestoreInstance: { request: RestoreInstance; answer: RestoreInstanceResult };
  CancelJob: { request: CancelJob; answer: CancelJobResult };
  GetLog: { request: GetLog; answer: GetLogResult };
  StopLog: { request: StopLog; answer: StopLogResult };
  GetSettings: { request: GetSettings; answer: GetSettingsResult };
  SetSetting: { request: SetSetting; answer: SetSettingResult };
  SetAdminPassword: { request: SetAdminPassword; answer: SetAdminPasswordResult };
  GetCertificate: { request: GetCertificate; answer: GetCertificateResult };
  SetCertificate: { request: SetCertificate; answer: SetCertificateResult };
  ResetCertificate: { request: ResetCertificate; answer: ResetCertificateResult };
  GetCommandFile: { request: GetCommandFile; answer: GetCommandFileResult };
  RunCommandFile: { request: RunCommandFile; answer: RunCommandFileResult };
  AppPlatformInfoRequest: { request: AppPlatformInfoRequest; answer: AppPlatformInfoResult };
  RequestHttpKey: { request: RequestHttpKey; answer: RequestHttpKeyResult };
  RequestAppStore: { request: RequestAppStore; answer: AppStoreResult };
  InstallService: { request: InstallService; answer: InstallServiceResult };
  AddInstance: { request: AddInstance; answer: AddInstanceResult };
  StartInstance: { request: StartInstance; answer: StartInstanceResult };
  GetInstanceDatabase: { request: GetInstanceDatabase; answer: GetInstanceDatabaseResult };
  CleanUpInstance: { request: CleanUpInstance; answer: CleanUpInstanceResult };
  CleanUpAll: { request: CleanUpAll; answer: CleanUpAllResult };
  OptimiseDatabases: { request: OptimiseDatabases; answer: OptimiseDatabasesResult };
  GetDatabases: { request: GetDatabases; answer: GetDatabasesResult };
  TestDatabase: { request: TestDatabase; answer: TestDatabaseResult };
  UseDatabase: { request: UseDatabase; answer: UseDatabaseResult };
  RenameInstances: { request: RenameInstances; answer: RenameInstancesResult };
  TakeOverDatabase: { request: TakeOverDatabase; answer: TakeOverDatabaseResult };
  GetSqlRecipe: { request: GetSqlRecipe; answer: GetSqlRecipeResult };
  GetBackupTargets: { request: GetBackupTargets; answer: GetBackupTargetsResult };
  SetBackupTarget: { request: SetBackupTarget; answer: SetBackupTargetResult };
  TestBackupTarget: { request: TestBackupTarget; answer: TestBackupTargetResult };
  RemoveBackupTarget: { request: RemoveBackupTarget; answer: RemoveBackupTargetResult };
  GetBackupPolicies: { request: GetBackupPolicies; answer: GetBackupPoliciesResult };
  SetBackupPolicy: { request: SetBackupPolicy; answer: SetBackupPolicyResult };
  RemoveBackupPolicy: { request: RemoveBackupPolicy; answer: RemoveBackupPolicyResult };
  RunBackup: { request: RunBackup; answer: RunBackupResult };
  GetBackupSets: { request: GetBackupSets; answer: GetBackupSetsResult };
  GetBackupSet: { request: GetBackupSet; answer: GetBackupSetResult };
  FetchBackup: { request: FetchBackup; answer: FetchBackupResult };
  VerifyBackup: { request: VerifyBackup; answer: VerifyBackupResult };
  DrillBackup: { request: DrillBackup; answer: DrillBackupResult };
  PlanBackupPrune: { request: PlanBackupPrune; answer: PlanBackupPruneResult };
  PruneBackups: { request: PruneBackups; answer: PruneBackupsResult };
  RestoreFromSet: { request: RestoreFromSet; answer: RestoreFromSetResult };
  RestorePlatform: { request: RestorePlatform; answer: RestorePlatformResult };
  GetBackupKeys: { request: GetBackupKeys; answer: GetBackupKeysResult };
  GetTimeMachine: { request: GetTimeMachine; answer: GetTimeMachineResult };
  MakeBaseBackup: { request: MakeBaseBackup; answer: MakeBaseBackupResult };
  RewindInstance: { request: RewindInstance; answer: RewindInstanceResult };
  MoveInstance: { request: MoveInstance; answer: MoveInstanceResult };
  EndForward: { request: EndForward; answer: EndForwardResult };
  UndoMove: { request: UndoMove; answer: UndoMoveResult };
  PrepareArrival: { request: PrepareArrival; answer: PrepareArrivalResult };
  StartArrival: { request: StartArrival; answer: StartArrivalResult };
  ConfirmArrival: { request: ConfirmArrival; answer: ConfirmArrivalResult };
  AbandonArrival: { request: AbandonArrival; answer: AbandonArrivalResult };
  GetAlarms: { request: GetAlarms; answer: GetAlarmsResult };
  AcknowledgeAlarm: { request: AcknowledgeAlarm; answer: AcknowledgeAlarmResult };
  SilenceAlarm: { request: SilenceAlarm; answer: SilenceAlarmResult };
  TestAlarm: { request: TestAlarm; answer: TestAlarmResult };
  TestMail: { request: TestMail; answer: TestMailResult };
  StartApps: { request: StartApps; answer: StartAppsResult };
  ReplaceManager: { request: ReplaceManager; answer: ReplaceManagerResult };
  ReplaceWebserver: { request: ReplaceWebserver; answer: ReplaceWebserverResult };
  GetMonitor: { request: GetMonitor; answer: GetMonitorResult };
  GetMetrics: { request: GetMetrics; answer: GetMetricsResult };
  GetDisk: { request: GetDisk; answer: GetDiskResult };
  GetTraces: { request: GetTraces; answer: GetTracesResult };
  SetTrace: { request: SetTrace; answer: SetTraceResult };
  GetFlightRecorder: { request: GetFlightRecorder; answer: GetFlightRecorderResult };
  GetCrashes: { request: GetCrashes; answer: GetCrashesResult };
  GetCrash: { request: GetCrash; answer: GetCrashResult };
  RemoveCrashes: { request: RemoveCrashes; answer: RemoveCrashesResult };
  MakeReport: { request: MakeReport; answer: MakeReportResult };
  FetchCore: { request: FetchCore; answer: FetchCoreResult };
  MakeSupportBundle: { request: MakeSupportBundle; answer: MakeSupportBundleResult };
  GetUsage: { request: GetUsage; answer: GetUsageResult };
  GetLimits: { request: GetLimits; answer: GetLimitsResult };
  SetLimits: { request: SetLimits; answer: SetLimitsResult };
  AllowWrites: { request: AllowWrites; answer: AllowWritesResult };
  StartCapture: { request: StartCapture; answer: StartCaptureResult };
}

export interface StatusChanged {
  mt: "StatusChanged";
  src?: string;
  status: Status;
}

export interface ServiceChanged {
  mt: "ServiceChanged";
  src?: string;
  service: Service;
}

export interface ServiceRemoved {
  mt: "ServiceRemoved";
  src?: string;
  id: string;
}

export interface InstanceChanged {
  mt: "InstanceChanged";
  src?: string;
  instance: Instance;
}

export interface InstanceRemoved {
  mt: "InstanceRemoved";
  src?: string;
  name: string;
  domain: string;
}

export interface JobChanged {
  mt: "JobChanged";
  src?: string;
  job: Job;
}

export interface StoreChanged {
  mt: "StoreChanged";
  src?: string;
}

export interface LogLines {
  mt: "LogLines";
  src?: string;
  service: string;
  lines: string[];
}

export interface AppStoreServiceAdded {
  mt: "AppStoreServiceAdded";
  src?: string;
  id: string;
  folder: string;
  binary: string;
  title: string;
  manufacturer: string;
  infourl: string;
  logo: string;
  versions: StoreVersion[];
  state: StoreAppState;
  support: string;
  requirement: string;
  licenseInfo: string;
  licenseType: string;
  eula: string;
  langs: string[];
  categories: string[];
  apps: AppStoreApp[];
}

export interface ServiceInstalled {
  mt: "ServiceInstalled";
  src?: string;
  filename: string;
  appServiceID: string;
  title: string;
  initilaStatus: number;
  initialStatus: number;
  currentStatus: number;
  manufacturere: string;
  manufacturer: string;
  startTime: number;
  versions: StoreVersion[];
}

// By `mt`: what comes unasked, under the src of what was subscribed to.
export interface Indications {
  StatusChanged: StatusChanged;
  ServiceChanged: ServiceChanged;
  ServiceRemoved: ServiceRemoved;
  InstanceChanged: InstanceChanged;
  InstanceRemoved: InstanceRemoved;
  JobChanged: JobChanged;
  StoreChanged: StoreChanged;
  LogLines: LogLines;
  AppStoreServiceAdded: AppStoreServiceAdded;
  ServiceInstalled: ServiceInstalled;
}
