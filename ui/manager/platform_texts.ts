// What the platform says itself – findings, settings, titles and steps of jobs – in the reader's language. It speaks English,
// so only the other languages need a catalogue; a text that is not in it is shown as the platform said it.
import { fill } from "../kit/i18n";
import { language } from "../kit/settings";
import type { Check, Job, Setting } from "./api";
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

export const jobTitle = (job: Job) => phrase(job.title);
export const stepText = (job: Job) => phrase(job.stepText);
