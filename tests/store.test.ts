// A store that is offline, cuts off, stalls, lies, is not signed or has nothing for this machine: an install
// fails with words that help, leaves nothing behind, and works once the store does.
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { FakeStore, type Fault, sha256_of } from "./harness/fake_store";
import { type CliResult, Platform, build } from "./harness/platform";
import { run } from "./harness/process";
import { after, before, describe } from "node:test";
import { assert, test } from "./harness/test";
import { until } from "./harness/wait";

const kOurs = { x64: "x86_64", arm64: "arm64", arm: "arm" }[arch() as "x64" | "arm64" | "arm"];
const kOther = kOurs === "arm64" ? "x86_64" : "arm64";

describe("store", () => {
  let store: FakeStore;
  let platform: Platform;
  let original: any;

  before(async () => {
    store = await new FakeStore(join(build, "store/demo")).open();
    original = store.read_index();
    const key = store.make_key();
    store.write_index(original);
    // Ours to sign with, so that a test can lie with a valid signature, too.
    platform = await Platform.start({ store: store.url });
    await platform.berth("config", "set", "storeKeys", key);
    await platform.berth("config", "set", "storeStallSeconds", "3");
  });
  after(async () => {
    try {
      await platform?.stop();
    } finally {
      await platform?.destroy();
      await store?.close();
    }
  });

  const value = async (one: Platform, name: string): Promise<string> =>
    (await one.berth("config", "get", name, "--json")).json.value;
  async function nothing_left(): Promise<void> {
    const services = (await platform.berth("service", "ls", "--json")).json;
    assert.deepEqual((services.services ?? services).map((one: { id: string }) => one.id).filter((id: string) => id === "echo"), []);
    const apps = join(platform.root, "var/lib/berth/apps");
    const left = existsSync(apps) ? readdirSync(apps, { recursive: true } as object) : [];
    assert.deepEqual(left.filter((name) => String(name).includes("echo")), []);
    const status = await platform.status();
    assert.equal(status.state, "running");
    assert.ok(!status.processes.some((one: { name: string }) => one.name === "echo"));
  }

  async function refused(pattern: RegExp): Promise<CliResult> {
    // The list is kept for a while; these tests change it at once.
    await platform.cli(["store", "ls", "--refresh", "--json"]);
    const done = await platform.cli(["service", "install", "echo", "--wait"]);
    assert.notEqual(done.code, 0, "it was installed");
    assert.match(done.stderr, pattern);
    await nothing_left();
    return done;
  }

  const binary = /\/echo$/;
  const cases: [string, Fault, RegExp, RegExp][] = [
    ["cuts the binary off", "cut", binary, /cut|incomplete|end|closed|transfer|partial|bytes/i],
    ["sends half a binary as if it were whole", "short", binary, /hash|sha-?256|size|differ|bytes/i],
    ["changes one byte of the binary", "flipped", binary, /hash|sha-?256|differ|changed/i],
    ["stalls in the middle of the binary", "stalled", binary, /stall|time|slow|answer/i],
    ["takes the request and says nothing", "silent", binary, /stall|time|slow|answer/i],
    ["does not have the binary", "missing", binary, /404|not found|missing|has no/i],
    ["answers with an error", "server_error", binary, /500|error/i],
    ["sends bytes without end", "endless", binary, /large|limit|more|hash|sha-?256|bytes/i],
  ];
  for (const [what, fault, path, words] of cases) {
    test(`an install from a store that ${what} says so and leaves nothing behind`, async () => {
      store.break(path, fault);
      try {
        await refused(words);
      } finally {
        store.heal();
      }
    });
  }

  test("an offline store is named, and the list that was fetched before is still shown", async () => {
    await platform.berth("store", "ls", "--json");
    await store.close();
    const failed = await platform.cli(["service", "install", "echo", "--wait"]);
    assert.notEqual(failed.code, 0);
    assert.match(failed.stderr, /store|connect|refused|reach|offline/i);
    const listed = await platform.cli(["store", "ls", "--json"]);
    assert.equal(listed.code, 0, listed.stderr);
    assert.match(listed.stdout, /"echo"/);
    await nothing_left();
    await store.open();
  });

  test("an index without a signature is refused", async () => {
    store.break(/apps\.json\.minisig$/, "missing");
    await refused(/sign/i);
    store.heal();
  });

  test("an index that was changed after signing is refused", async () => {
    const text = readFileSync(store.index, "utf8");
    store.write("apps.json", text.replace(/"title"/, '"title" '));
    await refused(/sign/i);
    store.write_index(original);
  });

  test("an index signed with another key is refused", async () => {
    const foreign = new FakeStore(join(build, "store/demo"));
    foreign.make_key();
    foreign.write_index(original);
    store.write("apps.json", readFileSync(foreign.index));
    store.write("apps.json.minisig", readFileSync(`${foreign.index}.minisig`));
    await refused(/sign|key/i);
    store.write_index(original);
  });

  test("an index that is not JSON, or endless, or huge, does no harm", async () => {
    for (const text of ["", "{", '{"apps":7}', `{"apps":[${"[".repeat(100_000)}`]) {
      store.write("apps.json", text);
      const done = await platform.cli(["store", "ls", "--refresh", "--json"]);
      assert.doesNotMatch(done.stderr, /terminate|Sanitizer/);
      await refused(/./);
    }
    store.write_index(original);
    store.break(/apps\.json$/, "endless");
    await refused(/large|limit|more|sign|bytes/i);
    store.heal();
  });

  test("a package that exists only for another architecture is refused with both names", async () => {
    const index = structuredClone(original);
    for (const app of index.apps) {
      for (const version of app.versions) {
        version.sha256 = Object.fromEntries(
          Object.entries(version.sha256 as Record<string, string>).map(([name, hash]) => [name.replace(/^[^/]+/, kOther), hash]),
        );
      }
    }
    store.write_index(index);
    store.break(new RegExp(`/${kOurs}/`), "missing");
    const done = await refused(/arch|x86_64|arm/i);
    assert.match(done.stderr, new RegExp(kOurs!));
    store.heal();
    store.write_index(original);
  });

  test("a binary that claims our architecture but is another's is refused before it is started", async () => {
    const index = structuredClone(original);
    const app = index.apps.find((one: { id: string }) => one.id === "echo");
    const version = app.versions[0];
    const path = `${version.build}/${kOurs}/${app.folder}/${app.binary}`;
    const good = readFileSync(join(store.folder, path));
    const elf = Buffer.from(good);
    elf.writeUInt16LE(kOther === "arm64" ? 183 : 62, 18); // e_machine
    store.write(path, elf);
    for (const name of Object.keys(version.sha256)) {
      if (name.startsWith(`${kOurs}/`) && name.endsWith(`/${app.binary}`)) version.sha256[name] = sha256_of(elf);
      else if (name === `${kOurs}/${app.binary}`) version.sha256[name] = sha256_of(elf);
    }
    store.write_index(index);
    await refused(/arch|machine|x86_64|arm/i);
    store.write(path, good);
    store.write_index(original);
  });

  test("names that climb out of the store's or our folder are refused", async () => {
    for (const change of [
      (app: any) => (app.folder = "../../../../tmp"),
      (app: any) => (app.binary = "../echo"),
      (app: any) => (app.versions[0].copy = ["../../../escape"]),
      (app: any) => (app.binary = "a/b"),
    ]) {
      const index = structuredClone(original);
      change(index.apps.find((one: { id: string }) => one.id === "echo"));
      store.write_index(index);
      await refused(/./);
    }
    store.write_index(original);
    assert.ok(!existsSync(join(platform.root, "var/lib/berth/escape")));
  });

  test("an app that is not in the store is not found, with exit code 3", async () => {
    const done = await platform.cli(["service", "install", "no-such-app", "--wait"]);
    assert.equal(done.code, 3, done.stderr);
  });

  test("after all that the same install works", async () => {
    await platform.berth("store", "ls", "--refresh");
    await platform.install("echo");
    await platform.create("echo", "e", "example.com");
    assert.equal((await run("curl", ["-sS", `${platform.http_url}/example.com/e/bytes/3`])).stdout.length, 3);
  });

  test("a folder is a store, too, and an unsigned one is refused unless developer mode is on, which ends by itself", async () => {
    const folder = new FakeStore(join(build, "store/demo"));
    const other = await Platform.start({ store: folder.folder, no_wait: false });
    try {
      const done = await other.cli(["service", "install", "echo", "--wait"]);
      // Signed by the build's key, which nobody told this platform to trust.
      assert.notEqual(done.code, 0);
      assert.match(done.stderr, /sign|key|trust/i);
      await other.berth("config", "set", "developerMode", "true");
      const ends = await until("an end of developer mode", async () => Date.parse(await value(other, "developerModeEnds")) || undefined);
      assert.ok(Math.abs(ends - Date.now() - 8 * 3_600_000) < 60_000, "eight hours unless set otherwise");
      rmSync(join(folder.folder, "apps.json.minisig"));
      await other.berth("service", "install", "echo", "--wait");
      const refused = await other.cli(["config", "set", "developerModeEnds", "tonight"]);
      assert.match(refused.stderr, /a moment like/);
      await other.berth("config", "set", "developerModeEnds", new Date(Date.now() + 1_000).toISOString().replace(/\.\d+/, ""));
      await until("the end of developer mode", async () => (await value(other, "developerMode")) === "false");
      await other.stop();
    } finally {
      await other.destroy();
    }
  });
});
