// The platform's small grammars of backups – when, how long, why a set stays – as words and as forms. Pure.
import type { BackupPolicy } from "./api";
import { t, tn } from "./texts";

export const kWeekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof kWeekdays)[number];
export type ScheduleKind = "hourly" | "daily" | "weekly" | "monthly" | "never" | "crontab";

/** As manager/sets/schedule.h reads it; what a kind does not need keeps its default. */
export interface Schedule {
  kind: ScheduleKind;
  time: string;
  minute: string;
  weekday: Weekday;
  day: string;
  crontab: string;
}

const kTime = /^([01]?\d|2[0-3]):[0-5]\d$/;

export function parseSchedule(text: string): Schedule {
  const schedule: Schedule = { kind: "daily", time: "02:00", minute: "00", weekday: "sun", day: "1", crontab: "" };
  const words = text.trim().split(/\s+/).filter(Boolean);
  const [kind = "daily", ...rest] = words;
  const time = rest.find((word) => kTime.test(word));
  if (time) schedule.time = time.padStart(5, "0");
  switch (kind) {
    case "never":
    case "daily":
      return { ...schedule, kind };
    case "hourly": {
      const minute = /^:?(\d{1,2})$/.exec(rest[0] ?? "")?.[1];
      return { ...schedule, kind, minute: (minute ?? "00").padStart(2, "0") };
    }
    case "weekly": {
      const weekday = kWeekdays.find((one) => rest.some((word) => word.toLowerCase().startsWith(one)));
      return { ...schedule, kind, weekday: weekday ?? "sun" };
    }
    case "monthly":
      return { ...schedule, kind, day: rest.find((word) => /^\d{1,2}$/.test(word)) ?? "1" };
    default:
      return { ...schedule, kind: "crontab", crontab: text.trim() };
  }
}

export function formatSchedule(one: Schedule): string {
  switch (one.kind) {
    case "never":
      return "never";
    case "hourly":
      return `hourly :${one.minute.padStart(2, "0")}`;
    case "daily":
      return `daily ${one.time}`;
    case "weekly":
      return `weekly ${one.weekday} ${one.time}`;
    case "monthly":
      return `monthly ${one.day} ${one.time}`;
    default:
      return one.crontab.trim();
  }
}

export function scheduleText(text: string): string {
  const { kind, time, minute, weekday, day, crontab } = parseSchedule(text);
  switch (kind) {
    case "never":
      return t("schedule.neverText");
    case "hourly":
      return t("schedule.hourlyText", { minute });
    case "daily":
      return t("schedule.dailyText", { time });
    case "weekly":
      return t("schedule.weeklyText", { day: t(`weekday.${weekday}`), time });
    case "monthly":
      return t("schedule.monthlyText", { day, time });
    default:
      return t("schedule.crontabText", { text: crontab });
  }
}

export const kKeepRules = ["last", "hourly", "daily", "weekly", "monthly"] as const;
export type KeepRule = (typeof kKeepRules)[number];
/** All zero: everything stays. */
export type Keep = Record<KeepRule, number>;

export function parseKeep(text: string): Keep {
  const keep: Keep = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 };
  for (const part of text.split(",")) {
    const [name, count] = part.split("=").map((word) => word.trim());
    const rule = kKeepRules.find((one) => one === name);
    if (rule && /^\d+$/.test(count ?? "")) keep[rule] = Number(count);
  }
  return keep;
}

export function formatKeep(keep: Keep): string {
  const rules = kKeepRules.filter((rule) => keep[rule] > 0).map((rule) => `${rule}=${keep[rule]}`);
  return rules.length ? rules.join(",") : "all";
}

export function keepText(text: string): string {
  const keep = parseKeep(text);
  const rules = kKeepRules.filter((rule) => keep[rule] > 0);
  return rules.length ? rules.map((rule) => tn(`keep.${rule}`, keep[rule])).join(", ") : t("keep.all");
}

/** Why a set stays or goes, as manager/sets/retention.cc tells it. */
export function reasonText(reason: string): string {
  const after = (front: string) => (reason.startsWith(front) ? reason.slice(front.length) : undefined);
  switch (reason) {
    case "newest":
      return t("reason.newestSet");
    case "all are kept":
      return t("keep.all");
    case "no newer one is whole":
      return t("reason.noNewerWhole");
    case "no rule keeps it":
      return t("reason.noRule");
    case "it is not whole, and a newer one is":
      return t("reason.newerWhole");
  }
  const name = after("newest backup of ");
  if (name !== undefined) return t("reason.newestOf", { name });
  const last = after("last ");
  if (last !== undefined) return t("reason.last", { count: last });
  const hour = after("hourly ");
  if (hour !== undefined) return t("reason.hourly", { period: hour });
  const day = after("daily ");
  if (day !== undefined) return t("reason.daily", { period: day });
  const week = after("weekly of ");
  if (week !== undefined) return t("reason.weekly", { period: week });
  const month = after("monthly ");
  if (month !== undefined) return t("reason.monthly", { period: month });
  return reason;
}

export function scopeText(policy: BackupPolicy): string {
  switch (policy.scope) {
    case "all":
      return policy.excluded.length ? tn("policy.allBut", policy.excluded.length) : t("policy.all");
    case "domain":
      return t("policy.domain", { name: policy.domain });
    case "instance":
      return policy.instance;
    default:
      return t("policy.manager");
  }
}
