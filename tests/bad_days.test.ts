// Bad days of a service: it leaks, floods, eats memory, dies at its start, hears nothing, lies. Its limit ends it, its neighbours go on,
// the admin is told who and why. (Fork bombs and files without end are in `escape`, what stands still and SIGSTOP in `crash`.)
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { existsSync, lstatSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { fetch_url } from "./harness/http";
import { pid_now } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { build, is_root, slowness, temporary_folder } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

const store = join(build, "store/escape");
let neighbour: NotesSession;
let board = "";
const platform = with_platform({ store, env: { ASAN_OPTIONS: "detect_leaks=0:allocator_may_return_null=1" } }, async (one) => {
  const key = readFileSync(join(store, "minisign.pub"), "utf8").split("\n")[1]!;
  await one.berth("config", "set", "storeKeys", key);
  await one.install("notes");
  const { password } = await one.create("notes", "team", "example.com");
  await one.install("rogue");
  await one.create("rogue", "r", "example.com");
  neighbour = new NotesSession(`ws://localhost:${one.http}/example.com/team/notes`, password);
  board = await neighbour.add_board("neighbour");
});
after(() => neighbour?.close());

const work = () => join(platform().root, "var/lib/berth/work/rogue");
const logs = () => join(platform().root, "var/log/berth/rogue");
const service = async (): Promise<Json> => {
  const answer = (await platform().berth("service", "show", "rogue", "--json")).json;
  return answer.service ?? answer;
};
const findings = async (): Promise<Json[]> => (await platform().cli(["status", "--json"])).json?.checks ?? [];
const finding = async (id: string) => (await findings()).find((one) => one.id === id);
const alarms = async (...more: string[]): Promise<Json> => (await platform().berth("alarm", "ls", ...more, "--json")).json;
const serves = async () => (await fetch_url(`${platform().http_url}/example.com/r/hello`, { ms: 5_000 })).status === 200;

/** Starts the service anew with this misdeed; "" is a good day. */
async function begin(misdeed: string): Promise<void> {
  if (misdeed === "") rmSync(join(work(), "misdeed"), { force: true });
  else writeFileSync(join(work(), "misdeed"), misdeed, { mode: 0o644 });
  await platform().cli(["service", "restart", "rogue"]);
}

/** It works again, and nobody else was concerned. */
async function good_again(): Promise<void> {
  await begin("");
  await until("rogue to serve", serves, 60_000);
  await neighbour.add_note(board, "still here");
  assert.equal(neighbour.reconnects, 0, "the neighbour lost its connection");
  assert.equal(platform().revivals, 0, "the manager died");
}

test("a service that dies at its start is told as crashing with the cause, and starts once it is mended", async () => {
  await begin("crash-at-start");
  const crashed = await until("the state", async () => ((await service()).state === "crashed" ? service() : undefined), 60_000);
  assert.match(crashed.lastExit, /signal 6/);
  const told = await until("the finding", () => finding("process-rogue"));
  assert.equal(told.severity, "error");
  assert.match(told.text, /ended \d+ times in a row, last: signal 6/);
  const groups = await until("the reports", async () => {
    const all: Json[] = (await platform().berth("crash", "ls", "--json")).json.groups;
    return all.filter((one) => one.service === "rogue" && one.count >= 5);
  }, 120_000);
  assert.equal(groups.length, 1, "the same crash is one group");
  await good_again();
});

test("a service that leaks descriptors meets its own limit, and the admin is told who", async () => {
  await platform().berth("config", "set", "serviceOpenFiles", "512");
  await begin("leak");
  const told = await until("the finding", () => finding("service-descriptors-rogue"), 60_000);
  assert.deepEqual(told.values.slice(0, 1), ["Rogue"]);
  assert.equal(told.values[2], "512");
  assert.ok(Number(told.values[1]) >= 460 && Number(told.values[1]) <= 512, told.values[1]);
  await until("the alarm", async () => ((await alarms()).alarms as Json[]).some((one) => one.code === 0x0024ff08 && /Rogue has/.test(one.text)), 60_000);
  await platform().berth("config", "set", "serviceOpenFiles", "8192");
  await good_again();
  await until("the finding to go", async () => !(await finding("service-descriptors-rogue")), 60_000);
});

/** Floods until the admin is told; the most that its logs took meanwhile, and the manager's share of a core. */
async function flood(how: string): Promise<{ most: number; manager: number; mebibytes: number }> {
  const size = () => readdirSync(logs()).reduce((sum, name) => sum + (statSync(join(logs(), name), { throwIfNoEntry: false })?.size ?? 0), 0);
  const ticks = () => {
    const text = readFileSync(`/proc/${pid_now(platform(), "manager")}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  await begin(how);
  const [started, before] = [Date.now(), ticks()];
  let most = 0;
  const told = await until("the finding", async () => {
    most = Math.max(most, size());
    // Each question of ours costs the manager something, too.
    return Date.now() - started > 12_000 ? finding("service-log-rogue") : undefined;
  }, 60_000, 250);
  const manager = ((ticks() - before) * 10) / (Date.now() - started);
  assert.equal(told.values[0], "Rogue");
  return { most, manager, mebibytes: Number(told.values[1]) };
}

test("10 GB an hour printed past the log stay a few megabytes on the disk", async () => {
  const { most, manager, mebibytes } = await flood("print");
  console.log(`printed ${mebibytes} MiB/h: at most ${(most / 2 ** 20).toFixed(1)} MiB on the disk, manager ${(manager * 100).toFixed(1)} % of a core`);
  assert.ok(mebibytes > 2_000, `${mebibytes} MiB an hour are no flood`);
  assert.ok(most < 24 * 2 ** 20, `${most} bytes`);
  assert.ok(manager < 0.2 * slowness);
  await until("the alarm", async () => ((await alarms()).alarms as Json[]).some((one) => /Rogue writes \d+ MiB an hour/.test(one.text)), 60_000);
  await good_again();
  await until("the finding to go", async () => !(await finding("service-log-rogue")), 60_000);
});

test("10 GB an hour written into the log stay what the settings allow", async () => {
  await platform().berth("config", "set", "logFiles", "3");
  await platform().berth("config", "set", "logFileBytes", `${1 << 20}`);
  const kept = readdirSync(logs()).filter((name) => name.startsWith("output.log")).reduce((sum, name) => sum + statSync(join(logs(), name)).size, 0);
  const { most, manager, mebibytes } = await flood("log");
  console.log(`logged ${mebibytes} MiB/h: at most ${(most / 2 ** 20).toFixed(1)} MiB on the disk, manager ${(manager * 100).toFixed(1)} % of a core`);
  assert.ok(mebibytes > 2_000, `${mebibytes} MiB an hour are no flood`);
  assert.ok(most - kept < 3.5 * 2 ** 20, `${most - kept} bytes`);
  assert.ok(manager < 0.2 * slowness);
  await good_again();
});

test("a link in the place of its output gives a service no file of others", { skip: !is_root }, async () => {
  const secret = join(temporary_folder(), "secret");
  writeFileSync(secret, "of root", { mode: 0o600 });
  rmSync(join(logs(), "output.log"), { force: true });
  symlinkSync(secret, join(logs(), "output.log"));
  await begin("");
  await until("rogue to serve", serves, 60_000);
  assert.equal(readFileSync(secret, "utf8"), "of root");
  assert.equal(statSync(secret).uid, 0);
  assert.ok(!lstatSync(join(logs(), "output.log")).isSymbolicLink());
});

const has_memory_groups = is_root && (existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes") || existsSync("/sys/fs/cgroup/memory.max") || existsSync("/sys/fs/cgroup/cgroup.controllers"));
test("a service that eats all its memory is ended for that, and that is the cause that is told", { skip: !has_memory_groups }, async () => {
  const old = await until("rogue", () => pid_now(platform(), "rogue"));
  await begin("memory");
  const dead = await until("the end", async () => {
    const now = await service();
    return /memory was used up/.test(now.lastExit ?? "") ? now : undefined;
  }, 120_000);
  assert.match(dead.lastExit, /signal 9.*, its memory was used up at /);
  const report = await until("the report", async () => {
    const all: Json[] = (await platform().berth("crash", "ls", "--json")).json.reports;
    return all.find((one) => one.service === "rogue" && one.outOfMemory);
  }, 120_000);
  assert.match(report.text, /its memory was used up/);
  assert.notEqual(pid_now(platform(), "rogue"), old);
  await good_again();
});

test("a service that hears neither its stop nor SIGTERM is stopped all the same", async () => {
  writeFileSync(join(work(), "misdeed"), "deaf");
  const pid = await until("rogue", () => pid_now(platform(), "rogue"));
  const began = Date.now();
  const done = await platform().cli(["service", "stop", "rogue", "--wait"], { timeoutMs: 90_000 });
  const seconds = (Date.now() - began) / 1000;
  assert.equal(done.code, 0, done.stderr);
  assert.equal((await service()).state, "stopped");
  assert.ok(pid_now(platform(), "rogue") !== pid);
  assert.ok(seconds > 9 && seconds < 40, `${seconds} s`);
  console.log(`a deaf service was stopped after ${seconds.toFixed(1)} s`);
  rmSync(join(work(), "misdeed"), { force: true });
  await platform().berth("service", "start", "rogue");
  await good_again();
});

test("an instance whose stop hangs is told so, and its service is found and started again", async () => {
  await platform().berth("config", "set", "healthSeconds", "1");
  await platform().berth("config", "set", "hangSeconds", `${3 * slowness}`);
  await good_again(); // a question under way takes the old settings
  writeFileSync(join(work(), "misdeed"), "deaf");
  const pid = await until("rogue", () => pid_now(platform(), "rogue"));
  const done = await platform().cli(["instance", "stop", "r@example.com", "--wait"], { timeoutMs: 120_000 });
  const back = await until("another rogue", () => {
    const now = pid_now(platform(), "rogue");
    return now !== undefined && now !== pid ? now : undefined;
  }, 60_000);
  assert.notEqual(back, pid);
  assert.match((await service()).lastExit, /^did not answer for \d+ s, ended by the manager/);
  console.log(`stopping an instance that hangs: exit ${done.code}, ${done.stderr.trim()}`);
  await platform().berth("config", "set", "healthSeconds", "10");
  await platform().berth("config", "set", "hangSeconds", "30");
  rmSync(join(work(), "misdeed"), { force: true });
  await platform().berth("instance", "start", "r@example.com");
  await good_again();
});

test("a service that dies while it looks at a restored backup fails that drill with the reason, and nothing else", async () => {
  await platform().berth("backup", "run", "--wait");
  writeFileSync(join(work(), "misdeed"), "self-check");
  const done = await platform().cli(["backup", "drill", "r@example.com", "--wait", "--json"], { timeoutMs: 180_000 });
  assert.notEqual(done.code, 0, done.stdout);
  assert.match(done.stderr + done.stdout, /r@example\.com: .*(connection ended|went away)/);
  rmSync(join(work(), "misdeed"), { force: true });
  await until("rogue to serve", serves, 60_000);
  await platform().berth("backup", "drill", "team@example.com", "--wait");
  await good_again();
  const databases = (await platform().berth("database", "show", "--json")).stdout;
  assert.ok(!/drill/.test(databases), "the database of the drill is gone");
});

for (const seed of [1, 2, 3])
  test(`a service that lies to manager and webserver harms only itself (seed ${seed})`, async () => {
    const pids = ["manager", "webserver", "postgres", "notes"].map((name) => [name, pid_now(platform(), name)] as const);
    const lies = () => (readFileSync(join(logs(), "output.log"), "utf8").match(/LIES \d+/g) ?? []) as string[];
    const before = lies().length;
    await begin(`lie ${seed}`);
    await until("the lies to be told", () => lies().length > before, 180_000);
    const told = lies().at(-1);
    for (const [name, pid] of pids) assert.equal(pid_now(platform(), name), pid, `${name} is another process`);
    await good_again();
    // What it said of others is nothing they said.
    const { alarms: set, history } = await alarms("--history");
    for (const one of [...set, ...history]) assert.notEqual(one.source, "team@example.com");
    const slander = [...set, ...history].filter((one: Json) => one.text === "slander");
    assert.ok(slander.length > 0, "what it said well-formed arrived");
    for (const one of slander) assert.equal(one.source, "rogue");
    const team = (await platform().berth("instance", "show", "team@example.com", "--json")).json;
    assert.equal((team.instance ?? team).state, "running");
    console.log(`seed ${seed}: ${told}`);
  });

test("an Events app that answers 500 gets everything, in order and once, when it works again", async () => {
  let works = false;
  let refused = 0;
  const taken: Json[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      if (works) taken.push(JSON.parse(body));
      else refused++;
      response.writeHead(works ? 200 : 500).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const port = (server.address() as { port: number }).port;
  try {
    await platform().berth("config", "set", "alarmUrl", `http://127.0.0.1:${port}/events`);
    await platform().berth("alarm", "test");
    await until("some tries", () => refused >= 3, 60_000);
    const channel = ((await alarms()).channels as Json[]).find((one) => one.name === "events");
    assert.match(channel.error, /500/);
    assert.ok(channel.waiting >= 1);
    works = true;
    await until("the event", () => taken.some((one) => one.code === "0x0024ff00"), 60_000);
    await until("nothing to wait", async () => ((await alarms()).channels as Json[]).find((one) => one.name === "events").waiting === 0, 60_000);
    assert.equal(taken.filter((one) => one.code === "0x0024ff00").length, 1);
  } finally {
    await platform().berth("config", "set", "alarmUrl", "");
    server.close();
  }
});
