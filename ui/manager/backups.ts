// Backup sets as this page knows them, and what they amount to: is what people wrote safe?
import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type {
  BackupItem,
  BackupPolicy,
  BackupProof,
  BackupSet,
  BackupSetState,
  BackupTarget,
  Instance,
  JobKind,
} from "./api";
import { ask, asSentence, link } from "./connection";
import { instanceKey, jobs } from "./platform";

export interface Backups {
  policies: BackupPolicy[];
  targets: BackupTarget[];
  /** Newest first. */
  sets: BackupSet[];
  newest: ReadonlyMap<string, BackupItem>;
  proofs: ReadonlyMap<string, BackupProof>;
}

/** Undefined until the first answer came. */
export const backups = signal<Backups | undefined>(undefined);
export const backupsError = signal<string | undefined>(undefined);

const kKinds: readonly JobKind[] = ["backup", "prune", "drill", "fetch", "platform", "commands"];

/** Another text whenever a job that may have changed sets began or ended. */
export const backupsVersion = computed(() =>
  jobs.value
    .filter((job) => kKinds.includes(job.kind))
    .map((job) => `${job.id}${job.state}`)
    .join(),
);

export async function refreshBackups(): Promise<void> {
  try {
    const [policies, targets, sets] = await Promise.all([
      ask("GetBackupPolicies", {}),
      ask("GetBackupTargets", {}),
      ask("GetBackupSets", { limit: 500 }),
    ]);
    backups.value = {
      policies: policies.policies,
      targets: targets.targets,
      sets: sets.sets,
      newest: new Map(sets.newest.map((one) => [itemKey(one), one])),
      proofs: new Map(sets.proofs.map((one) => [instanceKey(one), one])),
    };
    backupsError.value = undefined;
  } catch (error) {
    backupsError.value = asSentence(error instanceof Error ? error.message : String(error));
  }
}

/** Keeps `backups` current while a page shows them. */
export function useBackups(): Backups | undefined {
  const open = link.state.value.name === "open";
  const version = backupsVersion.value;
  useEffect(() => {
    if (open) void refreshBackups();
  }, [open, version]);
  return backups.value;
}

/** Whether it lies where nothing can be had from. */
export const isWriteOnly = (set: BackupSet): boolean =>
  backups.value?.targets.some((one) => one.name === set.target && one.kind === "dropbox") ?? false;

/** The manager's own database has no name. */
export const isManager = (item: { name: string; domain: string }) => item.name === "" && item.domain === "";
export const itemKey = (item: { name: string; domain: string }) => (isManager(item) ? "manager" : instanceKey(item));

export const hasData = (state: BackupSetState) => state === "good" || state === "partial";

export type Trouble =
  | { kind: "noPolicy" }
  | { kind: "noSet" }
  | { kind: "lastBad"; set: BackupSet }
  | { kind: "target"; target: BackupTarget }
  | { kind: "drill"; proofs: BackupProof[] }
  | { kind: "without"; instances: Instance[] };

export interface Assessment {
  /** The worst first. */
  troubles: Trouble[];
  lastGood: BackupSet | undefined;
  next: BackupPolicy | undefined;
  /** Of the instances that are to be backed up. */
  proven: number;
  wanted: number;
  /** The oldest of the last proofs; undefined if one instance has none. */
  oldestProof: string | undefined;
}

export function assessBackups(
  { policies, targets, sets, newest, proofs }: Backups,
  instances: readonly Instance[],
): Assessment {
  const wanted = instances.filter((one) => !one.excludeFromBackup);
  const without = wanted.filter((one) => !newest.has(instanceKey(one)));
  const red = [...proofs.values()].filter((one) => one.error !== "");
  const ended = sets.find((set) => set.state !== "running");
  const lastGood = sets.find((set) => set.state === "good");
  const due = policies.filter((policy) => policy.enabled && policy.dueAt);
  due.sort((a, b) => Date.parse(a.dueAt!) - Date.parse(b.dueAt!));
  const provenAt = wanted.map((one) => proofs.get(instanceKey(one))?.provenAt).filter((at) => at !== undefined);
  const troubles: Trouble[] = [
    ...(red.length ? [{ kind: "drill", proofs: red } as const] : []),
    ...(ended && ended.state !== "good" ? [{ kind: "lastBad", set: ended } as const] : []),
    ...targets.filter((target) => target.error !== "").map((target) => ({ kind: "target", target }) as const),
    ...(policies.some((policy) => policy.enabled) ? [] : [{ kind: "noPolicy" } as const]),
    ...(lastGood ? [] : [{ kind: "noSet" } as const]),
    ...(lastGood && without.length ? [{ kind: "without", instances: without } as const] : []),
  ];
  return {
    troubles,
    lastGood,
    next: due[0],
    proven: provenAt.length,
    wanted: wanted.length,
    oldestProof:
      provenAt.length === wanted.length
        ? provenAt.reduce<string | undefined>((old, at) => (old === undefined || at < old ? at : old), undefined)
        : undefined,
  };
}
