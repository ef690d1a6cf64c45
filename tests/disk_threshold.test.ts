// The guard of the disk: at the threshold all apps stop, and they come back when somebody says so; at 100 % the reserve
// brings PostgreSQL back and nothing is lost. On a small file system of its own, so root only.
import { mkdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { SmallDisk, can_mount } from "./harness/disk";
import { NotesSession } from "./harness/notes";
import { Platform } from "./harness/platform";
import { assert, test } from "./harness/test";
import { until } from "./harness/wait";

const MEGA = 1 << 20;

describe("disk threshold", { skip: can_mount() ? false : "needs root and mount" }, () => {
  let disk: SmallDisk;
  let platform: Platform;
  let password = "";
  const url = () => `ws://localhost:${platform.http}/example.com/team/notes`;
  const findings = async () => ((await platform.cli(["status", "--json"])).json?.checks ?? []).map((check: { id: string }) => check.id) as string[];
  const alarms = async () => ((await platform.cli(["alarm", "ls", "--json"])).json?.alarms ?? []).map((one: { code: number }) => one.code) as number[];
  const reserve = () => join(platform.root, "var/lib/berth/reserve/empty_if_no_space");
  const state = async () => ((await platform.berth("service", "ls", "--json")).json as { id: string; state: string }[]).find((one) => one.id === "notes")?.state;

  async function restart_manager(and_database = false): Promise<void> {
    const { revivals } = platform;
    if (and_database) process.kill(await platform.pid("postgres"), "SIGKILL");
    platform.manager!.kill("SIGKILL");
    await until("the next manager", () => platform.revivals > revivals, 30_000);
  }

  before(async () => {
    disk = new SmallDisk(700 * MEGA);
    mkdirSync(join(disk.at, "root"));
    platform = await Platform.start({ root: join(disk.at, "root") });
    await platform.berth("config", "set", "diskThreshold", "90");
    await platform.berth("config", "set", "reserveBytes", String(30 * MEGA));
    await platform.install("notes");
    password = (await platform.create("notes", "team", "example.com")).password;
    await restart_manager();
    await platform.ready();
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

  test("the reserve is really allocated", () => {
    const info = statSync(reserve());
    assert.equal(info.size, 30 * MEGA);
    assert.ok(info.blocks * 512 >= 30 * MEGA);
  });

  test("ten per cent below the threshold is an alarm, at the threshold the apps stop and stay so", async () => {
    disk.fill(700 * MEGA * 0.15);
    await until("the warning", async () => (await alarms()).includes(0x0024ff01), 60_000);
    assert.equal(await state(), "running");
    disk.fill(700 * MEGA * 0.06);
    await until("the apps to stop", async () => (await state()) === "stopped", 60_000);
    await until("the alarm", async () => (await alarms()).includes(0x0024ff02), 60_000);
    const refused = await platform.cli(["platform", "start-apps"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /still .* % full/);
    disk.empty();
    await until("room again", async () => (await findings()).includes("apps-stopped"), 60_000);
    assert.equal(await state(), "stopped");
    await platform.berth("platform", "start-apps");
    await until("the app", async () => (await state()) === "running", 60_000);
    await until("no finding", async () => !(await findings()).some((id) => id === "apps-stopped" || id.startsWith("disk")), 60_000);
  });

  test("at 100 % the reserve brings everything back, and nothing is lost", async () => {
    const session = new NotesSession(url(), password);
    const board = await session.add_board("kept");
    for (let i = 0; i < 50; i++) await session.add_note(board, `note ${i}`);
    const notes = [...(await session.notes())].sort();
    session.close();
    disk.fill(0);
    await until("the apps to stop", async () => (await state()) === "stopped", 60_000);
    await restart_manager(true);
    const freed = await platform.cli(["emergency", "free-space", "--json"]);
    assert.equal(freed.code, 0, freed.stderr);
    assert.ok(freed.json.freedBytes >= 30 * MEGA);
    await until("the platform", async () => (await platform.cli(["status"])).code === 0, 120_000);
    disk.empty();
    await until("room again", async () => !(await findings()).includes("disk-full"), 60_000);
    if ((await state()) !== "running") await platform.berth("platform", "start-apps");
    await until("the app", async () => (await state()) === "running", 60_000);
    const again = new NotesSession(url(), password);
    assert.deepEqual([...(await again.notes())].sort(), notes);
    again.close();
    truncateSync(reserve(), 0);
    await restart_manager();
    await platform.ready();
    await until("the reserve", () => (statSync(reserve(), { throwIfNoEntry: false })?.blocks ?? 0) * 512 >= 30 * MEGA);
  });
});
