// What charts are drawn from, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GetMonitorResult, MonitorMarker } from "../manager/api";
import {
  areaPath,
  groupMarkers,
  kLines,
  linePath,
  linesOf,
  markersFor,
  stack,
  ticks,
  timeTicks,
  valuesOf,
} from "../manager/curves";

const identity = (value: number) => value;
const series = (subject: string, mean: number[]) => ({ subject, metric: "cpu", unit: "percent", mean, peak: [] });
const marker = (at: string, kind: string, subject = "service/notes"): MonitorMarker => ({
  at,
  kind,
  subject,
  text: "",
  job: "",
  failed: false,
});

test("-1 is a hole, not a value", () => {
  const answer = { series: [series("platform", [1, -1, 3])] } as unknown as GetMonitorResult;
  assert.deepEqual(valuesOf(answer, "platform", "cpu"), [1, undefined, 3]);
  assert.deepEqual(valuesOf(answer, "platform", "beauty"), []);
});

test("the largest subjects get lines of their own, the rest is one", () => {
  const many = Array.from({ length: 12 }, (_, i) => series(`service/s${i}`, [i, i]));
  const lines = linesOf(many, "cpu", (subject) => subject.slice(8), "others");
  assert.equal(lines.length, kLines);
  assert.deepEqual(
    lines.map((line) => line.name),
    ["s11", "s10", "s9", "s8", "s7", "s6", "s5", "others"],
  );
  assert.deepEqual(lines.at(-1)!.values, [10, 10]);
  assert.deepEqual(linesOf([series("service/a", [-1, -1])], "cpu", identity as never, "others"), []);
});

test("lines stand on each other; what one does not know is nothing of it", () => {
  const layers = stack([
    { name: "a", values: [1, undefined, 1], color: 1 },
    { name: "b", values: [2, undefined, undefined], color: 2 },
  ]);
  assert.deepEqual(layers[0]!.high, [1, undefined, 1]);
  assert.deepEqual(layers[1]!.low, [1, undefined, 1]);
  assert.deepEqual(layers[1]!.high, [3, undefined, 1]);
});

test("axes have few round values and reach above the highest", () => {
  assert.deepEqual(ticks(0), [0, 1]);
  assert.deepEqual(ticks(10), [0, 2.5, 5, 7.5, 10]);
  assert.deepEqual(ticks(93), [0, 25, 50, 75, 100]);
  assert.deepEqual(ticks(0.31), [0, 0.1, 0.2, 0.3, 0.4]);
  for (const top of [3, 17, 1234, 5e9, 0.0021])
    assert.ok(ticks(top).at(-1)! >= top && ticks(top).length <= 6, `${top}`);
});

test("moments of an axis are whole minutes, hours and days of the local clock", () => {
  const from = new Date(2026, 4, 1, 9, 7).getTime();
  assert.deepEqual(
    timeTicks(from, from + 3_600_000, 5).map((at) => new Date(at).getMinutes() % 15),
    [0, 0, 0, 0],
  );
  for (const at of timeTicks(from, from + 30 * 86_400_000, 7)) assert.equal(new Date(at).getHours(), 0);
  assert.ok(timeTicks(from, from + 30 * 86_400_000, 7).length <= 7);
});

test("a hole interrupts lines and areas; a lone value can be seen", () => {
  assert.equal(linePath([1, 2, undefined, 4], identity, identity), "M0.0 1.0L1.0 2.0M3.0 4.0h1");
  assert.equal(areaPath([0, 0, undefined, 0], [1, 2, undefined, 4], identity, identity).match(/Z/g)!.length, 2);
});

test("what happens at one moment is one mark, by kind", () => {
  const marks = groupMarkers(
    [
      marker("2026-05-01T10:00:20Z", "start", "webserver"),
      marker("2026-05-01T10:00:00Z", "start", "manager"),
      marker("2026-05-01T10:00:10Z", "backup", "platform"),
      marker("2026-05-01T11:00:00Z", "death"),
    ],
    60_000,
  );
  assert.deepEqual(
    marks.map((mark) => [mark.kind, mark.markers.length]),
    [
      ["restart", 2],
      ["backup", 1],
      ["death", 1],
    ],
  );
});

test("a page of one app shows its own markers and what concerns everybody", () => {
  const all = [
    marker("2026-05-01T10:00:00Z", "start", "webserver"),
    marker("2026-05-01T10:00:00Z", "backup", "platform"),
    marker("2026-05-01T10:00:00Z", "update", "service/notes"),
    marker("2026-05-01T10:00:00Z", "update", "service/files"),
  ];
  assert.deepEqual(
    markersFor(all, ["service/notes"]).map((one) => one.subject),
    ["platform", "service/notes"],
  );
  assert.equal(markersFor(all, undefined).length, 4);
});
