// Small parts that know the platform's words: states, times, commands, empty places.

import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { now } from "../kit/clock";
import { CopyButton } from "../kit/components/copy";
import { Dot, Pill, type Tone } from "../kit/components/state";
import { ago, fullTime } from "../kit/i18n";
import { formatRoute } from "../kit/route";
import type { Instance, InstanceState, JobState, Service } from "./api";
import { link } from "./connection";
import { instanceKey, platform } from "./platform";
import { t } from "./texts";

const kTones: Record<InstanceState | JobState, Tone> = {
  running: "ok",
  starting: "busy",
  stopping: "busy",
  stopped: "idle",
  failed: "bad",
  crashed: "bad",
  deleted: "idle",
  waiting: "idle",
  done: "ok",
  cancelled: "idle",
};

export const toneOf = (state: InstanceState): Tone => kTones[state] ?? "warn";
export const stateWord = (state: InstanceState): string => t(`state.${state}`);

/** An instance cannot run while its service does not, whatever its own state says. */
export function shownState(instance: Instance): InstanceState {
  const service = platform.value?.services.get(instance.service);
  if (instance.state === "running" && service && service.state !== "running") return service.state;
  return instance.state;
}

export function StatePill({ state }: { state: InstanceState }) {
  return <Pill tone={toneOf(state)}>{stateWord(state)}</Pill>;
}

export function StateDot({ state }: { state: InstanceState }) {
  return (
    <>
      <Dot tone={toneOf(state)} />
      <span class="visually-hidden">{stateWord(state)}</span>
    </>
  );
}

export function JobPill({ state }: { state: JobState }) {
  return <Pill tone={state === "running" ? "busy" : kTones[state]}>{t(`job.${state}`)}</Pill>;
}

export function Time({ at }: { at: string | undefined }) {
  if (!at) return <>–</>;
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at, now.value)}
    </time>
  );
}

/** The command that does the same, with a button to copy it. */
export function Command({ line }: { line: string }) {
  return (
    <div class="command">
      <code>{line}</code>
      <CopyButton text={line} label={t("copy.command")} done={t("copy.done")} />
    </div>
  );
}

export function Copyable({ text, shown }: { text: string; shown?: ComponentChildren }) {
  return (
    <span class="copyable">
      {shown ?? <code>{text}</code>} <CopyButton text={text} label={t("copy.copy")} done={t("copy.done")} />
    </span>
  );
}

/** Why nothing can be changed just now, if so. */
export const offlineReason = computed(() => (link.state.value.name === "open" ? undefined : t("reason.offline")));

export const addressOf = {
  service: (id: string, tab?: string) => formatRoute(tab ? ["service", id, tab] : ["service", id]),
  instance: (instance: { name: string; domain: string }, tab?: string) =>
    formatRoute(tab ? ["instance", instanceKey(instance), tab] : ["instance", instanceKey(instance)]),
  job: (id: string) => formatRoute(["jobs", id]),
  crash: (id: string) => formatRoute(["crashes", id]),
  store: (id: string) => formatRoute(["store", id]),
  newInstance: (service?: string, domain?: string) => formatRoute(["new"], { service, domain }),
  process: (name: string) => formatRoute(["platform", name]),
  backups: (tab: string) => formatRoute(["backups", tab]),
  set: (id: string) => formatRoute(["backups", "set", id]),
  rename: (domain?: string) => formatRoute(["rename"], { domain }),
  restorePlatform: () => "#/restore-platform",
  restore: (query: { instance?: string; set?: string; at?: string } = {}) => formatRoute(["restore"], query),
};

/** Where a page of an instance opens: below the host this page itself came from, which surely is reachable. */
export function appAddress(instance: Instance, page: string): string {
  return `${location.origin}${instance.path}/${page}.htm`;
}

export function pagesOf(service: Service | undefined): Service["apps"] {
  return service?.apps.filter((app) => !app.websocketOnly) ?? [];
}
