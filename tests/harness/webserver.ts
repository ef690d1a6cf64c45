// The real webserver with the echo service behind it, and nothing else: no manager, no database. This process is
// their manager, by docs/protocols/control.md, so a test may set limits, read counters and starve the daemons.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, createWriteStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { join } from "node:path";
import { after, before } from "node:test";
import { build, temporary_folder } from "./platform";
import { ended, pss_kib } from "./process";
import { until, within } from "./wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

export interface WebserverOptions {
  /** Default 1: what one reactor does is easier to count. */
  reactors?: number;
  /** Listen for TLS too, with a certificate of its own. */
  tls?: boolean;
  limits?: Record<string, number>;
  /** A soft limit of descriptors for the webserver. */
  descriptors?: number;
  /** Start the echo service at `path` (default true). */
  echo?: boolean;
  env?: Record<string, string>;
}

/** One peer on control.sock. */
class ControlPeer {
  private buffer: Buffer = Buffer.alloc(0);
  private answers = new Map<string, (message: Json) => void>();
  private asked = 0;
  readonly seen: Json[] = [];

  constructor(readonly socket: Socket) {
    socket.on("error", () => {});
    socket.on("data", (part) => {
      this.buffer = Buffer.concat([this.buffer, part]);
      while (this.buffer.length >= 4 && this.buffer.length >= 4 + this.buffer.readUInt32BE(0)) {
        const size = this.buffer.readUInt32BE(0);
        const message = JSON.parse(this.buffer.subarray(4, 4 + size).toString("utf8"));
        this.buffer = this.buffer.subarray(4 + size);
        const answer = this.answers.get(message.src);
        if (answer) {
          this.answers.delete(message.src);
          answer(message);
        } else {
          this.seen.push(message);
        }
      }
    });
  }

  send(message: Json): void {
    const text = Buffer.from(JSON.stringify(message));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(text.length);
    this.socket.write(Buffer.concat([size, text]));
  }

  ask(message: Json, ms = 30_000): Promise<Json> {
    const src = `t${++this.asked}`;
    const answer = new Promise<Json>((done) => this.answers.set(src, done));
    this.send({ ...message, src });
    return within(`an answer to ${message.mt}`, ms, answer);
  }

  wait_for(mt: string, ms = 30_000): Promise<Json> {
    return until(mt, () => this.seen.find((message) => message.mt === mt), ms, 10);
  }
}

/** A certificate and its key for localhost, in one PEM. */
export function make_certificate(folder: string): string {
  const key = join(folder, "key.pem");
  const certificate = join(folder, "certificate.pem");
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
  ], { stdio: "ignore" });
  return readFileSync(certificate, "latin1") + readFileSync(key, "latin1");
}

export class Webserver {
  readonly folder = temporary_folder("berth-web");
  readonly path = "/example.com/e";
  readonly grant = randomBytes(32).toString("hex");
  http = 0;
  https = 0;
  link_sockets: string[] = [];
  webserver!: ChildProcess;
  service: ChildProcess | undefined;
  private server!: Server;
  private peers: ControlPeer[] = [];
  private control!: ControlPeer;
  private service_control: ControlPeer | undefined;
  private readonly console_file = join(this.folder, "console.log");
  private ending = false;

  private constructor(readonly options: WebserverOptions) {}

  static async start(options: WebserverOptions = {}): Promise<Webserver> {
    const made = new Webserver(options);
    try {
      await made.begin();
    } catch (error) {
      const tail = made.console().slice(-4000);
      await made.destroy();
      throw new Error(`the webserver did not start: ${(error as Error).message}\n${tail}`);
    }
    return made;
  }

  get http_url(): string {
    return `http://127.0.0.1:${this.http}`;
  }
  get https_url(): string {
    return `https://localhost:${this.https}`;
  }

  console(): string {
    return readFileSync(this.console_file, "utf8");
  }

  private spawn(program: string, args: string[], descriptors?: number): ChildProcess {
    const path = join(build, "bin", program);
    const [command, list] = descriptors === undefined ? [path, args] : ["prlimit", [`--nofile=${descriptors}`, path, ...args]];
    const child = spawn(command, list, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...this.options.env },
    });
    const log = createWriteStream(this.console_file, { flags: "a" });
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    child.on("exit", (code, signal) => {
      if (!this.ending) appendFileSync(this.console_file, `[harness] ${program} ended (${code ?? signal})\n`);
    });
    return child;
  }

  private async begin(): Promise<void> {
    writeFileSync(this.console_file, "");
    mkdirSync(join(this.folder, "run/berth/apps"), { recursive: true });
    const socket = join(this.folder, "run/berth/apps/control.sock");
    this.server = createServer((connection) => this.peers.push(new ControlPeer(connection)));
    await new Promise<void>((done) => this.server.listen(socket, done));
    this.webserver = this.spawn(
      "berth-webserver",
      [
        ...["--root", this.folder, "--http", "0", "--https", this.options.tls ? "0" : "off"],
        ...["--bind", "127.0.0.1", "--reactors", `${this.options.reactors ?? 1}`],
      ],
      this.options.descriptors,
    );
    const hello = await this.hello("WebserverHello");
    this.control = hello.peer;
    this.http = hello.message.http;
    this.https = hello.message.https ?? 0;
    this.link_sockets = hello.message.linkSockets;
    this.control.send({
      mt: "WebserverConfig",
      certificate: this.options.tls ? make_certificate(this.folder) : "",
      redirectHttps: false,
      accessLog: false,
      limits: this.options.limits ?? {},
      grants: [{ grant: this.grant, path: "/example.com", uid: process.getuid!() }],
    });
    await this.control.wait_for("WebserverReady");
    if (this.options.echo ?? true) await this.start_service();
  }

  private hello(mt: string): Promise<{ peer: ControlPeer; message: Json }> {
    return until(
      mt,
      () => {
        for (const peer of this.peers) {
          const at = peer.seen.findIndex((message) => message.mt === mt);
          if (at >= 0) return { peer, message: peer.seen.splice(at, 1)[0] };
        }
        return undefined;
      },
      30_000,
      10,
    );
  }

  async start_service(): Promise<void> {
    this.service = this.spawn("echo", [
      ...["--service", "echo", "--manager", join(this.folder, "run/berth/apps/control.sock")],
    ]);
    this.service_control = (await this.hello("ServiceHello")).peer;
    const started = await this.service_control.ask({
      mt: "AppStart",
      ...{ name: "e", domain: "example.com", password: "unused", webserverPath: this.path, grant: this.grant },
      ...{ linkSockets: this.link_sockets, workingPath: this.folder, domains: [] },
    });
    if (started.mt !== "AppStarted") throw new Error(`echo: ${JSON.stringify(started)}`);
    await until("echo to be attached", async () => {
      const { attaches } = await this.counters();
      const paths = new Set(attaches.map((one: Json) => one.path)); // of the first reactor
      return ["", "/echo", "/mirror", "/bytes", "/sink", "/slow"].every((path) => paths.has(this.path + path));
    }, 30_000, 20);
  }

  /** A message of the manager, and its answer. */
  ask(message: Json): Promise<Json> {
    return this.control.ask(message);
  }

  counters(): Promise<Json> {
    return this.control.ask({ mt: "GetCounters" });
  }

  async set_limits(limits: Record<string, number>): Promise<void> {
    const answer = await this.control.ask({ mt: "SetLimits", limits });
    if (answer.mt !== "Ok") throw new Error(JSON.stringify(answer));
  }

  /** Proportional set size of the webserver, KiB. */
  memory(): number {
    return pss_kib(this.webserver.pid!);
  }

  sanitizer_report(): string {
    const text = this.console();
    const at = text.search(/ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error: /);
    return at < 0 ? "" : text.slice(Math.max(0, at - 200), at + 4000);
  }

  /** Ends both daemons; throws if one ended badly, had ended before, or a sanitizer complains. */
  async stop(): Promise<void> {
    this.ending = true;
    for (const [name, child] of [["echo", this.service], ["berth-webserver", this.webserver]] as const) {
      if (child === undefined) continue;
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`${name} had ended (${child.exitCode ?? child.signalCode})\n${this.console().slice(-6000)}`);
      child.kill("SIGCONT"); // first: later it would take away the SIGSTOP of LeakSanitizer's tracer, which then waits for good
      child.kill("SIGTERM");
      const code = await within(`the end of ${name}`, 30_000, ended(child));
      if (code !== 0) throw new Error(`${name} ended with ${code}\n${this.console().slice(-6000)}`);
    }
    const report = this.sanitizer_report();
    if (report) throw new Error(`a sanitizer complains:\n${report}`);
  }

  async destroy(): Promise<void> {
    this.ending = true;
    for (const child of [this.service, this.webserver]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await ended(child);
    }
    for (const peer of this.peers) peer.socket.destroy();
    await new Promise<void>((done) => (this.server ? this.server.close(() => done()) : done()));
  }
}

/** A webserver for all tests of a file, stopped after the last; a bad end fails the file. */
export function with_webserver(options: WebserverOptions = {}): () => Webserver {
  let made: Webserver | undefined;
  before(async () => {
    made = await Webserver.start(options);
  });
  after(async () => {
    if (made === undefined) return;
    try {
      await made.stop();
    } finally {
      await made.destroy();
    }
  });
  return () => {
    if (made === undefined) throw new Error("the webserver did not start");
    return made;
  };
}
