// What the monitoring's pages share: the ranges, names, and the asking.
import { useEffect, useState } from "preact/hooks";
import { short, size } from "../kit/i18n";
import { route } from "../kit/route";
import type { GetMonitorResult, MonitorMarker } from "./api";
import { ask, asSentence, link } from "./connection";
import type { Mark } from "./curves";
import { platform } from "./platform";
import { phrase } from "./platform_texts";
import { t } from "./texts";

export const kRanges = { "1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400 } as const;
export type RangeName = keyof typeof kRanges;

export const rangeOfRoute = (): RangeName => {
  const wanted = route.value.query.get("range") ?? "";
  return wanted in kRanges ? (wanted as RangeName) : "1h";
};

const kTitles: Record<string, string> = { postgres: "PostgreSQL", webserver: "Webserver", manager: "Manager" };

/** "service/notes" as people call it. */
export function subjectName(subject: string): string {
  if (subject === "platform") return t("monitor.platform");
  if (subject.startsWith("service/")) {
    const id = subject.slice("service/".length);
    return platform.value?.services.get(id)?.title ?? id;
  }
  if (subject.startsWith("instance/")) return subject.slice("instance/".length);
  return kTitles[subject] ?? subject;
}

export function subjectAddress(subject: string): string | undefined {
  if (subject === "platform") return undefined;
  if (subject.startsWith("service/") || subject.startsWith("instance/")) return `#/${subject}`;
  return `#/platform/${subject}`;
}

export function markerText(marker: MonitorMarker): string {
  const name = subjectName(marker.subject);
  if (marker.kind === "start") return t("monitor.started", { name });
  if (marker.kind === "death") return t("monitor.died", { name, why: marker.text });
  return `${phrase(marker.text)}${marker.failed ? `: ${t("job.failed")}` : ""}`;
}

/** Several starts of one moment are one: the platform's. */
export function markText(mark: Mark): string {
  const [first] = mark.markers;
  if (mark.kind === "restart" && mark.markers.length > 1)
    return t("monitor.startedMany", { names: mark.markers.map((one) => subjectName(one.subject)).join(", ") });
  return mark.markers.length === 1 ? markerText(first!) : mark.markers.map(markerText).join(" · ");
}

export const formats = {
  percent: (value: number) => `${short(value)} %`,
  bytes: size,
  rate: (value: number) => `${size(value)}/s`,
  count: short,
  each: (value: number) => `${short(value)}/s`,
  time: (value: number) => `${short(value)} ms/s`,
};

export interface Recorded {
  answer: GetMonitorResult | undefined;
  error: string | undefined;
}

/** Asks again as the curves go on, without taking away what is shown. */
export function useMonitor(subjects: string[], metrics: string[], range: RangeName): Recorded {
  const [known, setKnown] = useState<Recorded>({ answer: undefined, error: undefined });
  const open = link.state.value.name === "open";
  const question = JSON.stringify([subjects, metrics, range]);
  useEffect(() => {
    if (!open) return;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () =>
      ask("GetMonitor", { subjects, metrics, seconds: kRanges[range], points: 240 })
        .then(
          (answer) => current && setKnown({ answer, error: undefined }),
          (reason) =>
            current &&
            setKnown({
              answer: undefined,
              error: asSentence(reason instanceof Error ? reason.message : String(reason)),
            }),
        )
        .finally(() => {
          if (current) timer = setTimeout(look, range === "1h" ? 10_000 : 60_000);
        });
    void look();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [open, question]);
  return known;
}
