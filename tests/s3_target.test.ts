// A backup target in a foreign S3 server: written, read back, restored from, and said no to.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import S3rver from "s3rver";
import { NotesSession } from "./harness/notes";
import { temporary_folder } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";

const folder = temporary_folder("berth-s3");
let server: S3rver | undefined;
let port = 0;
let password = "";
const platform = with_platform({}, async (one) => {
  // Over https: restic then sends its uploads as they are, over http in signed pieces, which this server stores as they come.
  execFileSync("openssl", [
    ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost".split(" "),
    ...["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem")],
  ], { stdio: "ignore" });
  server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: join(folder, "data"),
    key: readFileSync(join(folder, "key.pem"), "utf8"),
    cert: readFileSync(join(folder, "certificate.pem"), "utf8"),
    configureBuckets: [{ name: "backups", configs: [] }],
  });
  port = (await server.run()).port;
  // The account that this server knows.
  writeFileSync(join(folder, "secret"), "S3RVER\n", { mode: 0o600 });
  await one.install("notes");
  password = (await one.create("notes", "team", "example.com")).password;
});
after(() => server?.close());

const berth = (...args: string[]) => platform().berth(...args);
const add_target = (name: string, path: string, key: string, ...more: string[]) =>
  berth(
    ...["backup", "target", "add", name, "--kind", "s3", "--place", `https://localhost:${port}/${path}`],
    ...["--option", `accessKey=${key},caFile=${join(folder, "certificate.pem")}`],
    ...["--password-file", join(folder, "secret"), ...more],
  );

test("sets go to a bucket, are read back, and instances come back from there", async () => {
  const added = await add_target("bucket", "backups/berth", "S3RVER");
  assert.equal(added.code, 0, added.stderr);
  assert.ok(readdirSync(join(folder, "data/backups/berth")).some((name) => name.startsWith("config")));

  const session = new NotesSession(`ws://localhost:${platform().http}/example.com/team/notes`, password);
  const board = await session.add_board("board");
  await session.add_note(board, "backed up");
  const policy = await berth("backup", "policy", "set", "far", "--target", "bucket", "--schedule", "daily 03:00");
  assert.equal(policy.code, 0, policy.stderr);
  const run = await berth("backup", "run", "far", "--wait", "--timeout", "300");
  assert.equal(run.code, 0, run.stderr);
  await session.add_note(board, "later");
  const set = (await berth("backup", "ls", "--json")).json.find((one: { target: string }) => one.target === "bucket");
  assert.equal(set.state, "good");
  assert.ok(set.verifiedAt, "it was read back");
  const restored = await berth("instance", "restore", "team@example.com", "--from", set.id, "--wait", "--timeout", "300");
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual([...(await session.notes()).values()], ["backed up"]);
  session.close();
});

test("an account that is not known there is told as such", async () => {
  assert.equal((await add_target("revoked", "backups/berth", "NOBODY", "--no-test")).code, 0);
  const revoked = await platform().cli(["backup", "target", "test", "revoked"]);
  assert.notEqual(revoked.code, 0);
  assert.match(revoked.stderr, /the target refuses us/);
});
