// What the database card says, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { language } from "../kit/settings";
import type { InstanceDatabase } from "../manager/api";
import { growthText, noRoomFor } from "../manager/instance_database";

language.value = "en";

test("a clean-up that has no room says so with the numbers, growth has its sign", () => {
  const database: InstanceDatabase = {
    name: "team",
    domain: "example.com",
    database: "x",
    bytes: 10,
    bloatBytes: 1,
    bytesADay: -2_000_000,
    growthDays: 30,
    connections: 1,
    cleanUpNeedsBytes: 7_400_000_000,
    freeBytes: 6_200_000_000,
    tableCount: 1,
    tables: [],
    history: [],
  };
  assert.equal(noRoomFor(database), "A clean-up needs 7.4 GB of free disk, 6.2 GB are free.");
  assert.equal(noRoomFor({ ...database, freeBytes: 7_400_000_000 }), undefined);
  assert.equal(growthText(database), "−2 MB a day, over 30 days");
  assert.equal(growthText({ ...database, bytesADay: 168_000, growthDays: 1 }), "+168 kB a day, over 1 day");
  const { bytesADay: _, ...fresh } = database;
  assert.equal(growthText(fresh), "known after some days");
});
