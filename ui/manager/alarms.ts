// The alarms as this page knows them: asked for when something changed, and now and then.
import { computed, effect, signal } from "@preact/signals";
import type { Alarm, AlarmChannel } from "./api";
import { ask, attempt, link } from "./connection";
import { status } from "./platform";

interface Known {
  alarms: Alarm[];
  channels: AlarmChannel[];
}

/** Undefined until the first answer came. */
export const alarms = signal<Known | undefined>(undefined);
/** Those that nobody works on and nobody has silenced. */
export const unseen = computed(() =>
  (alarms.value?.alarms ?? []).filter((one) => !one.acknowledgedAt && !isSilent(one)),
);
export const isSilent = (alarm: Alarm) =>
  alarm.silencedUntil !== undefined && Date.parse(alarm.silencedUntil) > Date.now();

const kPauseMs = 2_000;
const kAgainMs = 60_000;
let asked = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

export async function refreshAlarms(): Promise<void> {
  clearTimeout(timer);
  asked = Date.now();
  if (link.state.value.name !== "open") return;
  timer = setTimeout(refreshAlarms, kAgainMs);
  try {
    const answer = await ask("GetAlarms", {});
    alarms.value = { alarms: answer.alarms, channels: answer.channels };
  } catch {
    // The connection went: its return asks again. A refusal shows on the page of the alarms, which asks for itself.
  }
}

effect(() => {
  // A change of the alarms changes the status; several within a moment are asked for once.
  const changed = status.value !== undefined && link.state.value.name === "open";
  if (!changed) return;
  clearTimeout(timer);
  timer = setTimeout(refreshAlarms, Math.max(0, asked + kPauseMs - Date.now()));
});

export const acknowledge = (alarm: Alarm) =>
  attempt(async () => {
    await ask("AcknowledgeAlarm", { id: alarm.id });
    await refreshAlarms();
  });

/** 0: hear of it again. */
export const silence = (alarm: Alarm, minutes: number) =>
  attempt(async () => {
    await ask("SilenceAlarm", { id: alarm.id, minutes });
    await refreshAlarms();
  });
