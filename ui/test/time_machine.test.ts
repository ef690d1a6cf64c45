// Moments that can be reached, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { commands } from "../manager/commands";
import { fromLocalText, nearest, rangesOf, toLocalText, toMoment } from "../manager/moments";

test("the time machine reaches whole seconds inside of its ranges, and nothing in a gap", () => {
  const now = Date.parse("2026-11-22T12:00:00.700Z");
  const ranges = rangesOf(
    [{ from: "2026-11-22T10:00:00.250Z" }, { from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z" }],
    now,
  );
  assert.deepEqual(
    ranges.map((range) => [toMoment(range.from), toMoment(range.to)]),
    [
      ["2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"],
      ["2026-11-22T10:00:01Z", "2026-11-22T12:00:00Z"],
    ],
  );
  const reach = (at: string) => toMoment(nearest(Date.parse(at), ranges)!);
  assert.equal(reach("2026-11-20T07:08:09Z"), "2026-11-20T07:08:09Z");
  assert.equal(reach("2026-11-21T01:00:00Z"), "2026-11-21T00:00:00Z");
  assert.equal(reach("2026-11-22T09:00:00Z"), "2026-11-22T10:00:01Z");
  assert.equal(reach("2027-01-01T00:00:00Z"), "2026-11-22T12:00:00Z");
  assert.equal(nearest(now, []), undefined);
  const at = Date.parse("2026-11-22T11:22:33Z");
  assert.equal(fromLocalText(toLocalText(at)), at);
  assert.equal(fromLocalText("yesterday"), undefined);
});

test("going back has its command", () => {
  assert.equal(
    commands.rewind("team@example.com", "2026-11-22T13:32:07Z", undefined),
    "berth instance restore team@example.com --at 2026-11-22T13:32:07Z --wait",
  );
});
