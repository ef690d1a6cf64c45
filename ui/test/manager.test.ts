// The manager page's decisions, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRoute, parseRoute } from "../kit/route";
import type { Check, Instance, Job, Service, Status, StoreApp } from "../manager/api";
import { keyedAddress } from "../manager/backup";
import { commands, quote } from "../manager/commands";
import { secondsLeft } from "../manager/foot";
import { byteLength, checkNames } from "../manager/instance_names";
import { sortInstances } from "../manager/instance_table";
import { appendLines, kKeptLines, levelOf, makeFilter } from "../manager/log_lines";
import { findEntries, rank } from "../manager/palette";
import { addressOfCheck, assess, canAccept, fromSnapshot, reduce } from "../manager/platform";
import { settingProblem } from "../manager/settings_page";
import { findApps } from "../manager/store_page";
import { hasFlag, withFlag } from "../manager/trace_flags";
import { filterTree } from "../manager/tree";

const status: Status = {
  state: "running",
  version: "0.1.0",
  build: "1",
  root: "/r",
  uptime: 1,
  http: 1,
  https: 2,
  url: "",
  fingerprint: "",
  dns: "",
  processes: [],
  services: 1,
  instances: 2,
  disk: { totalBytes: 10, freeBytes: 5 },
  developerMode: false,
  modes: [],
  checks: [],
};
const service = (id: string, more: Partial<Service> = {}): Service => ({
  id,
  title: id[0]!.toUpperCase() + id.slice(1),
  manufacturer: "",
  state: "running",
  build: "1",
  label: "1",
  restarts: 0,
  memoryBytes: 1,
  sessions: 0,
  icon: "",
  apps: [],
  sandbox: [],
  instances: 0,
  processes: [],
  ...more,
});
const instance = (key: string, more: Partial<Instance> = {}): Instance => {
  const [name = "", domain = ""] = key.split("@");
  return {
    service: "notes",
    name,
    domain,
    state: "running",
    detail: "",
    path: `/${domain}/${name}`,
    url: "",
    app: "notes",
    database: `${domain}_${name}`,
    databaseUser: "",
    databaseHost: "",
    databaseBytes: 1,
    sessions: 0,
    logFlags: 0,
    excludeFromBackup: false,
    isolated: false,
    kept: [],
    ...more,
  };
};
const job = (id: string, more: Partial<Job> = {}): Job => ({
  id,
  kind: "install",
  title: "",
  target: "",
  state: "running",
  step: 1,
  steps: 2,
  stepText: "",
  percent: 0,
  by: "Admin",
  ...more,
});
const start = () =>
  fromSnapshot({
    mt: "SubscribeResult",
    status,
    services: [service("notes")],
    instances: [instance("team@example.com"), instance("sales@example.com")],
    jobs: [job("1")],
  });

test("indications change only what they name", () => {
  let now = start();
  now = reduce(now, { mt: "InstanceChanged", instance: instance("team@example.com", { state: "stopped" }) });
  assert.equal(now.instances.get("team@example.com")?.state, "stopped");
  assert.equal(now.instances.get("sales@example.com")?.state, "running");
  now = reduce(now, { mt: "InstanceRemoved", name: "sales", domain: "example.com" });
  assert.deepEqual([...now.instances.keys()], ["team@example.com"]);
  now = reduce(now, { mt: "JobChanged", job: job("2") });
  now = reduce(now, { mt: "ServiceRemoved", id: "notes" });
  assert.equal(now.services.size, 0);
  assert.deepEqual([...now.jobs.keys()], ["1", "2"]);
});

test("an unknown indication changes nothing", () => {
  const now = start();
  assert.equal(reduce(now, { mt: "StoreChanged" }), now);
});

test("jobs do not grow without bound", () => {
  let now = start();
  for (let i = 2; i < 700; i++) now = reduce(now, { mt: "JobChanged", job: job(String(i)) });
  assert.equal(now.jobs.size, 500);
  assert.ok(now.jobs.has("699"));
});

test("a service that is down is one thing to do, not one for each of its instances", () => {
  let now = start();
  now = reduce(now, { mt: "InstanceChanged", instance: instance("team@example.com", { state: "failed" }) });
  assert.equal(assess(now).count, 1);
  now = reduce(now, { mt: "ServiceChanged", service: service("notes", { state: "crashed" }) });
  assert.deepEqual(assess(now).failedInstances, []);
  assert.equal(assess(now).count, 1);
});

const check = (id: string, severity: "ok" | "warning" | "error", more: Partial<Check> = {}): Check => ({
  id,
  severity,
  text: id,
  why: "",
  fix: "",
  command: "",
  values: [],
  accepted: false,
  ...more,
});

test("findings that are well are none, errors come first, accepted ones ask for nothing", () => {
  const checks = [
    check("disk", "ok"),
    check("certificate-self-signed", "warning"),
    check("sandbox", "warning", { accepted: true }),
    check("certificate-ends", "error"),
  ];
  const found = assess(reduce(start(), { mt: "StatusChanged", status: { ...status, checks } }));
  assert.deepEqual(
    found.findings.map((one) => one.id),
    ["certificate-ends", "certificate-self-signed"],
  );
  assert.deepEqual(
    found.accepted.map((one) => one.id),
    ["sandbox"],
  );
  assert.equal(found.count, 2);
});

test("a finding leads to the place where it is mended", () => {
  const { services } = start();
  const leads = (one: Check) => addressOfCheck(one, services);
  assert.equal(leads(check("certificate-ends", "error")), "#/settings/certificate");
  assert.equal(leads(check("process-notes", "error")), "#/service/notes/log");
  assert.equal(leads(check("process-postgres", "error")), "#/platform/postgres");
  const values = ["1", "7", "büro@example.com", "büro@example.com"];
  assert.equal(leads(check("backup", "warning", { values })), "#/instance/b%C3%BCro@example.com/data");
  assert.equal(leads(check("disk-forecast", "warning")), "#/monitoring/disk");
  assert.equal(leads(check("apps-stopped", "error")), "#/monitoring/disk");
  assert.equal(
    leads(check("quota-near-team@example.com", "warning", { values: ["team@example.com"] })),
    "#/instance/team@example.com/settings",
  );
  assert.equal(leads(check("file-system-vda1", "error")), "#/alarms/history");
  assert.equal(leads(check("not-root", "warning")), undefined);
});

test("warnings can be accepted; errors and dying processes cannot", () => {
  assert.equal(canAccept(check("sandbox", "warning")), true);
  assert.equal(canAccept(check("disk", "error")), false);
  assert.equal(canAccept(check("process-notes", "warning")), false);
});

test("addresses survive the way through the address bar", () => {
  const address = formatRoute(["instance", "tëam@example.com", "log"], { q: "a&b=c", level: undefined });
  assert.equal(address, "#/instance/t%C3%ABam@example.com/log?q=a%26b%3Dc");
  const parsed = parseRoute(address);
  assert.deepEqual(parsed.path, ["instance", "tëam@example.com", "log"]);
  assert.equal(parsed.query.get("q"), "a&b=c");
  assert.deepEqual(parseRoute("#/store/100%").path, ["store", "100%"]);
});

test("the 63-byte rule counts bytes, not letters", () => {
  const domain = "example.com";
  const fits = checkNames("n".repeat(63 - domain.length - 1), domain);
  assert.equal(fits.bytes, 63);
  assert.equal(fits.tooLong, false);
  assert.equal(checkNames("n".repeat(52), domain).tooLong, true);
  const wide = checkNames("bücher", domain);
  assert.equal(wide.bytes, "example.com_bücher".length + 1);
  assert.equal(wide.wide, true);
  assert.equal(byteLength("€"), 3);
  assert.equal(wide.path, "/example.com/bücher");
});

test("commands are quoted as a shell needs it", () => {
  assert.equal(quote("team@example.com"), "team@example.com");
  assert.equal(quote("it's $HOME"), "'it'\\''s $HOME'");
  assert.equal(
    commands.createInstance("notes", "team", "example.com"),
    "berth instance create notes --name team --domain example.com",
  );
  assert.equal(commands.editInstance("a@b", {}), undefined);
  assert.equal(
    commands.editInstance("a@b", { newName: "c", logFlags: 0x8003, excludeFromBackup: false, isolated: true }),
    "berth instance edit a@b --name c --log-flags 0x8003 --exclude-from-backup no --isolated yes",
  );
  assert.equal(commands.deleteInstance("a b@x", true), "berth instance rm 'a b@x' --now");
});

test("keyed addresses lie in the manager's folder whatever build the page has", () => {
  const query = { key: "k1", appName: "a&b", appDomain: "ex.com" };
  const expected = "https://h:8443/manager/backup?key=k1&appName=a%26b&appDomain=ex.com";
  assert.equal(keyedAddress("https://h:8443/manager/manager.htm#/x", "backup", query), expected);
  assert.equal(keyedAddress("https://h:8443/manager/1a2b/manager.htm", "backup", query), expected);
});

test("the tree's filter finds by name, domain, service and state, all words together", () => {
  const services = [service("notes"), service("files")];
  const all = [
    instance("team@example.com"),
    instance("team@acme.org", { state: "stopped" }),
    instance("files@acme.org", { service: "files" }),
  ];
  const found = (wanted: string) =>
    filterTree(wanted, services, all).map((one) => [one.service.id, ...one.instances.map((i) => i.domain)]);
  assert.deepEqual(found("acme"), [
    ["notes", "acme.org"],
    ["files", "acme.org"],
  ]);
  assert.deepEqual(found("team stopped"), [["notes", "acme.org"]]);
  assert.deepEqual(found("files"), [["files", "acme.org"]]);
  assert.deepEqual(found("nothing"), []);
});

test("instances sort by number or by name, ties by name", () => {
  const all = [
    instance("b@x", { databaseBytes: 5 }),
    instance("a@x", { databaseBytes: 5 }),
    instance("c@x", { databaseBytes: 10 }),
  ];
  assert.deepEqual(
    sortInstances(all, "size", true).map((one) => one.name),
    ["c", "b", "a"],
  );
  assert.deepEqual(
    sortInstances(all, "name", false).map((one) => one.name),
    ["a", "b", "c"],
  );
});

test("the palette prefers beginnings to words to letters", () => {
  const entry = (text: string) => ({ text, hint: "", icon: "store" as const, run: () => undefined });
  const entries = ["Restore", "team@store.com", "Store", "Settings of the royal era"].map(entry);
  assert.deepEqual(
    findEntries(entries, "store")
      .map((one) => one.text)
      .slice(0, 3),
    ["Store", "team@store.com", "Restore"],
  );
  assert.equal(rank("Overview", "xyz"), undefined);
  assert.notEqual(rank("Restart team@example.com", "team restart"), undefined);
});

test("the store is searched by words and category", () => {
  const app = (id: string, description: string, categories: string[]): StoreApp => ({
    id,
    folder: id,
    title: id,
    description,
    manufacturer: "",
    infourl: "",
    logo: "",
    versions: [],
    state: { installed: false, build: "", updateAvailable: false },
    categories,
    langs: [],
    signed: true,
    size: 0,
    wants: [],
  });
  const apps = [app("notes", "shared boards", ["team"]), app("files", "shared folders", ["team", "storage"])];
  assert.deepEqual(findApps(apps, "shared", "").length, 2);
  assert.deepEqual(
    findApps(apps, "shared fold", "").map((one) => one.id),
    ["files"],
  );
  assert.deepEqual(
    findApps(apps, "", "storage").map((one) => one.id),
    ["files"],
  );
});

test("log lines are filtered by text, expression and severity", () => {
  const lines = ["App started", "App ERROR no database", "Database WARN slow 12 ms"];
  const kept = (text: string, regex: boolean, level: "" | "warning" | "error") =>
    lines.filter(makeFilter({ text, regex, level }).test);
  assert.deepEqual(kept("app", false, ""), lines.slice(0, 2));
  assert.deepEqual(kept("\\d+ ms$", true, ""), [lines[2]]);
  assert.deepEqual(kept("", false, "warning"), lines.slice(1));
  assert.deepEqual(kept("", false, "error"), [lines[1]]);
  assert.ok(makeFilter({ text: "(", regex: true, level: "" }).error);
  assert.equal(levelOf("no terrors here"), "info");
});

test("the log keeps the newest lines", () => {
  const many = Array.from({ length: kKeptLines }, (_, i) => String(i));
  const kept = appendLines(many, ["new"]);
  assert.equal(kept.length, kKeptLines);
  assert.equal(kept.at(-1), "new");
  assert.equal(kept[0], "1");
});

test("trace flags above 32 bits are kept when others change", () => {
  const mask = 2 ** 33 + 0x8001;
  assert.equal(hasFlag(mask, 33), true);
  assert.equal(hasFlag(mask, 15), true);
  assert.equal(withFlag(mask, 1, true), 2 ** 33 + 0x8003);
  assert.equal(withFlag(mask, 33, false), 0x8001);
  assert.equal(withFlag(mask, 0, true), mask);
});

test("what is left of a job is told only once it means something", () => {
  const at = Date.parse("2026-05-01T12:00:10Z");
  assert.equal(secondsLeft(job("1", { percent: 2, startedAt: "2026-05-01T12:00:00Z" }), at), undefined);
  assert.equal(secondsLeft(job("1", { percent: 25, startedAt: "2026-05-01T12:00:00Z" }), at), 30);
  assert.equal(secondsLeft(job("1", { percent: 25 }), at), undefined);
});

test("a setting's value is checked by type and range", () => {
  const setting = {
    name: "n",
    value: "7",
    type: "integer" as const,
    default: "7",
    min: 1,
    max: 90,
    choices: [],
    secret: false,
    text: "",
  };
  assert.equal(settingProblem(setting, "90"), undefined);
  for (const bad of ["", "0", "91", "7.5", "x"]) assert.ok(settingProblem(setting, bad), bad);
});
