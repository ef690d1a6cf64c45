// The command file: a server tells the platform where to send its backups, and gets them.
import { type IncomingMessage, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { kill_hard } from "./harness/kill";
import { temporary_folder } from "./harness/platform";
import { run } from "./harness/process";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

/** Serves /fleet.cmd and takes what is put elsewhere. */
class Fleet {
  file = "";
  readonly all: string[] = [];
  readonly got: { path: string; body: Buffer; authorization: string }[] = [];
  fetched = 0;
  answer: (path: string) => number = () => 201;
  private readonly server = createServer((request, response) => {
    void (async () => {
      if (request.method === "GET") {
        this.fetched++;
        return response.end(this.file);
      }
      const body = await read(request);
      const status = this.answer(request.url ?? "");
      if (status < 300) this.all.push(request.url ?? "");
      if (status < 300) this.got.push({ path: request.url ?? "", body, authorization: request.headers.authorization ?? "" });
      response.writeHead(status).end();
    })().catch(() => response.destroy());
  });
  async start(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
  }
  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
}
async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const fleet = new Fleet();
after(() => fleet.stop());
const platform = with_platform({}, async (one) => {
  await fleet.start();
  await one.install("notes");
  await one.create("notes", "team", "example.com");
  await one.create("notes", "büro+1=2", "example.com");
  await one.berth("config", "set", "commandFileUrl", `${fleet.url}/fleet.cmd?token=hidden-token`);
});

async function run_file(text: string) {
  fleet.file = text;
  fleet.got.length = 0;
  await until("no job to run the file", async () => {
    const jobs = (await platform().berth("job", "ls", "--json")).json;
    return (jobs.jobs ?? jobs).every((job: { kind: string; state: string }) => job.kind !== "commands" || !["waiting", "running"].includes(job.state));
  });
  return await platform().cli(["platform", "command-file", "--run", "--json", "--wait"]);
}

test("every hash parameter is in the path at which a dump arrives, and the dump is one", async () => {
  const result = await run_file(`backup ${fleet.url}/#L/#A/#D/#I-#m-#d-#b3##.dump user=berth password="a b"`);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(fleet.got.length, 2);
  const status = (await platform().berth("status", "--json")).json;
  const services = (await platform().berth("service", "ls", "--json")).json;
  const notes = (services.services ?? services).find((one: { id: string }) => one.id.includes("notes"));
  const macs = readdirSync("/sys/class/net").map((name) => {
    return readFileSync(`/sys/class/net/${name}/address`, "utf8").trim().replaceAll(":", "");
  });
  for (const [index, name] of ["b%C3%BCro%2B1%3D2", "team"].entries()) {
    const got = fleet.got[index];
    const match = /^\/([^/]+)\/([^/]+)\/example\.com\/([^-]+)-([0-9a-f]*)-(\d{8}-\d{6})-0%23\.dump$/.exec(got?.path ?? "");
    assert.ok(match && got, `unexpected path ${got?.path}`);
    assert.equal(match[1], status.version);
    assert.equal(match[2], notes.build);
    assert.equal(match[3], name);
    assert.ok(match[4] === "" || macs.includes(match[4] ?? ""));
    const time = match[5] ?? "";
    const parts = [time.slice(0, 4), time.slice(4, 6), time.slice(6, 8)].join("-") + `T${time.slice(9, 11)}:${time.slice(11, 13)}:${time.slice(13)}Z`;
    assert.ok(Math.abs(Date.parse(parts) - Date.now()) < 120_000, `#d is not now in UTC: ${time}`);
    assert.equal(got.authorization, `Basic ${Buffer.from("berth:a b").toString("base64")}`);
    const file = join(temporary_folder(), "got.dump");
    writeFileSync(file, got.body);
    const listed = await run("/usr/lib/postgresql/15/bin/pg_restore", ["-l", file]);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /TABLE DATA/);
  }
});

test("a rolling index keeps to its bounded set of names, also over a restart of the manager", async () => {
  const line = `backup ${fleet.url}/roll-#I-#b2.sql what=team@example.com format=sql`;
  await platform().berth("trace", "set", "manager", "usual,command");
  const before = fleet.all.length;
  for (let round = 0; round < 5; round++) {
    if (round === 3) {
      await kill_hard(platform(), "manager");
      await until("the platform to run again", () => platform().ready().catch(() => undefined), 120_000);
    }
    assert.equal((await run_file(line)).code, 0);
  }
  assert.match(readFileSync(join(platform().root, "var/log/berth/manager/manager.log"), "utf8"), /done line=1 target=team@example\.com/);
  // The manager that began anew may have looked into the file by itself, too.
  const names = fleet.all.slice(before);
  assert.ok(names.length >= 5, names.join());
  assert.deepEqual(names, names.map((_, index) => `/roll-team-${index % 3}.sql`));
  assert.match(fleet.got[0]?.body.toString() ?? "", /PostgreSQL database dump/);
});

test("what is done is not done again until its token changes, and what failed is", async () => {
  fleet.answer = (path) => (path.includes("team") ? 403 : 201);
  const text = (token: string) => `once ${token}\nbackup ${fleet.url}/once-#I`;
  const first = await run_file(text("a"));
  assert.notEqual(first.code, 0);
  assert.match(first.stderr + first.stdout, /1 of 2 failed: line 2, team@example\.com: the server answers 403/);
  assert.deepEqual(fleet.got.map((one) => one.path), ["/once-b%C3%BCro%2B1%3D2"]);
  const checks = (await platform().berth("status", "--json")).json.checks as { id: string; text: string }[];
  assert.match(checks.find((check) => check.id === "command-file")?.text ?? "", /403/);

  fleet.answer = () => 201;
  assert.equal((await run_file(text("a"))).code, 0);
  assert.deepEqual(fleet.got.map((one) => one.path), ["/once-team"]);
  const again = await run_file(text("a"));
  assert.equal(again.code, 0);
  assert.equal(fleet.got.length, 0);
  assert.match(again.stderr, /nothing is due/);
  assert.ok(again.json.lines.every((one: { state: string }) => one.state === "skipped"));
  assert.equal((await run_file(text("b"))).code, 0);
  assert.equal(fleet.got.length, 2);
});

test("hours and days that are not now hold a command back", async () => {
  const hour = new Date().getUTCHours(); // the platform's zone is UTC here
  const later = (hour + 2) % 24;
  const skipped = await run_file(`hours ${later}-${(later + 18) % 24}\nbackup ${fleet.url}/late-#I`);
  assert.equal(fleet.got.length, 0);
  assert.match(skipped.json.lines[0].detail, /not at this hour/);
  assert.equal((await run_file(`hours ${hour}-${later}\nbackup ${fleet.url}/now-#I`)).code, 0);
  assert.equal(fleet.got.length, 2);
});

test("a line that is not understood is reported, and the others run", async () => {
  const result = await run_file(`fly me\nbackup ${fleet.url}/#x\nbackup ${fleet.url}/good-#I what=manager`);
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(fleet.got.map((one) => one.path), ["/good-manager"]);
  const faults = result.json.lines.filter((one: { state: string }) => one.state === "failed");
  assert.deepEqual(faults.map((one: { line: number }) => one.line), [1, 2]);
  assert.match(faults[1].detail, /unknown placeholder #x/);
});

test("backups are not sent into an instance that is backed up itself", async () => {
  const own = `http://localhost:${platform().http}`;
  const https = `https://localhost:${platform().https}`;
  for (const base of [https, own]) {
    const result = await run_file(`backup ${base}/example.com/team/files/#I`);
    assert.notEqual(result.code, 0);
    assert.match(result.stderr + result.stdout, /exclude it from backup/);
  }
});

test("no secret of the file or its address is in a log, a job or an answer", async () => {
  fleet.answer = () => 403;
  await run_file(`backup ${fleet.url}/#I?key=hidden-key user=berth password=hidden-password what=manager`);
  fleet.answer = () => 201;
  const shown = [
    (await platform().berth("platform", "command-file", "--json")).stdout,
    (await platform().berth("job", "ls", "--json")).stdout,
    (await platform().berth("status", "--json")).stdout,
    readFileSync(platform().console_file, "utf8"),
  ].join("\n");
  assert.match(shown, /command-file|commands/);
  for (const secret of ["hidden-token", "hidden-key", "hidden-password"]) assert.ok(!shown.includes(secret), secret);
});

test("a manager that dies in the midst sends what is left and nothing twice", async () => {
  let seen = 0;
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  fleet.file = `once crash\nbackup ${fleet.url}/crash-#I`;
  fleet.got.length = 0;
  fleet.answer = () => {
    if (++seen === 2) void kill_hard(platform(), "manager").finally(release);
    return seen === 2 ? 500 : 201;
  };
  void platform().berth("platform", "command-file", "--run", "--wait").catch(() => undefined);
  await held;
  fleet.answer = () => 201;
  await until("the platform to run again", () => platform().ready().catch(() => undefined), 120_000);
  await until("both to have arrived", async () => fleet.got.length >= 2 || undefined, 60_000);
  await until("the job to end", async () => {
    const jobs = (await platform().berth("job", "ls", "--json")).json;
    return (jobs.jobs ?? jobs).find((job: { kind: string }) => job.kind === "commands")?.state === "done";
  }, 60_000);
  assert.deepEqual(fleet.got.map((one) => one.path), ["/crash-b%C3%BCro%2B1%3D2", "/crash-team"]);
  const report = (await platform().berth("platform", "command-file", "--json")).json;
  assert.deepEqual(report.lines.map((line: { state: string }) => line.state), ["done", "done"]);
});

test("a file that is none, or a server that is away, is told and nothing happens", async () => {
  const none = await run_file("<html>404</html>");
  assert.notEqual(none.code, 0);
  assert.match(none.stderr + none.stdout, /not a command file/);
  fleet.stop();
  const away = await platform().cli(["platform", "command-file", "--run", "--json", "--wait"]);
  assert.notEqual(away.code, 0);
  assert.ok(!(away.stderr + away.stdout).includes("hidden-token"));
  const report = (await platform().berth("platform", "command-file", "--json")).json;
  assert.match(report.error, /fleet\.cmd/);
});
