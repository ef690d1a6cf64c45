// The admin messages of the manager (docs/protocols/manager.md) as the pages use them.

export type RunState = "stopped" | "starting" | "running" | "stopping" | "failed" | "crashed";
export type InstanceState = RunState | "deleted";
export type JobState = "waiting" | "running" | "done" | "failed" | "cancelled";
export type JobKind =
  | "install" | "update" | "remove" | "create" | "delete" | "restore" | "backup" | "start" | "stop";

export interface AppPage {
  name: string;
  title: string;
  websocketOnly?: boolean;
}

export interface SandboxLayer {
  layer: string;
  state: string;
  why?: string;
}

export interface Service {
  id: string;
  title: string;
  manufacturer: string;
  state: RunState;
  build: string;
  label: string;
  pid?: number;
  startedAt?: string;
  restarts: number;
  lastExit?: string;
  memoryBytes: number;
  sessions: number;
  icon?: string;
  apps: AppPage[];
  sandbox: SandboxLayer[];
  signer?: string;
  instances: number;
}

export interface Instance {
  service: string;
  name: string;
  domain: string;
  state: InstanceState;
  detail?: string;
  path: string;
  url: string;
  app: string;
  database: string;
  databaseUser: string;
  databaseHost: string;
  databaseBytes: number;
  sessions: number;
  createdAt: string;
  logFlags: number;
  excludeFromBackup: boolean;
  deletedAt?: string;
  purgeAt?: string;
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
  startedAt: string;
  endedAt?: string;
  by: string;
  error?: string;
  result?: unknown;
}

export interface StoreVersion {
  id: string;
  build: string;
  label: string;
  compatibilty?: string;
  copy?: string[];
}

export interface StoreApp {
  id: string;
  folder: string;
  title: string;
  description: string;
  manufacturer: string;
  infourl?: string;
  logo?: string;
  versions: StoreVersion[];
  state: { installed: boolean; build?: string; updateAvailable?: boolean };
  categories: string[];
  langs: string[];
  signed: boolean;
  size?: number;
}

export interface Process {
  name: string;
  pid?: number;
  state: RunState;
  memoryBytes: number;
  startedAt?: string;
  restarts: number;
}

export interface Check {
  id: string;
  severity: "ok" | "warning" | "error";
  text: string;
  fix?: string;
  command?: string;
}

export interface Status {
  state: "starting" | "running" | "degraded" | "stopping";
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
  disk: { totalBytes: number; freeBytes: number };
  developerMode: boolean;
  checks: Check[];
}

export interface Setting {
  name: string;
  value: unknown;
  type: string;
  default?: unknown;
  min?: number;
  max?: number;
  choices?: string[];
  secret?: boolean;
  text: string;
}

export interface Certificate {
  subject: string;
  issuer: string;
  notAfter: string;
  fingerprint: string;
  names: string[];
}

export interface Problem {
  field: string;
  text: string;
}

/** Each request with what it takes and what its answer holds. */
export interface Requests {
  GetStatus: [object, { status: Status }];
  GetInstances: [{ deleted?: boolean }, { instances: Instance[] }];
  GetInstance: [{ name: string; domain: string }, { instance: Instance }];
  GetJobs: [{ limit?: number }, { jobs: Job[] }];
  GetJob: [{ id: string }, { job: Job; log: { at: string; text: string }[] }];
  CancelJob: [{ id: string }, object];
  GetStore: [
    { refresh?: boolean },
    { apps: StoreApp[]; url: string; fetchedAt?: string; error?: string },
  ];
  InstallApp: [{ id: string; version?: string }, { job: Job | string }];
  StartService: [{ id: string }, object];
  StopService: [{ id: string }, object];
  RestartService: [{ id: string }, object];
  RemoveService: [{ id: string }, { job?: Job | string }];
  SuggestInstance: [
    { service: string; domain: string; name?: string },
    { name: string; path: string; database: string; problems: Problem[] },
  ];
  CreateInstance: [
    {
      service: string;
      name: string;
      domain: string;
      password?: unknown;
      path?: string;
      database?: string;
      databasePassword?: unknown;
      start?: boolean;
    },
    { job: Job | string; instance: Instance; password?: unknown; databasePassword?: unknown },
  ];
  StartInstance: [{ name: string; domain: string; appServiceID: string; appName: string; appDomain: string }, object];
  StopInstance: [{ name: string; domain: string }, object];
  RestartInstance: [{ name: string; domain: string }, object];
  EditInstance: [
    {
      name: string;
      domain: string;
      newName?: string;
      newDomain?: string;
      path?: string;
      logFlags?: number;
      excludeFromBackup?: boolean;
    },
    { instance: Instance },
  ];
  DeleteInstance: [{ name: string; domain: string; now?: boolean }, { job: Job | string }];
  UndoDelete: [{ name: string; domain: string }, { job: Job | string }];
  SetInstancePassword: [{ name: string; domain: string; password?: unknown }, { password?: unknown }];
  SetDatabasePassword: [{ name: string; domain: string; password?: unknown }, { password?: unknown }];
  GetSettings: [object, { settings: Setting[] }];
  SetSetting: [{ name: string; value: unknown }, object];
  SetAdminPassword: [{ password: unknown }, object];
  GetCertificate: [object, { chain: Certificate[] }];
  SetCertificate: [{ pem: string }, { chain: Certificate[] }];
  ResetCertificate: [object, { chain: Certificate[] }];
  RequestHttpKey: [object, { key: string }];
}

export interface SubscribeResult {
  status: Status;
  services: Service[];
  instances: Instance[];
  jobs: Job[];
}

/** What comes under the `src` of `Subscribe`. */
export type Indication =
  | { mt: "StatusChanged"; status: Status }
  | { mt: "ServiceChanged"; service: Service }
  | { mt: "ServiceRemoved"; id: string }
  | { mt: "InstanceChanged"; instance: Instance }
  | { mt: "InstanceRemoved"; name: string; domain: string }
  | { mt: "JobChanged"; job: Job };
