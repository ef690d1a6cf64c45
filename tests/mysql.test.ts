// An app that is written for MySQL: its data are on a MariaDB of the admin's, and nothing of it is lost when that goes.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { AppWebsocket, type Message } from "./harness/appwebsocket";
import { Mariadb } from "./harness/mariadb";
import { build } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

let server: Mariadb;
after(() => server.kill());
let password: string;
let instance: string;
const key_file = (folder: string) => join(folder, "external.txt");

const platform = with_platform({ store: join(build, "store/escape") }, async (one) => {
  server = await Mariadb.start();
  const key = readFileSync(join(build, "store/escape/minisign.pub"), "utf8").split("\n")[1]!;
  await one.berth("config", "set", "storeKeys", key);
  await one.install("polls");
  await one.install("notes");
  const recipe = await one.berth("instance", "sql-recipe", "--type", "mysql", "--database", "polls", "--user", "polls");
  password = "it's secret";
  writeFileSync(key_file(one.folder), `${password}\n`, { mode: 0o600 });
  server.sql(recipe.stdout.replace("@password = ''", "@password = 'it''s secret'"));
});

const external = () => ["--external-type", "mysql", "--external-host", `127.0.0.1:${server.port}`, "--external-database", "polls",
  "--external-user", "polls", "--external-password-file", key_file(platform().folder)];
const create = (service: string, ...more: string[]) =>
  platform().cli(["instance", "create", service, "--name", "team", "--domain", "example.com", "--json", ...more]);
const login = (sip = "ann") =>
  AppWebsocket.login(`ws://localhost:${platform().http}/example.com/team`, { app: "polls", sip, dn: sip }, instance);

test("an app and a database of different types are refused with the reason", async () => {
  const notes = await create("notes", ...external());
  assert.notEqual(notes.code, 0);
  assert.match(notes.stderr, /notes is written for postgresql, not for mysql/);
  const polls = await create("polls");
  assert.notEqual(polls.code, 0);
  assert.match(polls.stderr, /polls is written for mysql: give it an external database of that type/);
});

test("the app runs on MariaDB, from within its sandbox", async () => {
  const made = await create("polls", ...external());
  assert.equal(made.code, 0, made.stderr);
  instance = made.json.password;
  const [ann, bob] = [await login("ann"), await login("bob")];
  await bob.request({ mt: "ListPolls" });
  const { id } = await ann.request({ mt: "AddPoll", question: "Tea?", answers: ["yes", "no"] });
  const told = await bob.next((message) => message.mt === "PollChanged" && message.poll.id === id);
  await bob.request({ mt: "Vote", answer: told.poll.answers[0].id });
  assert.equal(server.sql("SELECT voter FROM polls.vote"), "bob");
  assert.match(server.sql("SHOW TABLES IN polls"), /berth_schema/);
  assert.equal(platform().service_log("polls").includes(password), false, "no password in the log");
});

test("a MariaDB that dies and comes back costs nobody a session or a vote", async () => {
  const ann = await login("ann");
  let closed = false;
  void ann.closed.then(() => (closed = true));
  const { polls } = await ann.request({ mt: "ListPolls" });
  const answer = polls[0].answers[1].id as number;
  await server.kill();
  const waiting: Promise<Message> = ann.request({ mt: "Vote", answer });
  await server.up();
  // It waited for the database, or says that it did not get one.
  const first = await waiting;
  if (first.error !== undefined) assert.equal(first.errorCode, "unavailable");
  await until("the vote", async () => (await ann.request({ mt: "Vote", answer })).error === undefined);
  assert.equal(closed, false);
  assert.equal(server.sql("SELECT COUNT(*) FROM polls.vote WHERE voter IN ('ann', 'bob')"), "2");
});

test("another password of the database is taken while the app runs", async () => {
  const ann = await login("ann");
  server.sql("ALTER USER 'polls'@'%' IDENTIFIED BY 'other'");
  writeFileSync(key_file(platform().folder), "other\n", { mode: 0o600 });
  await platform().berth("instance", "use-database", "team@example.com", "--type", "mysql", "--host", `127.0.0.1:${server.port}`,
    "--database", "polls", "--user", "polls", "--password-file", key_file(platform().folder));
  ann.socket.terminate();
  await until("the polls", async () => (await (await login("ann")).request({ mt: "ListPolls" })).polls.length === 1);
});

test("backups say that they do not cover it", async () => {
  const done = await platform().cli(["instance", "backup", "team@example.com", "-o", join(platform().folder, "team.dump")]);
  assert.notEqual(done.code, 0);
  assert.match(done.stderr, /in MySQL on 127\.0\.0\.1:\d+.*mysqldump/);
});
