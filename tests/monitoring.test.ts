// What the platform records of itself: right numbers, kept over a kill, closed to strangers.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import { fetch_url } from "./harness/http";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

type Json = any;

const kToken = "a token of more than sixteen letters".replaceAll(" ", "-");

describe("monitoring", () => {
  const platform = with_platform({}, async (it) => {
    await it.install("notes");
    await it.create("notes", "team", "example.com");
  });
  const curves = async (...args: string[]): Promise<Json> => (await platform().berth("monitor", "show", ...args, "--json")).json;
  const last = (told: Json, subject: string, metric: string): number => {
    const found = told.series.find((one: Json) => one.subject === subject && one.metric === metric);
    assert.ok(found, `${subject} ${metric}`);
    return found.mean.filter((value: number) => value >= 0).at(-1) ?? -1;
  };
  const recorded = (subject: string, metric: string) =>
    until(`${metric} of ${subject}`, async () => last(await curves(subject), subject, metric) >= 0, 90_000);

  test("memory, disk and CPU agree with what the kernel says (S63)", async () => {
    await recorded("platform", "cpuUser");
    const told = await curves("platform");
    assert.equal(last(told, "platform", "memoryTotal"), Number(totalmem().toPrecision(4)));
    const available = Number(/MemAvailable:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))![1]) * 1024;
    const used = totalmem() - available;
    assert.ok(Math.abs(last(told, "platform", "memoryUsed") - used) < totalmem() * 0.2, `${used}`);
    const cpu = last(told, "platform", "cpuUser");
    assert.ok(cpu >= 0 && cpu <= 100, `${cpu}`);
    const disk = (await platform().berth("platform", "disk", "--json")).json;
    assert.ok(Math.abs(last(told, "platform", "diskTotal") - disk.totalBytes) <= disk.totalBytes / 1000);
  });

  test("each process, service and instance has its own curves", async () => {
    await recorded("instance/team@example.com", "databaseBytes");
    for (const subject of ["manager", "webserver", "postgres", "service/notes"]) {
      const told = await curves(subject);
      assert.ok(last(told, subject, "memory") > 1e6, subject);
      const cpu = last(told, subject, "cpu");
      assert.ok(cpu <= 100 * cpus().length + 5, `${subject} ${cpu}`);
    }
    assert.ok(last(await curves("postgres"), "postgres", "connections") >= 1);
    assert.equal(last(await curves("service/notes"), "service/notes", "sessions"), 0);
    const table = (await platform().berth("monitor", "show")).stdout;
    assert.match(table, /platform\s+memoryUsed/);
    const nobody = await platform().cli(["monitor", "show", "service/nobody"]);
    assert.equal(nobody.code, 3);
  });

  test("a service that dies is marked, and a killed manager goes on where it was", async () => {
    const { revivals } = platform();
    process.kill(await platform().pid("notes"), "SIGKILL");
    const deaths = async () => (await curves("platform")).markers.filter((one: Json) => one.kind === "death");
    await until("the marker", async () => (await deaths()).length === 1, 60_000);
    assert.equal((await deaths())[0].subject, "service/notes");
    assert.match((await deaths())[0].text, /signal 9/);
    const known = (told: Json) => told.series.find((one: Json) => one.metric === "memoryUsed").mean.filter((value: number) => value >= 0).length;
    const before = known(await curves("platform"));
    platform().manager!.kill("SIGKILL");
    await until("the next manager", () => platform().revivals > revivals, 30_000);
    await platform().ready();
    const after = await curves("platform");
    assert.ok(known(after) >= before, "nothing is lost");
    await until("it to go on", async () => known(await curves("platform")) > before, 60_000);
    assert.equal((await deaths()).length, 1, "adopted processes have not started again");
    // Marked with the new manager's first measurement, up to ten seconds later.
    const starts = async () => (await curves("platform")).markers.filter((one: Json) => one.kind === "start" && one.subject === "manager");
    await until("the marker of the new manager", async () => (await starts()).length === 2, 60_000);
  });

  test("the records are small, and have a bound", async () => {
    const { space } = await curves("platform");
    assert.ok(space.bytes < 4e6, `${space.bytes}`);
    assert.ok(space.fullBytes > space.bytes && space.fullBytes < space.mostBytes);
    const folder = join(platform().root, "var/lib/berth/monitor");
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
  });

  test("/metrics, /healthz and /readyz are closed without a token, and to a wrong one", async () => {
    const { http_url } = platform();
    for (const path of ["metrics", "healthz", "readyz", "manager/metrics"]) {
      const closed = await fetch_url(`${http_url}/${path}`);
      assert.equal(closed.status, 401, path);
      assert.match(closed.text, /metricsToken/);
      assert.doesNotMatch(closed.text, /berth_/);
    }
    const short = await platform().cli(["config", "set", "metricsToken", "--value-file", "-"], { input: "short" });
    assert.notEqual(short.code, 0);
    const set = await platform().cli(["config", "set", "metricsToken", "--value-file", "-"], { input: kToken });
    assert.equal(set.code, 0, set.stderr);
    const wrong = await fetch_url(`${http_url}/metrics`, { headers: { authorization: `Bearer ${kToken}x` } });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.headers["www-authenticate"], "Bearer");
  });

  test("with the token they tell OpenMetrics, health and readiness", async () => {
    const { http_url } = platform();
    const ask = (path: string) => fetch_url(`${http_url}/${path}`, { headers: { authorization: `Bearer ${kToken}` } });
    await until("the token to be taken", async () => (await ask("healthz")).status === 200);
    const metrics = await ask("metrics");
    assert.equal(metrics.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert.ok(metrics.text.endsWith("# EOF\n"));
    assert.match(metrics.text, /^berth_process_cpu_seconds_total\{process="webserver"\} [0-9.]+$/m);
    assert.match(metrics.text, /^berth_instance_sessions\{service="notes",instance="team",domain="example.com"\} 0$/m);
    const families = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map((found) => found[1]);
    assert.equal(new Set(families(metrics.text)).size, families(metrics.text).length, "each family stands once");
    assert.deepEqual(families((await platform().berth("monitor", "metrics")).stdout), families(metrics.text));
    assert.equal((await ask("manager/readyz")).text, "ready\n");
  });

  test("a service that is down is not ready, while the manager is healthy", async () => {
    const { http_url } = platform();
    const ask = (path: string) => fetch_url(`${http_url}/${path}`, { headers: { authorization: `Bearer ${kToken}` } });
    // Each death makes the pause before the next start longer.
    await until(
      "not ready",
      async () => {
        const pid = await platform().pid("notes").catch(() => 0);
        if (pid > 0) process.kill(pid, "SIGKILL");
        const answer = await ask("readyz");
        return answer.status === 503 && /notes: /.test(answer.text);
      },
      60_000,
    );
    assert.equal((await ask("healthz")).status, 200);
    await platform().berth("service", "restart", "notes", "--wait");
    await until("ready again", async () => (await ask("readyz")).status === 200, 90_000);
  });
});
