// A backup target on a foreign WebDAV server that has bad days: it lies, flips a bit, stalls, is slow, full, or knows us no more.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { NotesSession } from "./harness/notes";
import { temporary_folder } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { type Faults, WebdavServer } from "./harness/webdav";

const folder = temporary_folder("berth-webdav");
const server = new WebdavServer();
let password = "";
const platform = with_platform({}, async (one) => {
  const place = await server.listen();
  writeFileSync(join(folder, "secret"), "secret\n", { mode: 0o600 });
  await one.install("notes");
  password = (await one.create("notes", "team", "example.com")).password;
  const added = await one.berth(
    ...["backup", "target", "add", "web", "--kind", "webdav", "--place", place, "--option", "user=me"],
    ...["--password-file", join(folder, "secret")],
  );
  assert.equal(added.code, 0, added.stderr);
  const policy = await one.berth("backup", "policy", "set", "far", "--target", "web", "--schedule", "daily 03:00");
  assert.equal(policy.code, 0, policy.stderr);
});
after(() => server.close());

const back_up = () => platform().cli(["backup", "run", "far", "--wait", "--timeout", "300"]);
const newest = async () =>
  (await platform().berth("backup", "ls", "--json")).json.find((one: { target: string }) => one.target === "web");
const open_board = async () => {
  const session = new NotesSession(`ws://localhost:${platform().http}/example.com/team/notes`, password);
  return { session, board: await session.add_board("board") };
};
// What is new must go to the server anew: what it has already is not sent again.
const fails = async (faults: Faults) => {
  const { session, board } = await open_board();
  await session.add_note(board, JSON.stringify(faults));
  session.close();
  server.faults = faults;
  const run = await back_up();
  server.faults = {};
  assert.notEqual(run.code, 0, JSON.stringify(faults));
  return run.stderr;
};

test("a set goes there, is read back, and comes back although the server is slow", async () => {
  const { session, board } = await open_board();
  await session.add_note(board, "backed up");
  const run = await back_up();
  assert.equal(run.code, 0, run.stderr);
  const set = await newest();
  assert.equal(set.state, "good");
  await session.add_note(board, "later");
  server.faults = { trickles: 20 };
  const restored = await platform().cli(["instance", "restore", "team@example.com", "--from", set.id, "--wait", "--timeout", "300"]);
  server.faults = {};
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual([...(await session.notes()).values()], ["backed up"]);
  session.close();
});

test("what a server says that it stored and did not, or stored otherwise, makes no good set", async () => {
  const before = await newest();
  assert.equal(before.state, "good");
  assert.match(await fails({ forgets: true }), /said that it stored it, but does not have it/);
  assert.notEqual((await newest()).state, "good");
  assert.match(await fails({ flips: true }), /what lies at the target is damaged/);
  assert.notEqual((await newest()).state, "good");
  const kept = (await platform().berth("backup", "ls", "--json")).json.find((one: { id: string }) => one.id === before.id);
  assert.equal(kept.state, "good");
});

test("a server that is full, knows us no more or stands still is told as such", async () => {
  assert.match(await fails({ full: true }), /the target is full/);
  assert.match(await fails({ revoked: true }), /are user and password right/);
  const set = await platform().cli(["config", "set", "backupStallSeconds", "5"]);
  assert.equal(set.code, 0, set.stderr);
  assert.match(await fails({ stalls: true }), /the target took longer than/);
});

test("the next backup of a server that is well again is good", async () => {
  const run = await back_up();
  assert.equal(run.code, 0, run.stderr);
  assert.equal((await newest()).state, "good");
});
