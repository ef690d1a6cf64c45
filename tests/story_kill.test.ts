// The story of a bad day: many sessions write notes while every process of the platform is killed again and again
// at random moments. No note that was acknowledged may be lost, and every session must be back at the end.
//
//   BERTH_STORY_ROUNDS     kills of each process (default 5; the full run is 100)
//   BERTH_STORY_SESSIONS   default 200
//   BERTH_STORY_SEED       repeats the order and the moments of an earlier run
//   BERTH_STORY_KILLS      who is killed, "manager,webserver" for example
import { back, kill_hard, pid_now } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { type Platform, slowness } from "./harness/platform";
import { assert, platform_test } from "./harness/test";
import { delay, until } from "./harness/wait";

const kRounds = Number(process.env["BERTH_STORY_ROUNDS"] ?? 5);
const kSessions = Number(process.env["BERTH_STORY_SESSIONS"] ?? 200);
const kSeed = Number(process.env["BERTH_STORY_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const kNames = (process.env["BERTH_STORY_KILLS"] ?? "manager,webserver,postgres,notes").split(",");

/** mulberry32: a small generator whose runs can be repeated. */
function random_from(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const percentile = (values: number[], part: number) =>
  values.length === 0 ? 0 : [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))]!;

async function story(platform: Platform): Promise<void> {
  const random = random_from(kSeed);
  await platform.install("notes");
  const { password } = await platform.create("notes", "story", "example.com");
  const url = `ws://localhost:${platform.http}/example.com/story/notes`;
  const sessions = Array.from({ length: kSessions }, (_, i) => new NotesSession(url, password, `user ${i}`));
  const board = await sessions[0]!.add_board("story");
  await Promise.all(sessions.map((one) => one.connect()));

  const acknowledged = new Map<string, string>();
  const waits: number[] = [];
  let writing = true;
  const writers = sessions.map(async (one, i) => {
    for (let n = 0; writing; n++) {
      const text = `session ${i} note ${n}`;
      const started = Date.now();
      acknowledged.set(await one.add_note(board, text), text);
      waits.push(Date.now() - started);
      await delay(200 + Math.random() * 800);
    }
  });

  // All processes are killed equally often, in an order that is drawn anew; the next moment is drawn, too, and
  // need not wait for others to be back.
  const started = Date.now();
  const recoveries = new Map<string, number[]>(kNames.map((name) => [name, []]));
  const recovering: Promise<unknown>[] = [];
  const last = new Map<string, Promise<unknown>>();
  for (let round = 0; round < kRounds; round++) {
    const order = [...kNames].sort(() => random() - 0.5);
    for (const name of order) {
      await delay(random() * 1_500);
      await last.get(name);
      const killed_at = Date.now();
      const old = await kill_hard(platform, name);
      const again = back(platform, name, old, 120_000).then(() => recoveries.get(name)!.push(Date.now() - killed_at));
      last.set(name, again);
      recovering.push(again);
    }
    if ((round + 1) % 10 === 0) {
      console.log(`${round + 1} rounds, ${acknowledged.size} notes, ${Math.round((Date.now() - started) / 1000)} s`);
    }
  }
  await Promise.all(recovering);
  const enough = acknowledged.size + kSessions;
  await until("notes after the last kill", () => acknowledged.size >= enough, 180_000);
  writing = false;
  await Promise.all(writers);
  const seconds = Math.round((Date.now() - started) / 1000);
  await platform.ready();

  // Who had just written when the last process was killed has had no reason to come back yet.
  await Promise.all(sessions.map((one) => one.connect()));
  const connected = sessions.filter((one) => one.connected).length;
  const reader = new NotesSession(url, password);
  const stored = await reader.notes();
  reader.close();
  const lost = [...acknowledged].filter(([id, text]) => stored.get(id) !== text);
  for (const one of sessions) one.close();

  console.log(`story: seed ${kSeed}, ${kSessions} sessions, ${kRounds} kills of each of ${kNames.join(", ")} in ${seconds} s`);
  console.log(`  notes acknowledged ${acknowledged.size}, stored ${stored.size}, lost ${lost.length}`);
  console.log(`  sessions connected at the end ${connected} of ${kSessions}, reconnects ${sessions.reduce((sum, one) => sum + one.reconnects, 0)}`);
  console.log(`  longest time without a session ${Math.max(...sessions.map((one) => one.longest_gap))} ms, refused logins ${sessions.reduce((sum, one) => sum + one.refused, 0)}`);
  console.log(`  acknowledgement: median ${percentile(waits, 0.5)} ms, 99 % ${percentile(waits, 0.99)} ms, worst ${percentile(waits, 1)} ms`);
  for (const [name, times] of recoveries) {
    console.log(`  ${name}: process back after median ${percentile(times, 0.5)} ms, worst ${percentile(times, 1)} ms`);
  }
  assert.equal(lost.length, 0, `lost: ${lost.slice(0, 5).map(([, text]) => text).join(", ")}`);
  assert.equal(connected, kSessions);
  for (const name of kNames) assert.equal(recoveries.get(name)!.length, kRounds);
  assert.ok(percentile(recoveries.get("webserver") ?? [], 0.5) <= 200 * slowness);
  // Also when others die at the same time, in whichever order: nobody waits for a limit of seconds.
  for (const [name, ms] of [["webserver", 1_000], ["notes", 2_000]] as const) {
    const worst = percentile(recoveries.get(name) ?? [], 1);
    assert.ok(worst <= ms * slowness, `${name}: ${worst} ms`);
  }
  for (const name of kNames) assert.ok(pid_now(platform, name) !== undefined, `${name} is gone`);
}

platform_test(`${kRounds} kills of each process while ${kSessions} sessions write lose no acknowledged note`, {}, story);
