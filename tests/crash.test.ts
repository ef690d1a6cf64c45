// Each process is killed; nothing else may suffer, and it comes back in time.
import { randomUUID } from "node:crypto";
import WebSocket from "ws";
import { AppWebsocket, password_login } from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { back, kill_hard, pid_now } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { type Platform, slowness } from "./harness/platform";
import { descendants } from "./harness/process";
import { assert, platform_test, test, with_platform } from "./harness/test";
import { until, within } from "./harness/wait";

let password = "";
const platform = with_platform({}, async (one) => {
  await one.install("notes");
  await one.install("echo");
  password = (await one.create("notes", "team", "example.com")).password;
  await one.create("echo", "e", "example.com");
});
const notes_url = (one: Platform = platform()) => `ws://localhost:${one.http}/example.com/team/notes`;
const echo_url = () => `ws://localhost:${platform().http}/example.com/e`;

async function open_echo(): Promise<WebSocket> {
  const socket = new WebSocket(`${echo_url()}/echo`, { perMessageDeflate: false });
  await new Promise((done, fail) => {
    socket.once("open", done);
    socket.once("error", fail);
  });
  socket.on("error", () => {});
  return socket;
}
async function answers(socket: WebSocket): Promise<boolean> {
  if (socket.readyState !== WebSocket.OPEN) return false;
  const text = randomUUID();
  const back_again = new Promise<boolean>((done) => {
    socket.once("message", (data) => done(data.toString() === text));
    socket.once("close", () => done(false));
  });
  socket.send(text);
  return within("an echo", 20_000, back_again);
}

test("a killed service takes only its own sessions along and is back within a second", async () => {
  const echo = await open_echo();
  const admin = await platform().admin();
  const session = await AppWebsocket.login(notes_url(), password_login("notes"), password);
  const lost = session.closed;
  const others = ["webserver", "postgres", "manager", "echo"].map((name) => [name, pid_now(platform(), name)] as const);

  const started = Date.now();
  const old = await kill_hard(platform(), "notes");
  const { code } = await within("the session to drop", 5_000, lost);
  assert.equal(code, 1012);
  await back(platform(), "notes", old);
  const again = await until(
    "a login to the service that came back",
    () => AppWebsocket.login(notes_url(), password_login("notes"), password),
    20_000,
    10,
  );
  const ms = Date.now() - started;
  console.log(`service killed: sessions are served again after ${ms} ms`);
  assert.ok(ms <= 1_000 * slowness, `${ms} ms`);
  again.close();

  assert.ok(await answers(echo), "a session of another service");
  assert.equal((await admin.request({ mt: "AppPlatformInfoRequest" })).mt, "AppPlatformInfoResult");
  for (const [name, pid] of others) assert.equal(pid_now(platform(), name), pid, `${name} was restarted`);
  echo.terminate();
});

test("a service that crashes by itself is reported with the reason and comes back", async () => {
  const before = (await platform().berth("service", "ls", "--json")).json;
  const restarts = (list: any) => (list.services ?? list).find((one: { id: string }) => one.id === "echo").restarts;
  const old = await until("echo", () => pid_now(platform(), "echo"));
  await fetch_url(`${platform().http_url}/example.com/e/crash`, { method: "POST" }).catch(() => undefined);
  await back(platform(), "echo", old);
  const now = await until("the restart to be counted", async () => {
    const list = (await platform().berth("service", "ls", "--json")).json;
    return restarts(list) > restarts(before) ? list : undefined;
  });
  const echo = (now.services ?? now).find((one: { id: string }) => one.id === "echo");
  assert.match(echo.lastExit, /signal|code/);
  await until("echo to serve", async () => (await fetch_url(`${platform().http_url}/example.com/e/bytes/5`)).status === 200);
});

test("a service that stands still is found, and started again with that as the cause", async () => {
  await platform().berth("config", "set", "healthSeconds", "1");
  await platform().berth("config", "set", "hangSeconds", `${2 * slowness}`);
  const old = await until("echo", () => pid_now(platform(), "echo"));
  // The settings count from the next question on.
  await kill_hard(platform(), "echo");
  const pid = await back(platform(), "echo", old);
  await until("echo to serve", async () => (await fetch_url(`${platform().http_url}/example.com/e/bytes/5`)).status === 200);
  process.kill(pid, "SIGSTOP");
  await back(platform(), "echo", pid);
  const echo = (await platform().berth("service", "show", "echo", "--json")).json;
  assert.match((echo.service ?? echo).lastExit, /^did not answer for \d+ s, ended by the manager at /);
  await until("echo to serve", async () => (await fetch_url(`${platform().http_url}/example.com/e/bytes/5`)).status === 200);
});

test("a killed webserver is back within 200 ms and its services attach again by themselves", async () => {
  const services = ["postgres", "manager", "notes", "echo"].map((name) => [name, pid_now(platform(), name)] as const);
  const old = await kill_hard(platform(), "webserver");
  const started = Date.now();
  await until(
    "a connection",
    () => fetch_url(`${platform().http_url}/manager/manager.htm`, { ms: 2_000 }).then((answer) => answer.status > 0),
    20_000,
    5,
  );
  const connected = Date.now() - started;
  await until(
    "the echo app's path",
    async () => (await fetch_url(`${platform().http_url}/example.com/e/bytes/5`)).status === 200,
    20_000,
    5,
  );
  const served = Date.now() - started;
  await until(
    "a session",
    () => AppWebsocket.login(notes_url(), password_login("notes"), password).then((one) => (one.close(), true)),
    20_000,
    5,
  );
  console.log(`webserver killed: accepts after ${connected} ms, all apps served after ${served} ms`);
  assert.ok(connected <= 200 * slowness, `${connected} ms`);
  assert.notEqual(pid_now(platform(), "webserver"), old);
  for (const [name, pid] of services) assert.equal(pid_now(platform(), name), pid, `${name} was restarted`);
  const admin = await platform().admin(true);
  assert.equal((await admin.request({ mt: "AppPlatformInfoRequest" })).mt, "AppPlatformInfoResult");
});

test("webserver and manager killed at once while PostgreSQL is stuck: apps are served again all the same", async () => {
  const page = () => fetch_url(`${platform().http_url}/example.com/team/notes.htm`, { ms: 2_000 }).then((answer) => answer.status === 200);
  assert.ok(await page());
  const database = platform().own_processes().filter((one) => /postgres/.test(one.arguments[0]!));
  // The children have no root in their arguments: they are found below the postmaster.
  const postmaster = pid_now(platform(), "postgres")!;
  const stuck = [...new Set([postmaster, ...database.map((one) => one.pid), ...descendants(postmaster).map((one) => one.pid)])];
  for (const pid of stuck) process.kill(pid, "SIGSTOP");
  try {
    const started = Date.now();
    await Promise.all([kill_hard(platform(), "webserver"), kill_hard(platform(), "manager")]);
    await until("an app's page", page, 20_000, 5);
    const ms = Date.now() - started;
    console.log(`webserver and manager killed, PostgreSQL stuck: an app's page after ${ms} ms`);
    // The manager has to come back first.
    assert.ok(ms <= 1_000 * slowness, `${ms} ms`);
  } finally {
    for (const pid of stuck) process.kill(pid, "SIGCONT");
  }
  assert.equal((await platform().ready()).state, "running");
  assert.equal(pid_now(platform(), "postgres"), postmaster);
  const session = new NotesSession(notes_url(), password);
  await session.add_note(await session.add_board("again"), "after a stuck database");
  session.close();
});

test("PostgreSQL killed in the middle of its recovery, again and again, is back soon", async () => {
  for (let round = 0; round < 5; round++) {
    const old = await kill_hard(platform(), "postgres");
    await back(platform(), "postgres", old);
    // At once, while the new one recovers.
  }
  const started = Date.now();
  const session = new NotesSession(notes_url(), password);
  await session.add_note(await session.add_board("recovered"), "after a recovery");
  session.close();
  const ms = Date.now() - started;
  console.log(`PostgreSQL killed five times in a row: notes are written after ${ms} ms`);
  assert.ok(ms <= 4_000 * slowness, `${ms} ms`);
  assert.equal((await platform().ready()).state, "running");
});

test("a killed manager takes nothing along: sessions stay, and the new manager adopts everything", async () => {
  const echo = await open_echo();
  const session = new NotesSession(notes_url(), password);
  const board = await session.add_board("adopted");
  const others = ["webserver", "postgres", "notes", "echo"].map((name) => [name, pid_now(platform(), name)] as const);
  const old = await kill_hard(platform(), "manager");
  // While there is no manager, the apps go on.
  await session.add_note(board, "written without a manager");
  assert.ok(await answers(echo));
  await back(platform(), "manager", old);
  const status = await platform().ready();
  assert.equal(status.state, "running", JSON.stringify(status));
  for (const [name, pid] of others) {
    assert.equal(pid_now(platform(), name), pid, `${name} was restarted`);
    assert.equal(status.processes.find((one: { name: string }) => one.name === name)?.pid, pid, `${name} adopted`);
  }
  assert.ok(await answers(echo));
  assert.equal(session.reconnects, 0);
  // And it really watches them: a killed one comes back.
  const killed = await kill_hard(platform(), "notes");
  await back(platform(), "notes", killed);
  await session.add_note(board, "written after all that");
  assert.deepEqual(
    [...(await session.notes()).values()].filter((text) => text.startsWith("written")).sort(),
    ["written after all that", "written without a manager"],
  );
  session.close();
  echo.terminate();
});

test("PostgreSQL killed under load: services reconnect, sessions stay, nothing acknowledged is lost", async () => {
  const writers = Array.from({ length: 20 }, (_, i) => new NotesSession(notes_url(), password, `writer ${i}`));
  const board = await writers[0]!.add_board("under load");
  await Promise.all(writers.map((one) => one.connect()));
  const acknowledged = new Map<string, string>();
  let writing = true;
  const work = writers.map(async (one, i) => {
    for (let n = 0; writing; n++) {
      const text = `writer ${i} note ${n}`;
      acknowledged.set(await one.add_note(board, text), text);
    }
  });
  for (let round = 0; round < 3; round++) {
    const enough = acknowledged.size + 100;
    await until("some notes", () => acknowledged.size >= enough, 60_000);
    const old = await kill_hard(platform(), "postgres");
    await back(platform(), "postgres", old);
  }
  const enough = acknowledged.size + 100;
  await until("notes after the last kill", () => acknowledged.size >= enough, 60_000);
  writing = false;
  await Promise.all(work);
  assert.equal(writers.reduce((sum, one) => sum + one.reconnects, 0), 0, "sessions were dropped");
  const stored = await writers[0]!.notes();
  for (const [id, text] of acknowledged) assert.equal(stored.get(id), text, "an acknowledged note is lost");
  for (const one of writers) one.close();
  assert.equal((await platform().ready()).state, "running");
});

platform_test("./run brings a manager that is killed again and again back at once", { through_run: true }, async (one) => {
  for (let round = 0; round < 3; round++) {
    const started = Date.now();
    const old = await kill_hard(one, "manager");
    await back(one, "manager", old);
    const ms = Date.now() - started;
    assert.ok(ms <= 500 * slowness, `round ${round}: ${ms} ms`);
    await one.ready();
  }
});

test("kill -9 of everything at once: the next start recovers", async () => {
  const session = new NotesSession(notes_url(), password);
  const board = await session.add_board("power cut");
  const id = await session.add_note(board, "before the power cut");
  session.close();
  const all = platform().own_processes();
  for (const { pid } of all) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Went with another one.
    }
  }
  const status = await until("the platform to be back", () => platform().ready().catch(() => undefined), 120_000);
  assert.equal(status.state, "running");
  const reader = new NotesSession(notes_url(), password);
  await until("the notes", async () => (await reader.notes()).get(id) === "before the power cut", 60_000);
  reader.close();
});
