// The usage of domains and instances without its page: periods, order, CSV. Pure.
import type { UsageRow } from "./api";

export const kPeriods = ["thisMonth", "lastMonth", "days90", "days400"] as const;
export type Period = (typeof kPeriods)[number];

const isoDay = (at: Date) => at.toISOString().slice(0, 10);

/** First and last day of a period; without a last one: until today. Days are the platform's: near midnight the browser may be a day
 * off, so the last day is left to the platform where it is today. */
export function periodDays(period: Period, now: Date): { from: string; to: string | undefined } {
  const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
  if (period === "thisMonth") return { from: isoDay(new Date(Date.UTC(year, month, 1))), to: undefined };
  if (period === "lastMonth")
    return { from: isoDay(new Date(Date.UTC(year, month - 1, 1))), to: isoDay(new Date(Date.UTC(year, month, 0))) };
  const days = period === "days90" ? 90 : 400;
  return { from: isoDay(new Date(Date.UTC(year, month, day - days + 1))), to: undefined };
}

export const usageKey = (row: UsageRow) => (row.name ? `${row.name}@${row.domain}` : row.domain);

export type UsageColumn =
  | "day"
  | "whose"
  | "cpu"
  | "memory"
  | "database"
  | "requests"
  | "websockets"
  | "messages"
  | "in"
  | "out"
  | "databaseTime"
  | "slowed";

const kValues: Record<UsageColumn, (row: UsageRow) => string | number> = {
  day: (row) => row.day,
  whose: usageKey,
  cpu: (row) => row.cpuSeconds,
  memory: (row) => row.memoryGibHours,
  database: (row) => row.databaseBytes,
  requests: (row) => row.requests,
  websockets: (row) => row.websocketMinutes,
  messages: (row) => row.messagesIn + row.messagesOut,
  in: (row) => row.bytesIn,
  out: (row) => row.bytesOut,
  databaseTime: (row) => row.databaseSeconds,
  slowed: (row) => row.slowed + row.refused,
};

export function usageSort(rows: readonly UsageRow[], by: UsageColumn, down: boolean): UsageRow[] {
  const value = kValues[by];
  const compare = (a: UsageRow, b: UsageRow) => {
    const [x, y] = [value(a), value(b)];
    const apart = typeof x === "number" ? x - (y as number) : x.localeCompare(y as string);
    return apart || usageKey(a).localeCompare(usageKey(b)) || a.day.localeCompare(b.day);
  };
  return [...rows].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
}

const kCells: (keyof UsageRow)[] = [
  ...(["day", "domain", "name", "service", "cpuSeconds", "memoryGibHours", "databaseBytes", "requests"] as const),
  ...(["websocketMinutes", "messagesIn", "messagesOut", "bytesIn", "bytesOut", "databaseSeconds"] as const),
  ...(["slowed", "refused"] as const),
];

/** RFC 4180. A text that begins as a formula would be one in spreadsheets, so it is set off. */
function cell(value: string | number): string {
  if (typeof value === "number") return String(Math.round(value * 10_000) / 10_000);
  const isFormula = /^[=+\-@\t\r]/.test(value);
  if (!isFormula && !/[",\r\n]/.test(value)) return value;
  return `"${isFormula ? "'" : ""}${value.replaceAll('"', '""')}"`;
}

/** The same columns as `berth usage --csv`. */
export function formatCsv(rows: readonly UsageRow[]): string {
  const lines = [kCells.join(","), ...rows.map((row) => kCells.map((name) => cell(row[name])).join(","))];
  return lines.map((line) => `${line}\r\n`).join("");
}
