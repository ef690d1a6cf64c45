// What an admin does from another machine, by `berth --url`; package files; backups of another key and of a newer build.
import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeStore } from "./harness/fake_store";
import { fetch_url } from "./harness/http";
import { NotesSession } from "./harness/notes";
import { type CliResult, Platform, build } from "./harness/platform";
import { after, before, describe } from "node:test";
import { assert, test } from "./harness/test";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

describe("remote", () => {
  let store: FakeStore;
  let platform: Platform;
  let fingerprint = "";

  before(async () => {
    store = new FakeStore(join(build, "store/demo"));
    const key = store.make_key();
    store.write_index(store.read_index());
    platform = await Platform.start({ store: store.folder });
    await platform.berth("config", "set", "storeKeys", key);
    fingerprint = (await platform.status()).fingerprint;
  });
  after(async () => {
    try {
      await platform?.stop();
    } finally {
      await platform?.destroy();
    }
  });

  const url = () => `wss://localhost:${platform.https}/manager`;
  const far = (args: string[], trust = ["--fingerprint", fingerprint]): Promise<CliResult> =>
    platform.cli(["--url", url(), "--password-file", platform.password_file, ...trust, ...args], { root: false });
  async function works(...args: string[]): Promise<CliResult> {
    const done = await far(args);
    assert.equal(done.code, 0, `berth --url ${args.join(" ")}: ${done.stderr}${done.stdout}`);
    return done;
  }
  const uploads = () =>
    readdirSync(join(platform.root, "var/lib/berth/backup")).filter((name) => name.startsWith("upload-"));
  const services = async (): Promise<string[]> => {
    const list = (await platform.berth("service", "ls", "--json")).json;
    return (list.services ?? list).map((one: { id: string }) => one.id);
  };

  /** A package file of one app (docs/package-file.md), made by tar. */
  function pack(id: string, name = `${id}.tar.gz`): string {
    const one = new FakeStore(store.folder);
    one.use_key_of(store);
    const index = one.read_index();
    index.apps = index.apps.filter((app: { id: string }) => app.id === id);
    one.write_index(index);
    const file = join(platform.folder, name);
    execFileSync("tar", ["-czf", file, "-C", one.folder, "."]);
    return file;
  }

  test("--url needs to know the certificate: its fingerprint, or not to care", async () => {
    const stranger = await far(["status"], []);
    assert.notEqual(stranger.code, 0);
    assert.match(stranger.stderr, /certificate/i);
    assert.match(stranger.stderr, /--fingerprint/);
    const other = await far(["status"], ["--fingerprint", "00".repeat(32)]);
    assert.notEqual(other.code, 0);
    assert.equal((await far(["status", "--json"], ["--insecure"])).json.state, "running");
    assert.equal((await works("status", "--json")).json.state, "running");
  });

  test("--url with a wrong password is refused, and the password is in no argument", async () => {
    const wrong = join(platform.folder, "wrong.txt");
    writeFileSync(wrong, "guess\n", { mode: 0o600 });
    const done = await platform.cli(["--url", url(), "--password-file", wrong, "--fingerprint", fingerprint, "status"], {
      root: false,
    });
    assert.notEqual(done.code, 0);
    assert.match(done.stderr, /password/i);
  });

  test("the whole life of an instance by --url: install, create, back up, lose, restore, undo, delete", async () => {
    assert.match((await works("store", "ls", "--json")).stdout, /"notes"/);
    await works("service", "install", "notes", "--wait");
    const created: Json = (
      await works("instance", "create", "notes", "--name", "far", "--domain", "example.com", "--json")
    ).json;
    assert.match(created.password, /^[\x20-\x7e]{12,}$/, "sealed on the way, plain here");
    const notes_url = `wss://localhost:${platform.https}/example.com/far/notes`;
    const session = new NotesSession(notes_url, created.password);
    const board = await session.add_board("far");
    const kept = await session.add_note(board, "in the backup");
    const file = join(platform.folder, "far.dump");
    await works("instance", "backup", "far@example.com", "-o", file);
    const later = await session.add_note(board, "after the backup");
    session.close();

    await works("instance", "restore", file, "--wait");
    const restored = new NotesSession(notes_url, created.password);
    const old = await restored.notes();
    assert.equal(old.get(kept), "in the backup");
    assert.equal(old.get(later), undefined);
    restored.close();

    // The data from before the restore are kept, listed, and come back.
    const shown: Json = (await works("instance", "show", "far@example.com", "--json")).json;
    assert.equal(shown.kept.length, 1);
    assert.ok(Date.parse(shown.kept[0].purgeAt) > Date.now() + 6 * 24 * 3600_000);
    await works("instance", "undo", "far@example.com", "--wait");
    const back = new NotesSession(notes_url, created.password);
    assert.equal((await back.notes()).get(later), "after the backup");
    back.close();
    await works("instance", "rm", "far@example.com", "--kept", shown.kept[0].id, "--yes", "--wait");
    assert.deepEqual((await works("instance", "show", "far@example.com", "--json")).json.kept, []);
    const nothing = await far(["instance", "undo", "far@example.com", "--wait"]);
    assert.equal(nothing.code, 4, nothing.stderr);

    const fresh = join(platform.folder, "fresh.txt");
    writeFileSync(fresh, "a new password\n", { mode: 0o600 });
    await works("instance", "passwd", "far@example.com", "--password-file", fresh);
    new NotesSession(notes_url, "a new password").close();
    assert.match((await works("log", "notes")).stdout, /far@example\.com/);
    assert.equal((await works("config", "get", "binDays", "--json")).code, 0);

    const jobs: Json = (await works("job", "ls", "--json")).json;
    for (const job of jobs.jobs ?? jobs) {
      if (job.target !== "far@example.com") continue;
      assert.match(job.by, /^\S.* from (127\.0\.0\.1|::1)$/, "the person and its address, no port");
    }
    await works("instance", "rm", "far@example.com", "--now", "--yes", "--wait");
    assert.equal((await far(["instance", "show", "far@example.com"])).code, 3);
    assert.deepEqual(uploads(), []);
  });

  test("a package file is installed here and from afar; the app in it is found by itself", async () => {
    const file = pack("echo", "some name.tgz");
    await platform.berth("service", "install", "--file", file, "--wait");
    assert.ok((await services()).includes("echo"));
    const again = await far(["service", "install", "--file", file, "--wait"]);
    assert.notEqual(again.code, 0);
    assert.match(again.stderr, /installed already/);
    assert.ok((await services()).includes("echo"), "what is installed stays");
    await platform.berth("service", "rm", "echo", "--yes", "--wait");

    await works("service", "install", "--file", file, "--wait");
    assert.ok((await services()).includes("echo"));
    await platform.berth("instance", "create", "echo", "--name", "e", "--domain", "example.com");
    assert.equal((await fetch_url(`${platform.http_url}/example.com/e/bytes/7`)).body.length, 7);
    await platform.berth("instance", "rm", "e@example.com", "--now", "--yes", "--wait");
    await platform.berth("service", "rm", "echo", "--yes", "--wait");
    assert.deepEqual(uploads(), []);
  });

  test("PUT package wants the key of a session, and its job tells who asked", async () => {
    const body = readFileSync(pack("echo"));
    const at = (query: string) => `${platform.http_url}/manager/package?${query}`;
    assert.equal((await fetch_url(at("key=guess"), { method: "PUT", body })).status, 403);
    assert.equal((await fetch_url(at(""), { method: "PUT", body })).status, 403);
    const admin = await platform.admin();
    const { key } = await admin.request({ mt: "RequestHttpKey" });
    const put = await fetch_url(at(`key=${key}&name=echo`), { method: "PUT", body });
    assert.equal(put.status, 200, put.text);
    const id = JSON.parse(put.text).job;
    let job: Json;
    do job = (await admin.request({ mt: "GetJob", id })).job;
    while (!["done", "failed"].includes(job.state));
    assert.equal(job.state, "done", job.error);
    assert.match(job.by, /^Admin from (127\.0\.0\.1|::1)$/);
    await platform.berth("service", "rm", "echo", "--yes", "--wait");
  });

  test("a file that is no package, a changed one and one without a signature are refused and leave nothing", async () => {
    const garbage = join(platform.folder, "garbage.tar");
    writeFileSync(garbage, "this is no archive");
    const empty = join(platform.folder, "empty.tar");
    execFileSync("tar", ["-cf", empty, "--files-from", "/dev/null"]);

    const changed = new FakeStore(store.folder);
    changed.use_key_of(store);
    const index = changed.read_index();
    index.apps = index.apps.filter((app: { id: string }) => app.id === "echo");
    changed.write_index(index);
    const binary = changed.files().find((name) => name.endsWith("/echo"))!;
    const bytes = readFileSync(join(changed.folder, binary));
    bytes[bytes.length >> 1]! ^= 1;
    changed.write(binary, bytes);
    const bad = join(platform.folder, "changed.tar");
    execFileSync("tar", ["-cf", bad, "-C", changed.folder, "."]);
    const unsigned = join(platform.folder, "unsigned.tar");
    execFileSync("tar", ["-cf", unsigned, "-C", changed.folder, "--exclude", "*.minisig", "."]);

    const cases: [string, RegExp][] = [
      [garbage, /archive|package/i],
      [empty, /package|apps\.json|index|archive/i],
      [bad, /sha|hash|differ|changed/i],
      [unsigned, /sign/i],
    ];
    for (const [file, words] of cases) {
      for (const run of [(args: string[]) => platform.cli(args), far]) {
        const done = await run(["service", "install", "--file", file, "--wait"]);
        assert.notEqual(done.code, 0, file);
        assert.match(done.stderr, words, file);
      }
    }
    assert.ok(!(await services()).includes("echo"));
    assert.deepEqual(uploads(), []);
    assert.deepEqual(readdirSync(join(platform.root, "var/lib/berth/downloads")).filter((name) => !name.startsWith("store")), []);
  });

  test("a backup that was made with another key is refused with what to do, and works with the right one", async () => {
    const { password } = await platform.create("notes", "keyed", "example.com");
    const notes_url = `ws://localhost:${platform.http}/example.com/keyed/notes`;
    const session = new NotesSession(notes_url, password);
    const note = await session.add_note(await session.add_board("keys"), "sealed");
    session.close();
    const secret = join(platform.folder, "passphrase.txt");
    const passphrase = async (text: string) => {
      writeFileSync(secret, `${text}\n`, { mode: 0o600 });
      await platform.berth("config", "set", "backupPassphrase", "--value-file", secret);
    };
    await passphrase("the first key");
    const file = join(platform.folder, "keyed.dump");
    await platform.berth("instance", "backup", "keyed@example.com", "-o", file);
    await passphrase("another key");
    const refused = await platform.cli(["instance", "restore", file, "--wait"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /key|passphrase/i);
    const still = new NotesSession(notes_url, password);
    assert.equal((await still.notes()).get(note), "sealed");
    still.close();
    await passphrase("the first key");
    await platform.berth("instance", "rm", "keyed@example.com", "--now", "--yes", "--wait");
    await platform.berth("instance", "restore", file, "--wait");
    const back = new NotesSession(notes_url, password);
    assert.equal((await back.notes()).get(note), "sealed");
    back.close();
    assert.deepEqual(uploads(), []);
  });

  test("a backup of a newer build is refused until the app is updated", async () => {
    const newer = new FakeStore(store.folder);
    newer.use_key_of(store);
    const index = newer.read_index();
    const old_build: string = index.apps[0].versions[0].build;
    const new_build = (parseInt(old_build, 16) + 1).toString(16).padStart(8, "0");
    for (const app of index.apps) for (const version of app.versions) version.build = new_build;
    renameSync(join(newer.folder, old_build), join(newer.folder, new_build));
    newer.write_index(index);

    const other = await Platform.start({ store: newer.folder });
    const file = join(platform.folder, "newer.dump");
    try {
      await other.berth("config", "set", "storeKeys", newer.public_key);
      await other.install("notes");
      const { password } = await other.create("notes", "newer", "example.com");
      await other.berth("instance", "backup", "newer@example.com", "-o", file);

      const refused = await platform.cli(["instance", "restore", file, "--wait"]);
      assert.notEqual(refused.code, 0);
      assert.match(refused.stderr, /update/i);
      assert.ok(refused.stderr.includes(new_build.replace(/^0+/, "")), refused.stderr);
      assert.equal((await platform.cli(["instance", "show", "newer@example.com"])).code, 3);

      // The store has it, too, now.
      cpSync(newer.folder, store.folder, { recursive: true });
      await platform.berth("store", "ls", "--refresh");
      await platform.berth("service", "install", "notes", "--wait");
      await platform.berth("instance", "restore", file, "--wait");
      const session = new NotesSession(`ws://localhost:${platform.http}/example.com/newer/notes`, password);
      await session.notes();
      session.close();
      await other.stop();
    } finally {
      await other.destroy();
    }
  });
});
