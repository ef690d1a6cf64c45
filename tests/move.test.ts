// An instance goes to another platform while its users write (issue 4, part 7): two real platforms on this machine.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import { fetch_url } from "./harness/http";
import { NotesSession } from "./harness/notes";
import { type CliResult, Platform, slowness } from "./harness/platform";
import { assert, test } from "./harness/test";
import { until } from "./harness/wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

describe("move", () => {
  let here: Platform;
  let there: Platform;
  let fingerprint = "";

  before(async () => {
    here = await Platform.start();
    there = await Platform.start({ password: "another \"secret\" ß" });
    for (const platform of [here, there]) await platform.install("notes");
    fingerprint = (await there.status()).fingerprint;
  });
  after(async () => {
    try {
      await here?.stop();
      await there?.stop();
    } finally {
      await here?.destroy();
      await there?.destroy();
    }
  });

  const to = (...more: string[]) => [
    ...["--to", `wss://localhost:${there.https}/manager`, "--to-password-file", there.password_file],
    ...["--to-fingerprint", fingerprint, ...more],
  ];
  const move = (name: string, ...more: string[]): Promise<CliResult> =>
    here.cli(["instance", "move", name, ...to(), "--json", "--wait", ...more]);
  const notes_url = (platform: Platform, name: string) =>
    `ws://localhost:${platform.http}/example.com/${encodeURIComponent(name)}/notes`;
  const show = async (platform: Platform, name: string): Promise<Json> =>
    (await platform.cli(["instance", "show", name, "--json"])).json;

  /** Writes notes one after another until stop(); what was acknowledged, in order. */
  function write_all_the_time(session: NotesSession, board: string, label: string) {
    const acknowledged: string[] = [];
    let stopped = false;
    let longest = 0;
    const done = (async () => {
      for (let i = 0; !stopped; i++) {
        const began = Date.now();
        const text = `${label} ${i}`;
        await session.add_note(board, text);
        longest = Math.max(longest, Date.now() - began);
        acknowledged.push(text);
      }
    })();
    return {
      acknowledged,
      longest: () => longest,
      async stop() {
        stopped = true;
        await done;
      },
    };
  }

  test("team@example.com moves while three users write: nothing lost, nothing twice, order kept", async () => {
    const name = "büro-ß";
    const key = `${name}@example.com`;
    const { password } = await here.create("notes", name, "example.com");
    const first = new NotesSession(notes_url(here, name), password);
    const board = await first.add_board("Tafel \"1\"");
    const sessions = [first, ...["b", "c"].map((user) => new NotesSession(notes_url(here, name), password, user))];
    const writers = sessions.map((session, i) => write_all_the_time(session, board, `writer ${i} ü'"\\`));
    await until("some notes", () => writers.every((writer) => writer.acknowledged.length > 5), 30_000);

    const moved = await move(key);
    assert.equal(moved.code, 0, moved.stderr + moved.stdout);
    const counts = writers.map((writer) => writer.acknowledged.length);
    // They go on at the old address.
    await until(
      "notes after the move",
      () => writers.every((writer, i) => writer.acknowledged.length > counts[i]! + 5),
      60_000,
    );
    for (const writer of writers) await writer.stop();

    const direct = new NotesSession(notes_url(there, name), password, "direct");
    const all = [...(await direct.notes()).values()];
    const wanted = writers.flatMap((writer) => writer.acknowledged);
    assert.equal(all.length, new Set(all).size, "nothing is there twice");
    for (const text of wanted) assert.ok(all.includes(text), `lost: ${text}`);
    assert.equal(all.length, wanted.length);
    for (const [i] of writers.entries()) {
      const own = all.filter((text) => text.startsWith(`writer ${i} `));
      assert.deepEqual(own.map((text) => Number(text.split(" ").at(-1))).sort((a, b) => a - b), own.map((_, n) => n));
    }

    const { job } = moved.json;
    const worst = Math.max(...writers.map((writer) => writer.longest()));
    console.log(
      `moved with ${wanted.length} notes: pause ${job.result.pauseMs} ms, longest wait of a user ${worst} ms, ` +
        `${job.result.changes} changes carried over, ${job.result.compared} tables compared`,
    );
    assert.ok(job.result.pauseMs < 5_000 * slowness, `the pause took ${job.result.pauseMs} ms`);

    const left = await show(here, key);
    assert.equal(left.state, "stopped");
    assert.equal(left.moved.state, "moved");
    assert.match(left.detail, /has moved to wss:\/\/localhost/);
    assert.equal((await show(there, key)).state, "running");
    assert.notEqual((await here.cli(["instance", "start", key])).code, 0, "it does not run in two places");

    // Plain requests are passed on, too, as they are; and so is what the app there refuses.
    const path = `/example.com/${encodeURIComponent(name)}`;
    const [old_page, new_page] = await Promise.all(
      [here, there].map((platform) => fetch_url(`${platform.http_url}${path}/notes.htm`)),
    );
    assert.equal(old_page!.status, new_page!.status);
    assert.equal(old_page!.text, new_page!.text);
    assert.equal((await fetch_url(`${here.http_url}${path}/nothing-here`)).status, 404);

    await here.berth("instance", "end-forward", key);
    const ended = await fetch_url(`${here.http_url}${path}/notes.htm`);
    assert.equal(ended.status, 410);
    assert.match(ended.text, /moved to https:\/\/localhost/);
    for (const session of sessions) session.close();

    // Once more the other way is refused as long as the old one is kept, with what to do.
    direct.close();
    await there.berth("instance", "rm", key, "--now", "--yes", "--wait");
    await here.berth("instance", "undo-move", key, "--yes");
    const again = new NotesSession(notes_url(here, name), password);
    const old = await again.notes();
    assert.ok(old.size >= Math.min(...counts), "what it had when it left");
    again.close();
  });

  test("a check tells what hinders, and changes nothing", async () => {
    await here.create("notes", "checked", "example.com");
    const fine = await here.berth("instance", "move", "checked@example.com", ...to("--check"));
    assert.match(fine.stdout, /can move to wss:/);
    await there.create("notes", "checked", "example.com");
    const taken = await move("checked@example.com", "--check");
    assert.equal(taken.code, 4);
    assert.match(taken.json.obstacles[0], /there: there is already an instance checked@example\.com/);
    const refused = await here.cli(["instance", "move", "checked@example.com", ...to()]);
    assert.equal(refused.code, 4);
    await there.berth("instance", "rm", "checked@example.com", "--now", "--yes", "--wait");

    const wrong = join(here.folder, "wrong.txt");
    writeFileSync(wrong, "not it\n", { mode: 0o600 });
    const url = `wss://localhost:${there.https}/manager`;
    const move_with = (...args: string[]) => here.cli(["instance", "move", "checked@example.com", "--to", ...args]);
    const cases: [string[], RegExp][] = [
      [[url, "--to-password-file", wrong, "--to-fingerprint", fingerprint], /login refused/],
      [[url, "--to-password-file", there.password_file], /certificate|fingerprint/],
      [["wss://localhost:1/manager", "--to-password-file", there.password_file], /refused|reach|connect/i],
      [["http://localhost/manager", "--to-password-file", there.password_file], /wss:\/\//],
    ];
    for (const [args, words] of cases) {
      const done = await move_with(...args);
      assert.notEqual(done.code, 0, args.join(" "));
      assert.match(done.stderr, words);
    }
    assert.equal((await show(here, "checked@example.com")).state, "running");
  });

  test("a manager killed in mid-move, here or there, ends it whole on one side", async () => {
    const { password } = await here.create("notes", "killed", "example.com");
    const key = "killed@example.com";
    const session = new NotesSession(notes_url(here, "killed"), password);
    const board = await session.add_board("b");
    const writer = write_all_the_time(session, board, "n");
    await until("some notes", () => writer.acknowledged.length > 5, 30_000);
    for (const victim of [here, there]) {
      const begun = await here.berth("instance", "move", key, ...to("--json", "--no-wait"));
      const { id } = begun.json.job;
      const job = async (): Promise<Json> => (await here.cli(["job", "show", id, "--json"])).json;
      await until("the copy", async () => ((await job())?.step ?? 0) >= 3, 60_000);
      process.kill(await victim.pid("manager"), "SIGKILL");
      await victim.ready();
      await until(
        "the end of the job",
        async () => ["done", "failed", "cancelled"].includes((await job())?.state),
        240_000,
      );
      const ended = await job();
      const home = ended.state === "done" ? there : here;
      const away = ended.state === "done" ? here : there;
      console.log(`killed ${victim === here ? "here" : "there"}: ${ended.state} ${ended.error ?? ""}`);
      await until("it to run", async () => (await show(home, key))?.state === "running", 60_000);
      assert.notEqual((await show(away, key))?.state, "running", "in one place only");
      if (home === there) break;
    }
    await writer.stop();
    const all = [...(await session.notes()).values()];
    assert.equal(all.length, new Set(all).size);
    assert.deepEqual(all.length, writer.acknowledged.length);
    session.close();
  });
});
