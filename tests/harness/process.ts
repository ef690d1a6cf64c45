// Child processes of a test, and what /proc tells about any process.
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

/** Runs a program to its end; never throws for a bad exit code. Killed after `timeoutMs`. */
export async function run(
  program: string,
  args: string[],
  options: SpawnOptions & { input?: string | Buffer; timeoutMs?: number } = {},
): Promise<Finished> {
  const started = Date.now();
  const { input, timeoutMs = 120_000, ...rest } = options;
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], ...rest });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin?.on("error", () => {});
  child.stdin?.end(input ?? "");
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (...end) => resolve(end));
  });
  clearTimeout(timer);
  return { code, signal, stdout, stderr, ms: Date.now() - started };
}

/** Resolves with the exit code, or null if a signal ended it. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once("exit", (code) => resolve(code)));
}

export function is_alive(pid: number): boolean {
  try {
    // Field 3 of stat, after the name in brackets: Z is dead but not collected.
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

export interface ProcessInfo {
  pid: number;
  ppid: number;
  uid: number;
  program: string;
  arguments: string[];
}

/** Every process of the machine that we may see. */
export function processes(): ProcessInfo[] {
  const found: ProcessInfo[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, "latin1");
      const args = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").slice(0, -1);
      let program = "";
      try {
        program = readlinkSync(`/proc/${name}/exe`);
      } catch {
        // Another user's process.
      }
      found.push({
        pid: Number(name),
        ppid: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
        uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1),
        program,
        arguments: args,
      });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** All processes below `pid`, children of children included. */
export function descendants(pid: number): ProcessInfo[] {
  const all = processes();
  const wanted = new Set([pid]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const one of all) {
      if (!wanted.has(one.pid) && wanted.has(one.ppid)) {
        wanted.add(one.pid);
        grew = true;
      }
    }
  }
  return all.filter((one) => one.pid !== pid && wanted.has(one.pid));
}

/** Proportional set size in KiB: what the process really costs. 0 if it is gone. */
export function pss_kib(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
