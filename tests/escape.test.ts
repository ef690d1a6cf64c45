// A service that means harm tries every way out of its sandbox: all are closed, and each layer closes at least one of them.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { build, build_for, is_root, Platform, temporary_folder, tree } from "./harness/platform";
import { pid_now } from "./harness/kill";
import { assert, platform_test, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

interface Tried {
  name: string;
  refused: boolean;
  detail: string;
}
type Round = Map<string, Tried>;

const store = join(build, "store/escape");
async function prepare(one: Platform): Promise<void> {
  const key = readFileSync(join(store, "minisign.pub"), "utf8").split("\n")[1]!;
  await one.berth("config", "set", "storeKeys", key);
  await one.install("notes");
  await one.create("notes", "team", "example.com");
  await one.install("escape");
  await one.create("escape", "own", "example.com");
}
const platform = with_platform({ store }, prepare);

/** What else is on the machine: a file, sockets of three kinds, shared memory. */
class Machine {
  readonly folder = temporary_folder("berth-machine");
  readonly abstract = `berth-escape-${process.pid}`;
  private servers: Server[] = [];
  private helper: ChildProcess | undefined;
  port = 0;
  shared_memory = "";

  async open(): Promise<this> {
    if (this.port !== 0) return this;
    writeFileSync(join(this.folder, "file"), "of somebody else", { mode: 0o644 });
    const tcp = createServer();
    await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
    this.port = (tcp.address() as { port: number }).port;
    const unix = createServer();
    await new Promise<void>((done) => unix.listen(join(this.folder, "socket"), done));
    chmodSync(join(this.folder, "socket"), 0o777);
    this.servers = [tcp, unix];
    // Node knows neither abstract sockets nor shared memory.
    const script = `import ctypes, socket, sys
one = socket.socket(socket.AF_UNIX); one.bind("\\0${this.abstract}"); one.listen(16)
libc = ctypes.CDLL(None)
segment = libc.shmget(0, 4096, 0o1666)
print(segment, flush=True)
sys.stdin.read()
libc.shmctl(segment, 0, None)`;
    const helper = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    this.helper = helper;
    helper.stdout.on("data", (data: Buffer) => (this.shared_memory += data.toString()));
    await until("the helper", () => this.shared_memory.endsWith("\n"));
    this.shared_memory = this.shared_memory.trim();
    return this;
  }

  close(): void {
    for (const server of this.servers) server.close();
    this.helper?.stdin?.end();
  }
}

/** An instance's grant, as the manager derives it (docs/protocols/link.md): what an attacker would have to steal. */
function grant_of(one: Platform, service: string, key: string, path: string): string {
  const script = "import hashlib, sys; print(hashlib.blake2b(sys.argv[2].encode(), key=open(sys.argv[1], 'rb').read(), digest_size=32).hexdigest())";
  const key_file = join(one.root, "etc/berth/secret.key");
  const done = spawnSync("python3", ["-c", script, key_file, `grant\n${service}\n${key}\n${path}`], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
}

const machine = new Machine();
after(() => machine.close());

function uid_of(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function parse(text: string, round: string): Round | undefined {
  const begin = text.indexOf(`ESCAPE BEGIN\t${round}\n`);
  const end = text.indexOf(`ESCAPE END\t${round}\n`);
  if (begin < 0 || end < 0) return undefined;
  const tried: Round = new Map();
  for (const line of text.slice(begin, end).split("\n")) {
    const [mark, name, outcome, detail] = line.split("\t");
    if (mark === "ESCAPE" && name !== undefined && outcome !== undefined)
      tried.set(name, { name, refused: outcome === "refused", detail: detail ?? "" });
  }
  return tried;
}

/** Restarts the service with these facts and waits until it has tried everything. */
async function attack(round: string, one = platform()): Promise<Round> {
  const root = one.root;
  const database = (await one.berth("instance", "show", "team@example.com", "--json")).json.database;
  const facts: Record<string, string> = {
    round,
    "manager-pid": `${pid_now(one, "manager")}`,
    "neighbour-pid": `${pid_now(one, "notes")}`,
    "neighbour-folder": join(root, "var/lib/berth/work/notes"),
    key: join(root, "etc/berth/secret.key"),
    program: join(root, "var/lib/berth/apps/escape/escape"),
    disk: existsSync("/dev/vda") ? "/dev/vda" : "/dev/sda",
    "host-file": join(machine.folder, "file"),
    "host-socket": join(machine.folder, "socket"),
    "manager-socket": join(root, "run/berth/manager.sock"),
    "control-socket": join(root, "run/berth/apps/control.sock"),
    "postgres-socket": join(root, "run/berth/pgsql/.s.PGSQL.5432"),
    abstract: machine.abstract,
    "shared-memory": machine.shared_memory,
    port: `${machine.port}`,
    role: database,
    "database-password": join(root, "var/lib/berth/pgsql.password"),
    "link-socket": join(root, "run/berth/apps/link.0.sock"),
    "own-path": "/example.com/own",
    "neighbour-path": "/example.com/team",
    "own-grant": grant_of(one, "escape", "own@example.com", "/example.com/own"),
    "neighbour-grant": grant_of(one, "notes", "team@example.com", "/example.com/team"),
    "guessed-grant": "5a".repeat(32),
  };
  const text = Object.entries(facts).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(join(root, "var/lib/berth/work/escape/facts"), text.join(""), { mode: 0o644 });
  await one.cli(["service", "restart", "escape"]);
  const log = join(root, "var/log/berth/escape/output.log");
  return until(`the attempts of round ${round}`, () => parse(readFileSync(log, "utf8"), round), 120_000, 100);
}

async function layers(): Promise<{ layer: string; state: string; why: string }[]> {
  return (await platform().berth("service", "show", "escape", "--json")).json.sandbox;
}

/** attempts × layers: what closes each way. */
function table(all: Round, off: Map<string, Round>): string {
  const columns = [...off.keys()];
  const lines = [
    `| attempt | all layers | ${columns.map((name) => `without ${name}`).join(" | ")} |`,
    `| --- | --- |${columns.map(() => " --- |").join("")}`,
  ];
  for (const [name, { refused, detail }] of all) {
    const cells = columns.map((column) => {
      const tried = off.get(column)!.get(name);
      return tried === undefined ? "?" : tried.refused ? "·" : "**got through**";
    });
    lines.push(`| ${name} | ${refused ? `refused (${detail})` : `**got through** (${detail})`} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

test("every way out is closed, and each layer of the sandbox closes at least one", { skip: !is_root, timeout: 600_000 }, async () => {
  await machine.open();
  const all = await attack("all");
  assert.ok(all.size >= 50, `${all.size} attempts`);
  assert.deepEqual([...all.values()].filter((one) => !one.refused), []);
  for (const one of all.values()) if (one.name.startsWith("attach another instance")) assert.match(one.detail, /^the grant /);

  // Without "no new privileges" the kernel takes no filter from an unprivileged program either: both are away then.
  await platform().berth("config", "set", "weakerSandbox", "escape");
  const there = (await layers()).filter((one) => one.state === "on");
  const off = new Map<string, Round>();
  for (const { layer } of there) {
    await platform().berth("config", "set", "sandboxOff", `escape/${layer.replaceAll(" ", "-")}`);
    off.set(layer, await attack(layer));
  }
  await platform().berth("config", "set", "sandboxOff", "");
  const text = table(all, off);
  const document = process.env["BERTH_SECURITY_TABLE"];
  if (document !== undefined) {
    const old = readFileSync(join(tree, "docs/security.md"), "utf8");
    const marked = /(<!-- attempts begin -->\n)[^]*(<!-- attempts end -->)/;
    assert.match(old, marked);
    writeFileSync(join(tree, "docs/security.md"), old.replace(marked, (_, begin, end) => `${begin}${text}\n${end}`));
  }
  console.log(text);
  const blunt = [...off].filter(([, round]) => [...round.values()].every((one) => one.refused)).map(([layer]) => layer);
  assert.deepEqual(blunt, [], "without these layers nothing changed: no attempt proves that they hold");
});

test("what the filter refuses is told by its name in the service's log", { skip: !is_root }, () => {
  const log = readFileSync(join(platform().root, "var/log/berth/escape/output.log"), "utf8");
  assert.match(log, /sandbox: refused bpf\b/);
  assert.match(log, /sandbox: refused execve; "seccomp": \["exec"\] in the manifest would allow it/);
  assert.match(log, /sandbox: refused socket \(family 2\); the manifest's "network" would allow internet sockets/);
});

test("who attaches what is not its own is named in the webserver's log", { skip: !is_root }, async () => {
  const uid = uid_of(pid_now(platform(), "escape")!);
  const refused = platform().service_log("webserver").split("\n").filter((line) => /attach refused/.test(line) && line.includes("/example.com/team"));
  for (const reason of ["the grant is not known", "the grant does not cover '/example.com/team'", `the grant is not for user ${uid}`])
    assert.ok(refused.some((line) => line.includes(reason) && line.includes(`${uid}`)), `${reason}:\n${refused.join("\n")}`);
});

test("nothing of the attacker is left when it stops", { skip: !is_root }, async () => {
  await platform().berth("service", "stop", "escape", "--wait");
  assert.equal(pid_now(platform(), "escape"), undefined);
  for (const place of ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup"]) {
    if (!existsSync(place)) continue;
    assert.deepEqual(readdirSync(place).filter((name) => /^berth-.*\.escape$/.test(name)), []);
  }
});

// Services share the manager's user then, and no control group limits them: what that leaves open is told in docs/security.md.
const kOpenWithoutRoot = [
  "attach another instance's path with that one's stolen grant",
  "start 200 processes",
  "take 768 MiB of memory",
];
platform_test("a platform without root keeps its database, its secrets and its admins' socket from services all the same", { user: "nobody", store: join(build_for("nobody"), "store/escape"), prepare }, async (one) => {
  await machine.open();
  const layers = (await one.berth("service", "show", "escape", "--json")).json.sandbox;
  const mounts = layers.find((layer: { layer: string }) => layer.layer === "mount namespace");
  assert.equal(mounts?.state, "on", `this kernel gives users no namespaces: ${JSON.stringify(layers)}`);
  const tried = await attack("without root", one);
  assert.deepEqual([...tried.values()].filter((attempt) => !attempt.refused && !kOpenWithoutRoot.includes(attempt.name)), []);
  assert.equal(tried.get("log in to PostgreSQL as its superuser")?.detail, "a password is asked for");
  assert.equal(tried.get("read the password of the database's superuser")?.detail, "ENOENT");
  assert.ok(existsSync(join(one.root, "var/lib/berth/pgsql.password")));
  assert.equal(statSync(join(one.root, "var/lib/berth/pgsql.password")).mode & 0o777, 0o600);
});

test("a database that an older build made without root gets the password at its next start, and one whose password was lost a new one", async () => {
  let one = await Platform.start({ user: "nobody" });
  const rules = join(one.root, "var/lib/berth/pgsql/pg_hba.conf"), secret = join(one.root, "var/lib/berth/pgsql.password");
  const by_password = readFileSync(rules, "utf8");
  assert.match(by_password, /^local +all +berth +scram-sha-256$/m);
  const secrets = [readFileSync(secret, "utf8")];
  for (const older of [by_password.replace(/^(local +\w+ +berth +)scram-sha-256$/gm, "$1peer map=berth"), by_password]) {
    await one.stop();
    writeFileSync(rules, older);
    rmSync(secret);
    one = await Platform.start({ user: "nobody", root: one.root });
    try {
      assert.equal(readFileSync(rules, "utf8"), by_password);
      secrets.push(readFileSync(secret, "utf8"));
    } catch (error) {
      await one.destroy();
      throw error;
    }
  }
  await one.stop();
  assert.equal(new Set(secrets).size, 3);
});
