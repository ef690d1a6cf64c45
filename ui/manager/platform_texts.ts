// What the platform says itself – findings, alarms, settings, titles and steps of jobs – in the reader's language. It speaks English,
// so only the other languages need a catalogue; a text that is not in it is shown as the platform said it.
import { fill } from "../kit/i18n";
import { language } from "../kit/settings";
import type { Alarm, Check, Job, Setting } from "./api";
import de from "./texts/platform.de.json";

const catalogues: Partial<Record<string, Record<string, string>>> = { de };

/** `#zero` and `#one` are for findings whose first particular is that number. */
function find(key: string, first?: string): string | undefined {
  const catalogue = catalogues[language.value];
  const form = first === "0" ? "#zero" : first === "1" ? "#one" : "";
  return catalogue?.[key + form] ?? catalogue?.[key];
}

export function checkText(check: Check, part: "text" | "why" | "fix"): string {
  // Each process, each backup target and each database has a finding of its own.
  const id = check.id.startsWith("process-")
    ? check.severity === "error"
      ? "process"
      : "process-starting"
    : check.id.replace(
        /^(backup-target|service-descriptors|service-log|database-taken|file-system|quota-reached|quota-near|quota-locked-out|quota-domain-reached|quota-domain-near)-.*$/,
        "$1",
      );
  const text = find(`check.${id}.${part}`, check.values[0]);
  if (text === undefined) return check[part];
  const values = check.values.map((value) => value.split(", ").map(phrase).join(", "));
  return fill(text, Object.fromEntries(values.entries())).trim();
}

export const settingText = (setting: Setting) => find(`setting.${setting.name}`) ?? setting.text;

/** A short text with names in it, each where the catalogue has a "*": "Create team@example.com". */
export function phrase(text: string): string {
  const whole = find(`phrase.${text}`);
  if (whole !== undefined) return whole;
  for (const [key, translated] of Object.entries(catalogues[language.value] ?? {})) {
    if (!key.startsWith("phrase.") || !key.includes("*")) continue;
    const parts = key.slice("phrase.".length).split("*");
    const names = new RegExp(`^${parts.map((part) => part.replace(/[.?+()]/g, "\\$&")).join("(.+)")}$`).exec(text);
    if (names !== null) return names.slice(1).reduce((done, name) => done.replace("*", () => name), translated);
  }
  return text;
}

const kOwnAlarms = 0x0024ff00; // from here on they are the platform's; those below are apps'

/** What kind of alarm of the platform it is; undefined in the platform's own language, and of an app's. */
export const alarmKind = (code: number) => find(`alarm.0x${code.toString(16).padStart(8, "0")}`);

/** As one of `checks`, the findings there are now, or as a moment with a phrase; else of what kind it is, and what was said. */
export function alarmText(alarm: Alarm, part: "text" | "details" | "fix", checks: Check[] = []): string {
  const said = alarm[part];
  if (alarm.code < kOwnAlarms || said === "") return said;
  const whole = part === "details" ? "why" : part;
  const check = checks.find((one) => one.text === alarm.text && one[whole] === said);
  if (check !== undefined) return checkText(check, whole);
  const told = phrase(said);
  const kind = part === "text" && told === said ? alarmKind(alarm.code) : undefined;
  return kind === undefined ? told : `${kind}: ${said}`;
}

export const jobTitle = (job: Job) => phrase(job.title);
export const stepText = (job: Job) => phrase(job.stepText);
