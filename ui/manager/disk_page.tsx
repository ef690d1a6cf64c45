// How full the disk is, when it will be, what happens then – and the apps back after it was.
import { Button } from "../kit/components/button";
import { Segmented } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { percent, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { setQuery } from "../kit/route";
import { startApps } from "./actions";
import type { GetDiskResult } from "./api";
import { Chart } from "./chart";
import { commands } from "./commands";
import { groupMarkers, valuesOf } from "./curves";
import { formats, kRanges, type RangeName, rangeOfRoute, useMonitor } from "./monitor";
import { Command, offlineReason } from "./parts";
import { status } from "./platform";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

export function DiskTab() {
  // The findings know when the level changed or apps were stopped; the numbers themselves go on slowly.
  const version = `${status.value?.disk.freeBytes} ${status.value?.checks.map((check) => check.id).join(" ")}`;
  const { value: disk, error } = useAnswer("GetDisk", {}, version);
  if (error) return <p class="error-text">{error}</p>;
  if (!disk) return <div class="card skeleton" />;
  return (
    <>
      {disk.appsHeld && <Held disk={disk} />}
      <div class="grid disk-grid">
        <Use disk={disk} />
        <Protection disk={disk} />
      </div>
      <Growth disk={disk} />
      <Command line={commands.disk()} />
    </>
  );
}

function Held({ disk }: { disk: GetDiskResult }) {
  const isFull = disk.level === "full";
  return (
    <section class="notice tone-bad">
      <Icon name="error" class="lead" />
      <div>
        <p>
          <strong>{t("disk.held")}</strong>{" "}
          <span class="muted">{isFull ? t("disk.heldFull") : t("disk.heldRoom")}</span>
        </p>
        <Command line={isFull ? "berth emergency free-space" : commands.startApps()} />
      </div>
      <Button
        kind="primary"
        onClick={startApps}
        disabledReason={offlineReason.value ?? (isFull && t("reason.diskFull", { threshold: disk.threshold }))}
      >
        {t("act.startApps")}
      </Button>
    </section>
  );
}

/** As df tells it: of what is not root's. */
const usedShare = (disk: GetDiskResult) => disk.usedBytes / Math.max(1, disk.usedBytes + disk.freeBytes);

function Use({ disk }: { disk: GetDiskResult }) {
  const used = usedShare(disk);
  const tone = disk.level === "full" ? "bad" : disk.level === "warning" ? "warn" : "ok";
  const { forecast } = disk;
  const mark = (value: number) => ({ left: `${Math.min(100, value)}%` });
  return (
    <Card title={t("over.diskTitle")} aside={<span>{t("over.free", { size: size(disk.freeBytes) })}</span>}>
      <p class="big">{percent(used)}</p>
      <div class={`disk-bar tone-${tone}`} role="img" aria-label={t("disk.bar", { share: percent(used) })}>
        <span style={{ width: `${Math.min(100, used * 100)}%` }} />
        {disk.threshold < 100 && (
          <>
            <i class="mark-warning" style={mark(disk.warning)} />
            <i class="mark-full" style={mark(disk.threshold)} />
          </>
        )}
      </div>
      <p class="muted small">{t("disk.of", { used: size(disk.usedBytes), total: size(disk.totalBytes) })}</p>
      {forecast ? (
        <p>
          <strong class={forecast.days <= 7 ? "warn-text" : undefined}>{tn("disk.fullIn", forecast.days)}</strong>{" "}
          {forecast.who && t("disk.grows", { name: forecast.who, size: size(forecast.bytesADay) })}
        </p>
      ) : (
        <p class="muted">{t("disk.noForecast")}</p>
      )}
    </Card>
  );
}

function Protection({ disk }: { disk: GetDiskResult }) {
  const reserve =
    disk.reserveWanted === 0
      ? t("disk.noReserve")
      : disk.reserveBytes >= disk.reserveWanted
        ? t("disk.reserveThere", { size: size(disk.reserveBytes) })
        : t("disk.reserveShort", { size: size(disk.reserveBytes), wanted: size(disk.reserveWanted) });
  return (
    <Card title={t("disk.protection")} aside={<a href="#/settings">{t("nav.settings")}</a>}>
      <Facts
        rows={
          disk.threshold >= 100
            ? [
                [t("disk.stopAt"), t("disk.never")],
                [t("disk.reserve"), reserve],
              ]
            : [
                [t("disk.warnAt"), `${disk.warning} % – ${t("disk.warnWhat")}`],
                [t("disk.stopAt"), `${disk.threshold} % – ${t("disk.stopWhat")}`],
                [t("disk.reserve"), reserve],
              ]
        }
      />
      <p class="muted small">{t("disk.protectionWhy")}</p>
    </Card>
  );
}

function Growth({ disk }: { disk: GetDiskResult }) {
  const range = rangeOfRoute() === "1h" ? "30d" : rangeOfRoute();
  const { answer, error } = useMonitor(["platform"], ["diskUsed"], range);
  if (error) return <p class="error-text">{error}</p>;
  if (!answer) return <div class="card skeleton" />;
  const values = valuesOf(answer, "platform", "diskUsed");
  const step = answer.step * 1000;
  return (
    <>
      <div class="chart-tools">
        <Segmented
          label={t("monitor.range")}
          value={range}
          choices={(Object.keys(kRanges) as RangeName[])
            .filter((one) => one !== "1h")
            .map((one) => [one, t(`range.${one}`)])}
          onChange={(next) => setQuery({ range: next === "30d" ? undefined : next })}
        />
      </div>
      <Chart
        title={t("disk.used")}
        lines={[{ name: t("monitor.used"), values, color: 1 }]}
        from={Date.parse(answer.from)}
        step={step}
        steps={Math.max(1, values.length)}
        format={formats.bytes}
        threshold={
          disk.threshold < 100
            ? { value: ((disk.usedBytes + disk.freeBytes) * disk.threshold) / 100, name: t("disk.stopAt") }
            : undefined
        }
        marks={groupMarkers(
          answer.markers.filter((one) => one.kind === "backup" || one.kind === "update" || one.kind === "install"),
          (step * values.length) / 100,
        )}
      />
    </>
  );
}
