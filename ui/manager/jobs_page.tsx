import { useEffect, useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Bar } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { Segmented } from "../kit/components/field";
import { Card, Empty, Facts } from "../kit/components/layout";
import { duration, percent, timeWithSeconds } from "../kit/i18n";
import { route, setQuery } from "../kit/route";
import type { Job } from "./api";
import { commands } from "./commands";
import { ask, attempt, fail } from "./connection";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { addressOf, Command, JobPill, offlineReason, Time } from "./parts";
import { jobs, platform } from "./platform";
import { jobTitle, stepText } from "./platform_texts";
import { t, tn } from "./texts";

const isLive = (job: Job) => job.state === "running" || job.state === "waiting";

function took(job: Job): string {
  if (!job.startedAt) return "–";
  const end = job.endedAt ? Date.parse(job.endedAt) : now.value;
  return duration((end - Date.parse(job.startedAt)) / 1000);
}

export function JobsPage() {
  const shown = route.value.query.get("state") ?? "";
  const list = jobs.value.filter((job) => shown === "" || (shown === "failed" ? job.state === "failed" : isLive(job)));
  return (
    <>
      <PageHead title={t("nav.jobs")} lead={t("jobs.lead")} />
      <div class="store-tools">
        <Segmented
          label={t("column.state")}
          value={shown}
          choices={[
            ["", t("jobs.all")],
            ["live", t("jobs.live")],
            ["failed", t("jobs.failed")],
          ]}
          onChange={(value) => setQuery({ state: value })}
        />
      </div>
      <Card>
        {list.length === 0 ? (
          <Empty icon="list" title={t("empty.jobs")}>
            {t("empty.jobsWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.job")}</th>
                  <th>{t("column.state")}</th>
                  <th class="spare">{t("column.progress")}</th>
                  <th>{t("column.started")}</th>
                  <th class="num spare">{t("column.took")}</th>
                  <th class="spare">{t("column.by")}</th>
                </tr>
              </thead>
              <tbody>
                {list.map((job) => (
                  <tr key={job.id}>
                    <td>
                      <a href={addressOf.job(job.id)}>{jobTitle(job)}</a>
                      {job.error && <div class="small tone-bad error-text">{job.error}</div>}
                    </td>
                    <td>
                      <JobPill state={job.state} />
                    </td>
                    <td class="progress-cell spare">
                      {isLive(job) ? (
                        <>
                          <Bar share={job.percent / 100} label={jobTitle(job)} />
                          <span class="small muted">{stepText(job)}</span>
                        </>
                      ) : (
                        <span class="muted">{t("job.step", { step: job.step, steps: job.steps })}</span>
                      )}
                    </td>
                    <td class="nowrap muted">
                      <Time at={job.startedAt} />
                    </td>
                    <td class="num nowrap spare">{took(job)}</td>
                    <td class="muted spare">{job.by}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <Command line={commands.jobs()} />
    </>
  );
}

export function JobPage({ id }: { id: string }) {
  const job = platform.value?.jobs.get(id);
  const [log, setLog] = useState<{ at: string; text: string }[]>([]);
  const [missing, setMissing] = useState(false);
  const [fetched, setFetched] = useState<Job>();
  const shown = job ?? fetched;
  const version = job && `${job.state} ${job.step}`;
  useEffect(() => {
    let current = true;
    ask("GetJob", { id }).then(
      (answer) => {
        if (!current) return;
        setLog(answer.log);
        setFetched(answer.job);
      },
      (error) => {
        if (!current) return;
        if (job) fail(error);
        else setMissing(true);
      },
    );
    return () => {
      current = false;
    };
  }, [id, version]);
  if (!shown) return missing ? <NotFound what={t("jobs.gone", { name: id })} /> : null;
  return (
    <>
      <PageHead
        title={jobTitle(shown)}
        crumbs={[[t("nav.jobs"), "#/jobs"]]}
        beside={<JobPill state={shown.state} />}
        lead={<Time at={shown.startedAt} />}
        actions={
          isLive(shown) && (
            <Button danger onClick={() => attempt(() => ask("CancelJob", { id }))} disabledReason={offlineReason.value}>
              {t("act.cancelJob")}
            </Button>
          )
        }
      />
      {shown.error && (
        <section class="notice tone-bad">
          <div>
            <p class="break">{shown.error}</p>
          </div>
        </section>
      )}
      <div class="grid halves">
        <Card title={t("jobs.progress")} aside={<span>{percent(shown.percent / 100)}</span>}>
          <div class="form">
            <Bar
              share={shown.percent / 100}
              label={jobTitle(shown)}
              {...(shown.state === "failed" ? { tone: "bad" as const } : {})}
            />
            <Facts
              rows={[
                [t("column.state"), `${t("job.step", { step: shown.step, steps: shown.steps })}: ${stepText(shown)}`],
                [t("fact.target"), <code>{shown.target}</code>],
                [t("column.by"), shown.by],
                [t("column.took"), took(shown)],
              ]}
            />
            <Command line={commands.job(id)} />
          </div>
        </Card>
        <Card title={t("tab.log")} aside={<span>{tn("jobs.lines", log.length)}</span>}>
          <ol class="job-log">
            {log.map((line, i) => (
              // Lines only ever come at the end: their place is their identity.
              <li key={i}>
                <time dateTime={line.at}>{timeWithSeconds(line.at)}</time>
                <span class="break">{line.text}</span>
              </li>
            ))}
          </ol>
        </Card>
      </div>
    </>
  );
}
