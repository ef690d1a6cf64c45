// What instances used is counted once whoever is killed, and limits slow, refuse and hold as they say.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import WebSocket from "ws";
import { fetch_url } from "./harness/http";
import { assert, test, with_platform } from "./harness/test";
import { delay, until } from "./harness/wait";

type Json = any;

let password: string;
const platform = with_platform({}, async (it) => {
  await it.install("echo");
  await it.create("echo", "a", "example.com");
  await it.install("notes");
  password = (await it.create("notes", "team", "example.com")).databasePassword;
});

const rows = async (...more: string[]): Promise<Json[]> => (await platform().berth("usage", "--by-instance", ...more, "--json")).json.rows;
const used = async (name: string): Promise<Json> => (await rows()).find((row) => row.name === name) ?? { requests: 0 };
const ask = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const answer = await fetch_url(`${platform().http_url}/example.com/a/bytes/1000`);
    assert.equal(answer.status, 200);
  }
};
/** As the app itself: with the role of its instance, past the SDK. */
const sql = async (...statements: string[]): Promise<Json[]> => {
  const client = new pg.Client({
    host: join(platform().root, "run/berth/pgsql"),
    database: "example.com_team",
    user: "example.com_team",
    password,
  });
  client.on("error", () => {}); // ended from outside
  await client.connect();
  try {
    let rows: Json[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end().catch(() => {});
  }
};
const requests = (count: number) => until(`${count} requests`, async () => (await used("a")).requests >= count, 60_000);

test("requests, messages, bytes and time are told for an instance and its domain", async () => {
  await ask(20);
  const socket = new WebSocket(`ws://localhost:${platform().http}/example.com/a/echo`, { perMessageDeflate: false });
  await new Promise((done) => socket.once("open", done));
  let answered = 0;
  socket.on("message", () => answered++);
  for (let i = 0; i < 30; i++) socket.send(randomBytes(100));
  await until("the echoes", () => answered === 30);
  await requests(20);
  await until("the messages", async () => (await used("a")).messagesIn >= 30, 60_000);
  const row = await used("a");
  assert.equal(row.requests, 20);
  assert.equal(row.messagesIn, 30);
  assert.equal(row.messagesOut, 30);
  assert.equal(row.bytesIn, 3_000);
  assert.equal(row.bytesOut, 23_000);
  assert.equal(row.service, "echo");
  assert.ok(row.cpuSeconds > 0 && row.cpuSeconds < 60, `${row.cpuSeconds}`);
  await until("memory and the open socket", async () => {
    const now = await used("a");
    return now.memoryGibHours > 0 && now.websocketMinutes > 0;
  }, 60_000);
  socket.close();
  const domains = (await platform().berth("usage", "example.com", "--json")).json.rows;
  assert.equal(domains.length, 1);
  assert.equal(domains[0].requests, 20);
  const csv = (await platform().berth("usage", "--by-day", "--by-instance", "--csv")).stdout;
  assert.match(csv, /^day,domain,name,service,cpuSeconds/);
  assert.match(csv, /\r\n\d{4}-\d\d-\d\d,example\.com,a,echo,/);
});

test("nothing is counted twice and nothing lost when the manager is killed", async () => {
  const { revivals } = platform();
  platform().manager!.kill("SIGKILL");
  await ask(7);
  await until("the next manager", () => platform().revivals > revivals, 30_000);
  await platform().ready();
  await requests(27);
  await delay(11_000); // another measurement
  assert.equal((await used("a")).requests, 27);
});

test("a service that was killed counts from zero, its rows go on", async () => {
  const pid = await platform().pid("echo");
  process.kill(pid, "SIGKILL");
  await until("the next one", async () => {
    const next = await platform().pid("echo").catch(() => 0);
    return next !== 0 && next !== pid;
  }, 60_000);
  await until("its path", async () => (await fetch_url(`${platform().http_url}/example.com/a/bytes/10`)).status === 200, 60_000);
  await ask(5);
  await until("more", async () => (await used("a")).requests >= 33, 60_000);
  await delay(11_000);
  assert.equal((await used("a")).requests, 33);
});

test("files that the webserver serves alone are counted once, though it is replaced and killed", async () => {
  const url = `${platform().http_url}/example.com/team/notes.png`;
  const before = await used("team");
  let bytes = 0;
  const read = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const answer = await fetch_url(url);
      assert.equal(answer.status, 200);
      bytes += answer.body.length;
    }
  };
  const counted = (count: number) =>
    until(`${count} files`, async () => (await used("team")).requests - before.requests >= count, 60_000);
  await read(5);
  await counted(5);
  await platform().berth("platform", "replace", "webserver");
  await read(4);
  await counted(9);
  const pid = await platform().pid("webserver");
  process.kill(pid, "SIGKILL");
  await until("the next webserver", async () => (await fetch_url(url).catch(() => ({ status: 0 }))).status === 200, 60_000);
  const first = bytes / 9; // what asked whether it is back
  bytes += first;
  await read(3);
  await counted(13);
  await delay(11_000); // another measurement
  const row = await used("team");
  assert.equal(row.requests - before.requests, 13);
  assert.equal(row.bytesOut - (before.bytesOut ?? 0), bytes);
});

test("requests above their rate wait, and are answered", async () => {
  await platform().berth("limit", "set", "a@example.com", "--requests", "10");
  const began = Date.now();
  const answers = await Promise.all(Array.from({ length: 40 }, () => fetch_url(`${platform().http_url}/example.com/a/bytes/10`)));
  assert.ok(answers.every((answer) => answer.status === 200));
  assert.ok(Date.now() - began >= 2_900, "ten at once, then ten a second");
  await platform().berth("limit", "set", "a@example.com", "--clear");
  await until("slowed", async () => (await used("a")).slowed > 0, 60_000);
});

test("WebSockets above their number get 503", async () => {
  await platform().berth("limit", "set", "example.com", "--websockets", "1");
  const url = `ws://localhost:${platform().http}/example.com/a/echo`;
  const first = new WebSocket(url);
  await new Promise((done) => first.once("open", done));
  const refused = new WebSocket(url);
  const status = await new Promise((done) => {
    refused.once("unexpected-response", (_request, response) => done(response.statusCode));
    refused.once("error", () => {});
  });
  assert.equal(status, 503);
  first.close();
  await platform().berth("limit", "set", "example.com", "--clear");
});

test("a database above its limit can only be read, until an admin lets it write or raises the limit", async () => {
  await sql("CREATE TABLE large AS SELECT repeat(md5(n::text), 60) AS text FROM generate_series(1, 12000) n");
  const set = await platform().berth("limit", "set", "team@example.com", "--database-bytes", String(16 << 20), "--json");
  assert.equal(set.json.databaseState, "readOnly");
  await assert.rejects(sql("INSERT INTO large VALUES ('x')"), /read-only transaction/);
  assert.equal((await sql("SELECT count(*)::int AS n FROM large"))[0]!["n"], 12_000);
  const { checks } = await platform().status();
  const found = checks.find((check: Json) => check.id === "quota-reached-team@example.com");
  assert.match(found.text, /team@example\.com can only read: its database takes \d+ of 16 MB/);
  assert.equal(found.command, "berth limit allow-writes team@example.com --minutes 60");

  await platform().berth("limit", "allow-writes", "team@example.com", "--minutes", "60");
  await sql("DELETE FROM large");
  await platform().berth("instance", "clean-up", "team@example.com", "--wait");
  await platform().berth("limit", "allow-writes", "team@example.com", "--minutes", "0");
  await sql("INSERT INTO large VALUES ('x')");
  const now = (await platform().berth("limit", "ls", "team@example.com", "--json")).json.limits[0];
  assert.equal(now.databaseState, "fine");
});

test("an app that switches its sessions back to writing above its limit is locked out, and let in when it may", async () => {
  await platform().berth("limit", "set", "team@example.com", "--clear");
  await sql("CREATE TABLE rogue AS SELECT repeat(md5(n::text), 60) AS text FROM generate_series(1, 12000) n");
  const set = await platform().berth("limit", "set", "team@example.com", "--database-bytes", String(16 << 20), "--json");
  assert.equal(set.json.databaseState, "readOnly");
  const write = () =>
    sql("SET default_transaction_read_only = off", "INSERT INTO rogue SELECT repeat(md5(n::text), 60) FROM generate_series(1, 5000) n");
  const refused = await until("it is not let in any more", async () => {
    try {
      await write();
    } catch (error) {
      return /not permitted to log in/.test(`${error}`); // before that: its session was ended
    }
    return false;
  }, 120_000, 500);
  assert.ok(refused);
  const { checks } = await platform().status();
  const found = checks.find((check: Json) => check.id === "quota-locked-out-team@example.com");
  assert.match(found.text, /team@example\.com is locked out of its database/);
  await platform().berth("limit", "allow-writes", "team@example.com", "--minutes", "60");
  await sql("DROP TABLE rogue");
  await platform().berth("limit", "allow-writes", "team@example.com", "--minutes", "0");
  const now = (await platform().berth("limit", "ls", "team@example.com", "--json")).json.limits[0];
  assert.equal(now.databaseState, "fine");
  await sql("INSERT INTO large VALUES ('x')");
});

test("the limits of an instance travel in its backup, under its name and another", async () => {
  const limits_of = async (key: string): Promise<Json> => (await platform().berth("limit", "ls", key, "--json")).json.limits[0].own;
  await platform().berth("limit", "set", "a@example.com", "--messages", "300", "--database-bytes", "0");
  const file = join(platform().folder, "a.dump");
  await platform().berth("instance", "backup", "a@example.com", "-o", file);
  await platform().berth("instance", "rm", "a@example.com", "--now", "--yes", "--wait");
  await platform().berth("instance", "restore", file, "--wait");
  assert.deepEqual(await limits_of("a@example.com"), { databaseBytes: 0, messages: 300 });
  await platform().berth("instance", "restore", file, "--as", "copy@example.org", "--wait");
  assert.deepEqual(await limits_of("copy@example.org"), { databaseBytes: 0, messages: 300 });
  await platform().berth("limit", "set", "a@example.com", "--clear");
});

test("what makes no sense is refused with its range", async () => {
  const refused = await platform().cli(["limit", "set", "a@example.com", "--database-bytes", "5"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /databaseBytes: 0, or 16777216 to/);
  assert.equal((await platform().cli(["limit", "set", "nobody@example.com", "--requests", "5"])).code, 3);
  assert.equal((await platform().cli(["usage", "--from", "yesterday"])).code, 1);
});
