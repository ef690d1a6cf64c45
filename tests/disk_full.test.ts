// The disk is full during install, backup and restore: nothing half-done, nothing lost, and it goes on when there
// is room again. On a small file system of its own, so root only.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { SmallDisk, can_mount } from "./harness/disk";
import { fetch_url } from "./harness/http";
import { NotesSession } from "./harness/notes";
import { Platform } from "./harness/platform";
import { assert, test } from "./harness/test";
import { until } from "./harness/wait";

describe("disk full", { skip: can_mount() ? false : "needs root and mount" }, () => {
  let disk: SmallDisk;
  let platform: Platform;
  let password = "";
  let notes_before: [string, string][] = [];
  const url = () => `ws://localhost:${platform.http}/example.com/team/notes`;

  before(async () => {
    disk = new SmallDisk(600 << 20);
    mkdirSync(join(disk.at, "root"));
    platform = await Platform.start({ root: join(disk.at, "root") });
    // What happens when nothing stops the apps before it is full; disk_threshold.test.ts is about the guard.
    await platform.berth("config", "set", "diskThreshold", "100");
    await platform.install("notes");
    password = (await platform.create("notes", "team", "example.com")).password;
    const session = new NotesSession(url(), password);
    const board = await session.add_board("kept");
    for (let i = 0; i < 300; i++) await session.add_note(board, `${i} ${"random ".repeat(200)}${Math.random()}`);
    notes_before = [...(await session.notes())].sort();
    session.close();
  });
  after(async () => {
    disk?.empty();
    try {
      await platform?.stop();
    } finally {
      await platform?.destroy();
      disk?.unmount();
    }
  });

  async function all_is_well(): Promise<void> {
    const session = new NotesSession(url(), password);
    assert.deepEqual([...(await session.notes())].sort(), notes_before);
    session.close();
    assert.equal((await fetch_url(`${platform.https_url}/example.com/team/notes.htm`)).status, 200);
  }

  test("an install fails with the reason and leaves nothing, then works", async () => {
    disk.fill(200_000);
    const done = await platform.cli(["service", "install", "echo", "--wait"]);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /space|disk|full/i);
    const services = (await platform.berth("service", "ls", "--json")).json;
    assert.ok(!(services.services ?? services).some((one: { id: string }) => one.id === "echo"));
    assert.deepEqual(readdirSync(join(platform.root, "var/lib/berth/apps")).filter((name) => name.includes("echo")), []);
    await all_is_well();
    disk.empty();
    await platform.install("echo");
  });

  test("creating an instance fails with the reason and leaves nothing, then works", async () => {
    disk.fill(100_000);
    const done = await platform.cli(["instance", "create", "notes", "--name", "full", "--domain", "example.com"]);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /space|disk|full/i);
    await all_is_well();
    disk.empty();
    await platform.create("notes", "full", "example.com");
  });

  test("a backup to a full disk fails and leaves no file that looks like a backup", async () => {
    const small = new SmallDisk(8 << 20);
    try {
      small.fill(20_000);
      const file = join(small.at, "a.dump");
      const done = await platform.cli(["instance", "backup", "team@example.com", "-o", file]);
      assert.notEqual(done.code, 0);
      assert.match(done.stderr, /space|disk|full/i);
      assert.ok(!existsSync(file));
      assert.deepEqual(readdirSync(small.at).filter((name) => !["filler", "lost+found"].includes(name)), []);
    } finally {
      small.unmount();
    }
    await all_is_well();
  });

  test("a restore without room fails before anything is changed, then works", async () => {
    const file = join(platform.folder, "team.dump");
    await platform.berth("instance", "backup", "team@example.com", "-o", file);
    disk.fill(300_000);
    const done = await platform.cli(["instance", "restore", file, "--wait"]);
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /space|disk|full/i);
    disk.empty();
    await all_is_well();
    await platform.berth("instance", "restore", file, "--wait");
    await all_is_well();
  });

  test("with no room at all the platform stays up, says so, and goes on when there is room", async () => {
    disk.fill(0);
    const status = await platform.cli(["status", "--json"]);
    assert.ok(status.json, status.stderr);
    const session = new NotesSession(url(), password);
    // Reading works; writing may fail, but then it says so and does not pretend.
    assert.ok((await session.notes()).size >= notes_before.length);
    session.close();
    disk.empty();
    await until("a note to be stored", async () => {
      const writer = new NotesSession(url(), password);
      try {
        const board = await writer.add_board("after");
        await writer.add_note(board, "room again");
        return true;
      } finally {
        writer.close();
      }
    }, 120_000);
    assert.equal((await platform.ready()).state, "running");
  });
});
