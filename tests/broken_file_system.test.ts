// A broken file system (S214): the kernel is asked to count an error on a small one, and the platform says what to do.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe } from "node:test";
import { SmallDisk, can_mount } from "./harness/disk";
import { Platform } from "./harness/platform";
import { assert, test } from "./harness/test";
import { until } from "./harness/wait";

type Json = any;

/** The switch by which the kernel counts an error on the file system at `folder`; undefined where there is none. */
function trigger_of(folder: string): string | undefined {
  const device = execFileSync("findmnt", ["-n", "-o", "SOURCE", folder], { encoding: "utf8" }).trim();
  const path = `/sys/fs/ext4/${basename(device)}/trigger_fs_error`;
  return existsSync(path) ? path : undefined;
}

describe("broken file system", { skip: can_mount() ? false : "needs root and mount" }, () => {
  let disk: SmallDisk;
  let platform: Platform | undefined;
  before(async () => {
    disk = new SmallDisk(700 << 20);
    if (trigger_of(disk.at) === undefined) return;
    mkdirSync(join(disk.at, "root"));
    platform = await Platform.start({ root: join(disk.at, "root") });
  });
  after(async () => {
    try {
      await platform?.stop();
    } finally {
      await platform?.destroy();
      disk?.unmount();
    }
  });

  test("is an event with what to do, told once, and a finding until it is repaired", async (context) => {
    const trigger = trigger_of(disk.at);
    if (trigger === undefined || platform === undefined) return context.skip("no ext4 in a file here");
    const own = platform;
    const events = async (): Promise<Json[]> =>
      (await own.berth("alarm", "ls", "--history", "--json")).json.history.filter((one: Json) => one.code === 0x0024ff04);
    assert.deepEqual(await events(), []);
    writeFileSync(trigger, "trouble");
    await until("the event", async () => (await events()).length === 1, 60_000);
    const [event] = await events();
    assert.equal(event.severity, "critical");
    assert.equal(event.event, true);
    assert.match(event.text, /^Broken file system: 1 error on \/dev\/loop\d+/);
    assert.match(event.command, /^e2fsck -p -f \/dev\/loop\d+$/);
    const findings = async () => (await own.status()).checks.map((one: Json) => one.id) as string[];
    assert.ok((await findings()).some((id) => id.startsWith("file-system-loop")));
    // A new manager finds the same count on the disk and says nothing new.
    const { revivals } = own;
    own.manager!.kill("SIGKILL");
    await until("the next manager", () => own.revivals > revivals, 30_000);
    await own.ready();
    await until("the finding", async () => (await findings()).some((id) => id.startsWith("file-system-loop")), 60_000);
    assert.equal((await events()).length, 1);
    const set = (await own.berth("alarm", "ls", "--json")).json.alarms as Json[];
    assert.ok(!set.some((one) => /file system/i.test(one.text)), "an event, not an alarm besides");
  });
});
