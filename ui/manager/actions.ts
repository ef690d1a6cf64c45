// What an admin can do to services and instances. Each tells what happened and how to take it back.
import { showToast } from "../kit/components/toast";
import { go } from "../kit/route";
import type { Instance, Job, KeptData, Service } from "./api";
import { ask, attempt, fail } from "./connection";
import { addressOf } from "./parts";
import { instanceKey, platform } from "./platform";
import { t, tn } from "./texts";

export const jobId = (job: Job | string | undefined) => (typeof job === "string" ? job : job?.id);

const names = ({ name, domain }: { name: string; domain: string }) => ({ name, domain });
type Named = Pick<Instance, "name" | "domain" | "service">;

export const startInstance = (instance: Named) =>
  attempt(() =>
    ask("StartInstance", {
      appServiceID: instance.service,
      appName: instance.name,
      appDomain: instance.domain,
    }),
  );

/** After a full disk: what ran before it. */
export async function startApps(): Promise<void> {
  if (await attempt(() => ask("StartApps", {}))) showToast({ tone: "ok", text: t("done.appsStarted") });
}

/** Its program was exchanged: it becomes the one that is there now. This page connects anew by itself. */
export async function replaceManager(): Promise<void> {
  await attempt(async () => {
    const { version, build } = await ask("ReplaceManager", {});
    showToast({ tone: "ok", text: t("done.managerReplaced", { version, build }) });
  });
}

/** A new webserver for all who come; the old one keeps those it has. */
export async function replaceWebserver(): Promise<void> {
  await attempt(async () => {
    const { version, websockets } = await ask("ReplaceWebserver", {});
    showToast({ tone: "ok", text: tn("done.webserverReplaced", websockets, { version }) });
  });
}

export async function stopInstance(instance: Named): Promise<void> {
  if (!(await attempt(() => ask("StopInstance", names(instance))))) return;
  showToast({
    tone: "ok",
    text: t("done.stopped", { name: instanceKey(instance) }),
    action: { label: t("act.startAgain"), run: () => startInstance(instance) },
  });
}

export async function restartInstance(instance: Named): Promise<void> {
  if (await attempt(() => ask("RestartInstance", names(instance))))
    showToast({ tone: "ok", text: t("done.restarted", { name: instanceKey(instance) }) });
}

/** To the bin: taken back by one click here, or in the bin later. */
export async function deleteInstance(instance: Named): Promise<void> {
  if (!(await attempt(() => ask("DeleteInstance", names(instance))))) return;
  showToast({
    tone: "ok",
    text: t("done.deleted", { name: instanceKey(instance) }),
    action: { label: t("act.undo"), run: () => undoDelete(instance) },
  });
  go(addressOf.service(instance.service));
}

export async function undoDelete(instance: Named): Promise<void> {
  if (!(await attempt(() => ask("UndoDelete", names(instance))))) return;
  showToast({
    tone: "ok",
    text: t("done.back", { name: instanceKey(instance) }),
    action: { label: t("act.show"), run: () => go(addressOf.instance(instance)) },
  });
}

/** The data from before a restore; those that are live now take their place, so this can be taken back the same way. */
export async function bringBackKept(instance: Named, data: KeptData): Promise<void> {
  if (!(await attempt(() => ask("UndoDelete", { ...names(instance), kept: data.id })))) return;
  showToast({
    tone: "ok",
    text: t("done.keptBack", { name: instanceKey(instance) }),
    action: { label: t("act.undo"), run: () => bringBackKept(instance, data) },
  });
}

export const deleteKept = (instance: Named, data: KeptData) =>
  attempt(() => ask("DeleteInstance", { ...names(instance), now: true, kept: data.id }));

export const deleteForGood = (instance: Named) =>
  attempt(() => ask("DeleteInstance", { ...names(instance), now: true }));

export const startService = (service: Service) => attempt(() => ask("StartService", { id: service.id }));

export async function stopService(service: Service): Promise<void> {
  if (!(await attempt(() => ask("StopService", { id: service.id })))) return;
  showToast({
    tone: "ok",
    text: t("done.stopped", { name: service.title }),
    action: { label: t("act.startAgain"), run: () => startService(service) },
  });
}

export async function restartService(service: Service): Promise<void> {
  if (await attempt(() => ask("RestartService", { id: service.id })))
    showToast({ tone: "ok", text: t("done.restarted", { name: service.title }) });
}

export async function removeService(service: Service): Promise<void> {
  if (!(await attempt(() => ask("RemoveService", { id: service.id })))) return;
  showToast({
    tone: "ok",
    text: t("done.removed", { name: service.title }),
    action: { label: t("act.installAgain"), run: () => installApp(service.id) },
  });
  go("#/");
}

/** Starts an installation; returns its job's id. */
export async function installApp(id: string, version?: string): Promise<string | undefined> {
  try {
    const { job } = await ask("InstallApp", { id, ...(version ? { version } : {}) });
    return jobId(job);
  } catch (error) {
    fail(error);
    return undefined;
  }
}

export const setSetting = (name: string, value: string) => attempt(() => ask("SetSetting", { name, value }));

/** A finding of the overview is known and taken as it is, for every admin; or no longer. */
export const acceptCheck = (id: string, accepted: boolean) =>
  attempt(async () => {
    const { settings } = await ask("GetSettings", {});
    const known =
      settings
        .find((one) => one.name === kAccepted)
        ?.value.split(" ")
        .filter(Boolean) ?? [];
    const others = known.filter((one) => one !== id);
    await ask("SetSetting", { name: kAccepted, value: (accepted ? [...others, id] : others).join(" ") });
  });
const kAccepted = "acceptedChecks";

/** Why a service cannot be removed, if so. */
export function removeReason(service: Service): string | undefined {
  const here = [...(platform.value?.instances.values() ?? [])].filter((one) => one.service === service.id);
  const live = here.filter((one) => one.state !== "deleted").length;
  if (live > 0) return t("reason.hasInstances", { count: live });
  if (here.length > 0) return t("reason.hasDeleted", { count: here.length });
  return undefined;
}
