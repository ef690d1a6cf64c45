// The time machine: whether it records, how far back it reaches, and what that costs.
import { useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Button } from "../kit/components/button";
import { Segmented } from "../kit/components/field";
import { Card, Empty, Facts } from "../kit/components/layout";
import { Pill, type Tone } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { duration, fullTime, number, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import type { TimeMachine, TimeMachineState } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { rangesOf } from "./moments";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { jobs, status } from "./platform";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

const kTones: Record<TimeMachineState, Tone> = { off: "idle", starting: "busy", on: "ok", failing: "bad" };

/** Another text whenever a job of the time machine began or ended. */
export const timeMachineVersion = () =>
  jobs.value
    .filter((job) => job.kind === "base" || job.kind === "rewind")
    .map((job) => `${job.id}${job.state}`)
    .join();

export function TimeMachinePill({ state }: { state: TimeMachineState }) {
  return <Pill tone={kTones[state]}>{t(`timeMachine.${state}`)}</Pill>;
}

/** "any second of the last 3 d 4 h" */
export function windowText(machine: TimeMachine): string {
  const ranges = rangesOf(machine.ranges, now.value);
  if (ranges.length === 0) return t("timeMachine.noMoment");
  const reach = duration((now.value - ranges[0]!.from) / 1000);
  return ranges.length === 1
    ? t("timeMachine.reach", { time: reach })
    : t("timeMachine.reachWithHoles", { time: reach });
}

export function TimeMachineTab() {
  const { value, error, again } = useAnswer("GetTimeMachine", {}, timeMachineVersion());
  const settings = useAnswer("GetSettings", {});
  const [busy, setBusy] = useState<string>();
  if (error)
    return (
      <section class="notice tone-bad">
        <Icon name="error" class="lead" />
        <div>
          <p>{error}</p>
        </div>
      </section>
    );
  if (!value) return <div class="card skeleton" />;
  const machine = value.timeMachine;
  const choice = settings.value?.settings.find((one) => one.name === "timeMachine");
  const choose = async (mode: string) => {
    setBusy(mode);
    await attempt(async () => {
      await ask("SetSetting", { name: "timeMachine", value: mode });
      settings.again();
      again();
    });
    setBusy(undefined);
  };
  const base = () =>
    attempt(async () => {
      const { job } = await ask("MakeBaseBackup", {});
      showToast({
        tone: "ok",
        text: t("timeMachine.baseRuns"),
        action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) },
      });
    });
  const disk = status.value?.disk;
  return (
    <>
      {machine.reason && (
        <section class={`notice tone-${machine.state === "failing" ? "bad" : "warn"}`}>
          <Icon name={machine.state === "failing" ? "error" : "alert"} class="lead" />
          <div>
            <p class="break">{machine.reason}</p>
          </div>
        </section>
      )}
      <div class="grid halves">
        <Card title={t("backups.timemachine")} aside={<TimeMachinePill state={machine.state} />}>
          <div class="form">
            <p class="muted">{t("timeMachine.why")}</p>
            {choice && (
              <div class="field">
                <Segmented
                  label={t("backups.timemachine")}
                  value={(busy ?? choice.value) as "auto" | "on" | "off"}
                  choices={(["auto", "on", "off"] as const).map((mode) => [mode, t(`timeMachineMode.${mode}`)])}
                  onChange={choose}
                />
                <span class="hint">
                  {t(`timeMachineModeWhy.${choice.value === "on" || choice.value === "off" ? choice.value : "auto"}`)}
                </span>
              </div>
            )}
            <Facts
              rows={[
                [t("timeMachine.window"), windowText(machine)],
                [
                  t("timeMachine.since"),
                  machine.ranges[0] ? fullTime(machine.ranges[0].from) : t("timeMachine.noMoment"),
                ],
                [t("timeMachine.days"), <a href="#/settings">{tn("timeMachine.dayCount", machine.days)}</a>],
                [t("timeMachine.zone"), machine.timeZone || "UTC"],
              ]}
            />
            <div class="acts">
              <Button
                icon="history"
                onClick={() => go(addressOf.restore({ at: "now" }))}
                disabledReason={offlineReason.value ?? (machine.ranges.length === 0 && t("timeMachine.noMoment"))}
              >
                {t("act.goBack")}
              </Button>
              <Button
                onClick={base}
                disabledReason={offlineReason.value ?? (machine.state === "off" && t("timeMachine.off"))}
              >
                {t("act.makeBase")}
              </Button>
            </div>
            <Command line={commands.timeMachine()} />
          </div>
        </Card>
        <Card title={t("timeMachine.cost")} aside={<span>{size(machine.baseBytes + machine.logBytes)}</span>}>
          <div class="form">
            <Facts
              rows={[
                [t("timeMachine.bases"), size(machine.baseBytes)],
                [t("timeMachine.log"), size(machine.logBytes)],
                [t("timeMachine.perDay"), size(machine.logBytesPerDay)],
                [t("timeMachine.waiting"), tn("timeMachine.segments", machine.waitingSegments)],
                !!disk && [t("timeMachine.free"), size(disk.freeBytes)],
              ]}
            />
            <p class="muted small">{t("timeMachine.costWhy")}</p>
          </div>
        </Card>
      </div>
      <Card title={t("timeMachine.basesTitle")} aside={<span>{number(machine.bases.length)}</span>}>
        {machine.bases.length === 0 ? (
          <Empty icon="history" title={t("timeMachine.noBases")}>
            {t("timeMachine.noBasesWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("timeMachine.made")}</th>
                  <th class="num">{t("timeMachine.cluster")}</th>
                  <th class="num">{t("timeMachine.newOnDisk")}</th>
                  <th class="spare">{t("column.id")}</th>
                </tr>
              </thead>
              <tbody>
                {[...machine.bases].reverse().map((one) => (
                  <tr key={one.id}>
                    <td class="nowrap">
                      <Time at={one.madeAt} />
                    </td>
                    <td class="num nowrap">{size(one.bytes)}</td>
                    <td class="num nowrap">{size(one.newBytes)}</td>
                    <td class="muted spare">
                      <code>{one.id}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
    </>
  );
}
