// Names, paths and files that must not work, and restores that must not hurt.
import { spawnSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync, copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import pg from "pg";
import { AppWebsocket } from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { NotesSession } from "./harness/notes";
import { Platform, quiet_port } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

let password = "";
let database_password = "";
const platform = with_platform({}, async (one) => {
  await one.install("notes");
  const created = await one.create("notes", "team", "example.com");
  password = created.password;
  database_password = created.databasePassword;
});
const url = (name = "team") => `ws://localhost:${platform().http}/example.com/${name}/notes`;

async function instances(): Promise<string[]> {
  const list = (await platform().berth("instance", "ls", "--json")).json;
  return (list.instances ?? list).map((one: { name: string; domain: string }) => `${one.name}@${one.domain}`).sort();
}

async function databases(): Promise<string[]> {
  const client = new pg.Client({
    host: join(platform().root, "run/berth/pgsql"),
    port: 5432,
    user: "example.com_team",
    password: database_password,
    database: "example.com_team",
  });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1");
    return rows.map((row) => row.datname);
  } finally {
    await client.end();
  }
}

test("an instance's role reads its own database and no other", async () => {
  const created = await platform().create("notes", "private", "example.com");
  const client = new pg.Client({
    host: join(platform().root, "run/berth/pgsql"),
    port: 5432,
    user: "example.com_private",
    password: created.databasePassword,
    database: "example.com_team",
  });
  await assert.rejects(client.connect(), /permission denied|no pg_hba|CONNECT/i);
  await client.end().catch(() => {});
  const stranger = new pg.Client({
    host: join(platform().root, "run/berth/pgsql"),
    user: "example.com_team",
    password: "guess",
    database: "example.com_team",
  });
  await assert.rejects(stranger.connect(), /password/);
  await stranger.end().catch(() => {});
  await platform().berth("instance", "rm", "private@example.com", "--now", "--yes");
  assert.ok(!(await databases()).includes("example.com_private"));
});

const refusals: [string, string[], RegExp, number][] = [
  ["a name that is taken", ["notes", "--name", "team", "--domain", "example.com"], /team.*(exist|taken)|(exist|taken).*team/i, 4],
  ["a path that is taken", ["notes", "--name", "second", "--domain", "example.com", "--path", "/example.com/team"], /path|taken/i, 4],
  ["a path of the manager", ["notes", "--name", "second", "--domain", "example.com", "--path", "/manager/x"], /path|manager/i, 0],
  ["a name of 64 bytes", ["notes", "--name", "n".repeat(64), "--domain", "example.com"], /63|long/i, 0],
  ["a database name of 64 bytes", ["notes", "--name", "x", "--domain", "example.com", "--database", "d".repeat(64)], /63|long/i, 0],
  ["an empty name", ["notes", "--name", "", "--domain", "example.com"], /name/i, 0],
  ["a domain that is none", ["notes", "--name", "x", "--domain", "exa mple"], /domain/i, 0],
  ["a slash in the name", ["notes", "--name", "a/b", "--domain", "example.com"], /name|character/i, 0],
  ["dots that climb", ["notes", "--name", "..", "--domain", "example.com"], /name|character/i, 0],
  ["a path that climbs", ["notes", "--name", "x", "--domain", "example.com", "--path", "/example.com/../manager"], /path/i, 0],
  ["a line break in the name", ["notes", "--name", "a\nb", "--domain", "example.com"], /name|character/i, 0],
  ["a quote in the name", ["notes", "--name", "a'b\"c", "--domain", "example.com"], /name|character/i, 0],
  ["a service that is not installed", ["nothing", "--name", "x", "--domain", "example.com"], /nothing/i, 3],
];
for (const [what, args, words, code] of refusals) {
  test(`${what} is refused with the reason, and nothing is made`, async () => {
    const [before, there] = [await instances(), await databases()];
    const done = await platform().cli(["instance", "create", ...args, "--json"]);
    assert.notEqual(done.code, 0, done.stdout);
    if (code) assert.equal(done.code, code, done.stderr);
    assert.match(done.stderr, words);
    assert.deepEqual(await instances(), before);
    assert.deepEqual(await databases(), there);
  });
}

test("bytes that are not UTF-8, NULs and very long names over the AppWebsocket do no harm", async () => {
  const client = await platform().admin();
  const before = await instances();
  for (const name of ["\u0000", "a\u0000b", "x".repeat(60_000), "'; DROP DATABASE manager; --", "\u202e", "${jndi}"]) {
    const answer = await client.request({ mt: "CreateInstance", service: "notes", name, domain: "example.com" });
    assert.equal(typeof answer["error"], "string", JSON.stringify(name.slice(0, 20)));
  }
  assert.deepEqual(await instances(), before);
  // Half of a surrogate pair is no character; whoever sends it is shown the door.
  client.send({ mt: "CreateInstance", service: "notes", name: "\ud800", domain: "example.com" });
  assert.equal((await client.closed).code, 1007);
  const odd = await AppWebsocket.open(`ws://localhost:${platform().http}/manager`);
  odd.socket.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false });
  assert.equal((await odd.closed).code, 1007);
});

test("where domain and name make more than 63 bytes, the database gets a shorter name", async () => {
  const names = ["--name", "n".repeat(40), "--domain", `${"d".repeat(20)}.example.com`];
  const first = await platform().cli(["instance", "create", "notes", ...names, "--json"]);
  assert.equal(first.code, 0, first.stderr);
  assert.ok(Buffer.byteLength(first.json.database) <= 63, first.json.database);
  await platform().berth("instance", "rm", `${first.json.name}@${first.json.domain}`, "--now", "--yes");
});

test("umlauts in names work everywhere or are refused with a reason", async () => {
  const done = await platform().cli(["instance", "create", "notes", "--name", "büro", "--domain", "example.com", "--json"]);
  if (done.code !== 0) {
    assert.match(done.stderr, /name|character/i);
    return;
  }
  const page = await fetch_url(`${platform().http_url}/example.com/${encodeURIComponent("büro")}/notes.htm`);
  assert.equal(page.status, 200);
  await platform().berth("instance", "rm", "büro@example.com", "--now", "--yes");
});

test("a deleted instance comes back from the bin with its data and password", async () => {
  const session = new NotesSession(url(), password);
  const board = await session.add_board("kept in the bin");
  const note = await session.add_note(board, "still here");
  session.close();
  await platform().berth("instance", "rm", "team@example.com", "--yes", "--wait");
  assert.equal((await fetch_url(`${platform().http_url}/example.com/team/notes.htm`)).status, 404);
  await platform().berth("instance", "undo", "team@example.com", "--wait");
  const again = new NotesSession(url(), password);
  assert.equal((await again.notes()).get(note), "still here");
  again.close();
});

async function backup(name = "a.dump"): Promise<string> {
  const file = join(platform().folder, name);
  await platform().berth("instance", "backup", "team@example.com", "-o", file);
  return file;
}

async function restore_fails(file: string, words: RegExp): Promise<void> {
  const session = new NotesSession(url(), password);
  const before = await session.notes();
  const there = await databases();
  const done = await platform().cli(["instance", "restore", file, "--wait"]);
  assert.notEqual(done.code, 0, done.stdout);
  assert.match(done.stderr, words);
  assert.deepEqual(await databases(), there, "databases left behind");
  const after = new NotesSession(url(), password);
  assert.deepEqual([...(await after.notes())].sort(), [...before].sort());
  session.close();
  after.close();
}

test("restoring what is not a backup changes nothing", async () => {
  const file = join(platform().folder, "garbage");
  for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), randomBytes(100_000), Buffer.from("PGDMP"), readFileSync("/bin/true")]) {
    writeFileSync(file, bytes);
    await restore_fails(file, /not a backup|backup|empty|dump/i);
  }
});

test("restoring a file that was cut off changes nothing, wherever the cut is", async () => {
  const whole = await backup();
  const { length } = readFileSync(whole);
  for (const part of [10, Math.floor(length / 3), Math.floor(length / 2), length - 200, length - 1]) {
    const file = join(platform().folder, "cut.dump");
    copyFileSync(whole, file);
    truncateSync(file, part);
    await restore_fails(file, /cut|incomplete|damaged|not a backup|end/i);
  }
});

test("restoring a file with a flipped byte changes nothing", async () => {
  const whole = readFileSync(await backup());
  const file = join(platform().folder, "flipped.dump");
  for (const at of [whole.length >> 1, whole.length - 300]) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 0x40;
    writeFileSync(file, bytes);
    await restore_fails(file, /damaged|changed|cut|differ|not a backup/i);
  }
});

test("restore brings back the data of the backup's moment, and the password", async () => {
  const session = new NotesSession(url(), password);
  const board = await session.add_board("moment");
  const kept = await session.add_note(board, "before the backup");
  const file = await backup();
  const later = await session.add_note(board, "after the backup");
  session.close();
  await platform().berth("instance", "restore", file, "--wait");
  const again = new NotesSession(url(), password);
  const notes = await again.notes();
  assert.equal(notes.get(kept), "before the backup");
  assert.equal(notes.get(later), undefined);
  again.close();
  // And what it replaced is not gone.
  await platform().berth("instance", "undo", "team@example.com", "--wait");
  const undone = new NotesSession(url(), password);
  assert.equal((await undone.notes()).get(later), "after the backup");
  undone.close();
});

test("two restores of the same instance at once: one does it, the other is refused or waits; the data are whole", async () => {
  const file = await backup();
  const reader = new NotesSession(url(), password);
  const expected = [...(await reader.notes())].sort();
  reader.close();
  const both = await Promise.all([1, 2].map(() => platform().cli(["instance", "restore", file, "--wait"])));
  assert.ok(both.some((one) => one.code === 0), both.map((one) => one.stderr).join("\n"));
  for (const one of both) if (one.code !== 0) assert.match(one.stderr, /already|running|busy/i);
  const again = new NotesSession(url(), password);
  assert.deepEqual([...(await again.notes())].sort(), expected);
  again.close();
  // What is left are the data that can be brought back, one for each restore, and nothing half-done.
  const shown = (await platform().berth("instance", "show", "team@example.com", "--json")).json;
  const left = (await databases()).filter((name) => name.startsWith("example.com_team_"));
  assert.ok(left.every((name) => /_old_/.test(name)), `${left}`);
  assert.equal(left.length, shown.kept.length);
});

test("a backup of another platform comes back here under its own name", async () => {
  const file = await backup("moving.dump");
  const other = await Platform.start();
  try {
    await other.install("notes");
    await other.berth("instance", "restore", file, "--wait");
    const session = new NotesSession(`ws://localhost:${other.http}/example.com/team/notes`, password);
    const here = new NotesSession(url(), password);
    assert.deepEqual([...(await session.notes())].sort(), [...(await here.notes())].sort());
    session.close();
    here.close();
    await other.stop();
  } finally {
    await other.destroy();
  }
});

test("a backup whose service is missing, or older than the backup, is refused with what to do", async () => {
  const file = await backup("early.dump");
  const other = await Platform.start();
  try {
    const done = await other.cli(["instance", "restore", file, "--wait"]);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /notes/);
    assert.match(done.stderr, /install/i);
    await other.stop();
  } finally {
    await other.destroy();
  }
});

test("the whole of a backup is listed by PostgreSQL's own tool and holds no password in clear", async () => {
  const file = await backup();
  const listed = spawnSync("/usr/lib/postgresql/15/bin/pg_restore", ["-l", file], { encoding: "utf8" });
  assert.equal(listed.status, 0, listed.stderr);
  const script = spawnSync("/usr/lib/postgresql/15/bin/pg_restore", ["-f", "-", file], { encoding: "utf8", maxBuffer: 1 << 28 });
  assert.equal(script.status, 0, script.stderr);
  assert.ok(!script.stdout.includes(database_password));
});

test("a port that is taken is reported with its owner and the option that changes it", async () => {
  const taken = platform().http;
  const other = await Platform.start({ http: taken, https: await quiet_port(), no_wait: true });
  try {
    await until("the manager to give up or say so", () => new RegExp(`${taken}`).test(other.console()), 60_000);
    await until("the words", () => /--http/.test(other.console()), 20_000);
    assert.match(other.console(), /berth-webserver|in use|taken/i);
    assert.equal((await fetch_url(`${platform().http_url}/manager/manager.htm`)).status, 302, "the first platform is untouched");
  } finally {
    await other.destroy();
  }
});

test("a second manager on the same root stays away", async () => {
  const other = await Platform.start({ root: platform().root, no_wait: true, revive: false });
  await until("it to end", () => other.manager?.exitCode !== null, 30_000);
  assert.notEqual(other.manager?.exitCode, 0);
  assert.match(other.console(), /already|running|another/i);
  assert.equal((await platform().status()).state, "running");
  assert.ok(existsSync(join(platform().root, "var/lib/berth")) && readdirSync(platform().root).length > 0);
});

test("the commands say how they ended: 2 for bad usage, 3 for not found", async () => {
  assert.equal((await platform().cli(["instance", "frobnicate"])).code, 2);
  assert.equal((await platform().cli(["instance", "show", "none@example.com"])).code, 3);
  assert.equal((await platform().cli(["instance", "show", "team@example.com", "--json"])).code, 0);
  const nowhere = await platform().cli(["--root", join(platform().folder, "nowhere"), "status"], { root: false });
  assert.notEqual(nowhere.code, 0);
  assert.match(nowhere.stderr, /nowhere/);
});

test("jobs are listed with their result, also after a restart of the manager", async () => {
  const list = (await platform().berth("job", "ls", "--json")).json;
  const jobs = list.jobs ?? list;
  assert.ok(jobs.some((one: { kind: string; state: string }) => one.kind === "restore" && one.state === "done"));
  assert.ok(jobs.some((one: { kind: string; state: string }) => one.kind === "restore" && one.state === "failed"));
  const failed = jobs.find((one: { state: string }) => one.state === "failed");
  const shown = await platform().berth("job", "show", failed.id, "--json");
  assert.match(shown.stdout, new RegExp(failed.id));
});
