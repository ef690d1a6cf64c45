// What charts are drawn from. Pure: lines, stacks, scales and paths, without a page.
import type { GetMonitorResult, MonitorMarker, MonitorSeries } from "./api";

/** One line of a chart; `undefined` where nothing is known. */
export interface Line {
  name: string;
  values: readonly (number | undefined)[];
  /** Number of its colour, from 1. */
  color: number;
}

/** Above so many lines the smallest become one. */
export const kLines = 8;

const known = (value: number) => (value < 0 ? undefined : value);

export function valuesOf(answer: GetMonitorResult, subject: string, metric: string): (number | undefined)[] {
  const series = answer.series.find((one) => one.subject === subject && one.metric === metric);
  return series ? series.mean.map(known) : [];
}

export const isEmpty = (lines: readonly Line[]) =>
  lines.every((line) => line.values.every((value) => value === undefined));

const total = (values: readonly (number | undefined)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

/** The curves of many subjects, the largest first; what does not get a line of its own is one, called `others`. */
export function linesOf(
  series: readonly MonitorSeries[],
  metric: string,
  nameOf: (subject: string) => string,
  others: string,
): Line[] {
  const all = series
    .filter((one) => one.metric === metric)
    .map((one) => ({ name: nameOf(one.subject), values: one.mean.map(known) }))
    .filter((one) => one.values.some((value) => value !== undefined))
    .sort((a, b) => total(b.values) - total(a.values));
  const shown = all.length > kLines ? all.slice(0, kLines - 1) : all;
  const lines = shown.map((one, i) => ({ ...one, color: i + 1 }));
  if (all.length > kLines) lines.push({ name: others, values: add(all.slice(kLines - 1)), color: kLines });
  return lines;
}

function add(lines: readonly { values: readonly (number | undefined)[] }[]): (number | undefined)[] {
  const length = Math.max(0, ...lines.map((line) => line.values.length));
  return Array.from({ length }, (_, i) => {
    const here = lines.map((line) => line.values[i]).filter((value) => value !== undefined);
    return here.length ? here.reduce((sum, value) => sum + value, 0) : undefined;
  });
}

/** Each line on top of those before it: from where to where at each step. A hole in one is a 0 of it. */
export function stack(lines: readonly Line[]): { low: (number | undefined)[]; high: (number | undefined)[] }[] {
  const length = Math.max(0, ...lines.map((line) => line.values.length));
  const isHole = (i: number) => lines.every((line) => line.values[i] === undefined);
  const base = new Array<number>(length).fill(0);
  return lines.map((line) => {
    const low: (number | undefined)[] = [];
    const high: (number | undefined)[] = [];
    for (let i = 0; i < length; i++) {
      low.push(isHole(i) ? undefined : base[i]);
      base[i]! += line.values[i] ?? 0;
      high.push(isHole(i) ? undefined : base[i]);
    }
    return { low, high };
  });
}

/** Round values for an axis from 0: few, and the last one not below `top`. */
export function ticks(top: number, count = 4): number[] {
  if (!(top > 0)) return [0, 1];
  const rough = top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999) ?? 10 * power;
  const list: number[] = [];
  for (let i = 0; i * step < top + step * 0.999; i++) list.push(Number((i * step).toPrecision(12)));
  return list;
}

/** Moments of an axis, on whole minutes, hours or days of this browser's clock; at most `count`. */
export function timeTicks(from: number, to: number, count: number): number[] {
  const minute = 60_000;
  const hour = 60 * minute;
  const day = 24 * hour;
  const steps = [minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour];
  steps.push(12 * hour, day, 2 * day, 5 * day, 10 * day);
  const step = steps.find((one) => (to - from) / one <= count) ?? 30 * day;
  const list: number[] = [];
  // By the local clock: 00:00 here is where a day begins, also over a change of the clocks.
  const start = new Date(from);
  start.setHours(0, 0, 0, 0);
  for (let at = start.getTime(); at <= to; ) {
    if (at >= from) list.push(at);
    if (step < day) {
      at += step;
    } else {
      const next = new Date(at);
      next.setDate(next.getDate() + Math.round(step / day));
      at = next.getTime();
    }
  }
  return list;
}

type Scale = (value: number) => number;

/** An SVG path; holes interrupt it, and a lone value is a short dash. */
export function linePath(values: readonly (number | undefined)[], x: Scale, y: Scale): string {
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (value === undefined) {
      open = false;
      return;
    }
    const point = `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    path += open ? `L${point}` : `M${point}${values[i + 1] === undefined ? "h1" : ""}`;
    open = true;
  });
  return path;
}

/** The area between two lines, a piece for each run without holes. */
export function areaPath(
  low: readonly (number | undefined)[],
  high: readonly (number | undefined)[],
  x: Scale,
  y: Scale,
): string {
  let path = "";
  for (let i = 0; i < high.length; i++) {
    if (high[i] === undefined) continue;
    let end = i;
    while (end + 1 < high.length && high[end + 1] !== undefined) end++;
    const over: string[] = [];
    const under: string[] = [];
    for (let at = i; at <= end; at++) {
      over.push(`${x(at).toFixed(1)} ${y(high[at]!).toFixed(1)}`);
      under.push(`${x(at).toFixed(1)} ${y(low[at]!).toFixed(1)}`);
    }
    path += `M${over.join("L")}L${under.reverse().join("L")}Z`;
    i = end;
  }
  return path;
}

export type MarkerKind = "restart" | "death" | "update" | "backup" | "work";

export interface Mark {
  at: number;
  kind: MarkerKind;
  markers: MonitorMarker[];
}

const kKinds: Record<string, MarkerKind> = {
  start: "restart",
  death: "death",
  install: "update",
  update: "update",
  remove: "update",
  backup: "backup",
  base: "backup",
};

/** Markers that would lie on each other in a chart, as one; the worst kind gives its colour. */
export function groupMarkers(markers: readonly MonitorMarker[], apartMs: number): Mark[] {
  const marks: Mark[] = [];
  for (const marker of [...markers].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) {
    const at = Date.parse(marker.at);
    const kind = kKinds[marker.kind] ?? "work";
    const last = marks.findLast((one) => at - one.at < apartMs && one.kind === kind);
    if (last) last.markers.push(marker);
    else marks.push({ at, kind, markers: [marker] });
  }
  return marks;
}

/** Those that are about `subject`, or about the whole platform. */
export function markersFor(
  markers: readonly MonitorMarker[],
  subjects: readonly string[] | undefined,
): MonitorMarker[] {
  const whole = ["platform", "manager", "webserver", "postgres"];
  return subjects === undefined
    ? [...markers]
    : markers.filter((one) => subjects.includes(one.subject) || (whole.includes(one.subject) && one.kind !== "start"));
}
