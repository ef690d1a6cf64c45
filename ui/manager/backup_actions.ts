// What an admin can do with backup sets, policies and targets. Each tells what happened.
import { showToast } from "../kit/components/toast";
import { go } from "../kit/route";
import type { BackupPolicy, BackupTarget, Job } from "./api";
import { refreshBackups } from "./backups";
import { ask, attempt } from "./connection";
import { addressOf } from "./parts";
import { t } from "./texts";

function started(text: string, job: Job): void {
  showToast({ tone: "ok", text, action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) } });
}

export const runPolicy = (policy: BackupPolicy) =>
  attempt(async () => {
    const { job } = await ask("RunBackup", { policy: policy.name });
    started(t("done.backupRuns", { name: policy.name }), job);
  });

export const verifySet = (set: string) =>
  attempt(async () => started(t("done.verifyRuns"), (await ask("VerifyBackup", { set })).job));

/** Without an instance: of all. */
export const drill = (instance?: { name: string; domain: string }) =>
  attempt(async () =>
    started(
      t("done.drillRuns"),
      (await ask("DrillBackup", { name: instance?.name ?? "", domain: instance?.domain ?? "" })).job,
    ),
  );

export const prune = (policy: BackupPolicy) =>
  attempt(async () => started(t("done.pruneRuns"), (await ask("PruneBackups", { policy: policy.name })).job));

export const savePolicy = (policy: BackupPolicy) =>
  attempt(async () => {
    await ask("SetBackupPolicy", { policy });
    showToast({ tone: "ok", text: t("done.policySaved", { name: policy.name }) });
    await refreshBackups();
  });

/** Its sets stay, so the policy itself is all there is to take back. */
export const removePolicy = (policy: BackupPolicy) =>
  attempt(async () => {
    await ask("RemoveBackupPolicy", { name: policy.name });
    showToast({
      tone: "ok",
      text: t("done.policyGone", { name: policy.name }),
      action: { label: t("act.undo"), run: () => savePolicy(policy) },
    });
    await refreshBackups();
  });

export const removeTarget = (target: BackupTarget) =>
  attempt(async () => {
    await ask("RemoveBackupTarget", { name: target.name });
    showToast({ tone: "ok", text: t("done.targetGone", { name: target.name }) });
    await refreshBackups();
  });
