// All databases together, on PostgreSQL's page: how much, the nightly care, and what can be done now.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { number, size } from "../kit/i18n";
import { go } from "../kit/route";
import type { Job, Optimisation } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { jobs } from "./platform";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

const careJobs = () => jobs.value.filter((job) => job.kind === "optimise" || job.kind === "clean-up");

const tellOf = (job: Job, text: string) =>
  showToast({ tone: "ok", text, action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) } });

export function DatabasesCard() {
  const version = careJobs()
    .map((job) => `${job.id}${job.state}`)
    .join();
  const { value, error } = useAnswer("GetDatabases", {}, version);
  const [asking, setAsking] = useState(false);
  const busy = careJobs().some((job) => job.state === "running" || job.state === "waiting");
  const reason = offlineReason.value ?? (busy ? t("databases.busy") : undefined);
  const optimise = () =>
    attempt(async () => tellOf((await ask("OptimiseDatabases", {})).job, t("databases.optimiseRuns")));
  return (
    <Card title={t("databases.title")} class="wide" aside={<span>{size(value?.bytes ?? 0)}</span>}>
      <div class="form">
        {error && <p class="tone-bad error-text break">{error}</p>}
        {value && (
          <Facts
            rows={[
              [t("databases.count"), number(value.databases)],
              [t("databases.log"), size(value.walBytes)],
              [t("databases.free"), size(value.freeBytes)],
              [
                t("database.connections"),
                t("databases.ofMost", { count: number(value.connections), most: number(value.maxConnections) }),
              ],
              [t("database.nextRun"), value.nextRun ? <Time at={value.nextRun} /> : t("database.optimiseOff")],
            ]}
          />
        )}
        {value && value.runs.length > 0 && <Runs runs={value.runs} />}
        <div class="acts">
          <Button onClick={optimise} disabledReason={reason}>
            {t("act.optimise")}
          </Button>
          <Button onClick={() => setAsking(true)} disabledReason={reason}>
            {t("act.shrink")}
          </Button>
        </div>
        <Command line={commands.optimise()} />
      </div>
      {asking && <ShrinkDialog onClose={() => setAsking(false)} />}
    </Card>
  );
}

function Runs({ runs }: { runs: readonly Optimisation[] }) {
  return (
    <details>
      <summary>{t("databases.runs")}</summary>
      <ul class="plain small">
        {runs.slice(0, 14).map((run) => (
          <li key={run.job}>
            <a href={addressOf.job(run.job)}>
              <Time at={run.endedAt ?? run.startedAt} />
            </a>{" "}
            {tn("databases.optimised", run.databases)}
            {run.failures.map((one) => (
              <div key={one.database} class="break">
                <Pill tone="bad">{one.database}</Pill> {one.error}
              </div>
            ))}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** What it does to whom, before it is done. */
function ShrinkDialog({ onClose }: { onClose(): void }) {
  const start = async () => {
    const worked = await attempt(async () => tellOf((await ask("CleanUpAll", {})).job, t("databases.shrinkRuns")));
    if (worked) onClose();
  };
  return (
    <Dialog
      title={t("databases.shrink")}
      closeLabel={t("act.close")}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t("act.cancel")}</Button>
          <Button kind="primary" onClick={start} disabledReason={offlineReason.value}>
            {t("act.shrinkNow")}
          </Button>
        </>
      }
    >
      <ul class="what-happens">
        <li>{t("databases.oneByOne")}</li>
        <li>{t("databases.locked")}</li>
        <li>{t("databases.skipsWithoutRoom")}</li>
      </ul>
      <Command line={commands.shrink()} />
    </Dialog>
  );
}
