// The time machine as an admin meets it: what is written after a moment is gone when the instance is brought back to it, the
// others go on, and the way back is open.
import { NotesSession } from "./harness/notes";
import { assert, test, with_platform } from "./harness/test";
import { delay, until } from "./harness/wait";

let passwords: Record<string, string> = {};
// PostgreSQL's user runs the archiver, so it must come to the build: as an ordinary user a copy of it is used where it could not.
const platform = with_platform({ user: "nobody" }, async (one) => {
  await one.install("notes");
  for (const name of ["team", "other"]) passwords[name] = (await one.create("notes", name, "example.com")).password;
});
const session = (name: string) =>
  new NotesSession(`ws://localhost:${platform().http}/example.com/${name}/notes`, passwords[name] ?? "");

async function berth(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const done = await platform().berth(...args, "--json");
  assert.equal(done.code, 0, done.stderr);
  return done.json;
}

/** A second between what was written before and what comes after, on the platform's clock. */
async function moment(): Promise<string> {
  await delay(1100 - (Date.now() % 1000));
  const at = new Date();
  await delay(1100);
  return `${at.toISOString().slice(0, 19)}Z`;
}

test("an instance is brought back to a second, the others go on, and it can be undone", async () => {
  await berth("config", "set", "timeMachine", "on");
  // Switched on it makes its first base backup by itself.
  await until("the first base backup", async () => (await berth("platform", "time-machine")).ranges.length > 0, 120_000);

  const team = session("team");
  const other = session("other");
  const board = await team.add_board("board");
  const others = await other.add_board("board");
  await team.add_note(board, "before");
  const then = await moment();
  await team.add_note(board, "after");
  await other.add_note(others, "goes on");

  const shown = await platform().berth("instance", "show", "team@example.com");
  assert.match(shown.stdout, /^time machine +from \d{4}-\d\d-\d\dT[\d:]+Z to now$/m);
  const rehearsal = await platform().berth("instance", "restore", "team@example.com", "--at", then, "--dry-run");
  assert.equal(rehearsal.code, 0, rehearsal.stderr);
  const done = await platform().berth("instance", "restore", "team@example.com", "--at", then, "--wait", "--timeout", "300");
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual([...(await team.notes()).values()], ["before"]);
  assert.deepEqual([...(await other.notes()).values()], ["goes on"]);
  assert.equal(other.reconnects, 0, "the other has noticed nothing");

  const undone = await platform().berth("instance", "undo", "team@example.com", "--wait");
  assert.equal(undone.code, 0, undone.stderr);
  assert.deepEqual([...(await team.notes()).values()].sort(), ["after", "before"]);
  team.close();
  other.close();
});

test("what is out of reach is refused with the window", async () => {
  const refused = await platform().cli(["instance", "restore", "team@example.com", "--at", "2020-01-01 00:00:00"]);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /out of reach of the time machine: it reaches from /);
});
