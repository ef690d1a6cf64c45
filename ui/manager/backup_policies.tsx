// Policies: what, when, where, how long; and what that would remove, before it does.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Card, Empty, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { fullTime, number } from "../kit/i18n";
import type { BackupPolicy, BackupVerdict } from "./api";
import { prune, removePolicy, runPolicy } from "./backup_actions";
import { keepText, reasonText, scheduleText, scopeText } from "./backup_words";
import { type Backups, backupsVersion } from "./backups";
import { commands } from "./commands";
import { ask, asSentence } from "./connection";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { PolicyDialog } from "./policy_dialog";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

export const kNewPolicy: BackupPolicy = {
  name: "",
  target: "",
  scope: "all",
  instance: "",
  domain: "",
  excluded: [],
  schedule: "daily 02:00",
  keep: "last=1,daily=7,weekly=4",
  enabled: true,
  verify: true,
  wouldBackUp: [],
};

export function PoliciesTab({ known }: { known: Backups }) {
  const [editing, setEditing] = useState<BackupPolicy>();
  const [planning, setPlanning] = useState<BackupPolicy>();
  const add = (
    <Button
      kind={known.policies.length ? "normal" : "primary"}
      icon="plus"
      onClick={() => setEditing({ ...kNewPolicy, target: known.targets[0]?.name ?? "" })}
      disabledReason={offlineReason.value ?? (known.targets.length === 0 && t("reason.noTarget"))}
    >
      {t("act.newPolicy")}
    </Button>
  );
  return (
    <>
      {known.policies.length === 0 ? (
        <Card>
          <Empty icon="backups" title={t("empty.policies")} action={add}>
            {t("empty.policiesWhy")}
          </Empty>
        </Card>
      ) : (
        <div class="grid halves">
          {known.policies.map((policy) => (
            <PolicyCard
              key={policy.name}
              policy={policy}
              onEdit={() => setEditing(policy)}
              onPlan={() => setPlanning(policy)}
            />
          ))}
        </div>
      )}
      {known.policies.length > 0 && <div>{add}</div>}
      {editing && <PolicyDialog known={known} policy={editing} onClose={() => setEditing(undefined)} />}
      {planning && <PlanDialog policy={planning} onClose={() => setPlanning(undefined)} />}
    </>
  );
}

function PolicyCard({ policy, onEdit, onPlan }: { policy: BackupPolicy; onEdit(): void; onPlan(): void }) {
  const offline = offlineReason.value;
  const names = policy.wouldBackUp.map((name) => (name === "manager" ? t("set.manager") : name));
  return (
    <Card
      title={<span class="break">{policy.name}</span>}
      aside={policy.enabled ? <Pill tone="ok">{t("policy.on")}</Pill> : <Pill tone="idle">{t("policy.off")}</Pill>}
    >
      <div class="form">
        <Facts
          rows={[
            [
              t("policy.what"),
              <>
                {scopeText(policy)}
                <details>
                  <summary class="small">{tn("policy.databases", names.length)}</summary>
                  <p class="small muted policy-names">{names.join(", ")}</p>
                </details>
              </>,
            ],
            [
              t("policy.when"),
              <>
                {scheduleText(policy.schedule)}
                {policy.enabled && policy.dueAt && (
                  <span class="muted" title={fullTime(policy.dueAt)}>
                    {" "}
                    · {t("policy.nextAt")} <Time at={policy.dueAt} />
                  </span>
                )}
              </>,
            ],
            [t("policy.where"), <a href={addressOf.backups("targets")}>{policy.target}</a>],
            [t("policy.howLong"), keepText(policy.keep)],
            [t("policy.check"), policy.verify ? t("policy.verified") : t("policy.notVerified")],
          ]}
        />
        <div class="acts">
          <Button small onClick={() => runPolicy(policy)} disabledReason={offline}>
            {t("act.backUpNow")}
          </Button>
          <Button small onClick={onEdit} disabledReason={offline}>
            {t("act.edit")}
          </Button>
          <Button small onClick={onPlan} disabledReason={offline}>
            {t("act.whatGoes")}
          </Button>
          <Button small danger onClick={() => removePolicy(policy)} disabledReason={offline}>
            {t("act.removePolicy")}
          </Button>
        </div>
        <Command line={commands.runPolicy(policy.name)} />
      </div>
    </Card>
  );
}

function PlanDialog({ policy, onClose }: { policy: BackupPolicy; onClose(): void }) {
  const { value, error } = useAnswer("PlanBackupPrune", { policy: policy.name }, backupsVersion.value);
  const going = value?.verdicts.filter((one) => !one.stays).length ?? 0;
  return (
    <Dialog
      title={t("plan.title", { name: policy.name })}
      closeLabel={t("act.close")}
      onClose={onClose}
      class="wide-dialog"
      footer={
        <>
          <Button onClick={onClose}>{t("act.close")}</Button>
          <Button
            danger
            onClick={async () => {
              if (await prune(policy)) onClose();
            }}
            disabledReason={offlineReason.value ?? (going === 0 && t("plan.nothingGoes"))}
          >
            {tn("plan.remove", going)}
          </Button>
        </>
      }
    >
      <p class="muted">{t("plan.lead", { keep: keepText(policy.keep) })}</p>
      {error && <p class="tone-bad error-text">{error}</p>}
      {value && <Verdicts verdicts={value.verdicts} />}
      <Command line={commands.planPrune(policy.name)} />
    </Dialog>
  );
}

export function Verdicts({ verdicts }: { verdicts: BackupVerdict[] }) {
  if (verdicts.length === 0) return <p class="muted">{t("plan.noSets")}</p>;
  const going = verdicts.filter((one) => !one.stays).length;
  return (
    <>
      <p>
        {tn("plan.stay", verdicts.length - going)}
        {", "}
        {going ? tn("plan.go", going) : t("plan.noneGoes")}
      </p>
      <ul class="verdicts">
        {verdicts.map((one) => (
          <li key={one.set}>
            <Pill tone={one.stays ? "ok" : "warn"}>{t(one.stays ? "plan.stays" : "plan.goes")}</Pill>
            <a href={addressOf.set(one.set)}>
              <Time at={one.startedAt} />
            </a>
            <span class="muted small break">
              {one.reasons.slice(0, 3).map(reasonText).join(", ")}
              {one.reasons.length > 3 && ` +${number(one.reasons.length - 3)}`}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

/** What a policy would remove if it kept `keep`: asked a moment after the last key. */
export function useWhatIf(policy: string, keep: string): { verdicts?: BackupVerdict[]; error?: string } {
  const [plan, setPlan] = useState<{ verdicts?: BackupVerdict[]; error?: string }>({});
  useEffect(() => {
    if (!policy) return;
    let current = true;
    const timer = setTimeout(() => {
      ask("PlanBackupPrune", { policy, keep }).then(
        ({ verdicts }) => current && setPlan({ verdicts }),
        (error) => current && setPlan({ error: asSentence(error instanceof Error ? error.message : String(error)) }),
      );
    }, 250);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [policy, keep]);
  return plan;
}
