// Decisions about backups and restores, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { language } from "../kit/settings";
import type { BackupItem, BackupPolicy, BackupProof, BackupSet, BackupTarget, Instance, Service } from "../manager/api";
import {
  formatKeep,
  formatSchedule,
  keepText,
  parseKeep,
  parseSchedule,
  reasonText,
  scheduleText,
} from "../manager/backup_words";
import { assessBackups, type Backups } from "../manager/backups";
import { commands } from "../manager/commands";
import { destinationOf, isNewer, itemProblem } from "../manager/restore_plan";
import { targetForm, targetOf, targetProblem } from "../manager/target_dialog";

language.value = "en";

test("a schedule reads as words and survives the form", () => {
  const words = {
    never: "only by hand",
    "hourly :15": "every hour at minute 15",
    "daily 02:00": "every day at 02:00",
    "weekly sun 03:30": "every Sunday at 03:30",
    "monthly 15 23:05": "every month on day 15 at 23:05",
    "*/30 8-18 * * 1-5": "at */30 8-18 * * 1-5 (crontab)",
  };
  for (const [text, expected] of Object.entries(words)) {
    assert.equal(scheduleText(text), expected);
    assert.equal(formatSchedule(parseSchedule(text)), text);
  }
  // What is left out has the manager's defaults.
  assert.equal(formatSchedule(parseSchedule("")), "daily 02:00");
  assert.equal(formatSchedule(parseSchedule("weekly")), "weekly sun 02:00");
  assert.equal(formatSchedule(parseSchedule("monthly")), "monthly 1 02:00");
  assert.equal(formatSchedule(parseSchedule("hourly")), "hourly :00");
});

test("rules how long read as words; without one everything stays", () => {
  assert.equal(keepText("last=1,daily=7,weekly=4"), "the last one, one a day for 7 days, one a week for 4 weeks");
  assert.equal(keepText("all"), "all are kept");
  assert.equal(formatKeep(parseKeep("daily=7, last=2")), "last=2,daily=7");
  assert.equal(formatKeep(parseKeep("all")), "all");
});

test("why a set stays or goes is told in the reader's words", () => {
  assert.equal(reasonText("newest"), "the newest");
  assert.equal(reasonText("newest backup of team@example.com"), "newest backup of team@example.com");
  language.value = "de";
  assert.equal(reasonText("daily 2026-11-22"), "vom Tag 2026-11-22");
  assert.equal(reasonText("weekly of 2026-11-16"), "von der Woche ab 2026-11-16");
  language.value = "en";
  assert.equal(reasonText("a reason of tomorrow"), "a reason of tomorrow");
});

const instance = (key: string, more: Partial<Instance> = {}): Instance => {
  const [name = "", domain = ""] = key.split("@");
  return {
    service: "notes",
    name,
    domain,
    state: "running",
    detail: "",
    path: "",
    url: "",
    app: "notes",
    database: "",
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
const item = (key: string, more: Partial<BackupItem> = {}): BackupItem => {
  const [name = "", domain = ""] = key.split("@");
  return {
    set: "s1",
    name,
    domain,
    service: "notes",
    build: "100",
    label: "1.0",
    state: "written",
    error: "",
    bytes: 1,
    sha256: "",
    tables: 1,
    rows: 1,
    ...more,
  };
};
const set = (id: string, more: Partial<BackupSet> = {}): BackupSet => ({
  id,
  policy: "daily",
  target: "local",
  job: "",
  state: "good",
  error: "",
  startedAt: "2026-11-22T01:00:00Z",
  ...more,
});
const policy: BackupPolicy = {
  name: "daily",
  target: "local",
  scope: "all",
  instance: "",
  domain: "",
  excluded: [],
  schedule: "daily 02:00",
  keep: "daily=7",
  enabled: true,
  verify: true,
  dueAt: "2026-11-23T01:00:00Z",
  wouldBackUp: [],
};
const target: BackupTarget = {
  name: "local",
  kind: "directory",
  place: "/backup",
  options: [],
  appendOnly: false,
  error: "",
};
const proof: BackupProof = {
  name: "team",
  domain: "example.com",
  set: "s1",
  error: "",
  provenAt: "2026-11-21T01:00:00Z",
  provenMs: 900,
};
const well = (more: Partial<Backups> = {}): Backups => ({
  policies: [policy],
  targets: [target],
  sets: [set("s1")],
  newest: new Map([["team@example.com", item("team@example.com")]]),
  proofs: new Map([["team@example.com", proof]]),
  ...more,
});
const kinds = (known: Backups, instances: Instance[]) =>
  assessBackups(known, instances).troubles.map((one) => one.kind);

test("backups are well when a policy runs, the last set is good and each instance is in one", () => {
  const found = assessBackups(well(), [instance("team@example.com")]);
  assert.deepEqual(found.troubles, []);
  assert.equal(found.lastGood?.id, "s1");
  assert.equal(found.next?.name, "daily");
  assert.deepEqual([found.proven, found.wanted], [1, 1]);
  assert.equal(found.oldestProof, proof.provenAt);
});

test("a failed drill is worse than a failed set, and that is worse than an instance without a backup", () => {
  const known = well({
    sets: [set("s3", { state: "running" }), set("s2", { state: "damaged" }), set("s1")],
    proofs: new Map([["team@example.com", { ...proof, error: "3 rows are missing" }]]),
  });
  assert.deepEqual(kinds(known, [instance("team@example.com"), instance("new@example.com")]), [
    "drill",
    "lastBad",
    "without",
  ]);
});

test("no policy, no set and a target that fails are each told; what is left out on purpose is not missed", () => {
  const leftOut = instance("archive@example.com", { excludeFromBackup: true });
  assert.deepEqual(kinds(well(), [instance("team@example.com"), leftOut]), []);
  assert.deepEqual(kinds(well({ policies: [{ ...policy, enabled: false }] }), []), ["noPolicy"]);
  assert.deepEqual(kinds(well({ sets: [], newest: new Map() }), [instance("team@example.com")]), ["noSet"]);
  assert.deepEqual(kinds(well({ targets: [{ ...target, error: "gone" }] }), []), ["target"]);
});

const services = new Map<string, Service>([
  [
    "notes",
    {
      id: "notes",
      title: "Notes",
      manufacturer: "",
      state: "running",
      build: "100",
      label: "1.0",
      restarts: 0,
      memoryBytes: 0,
      sessions: 0,
      icon: "",
      apps: [],
      sandbox: [],
      instances: 1,
      processes: [],
    },
  ],
]);

test("what does not fit is said before anything is moved, with the way on", () => {
  const problem = (one: BackupItem, state: BackupSet["state"] = "good") =>
    itemProblem(set("s1", { state }), [one], "team@example.com", services);
  assert.equal(problem(item("team@example.com")), undefined);
  assert.equal(problem(item("team@example.com"), "partial"), undefined);
  assert.match(problem(item("team@example.com"), "damaged")!, /choose another/);
  assert.match(problem(item("other@example.com"))!, /not in this set/);
  assert.match(problem(item("team@example.com", { service: "files" }))!, /install it first/);
  assert.match(problem(item("team@example.com", { build: "101" }))!, /update the app first/);
  assert.equal(problem(item("team@example.com", { state: "failed", error: "no role" })), "no role");
});

test("builds are compared as numbers", () => {
  assert.equal(isNewer("99", "100"), false);
  assert.equal(isNewer("0100", "100"), false);
  assert.equal(isNewer("101", "100"), true);
});

test("a new name must be free; data on another server are not overwritten", () => {
  const there = new Map([
    ["team@example.com", instance("team@example.com")],
    [
      "far@example.com",
      instance("far@example.com", {
        external: { type: "postgresql", host: "db.example.com", database: "x", user: "x" },
      }),
    ],
  ]);
  const as = (name: string) => ({ on: true, name, domain: "example.com" });
  const same = { on: false, name: "", domain: "" };
  assert.deepEqual(destinationOf("team@example.com", same, there), {
    key: "team@example.com",
    isNew: false,
    problem: undefined,
  });
  assert.equal(destinationOf("gone@example.com", same, there).isNew, true);
  assert.match(destinationOf("team@example.com", as("team"), there).problem!, /already/);
  assert.equal(destinationOf("team@example.com", as("copy"), there).problem, undefined);
  assert.match(destinationOf("far@example.com", same, there).problem!, /under a new name/);
});

test("a target says what it still needs, and only options of its kind are sent", () => {
  const form = { ...targetForm(), name: "nas", kind: "sftp" as const, place: "sftp://nas.example.com/berth" };
  assert.match(targetProblem(form, true)!, /sftp:\/\/user@host/);
  const placed = { ...form, place: "sftp://berth@nas.example.com/berth" };
  assert.match(targetProblem(placed, true)!, /hostKey/);
  const whole = { ...placed, options: { hostKey: "ssh-ed25519 AAAA", region: "eu" } };
  assert.equal(targetProblem(whole, true), undefined);
  assert.deepEqual(targetOf(whole).options, [{ name: "hostKey", value: "ssh-ed25519 AAAA" }]);
  assert.match(targetProblem({ ...targetForm(), place: "backup" }, true)!, /beginning with/);
});

test("every act of backups has its command", () => {
  assert.equal(
    commands.policy({ ...policy, name: "offsite", excluded: ["a@b", "c@d"] }),
    "berth backup policy set offsite --target local --exclude a@b,c@d --schedule 'daily 02:00' --keep daily=7",
  );
  assert.equal(
    commands.target({ ...target, name: "disk", place: "/mnt/my disk", appendOnly: true }, false),
    "berth backup target add disk --kind directory --place '/mnt/my disk' --append-only",
  );
  assert.equal(
    commands.restoreFromSet("team@example.com", "20261122-020000-3fa9", "copy@example.com"),
    "berth instance restore team@example.com --from 20261122-020000-3fa9 --as copy@example.com --wait",
  );
});
