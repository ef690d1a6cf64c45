// A service that crashes leaves a report: cause, stack, what it did before. And what else helps to find a fault: traces for a while, the
// flight recorder, the memory of a living service, the support bundle.
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppWebsocket, password_login } from "./harness/appwebsocket";
import { FakeStore, sha256_of } from "./harness/fake_store";
import { fetch_url } from "./harness/http";
import { back, pid_now } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { Platform, build, slowness, temporary_folder } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

// A sanitizer would otherwise handle the signals itself and forbid core dumps.
const env = { ASAN_OPTIONS: "disable_coredump=0:handle_segv=0:handle_abort=0:detect_leaks=0" };
let password = "";
const platform = with_platform({ env }, async (one) => {
  await one.install("notes");
  await one.install("echo");
  password = (await one.create("notes", "team", "example.com")).password;
  await one.create("notes", "other", "example.com");
  await one.create("echo", "e", "example.com");
});

// Whether the machine lets us have core dumps at all; the rest of a report does not depend on it.
const has_cores = /^core/.test(readFileSync("/proc/sys/kernel/core_pattern", "utf8"));
const crashes = async (): Promise<Json> => (await platform().berth("crash", "ls", "--json")).json;
const crash_echo = async () => {
  const before = (await crashes()).reports.length;
  const old = await until("echo", () => pid_now(platform(), "echo"));
  await until("the path", async () => (await fetch_url(`${platform().http_url}/example.com/e/bytes/5`)).status === 200);
  await fetch_url(`${platform().http_url}/example.com/e/crash`, { method: "POST" }).catch(() => undefined);
  await back(platform(), "echo", old);
  return await until(
    "the report",
    async () => {
      const { reports } = await crashes();
      return reports.length > before ? reports[0] : undefined;
    },
    120_000,
  );
};

test("a service that crashes leaves a report with cause, stack and the trace before it", async () => {
  const first = await crash_echo();
  assert.equal(first.service, "echo");
  assert.equal(first.cause, "crash");
  assert.match(first.text, /signal \d+/);
  const { report, trace } = (await platform().berth("crash", "show", first.id, "--json")).json;
  assert.ok(report.build, "the build");
  // The log of echo does not show requests; the flight recorder has them.
  assert.ok(trace.some((line: string) => /e@example\.com request method=GET path=\/example\.com\/e\/bytes\/5$/.test(line)), trace.slice(-20).join("\n"));
  assert.ok(trace.some((line: string) => line.includes("crash as asked for")));
  assert.ok(!platform().service_log("echo").includes("request method=GET"));
  if (has_cores) {
    assert.equal(report.coreNote, "", report.coreNote);
    assert.ok(report.coreBytes > 0);
    assert.ok(report.stack.some((frame: Json) => /EchoInstance::crash/.test(frame.function)), JSON.stringify(report.stack));
    assert.match(report.place, /echo/i);
  } else {
    assert.match(report.coreNote, /core_pattern/);
  }
  const shown = await platform().berth("crash", "show", first.id);
  assert.match(shown.stdout, /crash as asked for/);
  console.log(shown.stdout.split("\n").slice(0, 24).join("\n"));
});

test("the same crash is counted, another one is not the same", async () => {
  await crash_echo();
  const { groups } = await crashes();
  const echo = groups.filter((group: Json) => group.service === "echo");
  assert.equal(echo.length, 1, JSON.stringify(groups));
  assert.equal(echo[0].count, 2);
  assert.equal(echo[0].builds.length, 1);

  const old = (await until("notes", () => pid_now(platform(), "notes")))!;
  process.kill(old, "SIGSEGV");
  await back(platform(), "notes", old);
  const report = await until("the report", async () => (await crashes()).reports.find((one: Json) => one.service === "notes"), 120_000);
  assert.equal(report.signal, 11);
  assert.notEqual(report.group, echo[0].group);
  if (has_cores) assert.ok(report.coreBytes > 0, report.coreNote);
});

test("nothing is left in the service's folder, and the kept core dump opens in a debugger", { skip: !has_cores }, async () => {
  const work = join(platform().root, "var/lib/berth/work/echo");
  assert.deepEqual(readdirSync(work).filter((name) => name.startsWith("core")), []);
  const report = (await crashes()).reports.find((one: Json) => one.service === "echo" && one.coreBytes > 0);
  const file = join(temporary_folder(), "core");
  await platform().berth("crash", "core", report.id, "-o", file);
  assert.equal(readFileSync(file).subarray(0, 4).toString("latin1"), "\x7fELF");
  if (!existsSync("/usr/bin/gdb")) return;
  const program = join(platform().root, "var/lib/berth/apps/echo/echo");
  const text = execFileSync("gdb", ["-nx", "-batch", "-ex", "bt", program, file], { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "ignore"] });
  assert.match(text, /#\d+ .*crash \(/);
});

test("berth service core saves the memory of a living service, which goes on", async () => {
  const pid = pid_now(platform(), "notes");
  const session = new NotesSession(`ws://localhost:${platform().http}/example.com/team/notes`, password);
  const board = await session.add_board("before the dump");
  const file = join(temporary_folder(), "core");
  const done = await platform().cli(["service", "core", "notes", "-o", file, "--json"]);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(statSync(file).size, done.json.bytes);
  assert.equal(statSync(file).mode & 0o077, 0, "for its owner only");
  await session.add_note(board, "after the dump");
  assert.equal(session.reconnects, 0);
  session.close();
  assert.equal(pid_now(platform(), "notes"), pid);
  if (!existsSync("/usr/bin/gdb")) return;
  const program = join(platform().root, "var/lib/berth/apps/notes/notes");
  const text = execFileSync("gdb", ["-nx", "-batch", "-ex", "bt", program, file], { encoding: "utf8", timeout: 120_000, stdio: ["ignore", "pipe", "ignore"] });
  assert.match(text, /run_service|main/);
});

// An admin elsewhere.
const far = (...args: string[]) =>
  platform().cli(["--url", `wss://localhost:${platform().https}/manager`, "--password-file", platform().password_file, "--insecure", ...args], { root: false });
const at = (address: string) => `${platform().http_url}/manager/${address}`;
// That of a living service needs no help of the kernel's core_pattern.
const report_with_core = async (): Promise<Json> =>
  (await crashes()).reports.find((one: Json) => one.service === "notes" && one.cause === "request" && one.coreBytes > 0);

test("a core dump is fetched by address from elsewhere, byte for byte", async () => {
  const { id } = await report_with_core();
  const folder = temporary_folder();
  const [here, there] = [join(folder, "here"), join(folder, "there")];
  await platform().berth("crash", "core", id, "-o", here);
  const done = await far("crash", "core", id, "-o", there, "--json");
  assert.equal(done.code, 0, done.stderr);
  const expected = readFileSync(here);
  assert.equal(expected.subarray(0, 4).toString("latin1"), "\x7fELF");
  assert.ok(readFileSync(there).equals(expected), `${statSync(there).size} of ${expected.length} bytes`);
  assert.equal(done.json.bytes, expected.length);
  assert.equal(statSync(there).mode & 0o077, 0, "for its owner only");

  const { download } = await (await platform().admin()).request({ mt: "FetchCore", id });
  assert.equal(download.name, `${id}.core`);
  const answer = await fetch_url(at(download.address));
  assert.equal(answer.status, 200, answer.text.slice(0, 200));
  assert.ok(answer.body.equals(expected));
  assert.ok(answer.headers["content-disposition"]?.includes(`${id}.core`), answer.headers["content-disposition"]);
  assert.equal(answer.headers["cache-control"], "no-store");

  const living = await far("service", "core", "notes", "-o", join(folder, "living"), "--json");
  assert.equal(living.code, 0, living.stderr);
  assert.equal(statSync(join(folder, "living")).size, living.json.bytes);
  const nothing = await far("crash", "core", "notes-20200101-000000-1", "-o", join(folder, "nothing"));
  assert.equal(nothing.code, 3, nothing.stderr);
  assert.deepEqual(readdirSync(folder).sort(), ["here", "living", "there"], "nothing half is left");
});

test("an address serves once, only while the session lives that asked for it, and so many wait at once", async () => {
  const { id } = await report_with_core();
  const admin = await platform().admin();
  const { download } = await admin.request({ mt: "FetchCore", id });
  assert.ok(download.seconds > 0);
  assert.equal((await fetch_url(at("download?key=guess"))).status, 403);
  assert.equal((await fetch_url(at("download"))).status, 403);
  assert.equal((await fetch_url(at(download.address))).status, 200);
  const again = await fetch_url(at(download.address));
  assert.equal(again.status, 403);
  assert.match(again.text, /ask for another one/);

  await platform().berth("config", "set", "downloads", "1");
  const last = (await admin.request({ mt: "FetchCore", id })).download;
  const refused = await (await platform().admin()).request({ mt: "MakeSupportBundle" });
  assert.equal(refused["errorCode"], "unavailable", JSON.stringify(refused));
  assert.match(refused["error"], /downloadSeconds/);
  admin.socket.terminate();
  await until("the end of its session", async () => {
    const other = await platform().admin();
    const answer = await other.request({ mt: "FetchCore", id });
    other.socket.terminate();
    return answer["download"] !== undefined;
  });
  assert.equal((await fetch_url(at(last.address))).status, 403);
  await platform().berth("config", "set", "downloads", "8");
});

test("somebody who isn't admin gets none", async () => {
  const { id } = await report_with_core();
  const url = `ws://localhost:${platform().http}`;
  const stranger = await AppWebsocket.open(`${url}/manager`);
  const got: Json[] = [];
  for (const mt of ["FetchCore", "MakeSupportBundle"]) stranger.send({ mt, id, src: "stranger" });
  const closed = await Promise.race([stranger.closed, stranger.request({ mt: "AppChallenge" }).catch(() => undefined)]);
  got.push(...stranger.unclaimed, closed);
  assert.ok(!JSON.stringify(got).includes("download"), JSON.stringify(got));
  stranger.socket.terminate();
  // A user of an app, with that app's password.
  await assert.rejects(AppWebsocket.login(`${url}/manager`, password_login("notes"), password));
  const user = await AppWebsocket.login(`${url}/example.com/team/notes`, password_login("notes"), password);
  user.send({ mt: "FetchCore", id, src: "user" });
  user.send({ mt: "KeepAlive" });
  await user.next((one) => one.mt === "KeepAlive");
  assert.ok(!JSON.stringify(user.unclaimed).includes("download"), JSON.stringify(user.unclaimed));
  user.close();
});

test("the support bundle is fetched from elsewhere, with core dumps only if they are asked for", async () => {
  const folder = temporary_folder();
  for (const cores of [false, true]) {
    const file = join(folder, `bundle-${cores}.tar.zst`);
    const done = await far("support-bundle", "-o", file, "--json", ...(cores ? ["--cores"] : []));
    assert.equal(done.code, 0, done.stderr);
    assert.equal(statSync(file).size, done.json.bytes);
    const names = execFileSync("tar", ["--zstd", "-tf", file], { encoding: "utf8" });
    assert.match(names, /berth-support\/status\.json/);
    assert.equal(names.includes(".core.zst"), cores, names);
  }
  const { download } = await (await platform().admin()).request({ mt: "MakeSupportBundle", cores: false });
  const answer = await fetch_url(at(download.address));
  assert.equal(Number(answer.headers["content-length"]), answer.body.length, "so that a browser shows how far it is");
  assert.match(answer.headers["content-disposition"] ?? "", /^attachment; .*berth-support\.tar\.zst/);
});

test("an address stands in no log, not even in the one of all requests", async () => {
  await platform().berth("config", "set", "accessLog", "true");
  const { id } = await report_with_core();
  const { download } = await (await platform().admin()).request({ mt: "FetchCore", id });
  const key = download.address.split("=")[1];
  assert.equal((await fetch_url(at(download.address))).status, 200);
  assert.equal((await fetch_url(at(download.address))).status, 403);
  const logs = join(platform().root, "var/log/berth");
  const texts = () =>
    readdirSync(logs, { recursive: true, encoding: "utf8" })
      .filter((name) => name.includes(".log"))
      .map((name) => readFileSync(join(logs, name), "utf8"))
      .join("");
  await until("both requests in the log", () => texts().split("GET /manager/download?...").length > 2);
  assert.ok(!texts().includes(key));
  const bundle = join(temporary_folder(), "bundle.tar.zst");
  await platform().berth("support-bundle", "-o", bundle);
  assert.ok(!execFileSync("tar", ["--zstd", "-xOf", bundle], { maxBuffer: 1 << 30 }).includes(key));
  await platform().berth("config", "set", "accessLog", "false");
});

test("traces are switched on for one instance, at once, and end by themselves or by hand", async () => {
  const query = (name: string) => new RegExp(`${name}@example\\.com query sql=`);
  const work = async (name: string) => {
    const secret = name === "team" ? password : undefined;
    if (secret === undefined) return;
    const session = new NotesSession(`ws://localhost:${platform().http}/example.com/${name}/notes`, secret);
    await session.add_board(`traced ${Math.random()}`);
    session.close();
  };
  await work("team");
  assert.ok(!query("team").test(platform().service_log("notes")), "database traces are off by default");
  const set = (await platform().berth("trace", "set", "team@example.com", "usual,database", "--for", "2h", "--json")).json;
  assert.equal(set.flags, 0x8003);
  assert.equal(set.usualFlags, 0x8001);
  const minutes = (Date.parse(set.until) - Date.now()) / 60_000;
  assert.ok(minutes > 118 && minutes < 121, `${minutes} minutes`);
  await until("a traced query", async () => (await work("team"), query("team").test(platform().service_log("notes"))), 30_000);
  assert.ok(!query("other").test(platform().service_log("notes")), "the other instance is as it was");
  const instance = (await platform().berth("instance", "show", "team@example.com", "--json")).json;
  assert.equal((instance.instance ?? instance).trace.flags, 0x8003);
  assert.match((await platform().berth("trace", "ls")).stdout, /team@example\.com +app,database,app-websocket/);

  await platform().berth("trace", "off", "team@example.com");
  assert.match((await platform().berth("trace", "ls")).stderr + "", /usual/);
  const wrong = await platform().cli(["trace", "set", "team@example.com", "databse"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /no trace flag "databse"/);
  assert.equal((await platform().cli(["trace", "set", "nobody@example.com", "all"])).code, 3);
});

test("the flight recorder has what the log does not show, and is saved by hand", async () => {
  const flight = (await platform().berth("trace", "flight", "notes", "--json")).json;
  assert.ok(flight.lines.some((line: string) => /team@example\.com query sql=/.test(line)));
  const only = (await platform().berth("trace", "flight", "notes", "--instance", "other@example.com", "--json")).json;
  assert.ok(only.lines.every((line: string) => line.includes("other@example.com")));
  const saved = (await platform().berth("service", "report", "notes", "--json")).json;
  assert.equal(saved.cause, "request");
  assert.ok(saved.traceLines > 0);
});

test("the support bundle holds what helps and none of the secrets", async () => {
  const secrets = [password, "seeded-smtp-secret-1", "seeded-backup-secret-2", platform().password];
  for (const [name, secret] of [
    ["mailPassword", secrets[1]],
    ["backupPassphrase", secrets[2]],
    ["alarmWebhooks", "https://user:seeded-url-secret@hooks.example.invalid/T0/seeded-path-secret"],
  ] as const) {
    const file = join(temporary_folder(), "secret");
    writeFileSync(file, secret!, { mode: 0o600 });
    await platform().berth("config", "set", name, "--value-file", file);
  }
  secrets.push("seeded-url-secret", "seeded-path-secret");
  // An app that is careless with what it was given.
  writeFileSync(join(platform().root, "var/log/berth/notes/careless.log"), `11-22 10:00:00.000 password is ${password}, as hex ${Buffer.from(password).toString("hex")}\nAuthorization: Basic c2VlZGVk\n`);
  secrets.push(Buffer.from(password).toString("hex"), "c2VlZGVk");
  const folder = temporary_folder();
  const file = join(folder, "bundle.tar.zst");
  const done = await platform().cli(["support-bundle", "-o", file, "--json"]);
  assert.equal(done.code, 0, done.stderr);
  execFileSync("tar", ["--zstd", "-xf", file, "-C", folder]);
  const found = new Map<string, string>();
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(path, entry.name));
      else if (path !== folder) found.set(join(path, entry.name).slice(folder.length + "/berth-support/".length), readFileSync(join(path, entry.name), "latin1"));
    }
  };
  walk(folder);
  for (const name of ["status.json", "services.json", "instances.json", "settings.json", "alarms.json", "jobs.json", "machine.txt", "crashes/crashes.json", "flight_recorders/notes.txt", "logs/notes/notes.log", "logs/notes/careless.log", "logs/manager/manager.log"])
    assert.ok(found.has(name), `${name} of ${[...found.keys()].join(" ")}`);
  assert.ok(![...found.keys()].some((name) => name.includes(".core")), "no core dumps unless asked for");
  for (const [name, text] of found) for (const secret of secrets) assert.ok(!text.includes(secret!), `${secret} in ${name}`);
  assert.match(found.get("logs/notes/careless.log")!, /password is \[removed\], as hex \[removed\]/);
  console.log(`support bundle: ${statSync(file).size} bytes, ${found.size} files`);
});

test("a thousand old core dumps do not keep the manager from starting", async () => {
  const root = join(temporary_folder(), "root");
  for (const service of ["notes", "echo"]) mkdirSync(join(root, "var/log/berth/core_dumps", service), { recursive: true });
  mkdirSync(join(root, "var/lib/berth/work/notes"), { recursive: true });
  for (let i = 0; i < 1_000; i++) {
    const fd = openSync(join(root, `var/log/berth/core_dumps/${i % 2 ? "notes" : "echo"}/core.${i}`), "w");
    ftruncateSync(fd, 64 << 20);
    closeSync(fd);
  }
  const started = Date.now();
  // A fresh root makes its database first; the second start is the one that counts.
  const first = await Platform.start({ root });
  await first.stop();
  for (let i = 0; i < 1_000; i++) writeFileSync(join(root, `var/log/berth/core_dumps/notes/core.again.${i}`), "\x7fELF");
  const again = Date.now();
  const second = await Platform.start({ root });
  const ms = Date.now() - again;
  console.log(`start with 1,000 old core dumps: ${ms} ms (the first start: ${again - started} ms)`);
  assert.ok(ms < 5_000 * slowness, `${ms} ms`);
  await until("the old ones to go", () => readdirSync(join(root, "var/log/berth/core_dumps/notes")).length <= 10, 30_000);
  await second.stop();
  await second.destroy();
});

test("a package brings its debug information along: frames have names and lines, of a program that has none itself", async () => {
  const store = new FakeStore(join(build, "store/demo"));
  const key = store.make_key();
  const index = store.read_index();
  index.apps = index.apps.filter((app: { id: string }) => app.id === "echo");
  const binary = join(store.folder, store.files().find((name) => name.endsWith("/echo"))!);
  execFileSync("objcopy", ["--only-keep-debug", "--compress-debug-sections", binary, `${binary}.debug`]);
  execFileSync("strip", ["--strip-all", binary]);
  execFileSync("objcopy", [`--add-gnu-debuglink=${binary}.debug`, binary]);
  const [version] = index.apps[0].versions;
  const arch = Object.keys(version.sha256)[0]!.split("/")[0]!;
  const pack = (files: string[]): string => {
    version.sha256 = Object.fromEntries(files.map((name) => [`${arch}/${name}`, sha256_of(readFileSync(join(binary, "..", name)))]));
    version.size = {};
    store.write_index(index);
    const file = join(temporary_folder(), "echo.tar");
    execFileSync("tar", ["-cf", file, "-C", store.folder, "."]);
    return file;
  };
  const one = await Platform.start({ env });
  try {
    await one.berth("config", "set", "storeKeys", key);
    const own_frames = async (file: string): Promise<Json[]> => {
      await one.berth("service", "install", "--file", file, "--wait");
      await until("echo", () => pid_now(one, "echo"));
      const { report } = await (await one.admin()).request({ mt: "MakeReport", service: "echo", core: true });
      const told = (await one.berth("crash", "show", report.id, "--json")).json.report;
      return told.stack.filter((frame: Json) => frame.module === "echo");
    };
    const bare = await own_frames(pack(["echo", "echo.png"]));
    assert.ok(!bare.some((frame) => frame.function === "main"), "the program has no names of its own");
    await one.berth("service", "rm", "echo", "--yes", "--wait");

    const named = await own_frames(pack(["echo", "echo.debug", "echo.png"]));
    const main = named.find((frame) => frame.function === "main");
    assert.match(main?.place ?? "", /^main\.cc:\d+$/, JSON.stringify(named));
    if (!has_cores) return;
    await one.create("echo", "e", "example.com");
    const old = await until("echo", () => pid_now(one, "echo"));
    await until("the path", async () => (await fetch_url(`${one.http_url}/example.com/e/bytes/5`)).status === 200);
    await fetch_url(`${one.http_url}/example.com/e/crash`, { method: "POST" }).catch(() => undefined);
    await back(one, "echo", old);
    const crash = await until("the report", async () => (await one.berth("crash", "ls", "--json")).json.reports.find((report: Json) => report.cause === "crash"), 120_000);
    assert.match(crash.place, /EchoInstance::crash.* \(\w+\.cc:\d+\)$/, JSON.stringify(crash));
  } finally {
    await one.stop();
    await one.destroy();
  }
});

test("a session of an app is not traced with what it sends", async () => {
  const url = `ws://localhost:${platform().http}/example.com/team/notes`;
  const session = await AppWebsocket.login(url, password_login("notes"), password);
  session.close();
  const flight = (await platform().berth("trace", "flight", "notes", "-n", "20000", "--json")).json;
  for (const line of flight.lines) assert.ok(!line.includes(password) && !/digest=/.test(line), line);
});
