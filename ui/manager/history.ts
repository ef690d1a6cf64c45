// The last values of a few numbers since this page was opened, for the small curves.
import { signal } from "@preact/signals";
import type { Platform } from "./platform";

export interface Sample {
  at: number;
  memory: number;
  sessions: number;
}

const kKept = 240;
const kEveryMs = 2_000;

export const history = signal<Sample[]>([]);

export const totalMemory = (platform: Platform) =>
  platform.status.processes
    .filter((process) => !platform.services.has(process.name))
    .reduce((sum, process) => sum + process.memoryBytes, 0) +
  [...platform.services.values()].reduce((sum, service) => sum + service.memoryBytes, 0);

export const totalSessions = (platform: Platform) =>
  [...platform.services.values()].reduce((sum, service) => sum + service.sessions, 0);

export function sample(platform: Platform, at = Date.now()): void {
  const last = history.value.at(-1);
  if (last && at - last.at < kEveryMs) return;
  const next = { at, memory: totalMemory(platform), sessions: totalSessions(platform) };
  history.value = [...history.value, next].slice(-kKept);
}
