// One sentence of health, what to do, a few numbers, the instances, what happened.
import { useEffect, useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Bar, Sparkline } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { Card, Empty } from "../kit/components/layout";
import { dayAndMonth, duration, fullTime, number, percent, size, timeOfDay } from "../kit/i18n";
import { go } from "../kit/route";
import { ask } from "./connection";
import { Findings } from "./findings";
import { history, totalMemory, totalSessions } from "./history";
import { InstanceTable } from "./instance_table";
import { PageHead } from "./page_head";
import { addressOf } from "./parts";
import { domains, health, instanceKey, instances, jobs, type Platform, platform, services } from "./platform";
import { jobTitle } from "./platform_texts";
import { t, tn } from "./texts";
import { processTitle } from "./tree";

export function OverviewPage() {
  const current = platform.value;
  const certificateDays = useCertificateDays();
  if (!current) return null;
  const { status } = current;
  const used = 1 - status.disk.freeBytes / status.disk.totalBytes;
  const facts = [
    `${tn("over.apps", services.value.length)}, ${tn("over.instances", instances.value.length)}${
      domains.value.length ? ` ${tn("over.domains", domains.value.length)}` : ""
    }`,
    status.disk.totalBytes > 0 && t("over.disk", { share: percent(used) }),
    certificateDays !== undefined && tn("over.certificate", certificateDays),
    t("over.uptime", { time: duration(status.uptime) }),
  ].filter(Boolean);
  return (
    <>
      <PageHead
        title={sentence(current)}
        lead={facts.join(" · ")}
        actions={
          <>
            <Button
              onClick={() => go(addressOf.newInstance())}
              disabledReason={services.value.length === 0 && t("reason.noServices")}
            >
              {t("act.newInstance")}
            </Button>
            <Button kind="primary" onClick={() => go("#/store")}>
              {t("act.installApp")}
            </Button>
          </>
        }
      />
      <Findings />
      <div class="grid numbers">
        <Card
          title={t("over.memory")}
          aside={
            <span>
              {t("over.processes", {
                count:
                  status.processes.length +
                  services.value.filter((one) => !status.processes.some((other) => other.name === one.id)).length,
              })}
            </span>
          }
        >
          <p class="big">{size(totalMemory(current))}</p>
          <Sparkline values={history.value.map((one) => one.memory)} />
        </Card>
        <Card title={t("over.sessions")} aside={<span>{t("over.now")}</span>}>
          <p class="big">{number(totalSessions(current))}</p>
          <Sparkline values={history.value.map((one) => one.sessions)} />
        </Card>
        <Card
          title={t("over.diskTitle")}
          aside={<span>{t("over.diskOf", { share: percent(used), total: size(status.disk.totalBytes) })}</span>}
        >
          <p class="big">{size(status.disk.totalBytes - status.disk.freeBytes)}</p>
          <Bar
            share={used}
            {...(used > 0.9 ? { tone: "bad" as const } : used > 0.8 ? { tone: "warn" as const } : {})}
            label={t("over.diskTitle")}
          />
          <p class="muted small">{t("over.free", { size: size(status.disk.freeBytes) })}</p>
        </Card>
        <Card title={t("over.databases")} aside={<span>{tn("over.instances", instances.value.length)}</span>}>
          <p class="big">{size(instances.value.reduce((sum, one) => sum + one.databaseBytes, 0))}</p>
          <DatabaseShares />
        </Card>
      </div>
      <div class="grid over-lists">
        <Card title={t("over.instancesTitle")}>
          {instances.value.length ? (
            <InstanceTable instances={instances.value} withService sortBy="size" />
          ) : services.value.length ? (
            <Empty
              icon="boxes"
              title={t("empty.instances")}
              action={
                <Button kind="primary" onClick={() => go(addressOf.newInstance())}>
                  {t("act.newInstance")}
                </Button>
              }
            >
              {t("empty.instancesWhy")}
            </Empty>
          ) : (
            <Empty
              icon="store"
              title={t("empty.apps")}
              action={
                <span class="acts">
                  <Button kind="primary" onClick={() => go("#/store")}>
                    {t("act.openStore")}
                  </Button>
                  <Button onClick={() => go(addressOf.restorePlatform())}>{t("act.restorePlatform")}</Button>
                </span>
              }
            >
              {t("empty.appsWhy")}
            </Empty>
          )}
        </Card>
        <Card title={t("over.happened")} aside={<a href="#/jobs">{t("over.allJobs")}</a>}>
          {jobs.value.length === 0 && <p class="muted">{t("empty.jobsShort")}</p>}
          <ol class="happened">
            {jobs.value.slice(0, 8).map((job) => (
              <li key={job.id}>
                <HappenedAt at={job.endedAt ?? job.startedAt} />
                <a href={addressOf.job(job.id)} class={job.state === "failed" ? "tone-bad" : undefined}>
                  {jobTitle(job)}
                  {job.state !== "done" && `: ${t(`job.${job.state}`)}`}
                </a>
              </li>
            ))}
          </ol>
        </Card>
      </div>
    </>
  );
}

function HappenedAt({ at }: { at: string | undefined }) {
  if (!at) return <time>–</time>;
  const today = now.value - Date.parse(at) < 20 * 3_600_000;
  return (
    <time dateTime={at} title={fullTime(at)}>
      {today ? timeOfDay(at) : dayAndMonth(at)}
    </time>
  );
}

function sentence(current: Platform): string {
  const found = health.value!;
  if (current.status.state === "starting") return t("health.startingLong");
  const [process] = found.failedProcesses;
  if (process) return t("health.processDown", { name: processTitle(process.name) });
  const down = found.failedServices.length + found.failedInstances.length;
  if (down === 1) {
    const name = found.failedServices[0]?.title ?? instanceKey(found.failedInstances[0]!);
    return t("health.oneDown", { name });
  }
  if (down > 1) return tn("health.manyDown", down);
  if (found.count > 0) return tn("health.runsNeeds", found.count);
  if (services.value.length === 0) return t("health.ready");
  return t("health.allRuns");
}

/** The biggest databases as one bar, so that the one which grows is seen. */
function DatabaseShares() {
  const bySize = [...instances.value].sort((a, b) => b.databaseBytes - a.databaseBytes);
  const [biggest] = bySize;
  if (!biggest) return <p class="muted small">{t("empty.databases")}</p>;
  const sum = bySize.reduce((total, one) => total + one.databaseBytes, 0);
  return (
    <>
      <Bar share={sum ? biggest.databaseBytes / sum : 0} label={t("over.biggest", { name: instanceKey(biggest) })} />
      <p class="muted small ellipsis">{t("over.biggest", { name: instanceKey(biggest) })}</p>
    </>
  );
}

function useCertificateDays(): number | undefined {
  const [notAfter, setNotAfter] = useState<string>();
  useEffect(() => {
    ask("GetCertificate", {}).then(
      ({ chain }) => setNotAfter(chain[0]?.notAfter),
      () => undefined, // the sentence then says nothing about it; the settings page tells why
    );
  }, []);
  return notAfter ? Math.floor((Date.parse(notAfter) - now.value) / 86_400_000) : undefined;
}
