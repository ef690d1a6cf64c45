// Texts from flat catalogues, and numbers, sizes, dates in the user's language.
// A key that is not in the English catalogue does not compile.
import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { language, locale } from "./settings";

export type Params = Record<string, string | number>;
type PluralKey<K> = K extends `${infer Base}#other` ? Base : never;

export interface Texts<K extends string> {
  /** The text of `key` with `{name}`s replaced. Reads the language signal: re-renders by itself. */
  t(key: K, params?: Params): string;
  /** The form of `key#one`, `key#other` … that fits `count`, with `{count}` formatted. */
  tn(key: PluralKey<K>, count: number, params?: Params): string;
  /** As `t` with elements in the places of `{name}`. */
  tx(key: K, params: Record<string, ComponentChildren>): ComponentChildren[];
}

export function fill(text: string, params: Params): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

export function makeTexts<K extends string>(catalogues: Record<"en" | "de", Record<K, string>>): Texts<K> {
  const plural = computed(() => new Intl.PluralRules(locale()));
  const t = (key: K, params: Params = {}) => fill(catalogues[language.value][key], params);
  return {
    t,
    tn: (key, count, params = {}) => {
      const catalogue = catalogues[language.value] as Record<string, string>;
      const text = catalogue[`${key}#${plural.value.select(count)}`] ?? catalogue[`${key}#other`]!;
      return fill(text, { ...params, count: number(count) });
    },
    tx: (key, params) =>
      catalogues[language.value][key]
        .split(/(\{\w+\})/)
        .map((part) => (part.startsWith("{") ? (params[part.slice(1, -1)] ?? part) : part)),
  };
}

const integers = computed(() => new Intl.NumberFormat(locale(), { maximumFractionDigits: 0 }));
const decimals = computed(() => new Intl.NumberFormat(locale(), { maximumSignificantDigits: 2 }));
const percents = computed(() => new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }));
const relative = computed(() => new Intl.RelativeTimeFormat(locale(), { numeric: "auto", style: "long" }));
const times = computed(() => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hour12: false }));
const seconds = computed(() => new Intl.DateTimeFormat(locale(), { timeStyle: "medium", hourCycle: "h23" }));
const dates = computed(() => new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }));
const days = computed(() => new Intl.DateTimeFormat(locale(), { day: "2-digit", month: "2-digit" }));
const full = computed(() => new Intl.DateTimeFormat(locale(), { dateStyle: "full", timeStyle: "long" }));

export const number = (value: number) => integers.value.format(value);
/** Two digits that count below ten, whole numbers above: "0.25", "7.1", "1,204". */
export const short = (value: number) => (value < 9.95 ? decimals.value.format(value) : integers.value.format(value));
export const percent = (share: number) => percents.value.format(share);
export const timeOfDay = (at: string) => times.value.format(new Date(at));
export const timeWithSeconds = (at: string) => seconds.value.format(new Date(at));
export const date = (at: string) => dates.value.format(new Date(at));
export const dayAndMonth = (at: string) => days.value.format(new Date(at));
export const fullTime = (at: string) => full.value.format(new Date(at));

const kUnits = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes for people: at most three digits, powers of 1000 ("9.8 GB", "412 kB"). */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < kUnits.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 ? integers.value.format(value) : decimals.value.format(value);
  return `${digits} ${kUnits[unit]}`;
}

const kSteps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** "3 days ago", "in 5 minutes"; nearer than five seconds: "now", and so is what lies a little ahead: `now` may be
 * some seconds old, and so may the platform's clock. */
export function ago(at: string, now = Date.now()): string {
  const apart = Math.round((Date.parse(at) - now) / 1000);
  if (apart > -5 && apart < 30) return relative.value.format(0, "second");
  const [unit, length] = kSteps.find(([, step]) => Math.abs(apart) >= step) ?? ["second", 1];
  return relative.value.format(Math.trunc(apart / length), unit);
}

/** A length of time in its two greatest units: "3 d 4 h", "2 min 5 s". */
export function duration(totalSeconds: number): string {
  const whole = Math.max(0, Math.round(totalSeconds));
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  const from = units.findIndex(([, length]) => whole >= length);
  if (from < 0) return "0 s";
  let rest = whole;
  return units
    .slice(from, from + 2)
    .map(([unit, length]) => {
      const count = Math.floor(rest / length);
      rest -= count * length;
      return count ? `${count} ${unit}` : "";
    })
    .filter(Boolean)
    .join(" ");
}
