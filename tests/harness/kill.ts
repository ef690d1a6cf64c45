// Killing the processes of a platform, and seeing them come back.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Platform } from "./platform";
import { is_alive } from "./process";
import { until } from "./wait";

/** Process ids by name without asking the manager, which may be the one that is dead: from its own list. */
export function pid_now(platform: Platform, name: string): number | undefined {
  if (name === "manager" && !platform.options.through_run) {
    const child = platform.manager;
    return child !== undefined && child.pid !== undefined && is_alive(child.pid) ? child.pid : undefined;
  }
  if (name === "postgres") {
    try {
      const pid = Number(readFileSync(join(platform.root, "var/lib/berth/pgsql/postmaster.pid"), "utf8").split("\n")[0]);
      return is_alive(pid) ? pid : undefined;
    } catch {
      return undefined;
    }
  }
  const program = name === "webserver" ? "berth-webserver" : name === "manager" ? "berth-manager" : name;
  // The service itself, not the small init above it in its own process id namespace.
  const found = platform
    .own_processes()
    .filter((one) => one.arguments[0]!.split("/").pop() === program && is_alive(one.pid))
    .map((one) => one.pid);
  return found.sort((a, b) => started(b) - started(a) || b - a)[0];
}

/** In clock ticks since boot: the larger process id is not always the newer process. */
function started(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return 0;
  }
}

/** kill -9; gives the id that was killed. */
export async function kill_hard(platform: Platform, name: string): Promise<number> {
  const pid = await until(`${name} to kill`, () => pid_now(platform, name), 30_000, 10);
  process.kill(pid, "SIGKILL");
  return pid;
}

/** Until `name` runs under another id than `old`; the new one. */
export function back(platform: Platform, name: string, old: number, ms = 60_000): Promise<number> {
  return until(
    `${name} to come back`,
    () => {
      const pid = pid_now(platform, name);
      return pid !== undefined && pid !== old ? pid : undefined;
    },
    ms,
    5,
  );
}
