// Periods, order and CSV of the usage, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UsageRow } from "../manager/api";
import { formatCsv, periodDays, usageSort } from "../manager/usage";

const row = (domain: string, requests: number, more: Partial<UsageRow> = {}): UsageRow => ({
  ...{ day: "", domain, name: "", service: "", cpuSeconds: 0, memoryGibHours: 0, databaseBytes: 0, requests },
  ...{ websocketMinutes: 0, messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, databaseSeconds: 0 },
  ...{ slowed: 0, refused: 0, ...more },
});

test("a month begins with its first day, also in January", () => {
  assert.deepEqual(periodDays("thisMonth", new Date(2026, 10, 22)), { from: "2026-11-01", to: undefined });
  assert.deepEqual(periodDays("lastMonth", new Date(2026, 0, 31)), { from: "2025-12-01", to: "2025-12-31" });
  assert.deepEqual(periodDays("days90", new Date(2026, 10, 22)), { from: "2026-08-25", to: undefined });
});

test("rows are sorted by numbers as numbers", () => {
  const rows = [row("a", 9), row("b", 100), row("c", 20)];
  assert.deepEqual(
    usageSort(rows, "requests", true).map((one) => one.domain),
    ["b", "c", "a"],
  );
});

test("CSV is what RFC 4180 says, and never a formula", () => {
  const lines = formatCsv([row('=cmd|"x",1', 5, { cpuSeconds: 1.234567 })]).split("\r\n");
  assert.equal(lines[0]?.split(",").length, 16);
  assert.equal(lines[1], ',"\'=cmd|""x"",1",,,1.2346,0,0,5,0,0,0,0,0,0,0,0');
  assert.equal(lines[2], "");
});
