// A whole platform out of one backup set: look first, see what comes and what stands in the way, then bring it back.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Field, TextInput } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { fullTime, number, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import type { RestorePlatformResult } from "./api";
import { isManager, itemKey } from "./backups";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { JobProgress } from "./job_progress";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instances, platform } from "./platform";
import { secretsOf, TargetFields, type TargetForm, targetForm, targetOf, targetProblem } from "./target_dialog";
import { t, tn } from "./texts";

// What the target is called here afterwards, as berth platform restore has it.
const kTargetName = "restored";

type Plan = Pick<RestorePlatformResult, "set" | "startedAt" | "version" | "sets" | "items" | "obstacles" | "remarks">;

export function PlatformRestorePage() {
  const [form, setForm] = useState<TargetForm>(() => ({ ...targetForm(), name: kTargetName }));
  const [plan, setPlan] = useState<Plan>();
  const [isLooking, setIsLooking] = useState(false);
  const [job, setJob] = useState<string>();
  if (job) return <Progress id={job} onAgain={() => setJob(undefined)} />;

  const reason =
    offlineReason.value ??
    (instances.value.length > 0 ? t("whole.notEmpty") : undefined) ??
    targetProblem(form, true) ??
    (form.repositoryKey.trim() === "" ? t("whole.noKey") : undefined);
  const request = (set: string | undefined, checkOnly: boolean) =>
    ask("RestorePlatform", {
      target: { mt: "SetBackupTarget", ...targetOf(form), ...secretsOf(form) },
      ...(set ? { set } : {}),
      checkOnly,
    });
  const look = async (set?: string) => {
    if (reason) return;
    setIsLooking(true);
    await attempt(async () => setPlan(await request(set, true)));
    setIsLooking(false);
  };
  const start = () =>
    attempt(async () => {
      const answer = await request(plan?.set, false);
      setPlan(answer);
      if (answer.job) setJob(answer.job.id);
    });
  return (
    <>
      <PageHead title={t("whole.title")} lead={t("whole.lead")} />
      <div class="grid restore-grid">
        <Card title={t("whole.where")}>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              void look();
            }}
          >
            <TargetFields
              form={form}
              onChange={(changed) => {
                setForm(changed);
                setPlan(undefined);
              }}
            />
            <TextInput
              label={t("whole.key")}
              type="password"
              autocomplete="off"
              value={form.repositoryKey}
              onInput={(repositoryKey) => setForm({ ...form, repositoryKey })}
              hint={t("whole.keyHint")}
              mono
            />
            <Button
              kind={plan ? "normal" : "primary"}
              onClick={() => void look()}
              disabledReason={isLooking ? t("restore.looking") : reason}
            >
              {t("whole.look")}
            </Button>
            <Command line={commands.restorePlatform(targetOf(form), undefined, true, form.password !== "")} />
          </form>
        </Card>
        {plan && (
          <Card title={t("restore.preview")}>
            <div class="form">
              <Choice plan={plan} onChoose={(set) => void look(set)} />
              <Comes plan={plan} />
              {plan.obstacles.map((text) => (
                <p key={text} class="tone-bad error-text break">
                  <Icon name="error" /> {text}
                </p>
              ))}
              {plan.remarks.map((text) => (
                <p key={text} class="muted break">
                  <Icon name="alert" /> {text}
                </p>
              ))}
              <Button
                kind="primary"
                onClick={start}
                disabledReason={isLooking ? t("restore.looking") : (reason ?? plan.obstacles[0])}
              >
                {t("whole.start")}
              </Button>
              <Command line={commands.restorePlatform(targetOf(form), plan.set, false, form.password !== "")} />
            </div>
          </Card>
        )}
      </div>
    </>
  );
}

function Choice({ plan, onChoose }: { plan: Plan; onChoose(set: string): void }) {
  return (
    <Field label={t("restore.set")}>
      {(ids) => (
        <select {...ids} class="input" value={plan.set} onChange={(event) => onChoose(event.currentTarget.value)}>
          {[...new Set([plan.set, ...plan.sets])].slice(0, 300).map((set) => (
            <option key={set} value={set}>
              {set === plan.set && plan.startedAt ? `${fullTime(plan.startedAt)} – ${set}` : set}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Comes({ plan }: { plan: Plan }) {
  const made = plan.items.filter((item) => !isManager(item));
  const sum = (of: (item: Plan["items"][number]) => number) => made.reduce((all, item) => all + of(item), 0);
  return (
    <Facts
      rows={[
        [t("restore.saved"), plan.startedAt ? <Time at={plan.startedAt} /> : "–"],
        [t("whole.version"), plan.version || "–"],
        [
          tn("over.instances", made.length),
          <details>
            <summary>{size(sum((item) => item.bytes))}</summary>
            <ul class="plain small">
              {made.map((item) => (
                <li key={itemKey(item)} class="break">
                  {itemKey(item)} <span class="muted">{item.service}</span>
                </li>
              ))}
            </ul>
          </details>,
        ],
        [t("column.rows"), number(sum((item) => item.rows))],
      ]}
    />
  );
}

function Progress({ id, onAgain }: { id: string; onAgain(): void }) {
  const job = platform.value?.jobs.get(id);
  const live = !job || job.state === "running" || job.state === "waiting";
  return (
    <>
      <PageHead title={t(live ? "whole.runs" : job.state === "done" ? "whole.done" : "whole.failed")} />
      {job && live && <JobProgress job={job} />}
      {job && live && <p class="muted">{t("whole.leave")}</p>}
      {job && !live && (
        <Card>
          <div class="form">
            {job.state === "done" ? (
              <p>
                <Icon name="ok" /> {t("whole.doneText")}
              </p>
            ) : (
              <p class="tone-bad error-text break">
                <Icon name="error" /> {job.error || t(`job.${job.state}`)}
              </p>
            )}
            <div class="acts">
              {job.state === "done" ? (
                <Button kind="primary" onClick={() => go("#/")}>
                  {t("nav.overview")}
                </Button>
              ) : (
                <Button kind="primary" onClick={onAgain}>
                  {t("restore.again")}
                </Button>
              )}
              <Button onClick={() => go(addressOf.job(id))}>{t("act.showJob")}</Button>
            </div>
          </div>
        </Card>
      )}
    </>
  );
}
