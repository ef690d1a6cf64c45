// Restore to a moment: any second that the time machine reaches.
import { useEffect, useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import { size } from "../kit/i18n";
import { go, route, setQuery } from "../kit/route";
import type { RewindPlan } from "./api";
import { commands } from "./commands";
import { ask, asSentence, attempt } from "./connection";
import { canGoBack, nearest, rangesOf, toMoment } from "./moments";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { Preview, type PreviewProps, split } from "./restore_preview";
import { t } from "./texts";
import { timeMachineVersion, windowText } from "./time_machine_page";
import { TimeSlider } from "./time_slider";
import { useAnswer } from "./use_answer";

export function FromMoment(props: PreviewProps) {
  const { source, destination } = props;
  const known = useAnswer("GetTimeMachine", {}, timeMachineVersion());
  const machine = known.value?.timeMachine;
  const ranges = machine ? rangesOf(machine.ranges, now.value) : [];
  const asked = route.value.query.get("at");
  const wanted = asked && asked !== "now" ? Date.parse(asked) : now.value - 10 * 60_000;
  const at = nearest(Number.isNaN(wanted) ? now.value : wanted, ranges);
  const moment = at === undefined ? "" : toMoment(at);
  const [answer, setAnswer] = useState<{ to: string; plan?: RewindPlan; error?: string }>();
  const to = props.as && !destination.problem ? split(props.as) : undefined;
  const question = {
    ...split(source),
    at: moment,
    ...(to ? { asName: to.name, asDomain: to.domain } : {}),
  };
  const text = JSON.stringify(question);
  const isOn = canGoBack(machine);
  useEffect(() => {
    if (!isOn || !source.includes("@") || !moment) return;
    let current = true;
    const timer = setTimeout(() => {
      ask("RewindInstance", { ...question, onlyPlan: true }).then(
        ({ plan }) => current && setAnswer({ to: text, plan }),
        (error) =>
          current && setAnswer({ to: text, error: asSentence(error instanceof Error ? error.message : String(error)) }),
      );
    }, 300);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text, isOn]);
  const fresh = answer?.to === text ? answer : undefined;
  const problem = fresh?.error ?? noRoom(fresh?.plan);
  const reason =
    offlineReason.value ??
    (!source ? t("restore.chooseInstance") : undefined) ??
    destination.problem ??
    problem ??
    (fresh?.plan ? undefined : t("restore.looking"));
  const start = () =>
    attempt(async () => {
      const { job } = await ask("RewindInstance", question);
      if (job) props.onStarted({ job: job.id, key: destination.key, isNew: destination.isNew });
    });
  if (!machine)
    return (
      <Card title={t("source.moment")}>
        <p class="muted">{known.error ?? t("restore.looking")}</p>
      </Card>
    );
  if (!isOn || at === undefined)
    return (
      <Card title={t("source.moment")}>
        <div class="form">
          <p class="break">{machine.reason || t(`timeMachine.${machine.state}`)}</p>
          <Button onClick={() => go(addressOf.backups("timemachine"))}>{t("backups.timemachine")}</Button>
        </div>
      </Card>
    );
  return (
    <Card title={t("restore.preview")} aside={<span>{windowText(machine)}</span>}>
      <div class="form">
        <TimeSlider ranges={ranges} at={at} now={now.value} onChange={(chosen) => setQuery({ at: toMoment(chosen) })} />
        {fresh?.plan && (
          <Facts
            rows={[
              [t("restore.base"), <Time at={fresh.plan.baseMadeAt} />],
              [t("restore.log"), size(fresh.plan.logBytes)],
              [
                t("restore.disk"),
                t("restore.diskOf", { needed: size(fresh.plan.neededBytes), free: size(fresh.plan.freeBytes) }),
              ],
            ]}
          />
        )}
        <Preview {...props} problem={source ? problem : undefined} reason={reason} start={start}>
          <Command line={commands.rewind(source || "INSTANCE", moment, props.as)} />
        </Preview>
      </div>
    </Card>
  );
}

const noRoom = (plan: RewindPlan | undefined) =>
  plan && plan.neededBytes > plan.freeBytes ? t("plan.noRoom") : undefined;
