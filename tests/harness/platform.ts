// A platform of its own for each test: fresh root, free ports, real daemons.
import { type ChildProcess, spawn } from "node:child_process";
import {
  accessSync,
  appendFileSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { AppWebsocket, password_login } from "./appwebsocket";
import { type Finished, ended, is_alive, processes, run } from "./process";
import { until } from "./wait";

const here = dirname(fileURLToPath(import.meta.url)); // tests/dist
export const tree = resolve(here, "..", "..");
/** The build under test: build/asan unless BERTH_BUILD says else. */
export const build = resolve(process.env["BERTH_BUILD"] ?? join(tree, "build", "asan"));
export const is_root = process.getuid?.() === 0;
/** Daemons with sanitizers are some times slower: bounds that are promises of the release get this factor. */
export const slowness = existsSync(join(build, "CMakeCache.txt")) &&
  /^BERTH_SANITIZE:[A-Z]+=(?!OFF$).+$/m.test(readFileSync(join(build, "CMakeCache.txt"), "utf8")) ? 5 : 1;

/** Root's tests can also be an ordinary user: `nobody` (PostgreSQL wants one with a passwd entry). */
export const kNobody = 65534;
export type User = "self" | "nobody";

export interface Options {
  user?: User;
  root?: string;
  http?: number;
  https?: number;
  store?: string;
  password?: string;
  /** More options of berth-manager. */
  args?: string[];
  env?: Record<string, string>;
  /** Through ./run instead of berth-manager itself. */
  through_run?: boolean;
  /** Start the manager again when it dies without having been asked to, as ./run and systemd do. Default true. */
  revive?: boolean;
  /** With programs of its own, for tests that exchange them. */
  own_build?: boolean;
  /** Do not wait until the platform runs. */
  no_wait?: boolean;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

export interface CliResult extends Finished {
  json: Json;
}

let staged: string | undefined;

/** A folder for test data that any user may enter; gone when the test process ends. */
export function temporary_folder(name = "berth"): string {
  const path = mkdtempSync(join(tmpdir(), `${name}-`));
  chmodSync(path, 0o755);
  folders.push(path);
  return path;
}
const folders: string[] = [];
process.on("exit", () => {
  if (process.env["BERTH_KEEP"]) return;
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

function others_can_enter(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o005) !== 0o005) return false;
    if (at === "/") return true;
  }
}

function copy_tree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) copy_tree(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) copyFileSync(join(from, entry.name), join(to, entry.name));
  }
}

/** The build folder as another user sees it: a copy, where the tree lies in a closed home. */
export function build_for(user: User): string {
  if (user === "self" || others_can_enter(build)) return build;
  if (staged === undefined) {
    staged = temporary_folder("berth-build");
    copy_tree(join(build, "bin"), join(staged, "bin"));
    copy_tree(join(build, "store"), join(staged, "store"));
  }
  return staged;
}

/** A build folder whose programs can be exchanged. The manager is a copy: it looks for the others beside itself. */
function own_build(folder: string): string {
  const made = join(folder, "build");
  mkdirSync(join(made, "bin"), { recursive: true });
  for (const name of readdirSync(join(build, "bin"))) {
    const from = join(build, "bin", name), to = join(made, "bin", name);
    if (name === "berth-manager") copyFileSync(from, to);
    else symlinkSync(from, to);
  }
  symlinkSync(join(build, "store"), join(made, "store"));
  return made;
}

/** A TCP port that was free a moment ago. (The platform needs fixed ones: its webserver must get them back.) */
export async function free_port(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A free port outside the range the kernel gives to outgoing connections, so that it stays free while nobody listens. */
export async function quiet_port(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const ok = await new Promise<boolean>((done) => {
      server.once("error", () => done(false));
      server.listen(port, () => done(true));
    });
    if (!ok) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}

/** Program and arguments that run `program` as `user`. */
export function as_user(user: User, program: string, args: string[]): [string, string[]] {
  if (user === "self" || !is_root) return [program, args];
  return ["setpriv", [`--reuid=${kNobody}`, `--regid=${kNobody}`, "--clear-groups", program, ...args]];
}

export class Platform {
  readonly folder: string;
  readonly root: string;
  readonly password: string;
  readonly password_file: string;
  readonly console_file: string;
  readonly build: string;
  manager: ChildProcess | undefined;
  /** How often the manager was started again because it died. */
  revivals = 0;
  private stopping = false;
  private sockets: AppWebsocket[] = [];

  private constructor(
    readonly options: Options,
    readonly http: number,
    readonly https: number,
  ) {
    this.folder = temporary_folder();
    this.build = options.own_build ? own_build(this.folder) : build_for(this.user);
    this.root = options.root ?? join(this.folder, "root");
    this.password = options.password ?? "correct horse battery staple";
    this.password_file = join(this.folder, "pw.txt");
    this.console_file = join(this.folder, "console.log");
    writeFileSync(this.password_file, `${this.password}\n`, { mode: 0o600 });
    writeFileSync(this.console_file, "");
    if (this.user === "nobody" && is_root) {
      for (const path of [this.folder, this.password_file, this.console_file]) chownSync(path, kNobody, kNobody);
      if (options.root !== undefined && existsSync(options.root)) chownSync(options.root, kNobody, kNobody);
    }
  }

  static async start(options: Options = {}): Promise<Platform> {
    const platform = new Platform(options, options.http ?? (await quiet_port()), options.https ?? (await quiet_port()));
    platform.spawn_manager();
    try {
      if (!options.no_wait) await platform.ready();
    } catch (error) {
      const tail = platform.console().slice(-4000);
      await platform.destroy();
      throw new Error(`the platform did not start: ${(error as Error).message}\n${tail}`);
    }
    return platform;
  }

  get user(): User {
    return this.options.user ?? "self";
  }
  get http_url(): string {
    return `http://localhost:${this.http}`;
  }
  get https_url(): string {
    return `https://localhost:${this.https}`;
  }
  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.folder, ...this.options.env };
  }

  spawn_manager(): void {
    const program = this.options.through_run ? join(tree, "run") : join(this.build, "bin", "berth-manager");
    const [command, args] = as_user(this.user, program, [
      ...(this.options.through_run ? ["--build", this.build] : []),
      ...["--root", this.root, "--http", `${this.http}`, "--https", `${this.https}`],
      ...["--password-file", this.password_file, "--store", this.options.store ?? "demo"],
      ...(this.options.args ?? []),
    ]);
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: this.folder,
      env: this.environment,
      detached: true,
    });
    const log = createWriteStream(this.console_file, { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.on("exit", (code, signal) => {
      if (this.manager !== child || this.stopping || this.options.through_run) return;
      if (code === 0 || code === 2 || this.options.revive === false) return;
      appendFileSync(this.console_file, `[harness] the manager ended (${code ?? signal}); starting it again\n`);
      this.revivals++;
      this.spawn_manager();
    });
    this.manager = child;
  }

  console(): string {
    return readFileSync(this.console_file, "utf8");
  }

  /** What a service wrote into its log files. */
  service_log(service: string): string {
    const folder = join(this.root, "var/log/berth", service);
    if (!existsSync(folder)) return "";
    return readdirSync(folder)
      .filter((name) => statSync(join(folder, name)).isFile())
      .map((name) => readFileSync(join(folder, name), "utf8"))
      .join("");
  }

  async ready(ms = 60_000 * Math.max(1, slowness / 2)): Promise<Json> {
    const answer = await this.cli(["status", "--wait", "--timeout", `${Math.ceil(ms / 1000)}`, "--json"], {
      timeoutMs: ms + 10_000,
    });
    if (answer.code !== 0) throw new Error(`status --wait: ${answer.code} ${answer.stderr}`);
    return answer.json;
  }

  /** Runs `berth --root R …`; `json` is its parsed output if it is JSON. */
  async cli(
    args: string[],
    options: { input?: string; timeoutMs?: number; user?: User; root?: boolean; cwd?: string } = {},
  ): Promise<CliResult> {
    const all = options.root === false ? args : ["--root", this.root, ...args];
    const [program, list] = as_user(options.user ?? this.user, join(this.build, "bin", "berth"), all);
    const done = await run(program, list, {
      cwd: options.cwd ?? this.folder,
      env: this.environment,
      ...(options.input === undefined ? {} : { input: options.input }),
      timeoutMs: options.timeoutMs ?? 180_000,
    });
    let json: Json;
    try {
      json = JSON.parse(done.stdout);
    } catch {
      json = undefined;
    }
    return { ...done, json };
  }

  /** As `cli`, for what has to work: throws with all that was said if it does not. */
  async berth(...args: string[]): Promise<CliResult> {
    const done = await this.cli(args);
    if (done.code !== 0) {
      throw new Error(`berth ${args.join(" ")}: ${done.code ?? done.signal}\n${done.stderr}${done.stdout}`);
    }
    return done;
  }

  async status(): Promise<Json> {
    return (await this.berth("status", "--json")).json;
  }

  /** The process id of "webserver", "postgres", "manager" or a service. */
  async pid(name: string): Promise<number> {
    const status = await this.status();
    const found = status.processes.find((one: Json) => one.name === name);
    if (found === undefined || !found.pid) throw new Error(`no process ${name} in ${JSON.stringify(status.processes)}`);
    return found.pid as number;
  }

  /** A logged-in admin connection. */
  async admin(secure = false): Promise<AppWebsocket> {
    const url = secure ? `wss://localhost:${this.https}/manager` : `ws://localhost:${this.http}/manager`;
    const client = await AppWebsocket.login(url, password_login("manager"), this.password);
    this.sockets.push(client);
    return client;
  }

  async install(service: string): Promise<void> {
    await this.berth("service", "install", service, "--wait");
  }

  async create(service: string, name: string, domain: string): Promise<Json> {
    return (await this.berth("instance", "create", service, "--name", name, "--domain", domain, "--json")).json;
  }

  /** All processes that belong to this root. */
  own_processes(): { pid: number; arguments: string[] }[] {
    return processes().filter(
      (one) => one.pid !== process.pid && one.arguments.some((text) => text.includes(`${this.root}/`) || text === this.root),
    );
  }

  /** As Ctrl-C does. Throws if it does not end by itself, ends badly, or leaves a process behind. */
  async stop(ms = 60_000): Promise<void> {
    for (const socket of this.sockets) socket.socket.terminate();
    this.sockets = [];
    const child = this.manager;
    if (child === undefined || this.stopping) return;
    this.stopping = true;
    child.kill("SIGTERM");
    try {
      const code = await Promise.race([
        ended(child),
        new Promise<never>((_, reject) => setTimeout(() => reject(new Error("does not end")), ms).unref()),
      ]);
      if (code !== 0) throw new Error(`ended with ${code ?? child.signalCode}`);
      const left = this.own_processes();
      if (left.length > 0) throw new Error(`left behind: ${left.map((one) => one.arguments.join(" ")).join("; ")}`);
      const report = this.sanitizer_report();
      if (report) throw new Error(`a sanitizer complains:\n${report}`);
    } catch (error) {
      const tail = this.console().slice(-3000);
      await this.destroy();
      throw new Error(`stopping: ${(error as Error).message}\n${tail}`);
    }
    this.manager = undefined;
  }

  /** What AddressSanitizer or UndefinedBehaviorSanitizer wrote anywhere, or "". */
  sanitizer_report(): string {
    const folder = join(this.root, "var/log/berth");
    let text = this.console();
    try {
      for (const service of readdirSync(folder)) text += this.service_log(service);
    } catch {
      // No logs were written yet.
    }
    const at = text.search(/ERROR: (Address|Leak|Thread)Sanitizer|runtime error: /);
    return at < 0 ? "" : text.slice(Math.max(0, at - 200), at + 3000);
  }

  /** Stops cleanly if it can and kills what is left: for `after` hooks. */
  async destroy(): Promise<void> {
    this.stopping = true;
    for (const socket of this.sockets) socket.socket.terminate();
    const child = this.manager;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      await Promise.race([ended(child), new Promise((done) => setTimeout(done, 20_000).unref())]);
    }
    this.manager = undefined;
    for (let round = 0; round < 3; round++) {
      const left = this.own_processes();
      if (left.length === 0) break;
      for (const { pid } of left) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself.
        }
      }
      await until("the killed processes to end", () => left.every(({ pid }) => !is_alive(pid)), 5_000).catch(() => {});
    }
  }
}

export function can_read(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

export const program_name = (path: string) => basename(path);
