// What the webserver reports of itself reaches the admin, and goes away when it is over.
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { is_root } from "./harness/platform";
import { RawConnection } from "./harness/raw";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

const platform = with_platform();

test("a webserver without descriptors is a finding until it has some again, and nobody is dropped", async () => {
  const { http } = platform();
  const pid = await platform().pid("webserver");
  const limits = /^Max open files\s+(\d+)\s+(\d+)/m.exec(execFileSync("cat", [`/proc/${pid}/limits`], { encoding: "utf8" }))!;
  // As the user that the webserver runs as: root without CAP_SYS_RESOURCE may not.
  const { uid, gid } = statSync(`/proc/${pid}`);
  const set_limit = (soft: number | string) => execFileSync("prlimit", [`--pid=${pid}`, `--nofile=${soft}:${limits[2]}`], is_root ? { uid, gid } : {});
  const before = await RawConnection.open(http);
  const findings = async () => ((await platform().cli(["status", "--json"])).json?.checks ?? []).map((check: { id: string }) => check.id) as string[];
  assert.ok(!(await findings()).includes("webserver-descriptors"));

  set_limit(readdirSync(`/proc/${pid}/fd`).length + 5);
  const clients = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(http)));
  for (const client of clients) client.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("the finding", async () => (await findings()).includes("webserver-descriptors"), 30_000);
  const told = (await platform().cli(["status"])).stdout;
  assert.match(told, /no descriptors left/);
  before.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await before.response()).status, 404);

  set_limit(limits[1]!);
  for (const client of clients) assert.equal((await client.response()).status, 404);
  await until("the finding to go", async () => !(await findings()).includes("webserver-descriptors"), 30_000);
  for (const client of [before, ...clients]) client.close();
});
