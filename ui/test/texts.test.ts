import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import notesDe from "../../apps/notes/ui/texts/de.json";
import notesEn from "../../apps/notes/ui/texts/en.json";
import { ago, duration, fill, size } from "../kit/i18n";
import { language } from "../kit/settings";
import kitDe from "../kit/texts/de.json";
import kitEn from "../kit/texts/en.json";
import type { Alarm, Check } from "../manager/api";
import { alarmKind, alarmText, checkText, phrase } from "../manager/platform_texts";
import { t, tn } from "../manager/texts";
import managerDe from "../manager/texts/de.json";
import managerEn from "../manager/texts/en.json";
import platformDe from "../manager/texts/platform.de.json";

const pages = [
  { name: "kit", en: kitEn, de: kitDe, folder: "kit/components" },
  { name: "manager", en: managerEn, de: managerDe, folder: "manager" },
  { name: "notes", en: notesEn, de: notesDe, folder: "../apps/notes/ui" },
];

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

for (const { name, en, de, folder } of pages) {
  test(`${name}: both languages have the same texts with the same places`, () => {
    assert.deepEqual(Object.keys(de), Object.keys(en));
    for (const [key, text] of Object.entries(en)) {
      const translated = (de as Record<string, string>)[key]!;
      assert.deepEqual(placeholders(translated), placeholders(text), key);
      assert.ok(translated.trim(), key);
    }
  });

  test(`${name}: every text is used`, () => {
    const source = readdirSync(folder)
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => readFileSync(`${folder}/${file}`, "utf8"))
      .join("\n");
    const families = [...source.matchAll(/`(\w+)\.\$\{/g)].map((found) => found[1]);
    const unused = Object.keys(en).filter((key) => {
      const base = key.replace(/#.*/, "");
      return !source.includes(`"${base}"`) && !families.includes(base.split(".")[0]);
    });
    assert.deepEqual(unused, []);
  });

  test(`${name}: each plural has the forms both languages need`, () => {
    for (const key of Object.keys(en)) {
      if (!key.includes("#")) continue;
      const base = key.replace(/#.*/, "");
      for (const form of ["one", "other"]) assert.ok(`${base}#${form}` in en, `${base}#${form}`);
    }
  });
}

test("numbers choose their form and their digits by the language", () => {
  language.value = "en";
  assert.equal(tn("over.instances", 1), "1 instance");
  assert.equal(tn("over.instances", 1200), "1,200 instances");
  language.value = "de";
  assert.equal(tn("over.instances", 1200), "1.200 Instanzen");
  assert.equal(t("state.running"), "läuft");
  language.value = "en";
});

test("unknown places stay visible instead of vanishing", () => {
  assert.equal(fill("{known} {unknown}", { known: 1 }), "1 {unknown}");
});

test("sizes have at most three digits", () => {
  language.value = "en";
  const shown = [0, 999, 1000, 9_840_000, 99_600_000, 999_600_000, 1_240_000_000, 16e12].map(size);
  assert.deepEqual(shown, ["0 B", "999 B", "1 kB", "9.8 MB", "100 MB", "1 GB", "1.2 GB", "16 TB"]);
});

test("times near and far read like speech", () => {
  language.value = "en";
  const now = Date.parse("2026-05-01T12:00:00Z");
  const at = (seconds: number) => ago(new Date(now - seconds * 1000).toISOString(), now);
  assert.deepEqual([0, 30, 90, 3 * 3600, 26 * 3600, -3 * 86_400].map(at), [
    "now",
    "30 seconds ago",
    "1 minute ago",
    "3 hours ago",
    "yesterday",
    "in 3 days",
  ]);
});

test("lengths of time have their two greatest units", () => {
  assert.deepEqual([0, 59, 60, 125, 3 * 3600, 90_061].map(duration), [
    "0 s",
    "59 s",
    "1 min",
    "2 min 5 s",
    "3 h",
    "1 d 1 h",
  ]);
});

const manager = (file: string) => readFileSync(`../manager/${file}`, "utf8");
const inGerman = Object.keys(platformDe);

test("every finding of the platform is told in German, whole", () => {
  const ids = [...manager("platform/checks.cc").matchAll(/make_check\("([a-z-]+)"/g)].map((found) => found[1]!);
  assert.ok(ids.length >= 8, String(ids));
  for (const id of ids.map((one) => one.replace(/^(process|backup-target|database-taken)-$/, "$1")))
    for (const part of id === "process" ? ["text", "fix"] : ["text", "why", "fix"])
      assert.ok(inGerman.includes(`check.${id}.${part}`), `check.${id}.${part}`);
});

test("every finding that is made elsewhere in the platform is told in German, whole", () => {
  // Files, and how the ids stand in them.
  const found = {
    "disk/disk_policy.cc": /make_check\("([a-z-]+)"/g,
    "archive/policy.cc": /add\("([a-z-]+)"/g,
    "capture/capture_switch.cc": /check\.id = "([a-z-]+)"/g,
    "alarms/alarm_setup.cc": /check\.id = "([a-z-]+)"/g,
    "monitor/file_system_watch.cc": /check\.id = "([a-z-]+)-"/g,
    "monitor/service_watch.cc": /check\.id = "([a-z-]+)-"/g,
  };
  for (const [file, pattern] of Object.entries(found)) {
    const ids = [...manager(file).matchAll(pattern)].map((one) => one[1]!);
    assert.ok(ids.length > 0, file);
    for (const id of ids)
      for (const part of id === "capture-failed" ? ["text", "fix"] : ["text", "why", "fix"])
        assert.ok(inGerman.includes(`check.${id}.${part}`), `check.${id}.${part}`);
  }
});

test("every kind of alarm and every event of the platform is told in German", () => {
  language.value = "de";
  const codes = [...manager("alarms/alarm.h").matchAll(/k[A-Za-z]+ = (0x0024ff[0-9a-f]{2})/g)].map((one) => one[1]!);
  assert.ok(codes.length >= 15, String(codes));
  for (const code of codes) assert.ok(alarmKind(Number(code)), code);
  assert.equal(alarmKind(0x00240001), undefined, "an app's own");
  for (const file of [
    "alarms/alarms.cc",
    "endpoints/admin_crashes.cc",
    "monitor/file_system_watch.cc",
    "platform/platform_wiring.cc",
  ]) {
    const said = manager(file).matchAll(
      /(?:condition|event)\.(?:text|details|fix) =\s*(?:fmt::format\(\s*)?((?:"[^"]*"\s*)+)/g,
    );
    for (const [, literals] of said) {
      const text = [...literals!.matchAll(/"([^"]*)"/g)]
        .map((one) => one[1])
        .join("")
        .replaceAll("{}", "X");
      assert.notEqual(phrase(text), text, `${file}: ${text}`);
    }
  }
  language.value = "en";
});

test("an alarm of the platform is told in the reader's language, one of an app as the app said it", () => {
  const alarm = (code: number, text: string, more: Partial<Alarm> = {}): Alarm => ({
    id: 1,
    code,
    severity: "major",
    source: "platform",
    text,
    details: "",
    fix: "",
    command: "",
    event: true,
    raisedAt: "2026-11-23T08:00:00Z",
    count: 1,
    acknowledgedBy: "",
    ...more,
  });
  const ended = "Notes ended by itself: signal 11 (Segmentation fault)";
  assert.equal(alarmText(alarm(0x0024ff05, ended), "text"), ended);
  language.value = "de";
  const event = alarm(0x0024ff05, ended, { details: "It is started again by itself." });
  assert.equal(alarmText(event, "text"), "Notes hat sich von selbst beendet: signal 11 (Segmentation fault)");
  assert.equal(alarmText(event, "details"), "Wird von selbst wieder gestartet.");
  assert.equal(
    alarmText(alarm(0x0024ff05, "A shell was opened within Notes by root."), "text"),
    "In Notes wurde eine Shell geöffnet, von root.",
  );
  assert.equal(
    alarmText(alarm(0x0024ff04, "Broken file system: 1 error on /dev/vda1, mounted at /."), "text"),
    "Kaputtes Dateisystem: 1 Fehler auf /dev/vda1, eingehängt unter /.",
  );
  // What is over has no finding any more that could be told: its kind, and what was said.
  assert.equal(
    alarmText(alarm(0x0024ff01, "The disk is 91 % full."), "text"),
    "Platte fast voll: The disk is 91 % full.",
  );
  // An app's words are its own, though they look like ours.
  assert.equal(alarmText(alarm(0x00240001, ended), "text"), ended);
  language.value = "en";
});

test("every setting and every step of a job is told in German", () => {
  const names = [...manager("settings/settings.cc").matchAll(/_item\(\s*"([A-Za-z0-9]+)"/g)].map((found) => found[1]!);
  const limits = [...manager("settings/settings.cc").matchAll(/(?<!= )\{"([A-Za-z0-9]+)", "/g)].map(
    (found) => `webserver.${found[1]}`,
  );
  assert.ok(names.length > 10 && limits.length > 10);
  for (const name of [...names, ...limits]) assert.ok(inGerman.includes(`setting.${name}`), name);
  const jobs = manager("instances/instance_jobs.cc") + manager("services/service_jobs.cc");
  for (const [, text] of jobs.matchAll(/(?:\.text = |_step\()"([^"]+)"/g))
    assert.ok(inGerman.includes(`phrase.${text}`), text);
});

test("what the platform says is translated with its particulars, and unknown texts stay", () => {
  const sandbox: Check = {
    id: "sandbox",
    severity: "warning",
    text: "2 apps lack sandbox layers; Notes has 4 of 11.",
    why: "…",
    fix: "…",
    command: "",
    values: ["2", "Notes", "4", "11", "seccomp, mount namespace", "notes"],
    accepted: false,
  };
  assert.equal(checkText(sandbox, "text"), sandbox.text);
  language.value = "de";
  assert.equal(checkText(sandbox, "text"), "Bei 2 Apps fehlen Sandbox-Schichten; Notes hat 4 von 11.");
  assert.match(checkText(sandbox, "why"), /Es fehlen: seccomp, eigene Mounts\.$/);
  const one = { ...sandbox, values: ["1", ...sandbox.values.slice(1)] };
  assert.equal(checkText(one, "text"), "Notes läuft mit 4 von 11 Sandbox-Schichten.");
  const down = { ...sandbox, id: "process-postgres", severity: "error" as const, values: ["postgres", ""] };
  assert.equal(checkText(down, "text"), "postgres läuft nicht.");
  assert.equal(checkText({ ...sandbox, id: "brand-new" }, "text"), sandbox.text);
  assert.equal(phrase("Create team@example.com"), "team@example.com anlegen");
  assert.equal(phrase("Delete a@b for good"), "a@b endgültig löschen");
  assert.equal(
    phrase("Bring back the data of a@b from before 2026-11-22"),
    "Die Daten von a@b aus der Zeit vor 2026-11-22 zurückholen",
  );
  assert.equal(phrase("Install notes from a file"), "notes aus einer Datei installieren");
  assert.equal(phrase("Something else"), "Something else");
  language.value = "en";
});
