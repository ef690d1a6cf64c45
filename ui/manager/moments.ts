// Moments that the time machine can reach: ranges with holes between them, in whole seconds. Pure.
import type { ReachableRange, TimeMachine } from "./api";

export interface Range {
  from: number;
  to: number;
}

const kSecond = 1000;

/** Milliseconds since 1970, both ends reachable, oldest first; the last one grows with `now`. */
export function rangesOf(ranges: readonly ReachableRange[], now: number): Range[] {
  return ranges
    .map(({ from, to }) => ({
      from: Math.ceil(Date.parse(from) / kSecond) * kSecond,
      to: Math.floor((to === undefined ? now : Date.parse(to)) / kSecond) * kSecond,
    }))
    .filter((range) => range.to >= range.from)
    .sort((a, b) => a.from - b.from);
}

/** The nearest moment that can be reached; undefined if none can. */
export function nearest(at: number, ranges: readonly Range[]): number | undefined {
  let best: number | undefined;
  for (const range of ranges) {
    const candidate = Math.min(range.to, Math.max(range.from, at));
    if (best === undefined || Math.abs(candidate - at) < Math.abs(best - at)) best = candidate;
  }
  return best;
}

export const canGoBack = (machine: TimeMachine | undefined) =>
  (machine?.state === "on" || machine?.state === "failing") && machine.ranges.length > 0;

/** As `<input type="datetime-local" step="1">` has it, on this browser's clock. */
export function toLocalText(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

export function fromLocalText(text: string): number | undefined {
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? undefined : Math.round(at / kSecond) * kSecond;
}

/** As the platform takes it: to the second, in UTC. */
export const toMoment = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
