// The manager is killed at every stage of its long work: the job ends in the old or the new state, never between.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { AppWebsocket, password_login } from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { kill_hard } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { assert, test, with_platform } from "./harness/test";
import { delay, until } from "./harness/wait";

const platform = with_platform({}, async (one) => {
  await one.install("notes");
});
const kRounds = Number(process.env["BERTH_KILL_ROUNDS"] ?? 6);

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

async function list(noun: string): Promise<Json[]> {
  const json = (await platform().berth(noun, "ls", "--json")).json;
  return json[`${noun}s`] ?? json;
}

/** Starts `work`, kills the manager after `ms`, waits until the platform runs again and no job is under way. */
async function interrupted(work: () => Promise<unknown>, ms: number): Promise<void> {
  const running = work().catch(() => undefined);
  await delay(ms);
  await kill_hard(platform(), "manager");
  await running;
  await until("the platform to run again", () => platform().ready().catch(() => undefined), 120_000);
  await until(
    "the jobs to end",
    async () => (await list("job")).every((job) => !["waiting", "running"].includes(job.state)),
    120_000,
  );
}

test("create interrupted: the instance is there and works, or there is nothing of it", async () => {
  let there = 0;
  for (let round = 0; round < kRounds; round++) {
    const name = `i${round}`;
    const admin = await platform().admin();
    await interrupted(
      () => admin.request({ mt: "CreateInstance", service: "notes", name, domain: "example.com", password: "pwd pwd pwd" }, 20_000),
      round * 40,
    );
    const found = (await list("instance")).find((one) => one.name === name);
    const page = async () => (await fetch_url(`${platform().http_url}/example.com/${name}/notes.htm`)).status;
    if (found !== undefined) {
      there++;
      await until(`${name} to run`, async () => (await page()) === 200, 60_000);
      const url = `ws://localhost:${platform().http}/example.com/${name}/notes`;
      (await AppWebsocket.login(url, password_login("notes"), "pwd pwd pwd")).close();
    } else {
      assert.equal(await page(), 404);
    }
    // In both cases the name can be used: again, or for the first time.
    if (found !== undefined) await platform().berth("instance", "rm", `${name}@example.com`, "--now", "--yes", "--wait");
    await platform().create("notes", name, "example.com");
    await platform().berth("instance", "rm", `${name}@example.com`, "--now", "--yes", "--wait");
  }
  console.log(`create interrupted ${kRounds} times: ${there} new state, ${kRounds - there} old state`);
});

test("install interrupted: the service runs, or there is nothing of it", async () => {
  let there = 0;
  for (let round = 0; round < kRounds; round++) {
    await interrupted(() => platform().cli(["service", "install", "echo", "--wait"], { timeoutMs: 20_000 }), 30 + round * 60);
    const found = (await list("service")).find((one) => one.id === "echo");
    if (found !== undefined) {
      there++;
      await until("echo to run", async () => (await list("service")).find((one) => one.id === "echo")?.state === "running", 60_000);
      await platform().berth("service", "rm", "echo", "--yes", "--wait");
    } else {
      const apps = join(platform().root, "var/lib/berth/apps");
      const left = existsSync(apps) ? readdirSync(apps) : [];
      assert.deepEqual(left.filter((name) => name.includes("echo")), []);
    }
  }
  await platform().install("echo");
  console.log(`install interrupted ${kRounds} times: ${there} new state, ${kRounds - there} old state`);
});

test("restore interrupted: the data are those of before, or those of the backup, whole", async () => {
  const { password } = await platform().create("notes", "r", "example.com");
  const url = `ws://localhost:${platform().http}/example.com/r/notes`;
  const writer = new NotesSession(url, password);
  const board = await writer.add_board("restore");
  for (let i = 0; i < 200; i++) await writer.add_note(board, `old ${i} ${"x".repeat(500)}`);
  const file = join(platform().folder, "r.dump");
  await platform().berth("instance", "backup", "r@example.com", "-o", file);
  const in_backup = [...(await writer.notes())].sort();
  const marker = await writer.add_note(board, "newer than the backup");
  let restored = 0;
  for (let round = 0; round < kRounds; round++) {
    await interrupted(
      () => platform().cli(["instance", "restore", file, "--wait"], { timeoutMs: 20_000 }),
      100 + round * 150,
    );
    const reader = new NotesSession(url, password);
    const notes = await reader.notes();
    if (notes.has(marker)) {
      assert.equal(notes.size, in_backup.length + 1);
    } else {
      restored++;
      assert.deepEqual([...notes].sort(), in_backup);
      const again = await reader.add_note(board, "newer than the backup", marker).catch(() => undefined);
      assert.equal(again, marker);
    }
    reader.close();
  }
  writer.close();
  console.log(`restore interrupted ${kRounds} times: ${restored} new state, ${kRounds - restored} old state`);
  await platform().berth("instance", "restore", file, "--wait");
  const last = new NotesSession(url, password);
  assert.deepEqual([...(await last.notes())].sort(), in_backup);
  last.close();
  assert.ok(readFileSync(file).length > 0);
});
