// Manager and webserver go over to another build while WebSockets talk: nothing is refused, closed or lost.
import { copyFileSync, renameSync, unlinkSync, writeFileSync, chmodSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import WebSocket from "ws";
import { fetch_url } from "./harness/http";
import { back, kill_hard, pid_now } from "./harness/kill";
import { type Platform } from "./harness/platform";
import { is_alive } from "./harness/process";
import { assert, platform_test, test, with_platform } from "./harness/test";
import { until, within } from "./harness/wait";

const kTalkers = 200;

/** A WebSocket that says a number, waits for it to come back and says the next, until it is stopped. */
class Talker {
  said = 0;
  heard = 0;
  wrong: string | undefined;
  private talking = true;
  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data) => {
      if (Number(data.toString()) !== this.said) this.wrong ??= `${data} came instead of ${this.said}`;
      this.heard++;
      if (this.talking) this.say();
    });
    socket.on("error", (error) => (this.wrong ??= error.message));
    socket.on("close", (code) => {
      if (this.talking) this.wrong ??= `closed with ${code}`;
    });
    this.say();
  }
  private say(): void {
    this.socket.send(`${++this.said}`);
  }
  static async open(url: string): Promise<Talker> {
    const socket = new WebSocket(url, { perMessageDeflate: false, rejectUnauthorized: false });
    await new Promise((done, fail) => {
      socket.once("open", done);
      socket.once("error", fail);
    });
    return new Talker(socket);
  }
  /** Ends it once what it said last has come back. */
  async end(): Promise<void> {
    this.talking = false;
    await until("the last echo", () => this.wrong !== undefined || this.heard === this.said, 30_000, 5);
    const closed = new Promise((done) => this.socket.once("close", done));
    this.socket.close();
    await within("the close", 30_000, closed);
  }
}

const echo_urls = (one: Platform) => [
  `ws://localhost:${one.http}/example.com/e/echo`,
  `wss://localhost:${one.https}/example.com/e/echo`,
];
const open_talkers = (one: Platform, count = kTalkers) =>
  Promise.all(Array.from({ length: count }, (_, i) => Talker.open(echo_urls(one)[i % 2]!)));
async function all_hear(talkers: Talker[], times: number): Promise<void> {
  const before = talkers.map((one) => one.heard);
  await until("all to hear", () => talkers.every((one, i) => one.wrong !== undefined || one.heard >= before[i]! + times), 60_000);
}
function assert_unharmed(talkers: Talker[]): void {
  assert.deepEqual(talkers.map((one) => one.wrong).filter((one) => one !== undefined), []);
}

/** Does `act` again and again until stopped; what went wrong. */
function keep_doing(act: () => Promise<void>): () => Promise<{ times: number; wrong: string[] }> {
  let going = true;
  const wrong: string[] = [];
  let times = 0;
  const work = (async () => {
    while (going) {
      await act().catch((error: Error) => wrong.push(error.message));
      times++;
    }
  })();
  return async () => {
    going = false;
    await work;
    return { times, wrong };
  };
}

function connect_unix(path: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      done();
    });
    socket.once("error", fail);
  });
}
async function fetch_echo(one: Platform, secure: boolean): Promise<void> {
  const base = secure ? one.https_url : one.http_url;
  const answer = await fetch_url(`${base}/example.com/e/bytes/5`, { ms: 20_000 });
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
}

const prepare = async (one: Platform) => {
  await one.install("echo");
  await one.create("echo", "e", "example.com");
};
const platform = with_platform({}, prepare);
const kOthers = ["webserver", "postgres", "echo"];
const described = (status: any, names: string[]) =>
  names.map((name) => {
    const found = status.processes.find((one: { name: string }) => one.name === name);
    return [name, found?.pid, found?.startedAt, found?.restarts];
  });

test("the manager becomes another program: its pid, its children and all WebSockets stay", async () => {
  const talkers = await open_talkers(platform());
  const before = await platform().status(), pid = pid_now(platform(), "manager");
  const alarms = (await platform().berth("alarm", "ls", "--history", "--json")).stdout;
  const knocks = ["manager.sock", "apps/control.sock"].map((name) =>
    keep_doing(() => connect_unix(join(platform().root, "run/berth", name))),
  );
  const fetches = keep_doing(() => fetch_echo(platform(), false));
  await all_hear(talkers, 3);
  const started = Date.now();
  const told = (await platform().berth("platform", "replace", "--json")).json;
  const ms = Date.now() - started;
  assert.equal(told.manager.build, before.build);
  await all_hear(talkers, 3);
  for (const stop of [...knocks, fetches]) {
    const { times, wrong } = await stop();
    assert.deepEqual(wrong, []);
    assert.ok(times > 0);
  }
  assert_unharmed(talkers);
  console.log(`manager replaced in ${ms} ms; ${talkers.length} WebSockets had ${talkers.reduce((sum, one) => sum + one.heard, 0)} echoes`);
  const after = await platform().ready();
  assert.equal(after.state, "running");
  assert.equal(pid_now(platform(), "manager"), pid);
  assert.equal(platform().revivals, 0);
  assert.deepEqual(described(after, kOthers), described(before, kOthers));
  assert.ok(after.uptime <= before.uptime + 60);
  assert.match(platform().console(), /took over from/);
  assert.equal((await platform().berth("alarm", "ls", "--history", "--json")).stdout, alarms);
  await Promise.all(talkers.map((one) => one.end()));
});

test("a manager that was replaced again and again still knows how its children end", async () => {
  for (let round = 0; round < 3; round++) await platform().berth("platform", "replace");
  const old = await kill_hard(platform(), "echo");
  await back(platform(), "echo", old);
  const echo = await until("the end to be known", async () => {
    const list = (await platform().berth("service", "ls", "--json")).json;
    const found = (list.services ?? list).find((one: { id: string }) => one.id === "echo");
    return found.restarts > 0 && found.state === "running" ? found : undefined;
  });
  assert.match(echo.lastExit, /signal 9/);
});

test("a job goes on under the next manager, whether its step could end in time or not", async () => {
  for (const seconds of ["10", "0"]) {
    await platform().berth("config", "set", "replaceWaitSeconds", seconds);
    const job = (await platform().berth("service", "install", "notes", "--no-wait", "--json")).json;
    await platform().berth("platform", "replace");
    const id = (job.job ?? job).id;
    const ended = await until("the job to end", async () => {
      const shown = (await platform().berth("job", "show", id, "--json")).json;
      const one = shown.job ?? shown;
      return one.state === "done" || one.state === "failed" ? one : undefined;
    }, 120_000);
    assert.equal(ended.state, "done", JSON.stringify(ended));
    await platform().berth("service", "rm", "notes", "--yes", "--wait");
  }
  await platform().berth("config", "set", "replaceWaitSeconds", "10");
});

test("the webserver is replaced: nobody is refused, no WebSocket ends, no message is lost", async () => {
  const talkers = await open_talkers(platform());
  const before = await platform().status();
  const old = pid_now(platform(), "webserver")!;
  const newcomers: Talker[] = [];
  const arrivals = [false, true].map((secure) => keep_doing(() => fetch_echo(platform(), secure)));
  const coming = keep_doing(async () => {
    if (newcomers.length >= 300) return new Promise((done) => setTimeout(done, 5));
    newcomers.push(await Talker.open(echo_urls(platform())[newcomers.length % 2]!));
  });
  await all_hear(talkers, 3);
  const started = Date.now();
  const told = (await platform().berth("platform", "replace", "webserver", "--json")).json.webserver;
  const ms = Date.now() - started;
  assert.ok(told.websockets >= kTalkers, JSON.stringify(told));
  await all_hear(talkers, 3);
  let served = 0;
  for (const stop of [...arrivals, coming]) {
    const { times, wrong } = await stop();
    assert.deepEqual(wrong, []);
    served += times;
  }
  await all_hear([...talkers, ...newcomers], 2);
  assert_unharmed([...talkers, ...newcomers]);
  const heard = [...talkers, ...newcomers].reduce((sum, one) => sum + one.heard, 0);
  console.log(`webserver replaced in ${ms} ms: ${talkers.length} WebSockets stayed, ${served} came meanwhile, ${heard} echoes`);

  const after = await platform().status();
  assert.equal(after.state, "running");
  const next = after.processes.find((one: { name: string }) => one.name === "webserver");
  assert.notEqual(next.pid, old);
  assert.equal(next.restarts, before.processes.find((one: { name: string }) => one.name === "webserver").restarts);
  const draining = after.processes.find((one: { pid: number }) => one.pid === old);
  assert.equal(draining.name, `webserver-${old}`);
  assert.ok(draining.draining.websockets >= kTalkers, JSON.stringify(draining));
  assert.match((await platform().berth("status")).stdout, /draining, \d+ WebSockets/);

  // The old one goes with its last client; those who came later stay.
  await Promise.all(talkers.map((one) => one.end()));
  const late = newcomers.splice(0);
  await Promise.all(late.map((one) => one.end()));
  await until("the old webserver to end", () => !is_alive(old), 60_000);
  await until("it to be forgotten", async () => (await platform().status()).processes.every((one: { pid: number }) => one.pid !== old));
  await fetch_echo(platform(), true);
});

test("a manager that is replaced, or killed, goes on knowing the webserver that drains", async () => {
  const talkers = await open_talkers(platform(), 4);
  const old = pid_now(platform(), "webserver")!;
  await platform().berth("platform", "replace", "webserver");
  const is_told = async () => (await platform().status()).processes.some((one: { name: string }) => one.name === `webserver-${old}`);
  await platform().berth("platform", "replace");
  assert.ok(await is_told());
  const manager = await kill_hard(platform(), "manager");
  await back(platform(), "manager", manager);
  await platform().ready();
  assert.ok(await is_told());
  await all_hear(talkers, 3);
  assert_unharmed(talkers);
  await Promise.all(talkers.map((one) => one.end()));
  await until("the old webserver to end", () => !is_alive(old), 60_000);
  await until("it to be forgotten", async () => !(await is_told()));
});

test("at most four webservers drain at the same time", async () => {
  const talkers: Talker[] = [];
  for (let i = 0; i < 4; i++) {
    talkers.push(await Talker.open(echo_urls(platform())[0]!));
    await platform().berth("platform", "replace", "webserver");
  }
  const refused = await platform().cli(["platform", "replace", "webserver"]);
  assert.equal(refused.code, 4, refused.stderr);
  assert.match(refused.stderr, /4 webservers that were replaced still serve/);
  await all_hear(talkers, 2);
  assert_unharmed(talkers);
  await Promise.all(talkers.map((one) => one.end()));
  await until("they to end", async () => (await platform().status()).processes.every((one: { draining?: unknown }) => !one.draining));
  await platform().berth("platform", "replace", "webserver");
});

test("whoever is killed in the middle of it, one webserver serves in the end", async () => {
  for (const [victim, pause] of [["manager", 0], ["manager", 150], ["manager", 400], ["webserver", 100], ["webserver", 400]] as const) {
    const replacing = platform().cli(["platform", "replace", "webserver"]);
    await new Promise((done) => setTimeout(done, pause));
    const old = await kill_hard(platform(), victim);
    await back(platform(), victim, old);
    await replacing;
    assert.equal((await platform().ready()).state, "running", `${victim} after ${pause} ms`);
    await until("the app to be served", () => fetch_echo(platform(), true).then(() => true).catch(() => false), 60_000);
    await until(
      "only one webserver",
      async () => (await platform().status()).processes.filter((one: { name: string }) => one.name.startsWith("webserver")).length === 1,
      60_000,
    );
    const running = platform().own_processes().filter((one) => one.arguments[0]!.endsWith("/berth-webserver"));
    assert.equal(running.length, 1, `${victim} after ${pause} ms: ${running.length} webservers`);
    for (let i = 0; i < 20; i++) await fetch_echo(platform(), i % 2 === 0);
  }
});

function exchange(one: Platform, name: string, fill: (path: string) => void): void {
  const path = join(one.build, "bin", name);
  fill(`${path}.new`);
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
}

platform_test("a program that cannot take over is noticed before anything happens", { own_build: true, prepare }, async (one) => {
  const talkers = await open_talkers(one, 4);
  const pid = pid_now(one, "manager");
  const real = join(one.build, "bin", "berth-manager"), kept = join(one.build, "bin", "kept");
  copyFileSync(real, kept);
  const bad: [string, string, RegExp][] = [
    ["text", "this is no program\n", /cannot take over|start /],
    ["one that ends at once", "#!/bin/sh\necho 'no library' >&2\nexit 127\n", /exit code 127: no library/],
    ["another one", "#!/bin/sh\necho '{}'\n", /is no manager/],
    ["an older one", '#!/bin/sh\necho \'{"program":"berth-manager","handover":1,"schema":1}\'\n', /older than the manager's database/],
  ];
  for (const [what, content, words] of bad) {
    exchange(one, "berth-manager", (path) => writeFileSync(path, content));
    const told = await one.cli(["platform", "replace"]);
    assert.notEqual(told.code, 0, what);
    assert.match(told.stderr, words, what);
    exchange(one, "berth-webserver", (path) => writeFileSync(path, content));
    const also = await one.cli(["platform", "replace", "webserver"]);
    assert.notEqual(also.code, 0, what);
    assert.equal((await one.status()).state, "running", what);
  }
  assert.equal(pid_now(one, "manager"), pid);
  exchange(one, "berth-manager", (path) => copyFileSync(kept, path));
  unlinkSync(kept);
  await one.berth("platform", "replace");
  assert.equal(pid_now(one, "manager"), pid);
  await all_hear(talkers, 2);
  assert_unharmed(talkers);
  await Promise.all(talkers.map((talker) => talker.end()));
});

platform_test("SIGUSR2 after an update replaces the manager, and the webserver if that is another one by now", { own_build: true, prepare }, async (one) => {
  const talkers = await open_talkers(one, 10);
  const manager = pid_now(one, "manager")!, webserver = pid_now(one, "webserver")!;
  for (const name of ["berth-manager", "berth-webserver"])
    exchange(one, name, (path) => copyFileSync(join(one.build, "bin", name), path));
  process.kill(manager, "SIGUSR2");
  await back(one, "webserver", webserver);
  await until("the platform to run", async () => (await one.status()).state === "running");
  assert.equal(pid_now(one, "manager"), manager);
  assert.ok(is_alive(webserver), "the old one drains");
  // Once more, with nothing new: the webserver stays.
  const next = pid_now(one, "webserver")!;
  process.kill(manager, "SIGUSR2");
  await until("the second time", () => (one.console().match(/took over from/g) ?? []).length === 2, 60_000);
  await one.ready();
  assert.equal(pid_now(one, "webserver"), next);
  await all_hear(talkers, 2);
  assert_unharmed(talkers);
  await Promise.all(talkers.map((talker) => talker.end()));
  await until("the old webserver to end", () => !is_alive(webserver), 60_000);
});

platform_test("a second SIGUSR2 waits until what the first began has ended", { own_build: true, prepare }, async (one) => {
  const manager = pid_now(one, "manager")!, webserver = pid_now(one, "webserver")!;
  for (const name of ["berth-manager", "berth-webserver"])
    exchange(one, name, (path) => copyFileSync(join(one.build, "bin", name), path));
  const takeovers = () => (one.console().match(/took over from/g) ?? []).length;
  process.kill(manager, "SIGUSR2");
  await until("the new manager", () => takeovers() === 1, 60_000);
  // The webserver is only being replaced now.
  process.kill(manager, "SIGUSR2");
  await until("the second new manager", () => takeovers() === 2, 60_000);
  await until("the platform to run", async () => (await one.status()).state === "running");
  assert.notEqual(pid_now(one, "webserver"), webserver);
  assert.doesNotMatch(one.console(), /not replaced/);
});

platform_test("./run hands SIGUSR2 on and goes on waiting for the same manager", { through_run: true }, async (one) => {
  const manager = pid_now(one, "manager");
  process.kill(one.manager!.pid!, "SIGUSR2");
  await until("the new manager", () => /took over from/.test(one.console()), 60_000);
  assert.equal((await one.ready()).state, "running");
  assert.equal(pid_now(one, "manager"), manager);
  assert.doesNotMatch(one.console(), /ended unexpectedly/);
});
