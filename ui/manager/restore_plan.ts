// What a restore will do and whether it can: said before anything is moved. Pure.
import type { BackupItem, BackupSet, Instance, Service } from "./api";
import { hasData, itemKey } from "./backups";
import { instanceKey } from "./platform";
import { t } from "./texts";

/** The item of `key` in a set, and why it cannot be taken. */
export function itemProblem(
  set: BackupSet | undefined,
  items: readonly BackupItem[],
  key: string,
  services: ReadonlyMap<string, Service>,
): string | undefined {
  if (set && !hasData(set.state)) return t("plan.setUseless");
  const item = items.find((one) => itemKey(one) === key);
  if (!item) return t("plan.notInSet", { name: key });
  if (item.state !== "written") return item.error || t("plan.itemUseless");
  const service = services.get(item.service);
  if (!service) return t("plan.noService", { name: item.service });
  if (isNewer(item.build, service.build))
    return t("plan.newerBuild", { build: item.build, name: service.title, installed: service.build });
  return undefined;
}

/** Builds are numbers as text. */
export function isNewer(build: string, than: string): boolean {
  const [a, b] = [build, than].map((text) => text.replace(/^0+/, ""));
  return a!.length !== b!.length ? a!.length > b!.length : a! > b!;
}

/** Where the data go: `undefined` while the form says nothing sensible. */
export interface Destination {
  key: string;
  isNew: boolean;
  problem: string | undefined;
}

export function destinationOf(
  source: string,
  as: { on: boolean; name: string; domain: string },
  instances: ReadonlyMap<string, Instance>,
): Destination {
  if (!as.on) {
    const there = instances.get(source);
    if (there?.external) return { key: source, isNew: false, problem: t("plan.external") };
    return { key: source, isNew: !there || there.state === "deleted", problem: undefined };
  }
  const key = instanceKey({ name: as.name.trim(), domain: as.domain.trim() });
  if (!as.name.trim()) return { key, isNew: true, problem: t("new.nameEmpty") };
  if (!as.domain.trim()) return { key, isNew: true, problem: t("plan.domainEmpty") };
  if (instances.has(key)) return { key, isNew: true, problem: t("plan.taken", { name: key }) };
  return { key, isNew: true, problem: undefined };
}
