// The platform as this page knows it: what `Subscribe` gave, kept current by its indications.
// The reducers are plain functions on maps, so they can be tested without a page.
import { computed, signal } from "@preact/signals";
import { formatRoute } from "../kit/route";
import type { Check, Indications, Instance, Job, Process, Service, Status, SubscribeResult } from "./api";

export interface Platform {
  status: Status;
  services: ReadonlyMap<string, Service>;
  instances: ReadonlyMap<string, Instance>;
  jobs: ReadonlyMap<string, Job>;
}

export const instanceKey = (instance: { name: string; domain: string }) => `${instance.name}@${instance.domain}`;

/** `status` was asked for, so it is there. */
export function fromSnapshot(snapshot: SubscribeResult): Platform {
  return {
    status: snapshot.status!,
    services: new Map(snapshot.services.map((service) => [service.id, service])),
    instances: new Map(snapshot.instances.map((instance) => [instanceKey(instance), instance])),
    jobs: new Map(snapshot.jobs.map((job) => [job.id, job])),
  };
}

const kKeptJobs = 500;

function put<V>(map: ReadonlyMap<string, V>, key: string, value: V): Map<string, V> {
  return new Map(map).set(key, value);
}
function without<V>(map: ReadonlyMap<string, V>, key: string): Map<string, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/** The platform after one indication. Unknown ones change nothing. */
export function reduce(platform: Platform, indication: Indications[keyof Indications]): Platform {
  switch (indication.mt) {
    case "StatusChanged":
      return { ...platform, status: indication.status };
    case "ServiceChanged":
      return { ...platform, services: put(platform.services, indication.service.id, indication.service) };
    case "ServiceRemoved":
      return { ...platform, services: without(platform.services, indication.id) };
    case "InstanceChanged":
      return {
        ...platform,
        instances: put(platform.instances, instanceKey(indication.instance), indication.instance),
      };
    case "InstanceRemoved":
      return { ...platform, instances: without(platform.instances, instanceKey(indication)) };
    case "JobChanged": {
      const jobs = put(platform.jobs, indication.job.id, indication.job);
      while (jobs.size > kKeptJobs) jobs.delete(jobs.keys().next().value as string);
      return { ...platform, jobs };
    }
    default:
      return platform;
  }
}

/** Undefined until the first answer came. */
export const platform = signal<Platform | undefined>(undefined);

export const status = computed(() => platform.value?.status);
export const services = computed(() =>
  [...(platform.value?.services.values() ?? [])].sort((a, b) => a.title.localeCompare(b.title)),
);
const everyInstance = computed(() =>
  [...(platform.value?.instances.values() ?? [])].sort(
    (a, b) => a.domain.localeCompare(b.domain) || a.name.localeCompare(b.name),
  ),
);
export const instances = computed(() => everyInstance.value.filter((one) => one.state !== "deleted"));
export const deleted = computed(() => everyInstance.value.filter((one) => one.state === "deleted"));
/** A job that waits has not started: it is newer than all that have. */
const startOf = (job: Job) => (job.startedAt ? Date.parse(job.startedAt) : Number.MAX_SAFE_INTEGER);
/** Newest first. */
export const jobs = computed(() =>
  [...(platform.value?.jobs.values() ?? [])].sort((a, b) => startOf(b) - startOf(a) || Number(b.id) - Number(a.id)),
);
export const runningJobs = computed(() =>
  jobs.value.filter((job) => job.state === "running" || job.state === "waiting"),
);
export const domains = computed(() => [...new Set(instances.value.map((one) => one.domain))]);

/** Where a finding's matter can be looked at or changed. */
export function addressOfCheck(check: Check, services: ReadonlyMap<string, Service>): string | undefined {
  const { id, values } = check;
  if (id.startsWith("certificate")) return "#/settings/certificate";
  if (id.startsWith("disk") || id === "apps-stopped" || id === "reserve") return "#/monitoring/disk";
  if (id.startsWith("quota-")) return values[0] && formatRoute(["instance", values[0], "settings"]);
  if (id.startsWith("file-system-")) return "#/alarms/history";
  if (id.startsWith("alarm-")) return "#/alarms/channels";
  if (id === "developer-mode") return "#/settings";
  if (id === "backup") return values[3] && formatRoute(["instance", values[3], "data"]);
  if (id === "backup-drill") return values[3] && formatRoute(["instance", values[3], "data"]);
  if (id === "backup-proof") return "#/backups/instances";
  if (id.startsWith("backup-")) return "#/backups/targets";
  if (id.startsWith("time-machine")) return "#/backups/timemachine";
  if (id === "command-file") return "#/backups";
  if (id.startsWith("database-taken-")) return values[0] && formatRoute(["instance", values[0], "data"]);
  if (id === "sandbox") return values[5] && formatRoute(["service", values[5]]);
  if (id === "unsigned") return values[1] && formatRoute(["service", values[1]]);
  if (!id.startsWith("process-")) return undefined;
  const name = id.slice("process-".length);
  return services.has(name) ? `#/service/${name}/log` : `#/platform/${name}`;
}

/** Errors and dying processes come back until they are mended. */
export const canAccept = (check: Check) => check.severity === "warning" && !check.id.startsWith("process-");

export interface Health {
  failedServices: Service[];
  failedInstances: Instance[];
  /** The platform's own processes that are down; each is among the findings too. */
  failedProcesses: Process[];
  /** Findings that wait for somebody, the worst first. */
  findings: Check[];
  /** Findings an admin knows and takes as they are. */
  accepted: Check[];
  /** How many things wait for somebody. */
  count: number;
}

const isDown = (thing: { state: string }) => thing.state === "failed" || thing.state === "crashed";

export function assess(now: Platform): Health {
  const failedServices = [...now.services.values()].filter(isDown);
  const isFailedService = (id: string) => failedServices.some((service) => service.id === id);
  // If the whole service is down, its instances are not further things to do.
  const failedInstances = [...now.instances.values()].filter((one) => isDown(one) && !isFailedService(one.service));
  const failedProcesses = now.status.processes.filter((one) => isDown(one) && !now.services.has(one.name));
  const all = now.status.checks.filter(
    (check) => check.severity !== "ok" && !isFailedService(check.id.replace(/^process-/, "")),
  );
  const findings = all
    .filter((check) => !check.accepted)
    .sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
  return {
    failedServices,
    failedInstances,
    failedProcesses,
    findings,
    accepted: all.filter((check) => check.accepted),
    count: failedServices.length + failedInstances.length + findings.length,
  };
}

export const health = computed(() => (platform.value ? assess(platform.value) : undefined));
