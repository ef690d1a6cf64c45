// Curves of the machine, its processes, the webserver, PostgreSQL and the apps, for an hour up to 30 days.
import type { ComponentChildren } from "preact";
import { Segmented } from "../kit/components/field";
import { Card, Empty } from "../kit/components/layout";
import { fullTime, size } from "../kit/i18n";
import { Icon, type IconName } from "../kit/icons";
import { setQuery } from "../kit/route";
import type { GetMonitorResult } from "./api";
import { Chart, type ChartProps } from "./chart";
import { commands } from "./commands";
import { groupMarkers, type Line, linesOf, type Mark, type MarkerKind, markersFor, valuesOf } from "./curves";
import { DiskTab } from "./disk_page";
import {
  formats,
  kRanges,
  markText,
  type RangeName,
  type Recorded,
  rangeOfRoute,
  subjectAddress,
  subjectName,
  useMonitor,
} from "./monitor";
import { PageHead } from "./page_head";
import { addressOf, Command, Time } from "./parts";
import { Tabs } from "./tabs";
import { t, tn } from "./texts";
import { UsageTab } from "./usage_page";

export function MonitorPage({ tab }: { tab: string | undefined }) {
  return (
    <>
      <PageHead
        title={t("nav.monitoring")}
        lead={tab === "usage" ? t("usage.lead") : t("monitor.lead")}
        actions={tab === undefined ? <RangeChoice /> : undefined}
      />
      <Tabs
        items={[
          [t("monitor.curves"), "#/monitoring", tab === undefined],
          [t("usage.title"), "#/monitoring/usage", tab === "usage"],
          [t("monitor.disk"), "#/monitoring/disk", tab === "disk"],
        ]}
      />
      {tab === "disk" ? <DiskTab /> : tab === "usage" ? <UsageTab /> : <PlatformCharts />}
    </>
  );
}

export function RangeChoice() {
  return (
    <Segmented
      label={t("monitor.range")}
      value={rangeOfRoute()}
      choices={(Object.keys(kRanges) as RangeName[]).map((name) => [name, t(`range.${name}`)])}
      onChange={(range) => setQuery({ range: range === "1h" ? undefined : range })}
    />
  );
}

type Frame = Pick<ChartProps, "from" | "step" | "steps" | "marks">;

/** What all charts of one answer have in common. */
function frameOf(answer: GetMonitorResult, subjects?: string[]): Frame {
  const step = answer.step * 1000;
  const steps = Math.max(1, ...answer.series.map((one) => one.mean.length));
  const marks = groupMarkers(markersFor(answer.markers, subjects), Math.max(step, (step * steps) / 150));
  return { from: Date.parse(answer.from), step, steps, marks };
}

const line = (answer: GetMonitorResult, subject: string, metric: string, name: string, color: number): Line => ({
  name,
  values: valuesOf(answer, subject, metric),
  color,
});

function Group({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="chart-group">
      <h2>{title}</h2>
      <div class="grid charts">{children}</div>
    </section>
  );
}

/** The frame around charts: what is missing, what happened, what the records take. */
function Recording({
  recorded,
  subjects,
  command,
  children,
}: {
  recorded: Recorded;
  subjects?: string[];
  command: string;
  children(answer: GetMonitorResult, frame: Frame): ComponentChildren;
}) {
  const { answer, error } = recorded;
  if (error)
    return (
      <section class="notice tone-bad">
        <Icon name="error" class="lead" />
        <p>{error}</p>
      </section>
    );
  if (!answer) return <div class="card skeleton" />;
  const frame = frameOf(answer, subjects);
  return (
    <>
      {children(answer, frame)}
      <Happened marks={frame.marks} />
      <p class="muted small">
        {t("monitor.space", { size: size(answer.space.bytes), most: size(answer.space.fullBytes) })}{" "}
        {answer.space.leftOut > 0 && tn("monitor.leftOut", answer.space.leftOut)}
      </p>
      <Command line={command} />
    </>
  );
}

function PlatformCharts() {
  const range = rangeOfRoute();
  const recorded = useMonitor(
    ["platform", "manager", "webserver", "postgres", "service/*"],
    [
      ...["cpuUser", "cpuSystem", "cpuWait", "load", "memoryUsed", "memoryTotal", "swapUsed"],
      ...["diskRead", "diskWritten", "netIn", "netOut", "cpu", "memory", "sessions"],
      ...["connections", "websockets", "requests", "bytesIn", "bytesOut"],
      ...["active", "transactions", "wal", "blocksRead", "blocksHit"],
    ],
    range,
  );
  return (
    <Recording recorded={recorded} command={commands.monitor(undefined, range)}>
      {(answer, frame) => {
        const one = (subject: string, metric: string, name: string, color: number) =>
          line(answer, subject, metric, name, color);
        const processes = answer.series.filter((series) => series.subject !== "platform");
        const services = answer.series.filter((series) => series.subject.startsWith("service/"));
        const all = (series: typeof processes, metric: string) =>
          linesOf(series, metric, subjectName, t("monitor.others"));
        const memoryTotal = valuesOf(answer, "platform", "memoryTotal").findLast((value) => value !== undefined);
        return (
          <>
            <Group title={t("monitor.machine")}>
              <Chart
                {...frame}
                title={t("monitor.cpu")}
                format={formats.percent}
                stacked
                least={10}
                lines={[
                  one("platform", "cpuUser", t("monitor.cpuUser"), 1),
                  one("platform", "cpuSystem", t("monitor.cpuSystem"), 2),
                  one("platform", "cpuWait", t("monitor.cpuWait"), 3),
                ]}
                hint={t("monitor.cpuHint")}
              />
              <Chart
                {...frame}
                title={t("monitor.memory")}
                format={formats.bytes}
                lines={[
                  one("platform", "memoryUsed", t("monitor.used"), 1),
                  one("platform", "swapUsed", t("monitor.swap"), 3),
                ]}
                threshold={memoryTotal ? { value: memoryTotal, name: t("monitor.present") } : undefined}
              />
              <Chart
                {...frame}
                title={t("monitor.load")}
                format={formats.count}
                least={1}
                lines={[one("platform", "load", t("monitor.loadLine"), 1)]}
              />
              <Chart
                {...frame}
                title={t("monitor.diskTraffic")}
                format={formats.rate}
                lines={[
                  one("platform", "diskRead", t("monitor.read"), 1),
                  one("platform", "diskWritten", t("monitor.written"), 2),
                ]}
              />
              <Chart
                {...frame}
                title={t("monitor.network")}
                format={formats.rate}
                lines={[one("platform", "netIn", t("monitor.in"), 1), one("platform", "netOut", t("monitor.out"), 2)]}
              />
            </Group>
            <Group title={t("monitor.processes")}>
              <Chart
                {...frame}
                title={t("monitor.cpuProcesses")}
                format={formats.percent}
                stacked
                lines={all(processes, "cpu")}
                hint={t("monitor.coreHint")}
              />
              <Chart
                {...frame}
                title={t("monitor.memoryProcesses")}
                format={formats.bytes}
                stacked
                lines={all(processes, "memory")}
              />
              <Chart
                {...frame}
                title={t("monitor.sessions")}
                format={formats.count}
                stacked
                lines={all(services, "sessions")}
              />
              <Chart
                {...frame}
                title={t("monitor.requestsApps")}
                format={formats.each}
                stacked
                lines={all(services, "requests")}
              />
            </Group>
            <Group title="Webserver">
              <WebserverCharts answer={answer} frame={frame} />
            </Group>
            <Group title="PostgreSQL">
              <PostgresCharts answer={answer} frame={frame} />
            </Group>
          </>
        );
      }}
    </Recording>
  );
}

function WebserverCharts({ answer, frame }: { answer: GetMonitorResult; frame: Frame }) {
  const one = (metric: string, name: string, color: number) => line(answer, "webserver", metric, name, color);
  return (
    <>
      <Chart
        {...frame}
        title={t("monitor.connections")}
        format={formats.count}
        lines={[one("connections", t("monitor.connections"), 1), one("websockets", "WebSockets", 2)]}
      />
      <Chart
        {...frame}
        title={t("monitor.requests")}
        format={formats.each}
        lines={[one("requests", t("monitor.requests"), 1)]}
      />
      <Chart
        {...frame}
        title={t("monitor.traffic")}
        format={formats.rate}
        lines={[one("bytesIn", t("monitor.in"), 1), one("bytesOut", t("monitor.out"), 2)]}
      />
    </>
  );
}

function PostgresCharts({ answer, frame }: { answer: GetMonitorResult; frame: Frame }) {
  const one = (metric: string, name: string, color: number) => line(answer, "postgres", metric, name, color);
  const hit = valuesOf(answer, "postgres", "blocksHit");
  const read = valuesOf(answer, "postgres", "blocksRead");
  const share = hit.map((value, i) => {
    const missed = read[i];
    return value === undefined || missed === undefined || value + missed === 0
      ? undefined
      : (value / (value + missed)) * 100;
  });
  return (
    <>
      <Chart
        {...frame}
        title={t("monitor.databaseSessions")}
        format={formats.count}
        lines={[one("connections", t("monitor.openSessions"), 1), one("active", t("monitor.activeSessions"), 2)]}
      />
      <Chart
        {...frame}
        title={t("monitor.transactions")}
        format={formats.each}
        lines={[one("transactions", t("monitor.transactions"), 1)]}
      />
      <Chart {...frame} title={t("monitor.wal")} format={formats.rate} lines={[one("wal", t("monitor.written"), 1)]} />
      <Chart
        {...frame}
        title={t("monitor.cache")}
        format={formats.percent}
        least={100}
        lines={[{ name: t("monitor.cacheLine"), values: share, color: 1 }]}
      />
    </>
  );
}

/** Tab of a service, card of a process: its own curves. */
export function ProcessCharts({ subject, instances }: { subject: string; instances?: string[] }) {
  const range = rangeOfRoute();
  const isService = subject.startsWith("service/");
  const recorded = useMonitor([subject], [], range);
  return (
    <>
      <div class="chart-tools">
        <RangeChoice />
      </div>
      <Recording
        recorded={recorded}
        subjects={[subject, ...(instances ?? []).map((key) => `instance/${key}`)]}
        command={commands.monitor(subject, range)}
      >
        {(answer, frame) => {
          const one = (metric: string, name: string, color = 1) => line(answer, subject, metric, name, color);
          return (
            <div class="grid charts">
              <Chart
                {...frame}
                title={t("monitor.cpu")}
                format={formats.percent}
                lines={[one("cpu", t("monitor.used"))]}
                hint={t("monitor.coreHint")}
              />
              <Chart
                {...frame}
                title={t("monitor.memory")}
                format={formats.bytes}
                lines={[one("memory", t("monitor.used"))]}
              />
              {isService && <UseCharts answer={answer} frame={frame} subject={subject} />}
              {subject === "webserver" && <WebserverCharts answer={answer} frame={frame} />}
              {subject === "postgres" && <PostgresCharts answer={answer} frame={frame} />}
            </div>
          );
        }}
      </Recording>
    </>
  );
}

function UseCharts({ answer, frame, subject }: { answer: GetMonitorResult; frame: Frame; subject: string }) {
  const one = (metric: string, name: string, color = 1) => line(answer, subject, metric, name, color);
  return (
    <>
      <Chart
        {...frame}
        title={t("monitor.sessions")}
        format={formats.count}
        lines={[one("sessions", t("monitor.sessions"))]}
      />
      <Chart
        {...frame}
        title={t("monitor.requests")}
        format={formats.each}
        lines={[one("requests", t("monitor.requests"))]}
      />
      <Chart
        {...frame}
        title={t("monitor.messages")}
        format={formats.each}
        lines={[one("messagesIn", t("monitor.in"), 1), one("messagesOut", t("monitor.out"), 2)]}
      />
      <Chart
        {...frame}
        title={t("monitor.databaseTime")}
        format={formats.time}
        lines={[one("databaseTime", t("monitor.databaseTimeLine"))]}
        hint={t("monitor.databaseTimeHint")}
      />
    </>
  );
}

/** Tab of an instance. */
/** `process`: name of the instance's own one, if it is isolated. */
export function InstanceCharts({
  id,
  service,
  process,
}: {
  id: string;
  service: string;
  process?: string | undefined;
}) {
  const range = rangeOfRoute();
  const subject = `instance/${id}`;
  const own = process && `service/${process}`;
  const recorded = useMonitor(own ? [subject, own] : [subject], [], range);
  return (
    <>
      <div class="chart-tools">
        <RangeChoice />
      </div>
      <Recording
        recorded={recorded}
        subjects={[subject, own ?? `service/${service}`]}
        command={commands.monitor(subject, range)}
      >
        {(answer, frame) => (
          <div class="grid charts">
            <UseCharts answer={answer} frame={frame} subject={subject} />
            {own && (
              <>
                <Chart
                  {...frame}
                  title={t("monitor.cpu")}
                  format={formats.percent}
                  lines={[line(answer, own, "cpu", t("monitor.used"), 1)]}
                  hint={t("monitor.coreHint")}
                />
                <Chart
                  {...frame}
                  title={t("monitor.memory")}
                  format={formats.bytes}
                  lines={[line(answer, own, "memory", t("monitor.used"), 1)]}
                />
              </>
            )}
            <Chart
              {...frame}
              title={t("monitor.databaseSize")}
              format={formats.bytes}
              lines={[line(answer, subject, "databaseBytes", t("monitor.databaseSize"), 1)]}
            />
            <Chart
              {...frame}
              title={t("monitor.databaseSessions")}
              format={formats.count}
              least={1}
              lines={[line(answer, subject, "connections", t("monitor.openSessions"), 1)]}
            />
          </div>
        )}
      </Recording>
    </>
  );
}

const kMarkIcons: Record<MarkerKind, IconName> = {
  restart: "restart",
  death: "error",
  update: "download",
  backup: "backups",
  work: "list",
};

function Happened({ marks }: { marks: readonly Mark[] }) {
  const shown = [...marks].reverse().slice(0, 30);
  return (
    <Card title={t("monitor.happened")} aside={<span>{t("monitor.happenedAside")}</span>}>
      {shown.length === 0 && (
        <Empty icon="history" title={t("monitor.nothing")}>
          {t("monitor.nothingWhy")}
        </Empty>
      )}
      <ul class="marks">
        {shown.map((mark) => {
          const [first] = mark.markers;
          const address = first!.job ? addressOf.job(first!.job) : subjectAddress(first!.subject);
          return (
            <li key={`${mark.kind}${mark.at}`} class={`mark-${mark.kind}`}>
              <Icon name={kMarkIcons[mark.kind]} />
              <span class="muted nowrap" title={fullTime(first!.at)}>
                <Time at={first!.at} />
              </span>
              {address && mark.markers.length === 1 ? (
                <a href={address}>{markText(mark)}</a>
              ) : (
                <span>{markText(mark)}</span>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
