// What an admin does with the databases: passwords under load, clean-up, sizes, another name for a customer.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { AppWebsocket, password_login } from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { NotesSession } from "./harness/notes";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

let created: { password: string; databasePassword: string };
const platform = with_platform({}, async (one) => {
  await one.install("notes");
  created = await one.create("notes", "team", "example.com");
});
const url = (domain = "example.com", name = "team") => `ws://localhost:${platform().http}/${domain}/${name}/notes`;

async function sql(password: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    host: join(platform().root, "run/berth/pgsql"),
    user: "example.com_team",
    password,
    database: "example.com_team",
  });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

async function berth(...args: string[]): Promise<ReturnType<typeof JSON.parse>> {
  const done = await platform().berth(...args, "--json");
  assert.equal(done.code, 0, done.stderr);
  return done.json;
}

test("other passwords of instance and database take effect at once and no session is lost", async () => {
  const session = new NotesSession(url(), created.password);
  const board = await session.add_board("before");
  const database = (await berth("instance", "passwd", "team@example.com", "--database")).password;
  assert.notEqual(database, created.databasePassword);
  await assert.rejects(sql(created.databasePassword, "SELECT 1"), /password/);
  assert.equal((await sql(database, "SELECT 1 AS one"))[0]?.["one"], 1);
  // The pool's connections go away when the database ends them; the next ones use the new password.
  await sql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
  await session.add_note(board, "after");
  created.databasePassword = database;

  const password = (await berth("instance", "passwd", "team@example.com")).password;
  await session.add_note(board, "still in");
  assert.equal(session.reconnects, 0, "the session of the old password goes on");
  await assert.rejects(AppWebsocket.login(url(), password_login("notes"), created.password));
  (await AppWebsocket.login(url(), password_login("notes"), password)).close();
  created.password = password;
  session.close();
});

test("the figures of a database, and what a clean-up gives back", async () => {
  await sql(created.databasePassword, "CREATE TABLE ballast AS SELECT n, repeat('x', 500) AS text FROM generate_series(1, 40000) n");
  await sql(created.databasePassword, "DELETE FROM ballast WHERE n % 10 > 0");
  // The night's own run must not come between, whenever this runs.
  assert.equal((await platform().cli(["config", "set", "optimiseHour", String((new Date().getUTCHours() + 12) % 24)])).code, 0);
  const earlier = (await berth("database", "show")).runs.length;
  await berth("database", "optimise");
  const shown = await berth("instance", "show", "team@example.com");
  const before = shown.databaseFigures;
  const real = Number((await sql(created.databasePassword, "SELECT pg_database_size(current_database()) AS b"))[0]?.["b"]);
  assert.ok(Math.abs(before.bytes - real) < 1e6, `told ${before.bytes}, PostgreSQL says ${real}`);
  assert.ok(before.bloatBytes > 15e6, `bloat ${before.bloatBytes}`);
  assert.equal(before.tables[0].table, "public.ballast");
  const rehearsal = await platform().berth("instance", "clean-up", "team@example.com", "--dry-run");
  assert.match(rehearsal.stdout, /gives back about/);
  const text = await platform().berth("instance", "show", "team@example.com");
  assert.match(text.stdout, /air in it +about [\d.]+ MiB: berth instance clean-up team@example\.com/);
  const done = await platform().berth("instance", "clean-up", "team@example.com");
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /is cleaned up: .* before, .* now/);
  const after = (await berth("instance", "show", "team@example.com")).databaseFigures;
  assert.ok(after.bytes < before.bytes - 15e6, `${before.bytes} → ${after.bytes}`);

  const all = await berth("database", "show");
  assert.ok(all.bytes > after.bytes && all.walBytes > 0 && all.freeBytes > 0);
  assert.equal(all.runs.length, earlier + 1);
  assert.deepEqual(all.runs[0].failures, []);
  assert.ok(all.nextRun > new Date().toISOString().slice(0, 19));
  const shrunk = await platform().berth("database", "shrink");
  assert.match(shrunk.stdout, /given back/);
  assert.equal((await platform().cli(["instance", "clean-up", "nobody@example.com"])).code, 3);
});

test("without room for a clean-up: backup, delete, restore gives the space back as well", async () => {
  await sql(created.databasePassword, "INSERT INTO ballast SELECT n, repeat('y', 500) FROM generate_series(1, 40000) n");
  await sql(created.databasePassword, "DELETE FROM ballast WHERE n % 10 > 0");
  // Sizes are asked for every few seconds only.
  const size = async () => (await berth("instance", "show", "team@example.com")).databaseBytes as number;
  const before = await until("the size with the ballast", async () => ((await size()) > 20e6 ? size() : undefined));
  const file = join(platform().folder, "team.dump");
  for (const args of [
    ["instance", "backup", "team@example.com", "-o", file],
    ["instance", "rm", "team@example.com", "--now", "--yes"],
    ["instance", "restore", file],
  ]) {
    const done = await platform().berth(...args);
    assert.equal(done.code, 0, done.stderr);
  }
  await until(`less than ${before} bytes`, async () => {
    const after = await size();
    return after > 0 && after < before - 10e6;
  });
});

test("an instance that is deleted and made again with the same names has another password", async () => {
  const first = await platform().create("notes", "again", "example.com");
  await platform().berth("instance", "rm", "again@example.com", "--now", "--yes");
  const second = await platform().create("notes", "again", "example.com");
  assert.notEqual(first.password, second.password);
  const client = await until("login", () => AppWebsocket.login(url("example.com", "again"), password_login("notes"), second.password));
  client.close();
});

test("all instances of a customer get another domain: first shown, then done", async () => {
  const plan = await platform().berth("instance", "rename", "--of", "example.com", "--domain", "example.org", "--dry-run", "--json");
  assert.deepEqual(
    plan.json.renamings.map((one: { name: string; newPath: string }) => `${one.name} ${one.newPath}`).sort(),
    ["again /example.org/again", "team /example.org/team"],
  );
  assert.equal((await fetch_url(`${platform().http_url}/example.com/team/notes.htm`)).status, 200, "nothing has changed");
  const done = await platform().berth("instance", "rename", "--of", "example.com", "--domain", "example.org");
  assert.equal(done.code, 0, done.stderr);
  await until("the new path", async () => (await fetch_url(`${platform().http_url}/example.org/team/notes.htm`)).status === 200);
  assert.equal((await fetch_url(`${platform().http_url}/example.com/team/notes.htm`)).status, 404);
  assert.equal((await platform().cli(["instance", "rename", "--of", "example.org"])).code, 2, "nothing said to change");
});

test("the admin's lines in pg_hba.conf stay, and nobody outside gets in", async () => {
  const file = join(platform().root, "var/lib/berth/pgsql/pg_hba.conf");
  assert.ok(existsSync(file));
  const rules = readFileSync(file, "utf8");
  assert.doesNotMatch(rules, /^host/m);
  assert.match(readFileSync(join(platform().root, "var/lib/berth/pgsql/berth.conf"), "utf8"), /^listen_addresses = ''$/m);
  const recipe = await platform().berth("instance", "sql-recipe", "team@example.org");
  assert.match(recipe.stdout, /CREATE DATABASE "example\.com_team" OWNER "example\.com_team" ENCODING 'UTF8'/);
});
