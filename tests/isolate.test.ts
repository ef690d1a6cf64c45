// An instance in a process of its own, switched while the others of its service run.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { back, kill_hard } from "./harness/kill";
import { NotesSession } from "./harness/notes";
import { is_root, temporary_folder } from "./harness/platform";
import { is_alive } from "./harness/process";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

const key = "team@example.com";
let team: NotesSession, lab: NotesSession;
let team_board = "", lab_board = "";
const platform = with_platform({}, async (one) => {
  await one.install("notes");
  const open = async (name: string) => {
    const { password } = await one.create("notes", name, "example.com");
    return new NotesSession(`ws://localhost:${one.http}/example.com/${name}/notes`, password);
  };
  [team, lab] = [await open("team"), await open("lab")];
  team_board = await team.add_board("team");
  lab_board = await lab.add_board("lab");
  await team.add_note(team_board, "written together");
});
after(() => (team?.close(), lab?.close()));

const service = async (): Promise<Json> => (await platform().berth("service", "show", "notes", "--json")).json;
const own = async (): Promise<Json> => (await service()).processes[0];
const instance = async (name: string): Promise<Json> => (await platform().berth("instance", "show", name, "--json")).json;
const isolate = (wanted: boolean) => platform().berth("instance", "edit", key, "--isolated", wanted ? "yes" : "no");
const log_of = (name: string) => join(platform().root, "var/log/berth", name);
/** Until the instance is in a process of its own that runs, other than `old`. */
const own_pid = (old = 0): Promise<number> =>
  until("a process of its own", async () => {
    const process = await own();
    return process?.state === "running" && process.pid !== old ? process.pid : undefined;
  }, 60_000);
const write = (session: NotesSession, text: string) => session.add_note(session === team ? team_board : lab_board, text);
const texts = async (session: NotesSession) => [...(await session.notes()).values()];

test("an instance goes into a process of its own with its data, and the others keep their connections", async () => {
  const shared = (await service()).pid;
  assert.deepEqual((await service()).processes, []);
  await isolate(true);
  const process = await own();
  assert.equal(process.instance, key);
  assert.equal(process.state, "running");
  assert.notEqual(process.pid, shared);
  assert.equal((await service()).pid, shared, "the shared process was not touched");
  await write(team, "written alone");
  assert.deepEqual((await texts(team)).sort(), ["written alone", "written together"]);
  await write(lab, "undisturbed");
  assert.equal(lab.reconnects, 0);
  assert.equal((await instance(key)).isolated, true);
  assert.equal((await instance(key)).state, "running");
});

test("its log, its line in the status and its memory are its own", async () => {
  const process = await own();
  const status = await platform().status();
  assert.equal(status.processes.find((one: Json) => one.name === process.name)?.instance, key);
  assert.ok(process.memoryBytes > 1e6);
  const lines = (await platform().berth("log", "notes", "--instance", key)).stdout;
  assert.match(lines, /team@example\.com/);
  const whole = readFileSync(join(log_of(process.name), "notes.log"), "utf8");
  assert.ok(!whole.includes("lab@example.com"), "nothing of its neighbour");
  const refused = await platform().cli(["log", "notes~000000000000"]);
  assert.match(refused.stderr, /there is no service notes~000000000000/);
});

test("in control groups and users' eyes it stands alone", { skip: !is_root }, async () => {
  const groups = (pid: number) => readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const [mine, shared] = [groups((await own()).pid), groups((await service()).pid)];
  assert.ok(mine.includes((await own()).name), mine);
  assert.ok(!shared.includes("~"), shared);
  // What it sees of its service's folder is what belongs to it.
  const view = readFileSync(`/proc/${(await own()).pid}/mountinfo`, "utf8");
  const work = join(platform().root, "var/lib/berth/work/notes");
  assert.ok(view.includes(`${work}/example.com_team `), view);
  assert.ok(!view.includes(`${work} `), "not the folder of all instances");
});

test("whoever kills the shared process does not touch it, and the other way round", async () => {
  const before = team.reconnects;
  const [shared, mine] = [(await service()).pid, (await own()).pid];
  process.kill(shared, "SIGKILL");
  await until("the shared process to come back", async () => {
    const now = await service();
    return now.state === "running" && now.pid !== shared;
  }, 60_000);
  await write(lab, "after the death of the shared process");
  await write(team, "not noticed");
  assert.equal(team.reconnects, before);
  assert.equal((await own()).pid, mine);
  const lost = lab.reconnects;
  process.kill(mine, "SIGKILL");
  await own_pid(mine);
  await write(team, "after the death of its own process");
  assert.equal(lab.reconnects, lost);
  assert.match((await own()).lastExit, /signal 9/);
});

test("a new manager adopts it: nobody is disconnected", async () => {
  const [mine, before] = [(await own()).pid, [team.reconnects, lab.reconnects]];
  const old = await kill_hard(platform(), "manager");
  await write(team, "written without a manager");
  await back(platform(), "manager", old);
  await platform().ready();
  assert.equal((await own()).pid, mine);
  assert.equal((await instance(key)).state, "running");
  await write(team, "written with the next manager");
  assert.deepEqual([team.reconnects, lab.reconnects], before);
});

test("stopped, its process ends; stopped and started with its service, it comes back", async () => {
  const mine = (await own()).pid;
  await platform().berth("instance", "stop", key);
  assert.ok(!is_alive(mine));
  assert.equal((await own()).state, "stopped");
  await platform().berth("service", "restart", "notes", "--wait");
  await write(lab, "restarted");
  assert.equal((await own()).state, "stopped", "a restart of the service does not start what an admin stopped");
  await platform().berth("instance", "start", key);
  const started = await own_pid();
  await platform().berth("service", "stop", "notes", "--wait");
  assert.ok(!is_alive(started));
  assert.equal((await instance(key)).state, "stopped");
  const refused = await platform().cli(["instance", "start", key]);
  assert.match(refused.stderr, /service notes is stopped: start it first/);
  await platform().berth("service", "start", "notes", "--wait");
  await own_pid(started);
  await write(team, "back with its service");
});

test("a report of its process names the instance", async () => {
  const report = (await platform().berth("service", "report", key, "--json")).json;
  assert.equal(report.service, "notes");
  assert.equal(report.instance, key);
  assert.equal(report.pid, (await own()).pid);
});

test("renamed it keeps its process to itself, and back with the others it keeps its data", async () => {
  await platform().berth("instance", "edit", key, "--name", "crew");
  assert.equal((await own()).instance, "crew@example.com");
  await platform().berth("instance", "edit", "crew@example.com", "--name", "team");
  await write(team, "under its old name");
  const alone = await own();
  await isolate(false);
  assert.deepEqual((await service()).processes, []);
  assert.ok(!is_alive(alone.pid));
  await write(team, "together again");
  const all = await texts(team);
  for (const text of ["written together", "written alone", "written without a manager", "together again"])
    assert.ok(all.includes(text), text);
  assert.equal((await instance(key)).isolated, false);
});

test("its backup brings it back into a process of its own", async () => {
  await isolate(true);
  const file = join(temporary_folder(), "team.dump");
  await platform().berth("instance", "backup", key, "-o", file);
  await platform().berth("instance", "restore", file, "--as", "copy@example.com", "--wait");
  const copy = (await service()).processes.find((one: Json) => one.instance === "copy@example.com");
  assert.equal(copy?.state, "running");
  await platform().berth("instance", "rm", "copy@example.com", "--now", "--yes");
  assert.deepEqual((await service()).processes.map((one: Json) => one.instance), [key]);
});

test("deleted for good it leaves no process and no log behind", async () => {
  const process = await own();
  assert.ok(existsSync(log_of(process.name)));
  team.close();
  await platform().berth("instance", "rm", key, "--now", "--yes");
  assert.deepEqual((await service()).processes, []);
  assert.ok(!is_alive(process.pid));
  assert.ok(!existsSync(log_of(process.name)));
});
