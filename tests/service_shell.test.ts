// "Disable app security": a shell within an app's sandbox, only while the switch is on, and not for longer.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pid_now } from "./harness/kill";
import { as_user, is_root, type Platform } from "./harness/platform";
import { descendants, is_alive } from "./harness/process";
import { platform_test, assert } from "./harness/test";
import { until, within } from "./harness/wait";

const value = async (one: Platform, name: string): Promise<string> =>
  (await one.berth("config", "get", name, "--json")).json.value;
const shell = (one: Platform, command: string, input?: string) =>
  one.cli(["service", "shell", "notes", "-c", command], input === undefined ? {} : { input });

interface Opened {
  child: ChildProcess;
  out: () => string;
  errors: () => string;
  end: Promise<number | null>;
}
/** A shell that stays open. In a process group of its own, as a login shell would start it. */
function open_shell(one: Platform, command: string, reads_output = true): Opened {
  const [program, args] = as_user(one.user, join(one.build, "bin", "berth"), ["--root", one.root, "service", "shell", "notes", "-c", command]);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: true });
  let out = "", errors = "";
  if (reads_output) child.stdout!.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr!.on("data", (data: Buffer) => (errors += data.toString()));
  const end = new Promise<number | null>((done) => child.on("exit", (code) => done(code)));
  return { child, out: () => out, errors: () => errors, end };
}
const ends_in = (one: Platform, seconds: number) =>
  one.berth("config", "set", "appSecurityOffEnds", new Date(Date.now() + seconds * 1_000).toISOString().replace(/\.\d+/, ""));
/** The fields of proc(5), /proc/PID/stat, from the state on. */
const stat_of = (pid: number) => {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
};
/** It keeps the shell, and leads a session of its own. */
const is_warden = (pid: number) => Number(stat_of(pid)[3]) === pid;
const runs = (command: string) => spawnSync("pgrep", ["-f", `^${command}$`], { encoding: "utf8" }).stdout !== "";

for (const user of is_root ? (["self", "nobody"] as const) : (["self"] as const)) {
  const name = user === "nobody" || !is_root ? "without root" : "as root";
  platform_test(`a shell opens within an app only while app security is off, ${name}`, { user, prepare: (one) => one.install("notes") }, async (one) => {
    const refused = await shell(one, "echo in");
    assert.equal(refused.code, 5, refused.stderr);
    assert.match(refused.stderr, /berth config set appSecurityOff true/);
    assert.equal(refused.stdout, "");

    await one.berth("config", "set", "appSecurityOff", "true");
    const ends = await until("an end", async () => Date.parse(await value(one, "appSecurityOffEnds")) || undefined);
    assert.ok(Math.abs(ends - Date.now() - 4 * 3_600_000) < 60_000, "four hours unless set otherwise");
    const status = await one.status();
    assert.equal(status.modes[0].setting, "appSecurityOff");
    assert.equal(Date.parse(status.modes[0].ends), ends);
    assert.ok(status.checks.some((check: { id: string }) => check.id === "app-security-off"));
    assert.match((await one.cli(["status"])).stdout, /^! APP SECURITY IS OFF.*ends in/m);

    // It stands where the app stands, as the app's user, and is nothing more.
    const pid = pid_now(one, "notes")!;
    const of_service = (line: string) => new RegExp(`^${line}:\\s+(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
    const seen = await shell(one, "pwd; id -u; ls -d /home /srv 2>/dev/null; grep -E '^(CapEff|NoNewPrivs):' /proc/self/status; ls /proc | grep -c '^[0-9]'; cat; exit 7", "typed\n");
    assert.equal(seen.code, 7, seen.stderr);
    const lines = seen.stdout.trim().split("\n");
    assert.ok(lines[0]!.endsWith("/var/lib/berth/work/notes"), lines[0]);
    assert.equal(lines[1], of_service("Uid"));
    assert.match(seen.stdout, /CapEff:\s+0+\n/);
    assert.match(seen.stdout, /NoNewPrivs:\s+1\n/);
    assert.doesNotMatch(seen.stdout, /^\/(home|srv)$/m);
    assert.equal(lines.at(-1), "typed");
    assert.ok(Number(lines.at(-2)) < 12, `the machine's processes are out of sight: ${lines.at(-2)}`);

    // On a terminal it has one of its own.
    const typed = spawnSync("script", ["-qec", `${join(one.build, "bin", "berth")} --root ${one.root} service shell notes -c 'test -t 0 && echo is-a-terminal; stty size'`, "/dev/null"], { encoding: "utf8", timeout: 60_000 });
    assert.match(typed.stdout, /is-a-terminal\r?\n/);
    assert.match(typed.stdout, /As notes sees the world, with its rights\. This is logged\./);

    const events = (await one.berth("alarm", "ls", "--history", "--json")).json;
    assert.ok(JSON.stringify(events).includes("A shell was opened within Notes"), JSON.stringify(events).slice(0, 2000));

    // Asked for over the network it does not open, whoever asks.
    const remote = await one.admin();
    const told = await remote.request({ mt: "OpenServiceShell", id: "notes" });
    assert.match(told["error"], /on the platform's own machine only/);
    remote.close();

    // What it leaves in the background ends with it, however it hides.
    const hidden = await shell(one, "(sleep 47110 &) ; setsid sleep 47111 & setsid sh -c 'sleep 47112 & exec sleep 47113' & sleep 0.2; echo left");
    assert.equal(hidden.stdout, "left\n", hidden.stderr);
    assert.equal(spawnSync("pgrep", ["-f", "sleep 4711[0-3]"], { encoding: "utf8" }).stdout, "");

    // One that is open ends when the switch does.
    const long = open_shell(one, "echo ready; sleep 1000");
    await until("the long shell", () => long.out().includes("ready"));
    await ends_in(one, 1);
    assert.equal(await long.end, 5, long.errors());
    assert.match(long.errors(), /appSecurityOff is over/);
    await until("the end of it", async () => (await value(one, "appSecurityOff")) === "false");
    assert.deepEqual((await one.status()).modes, []);
    assert.equal((await shell(one, "true")).code, 5);
    assert.equal(pid_now(one, "notes"), pid, "the app itself was left alone");
  });

  platform_test(`whoever stands still or goes holds up no shell's end, ${name}`, { user, prepare: (one) => one.install("notes") }, async (one) => {
    await one.berth("config", "set", "appSecurityOff", "true");
    const work = join(one.root, "var/lib/berth/work/notes");
    const manager = one.manager!.pid!;

    // Its output is read by nobody any more.
    const head = spawnSync("sh", ["-c", `${[...as_user(one.user, join(one.build, "bin", "berth"), [])].flat().join(" ")} --root ${one.root} service shell notes -c yes | head -n 1`], { encoding: "utf8", timeout: 30_000 });
    assert.equal(head.stdout, "y\n", head.stderr);
    assert.equal(head.signal, null, "it ends with its reader");

    // What is typed gets through to a shell whose output stands still, and so does the end of the time, though the manager
    // stands still as well.
    await ends_in(one, 20);
    const stalled = open_shell(one, "yes & while read line; do touch $line; done; wait", false);
    stalled.child.stdin!.write("first\n");
    await until("the first line", () => existsSync(join(work, "first")), 60_000);
    let ticks = "";
    await until("a full pipe", () => {
      const yes = descendants(stalled.child.pid!).find((child) => child.arguments[0] === "yes");
      const before = ticks, stat = yes && stat_of(yes.pid);
      if (stat) ticks = `${stat[11]} ${stat[12]}`;
      return stat?.[0] === "S" && ticks === before;
    }, 20_000, 300);
    stalled.child.stdin!.write("second\n");
    await until("the second line", () => existsSync(join(work, "second")), 8_000);
    process.kill(manager, "SIGSTOP");
    try {
      assert.equal(await within("the end of the time", 40_000, stalled.end), 5, stalled.errors());
      assert.match(stalled.errors(), /appSecurityOff is over/);
    } finally {
      process.kill(manager, "SIGCONT");
    }
    await until("the switch", async () => (await value(one, "appSecurityOff")) === "false");

    // By its own clock, without manager and without the command.
    await one.berth("config", "set", "appSecurityOff", "true");
    await ends_in(one, 12);
    const ends = Date.parse(await value(one, "appSecurityOffEnds"));
    const left = open_shell(one, "setsid sleep 47120 & sleep 47120");
    await until("the shell left alone", () => runs("sleep 47120"));
    // The command, what it has beside it, and the door, which is a child of that: all but the shell's warden.
    const beside = descendants(left.child.pid!).filter((child) => child.arguments.includes("shell")).map((child) => child.pid);
    const above = [left.child.pid!, ...beside.filter((pid) => !is_warden(pid))];
    assert.ok(above.length >= 3, String(above));
    for (const pid of [manager, ...above]) process.kill(pid, "SIGSTOP");
    try {
      await until("the end of the shell left alone", () => !runs("sleep 47120"), 40_000);
      assert.ok(Date.now() >= ends, "not before its time");
    } finally {
      for (const pid of [manager, ...above]) if (is_alive(pid)) process.kill(pid, "SIGCONT");
    }
    await left.end;

    // With the command, however that ends. A hang-up goes to all that the terminal's shell has started.
    await until("the switch", async () => (await value(one, "appSecurityOff")) === "false");
    await one.berth("config", "set", "appSecurityOff", "true");
    for (const [signal, to] of [["SIGHUP", -1], ["SIGKILL", 1], ["SIGTERM", 1]] as const) {
      const open = open_shell(one, "setsid sleep 47121 & sleep 47121");
      await until("the shell in the background", () => runs("sleep 47121"));
      process.kill(to * open.child.pid!, signal);
      await open.end;
      await until(`nothing left after ${signal}`, () => !runs("sleep 47121"), 10_000);
    }

    // And then the terminal is as it was.
    const script = join(one.folder, "terminal.sh");
    const berth = [...as_user(one.user, join(one.build, "bin", "berth"), [])].flat().join(" ");
    writeFileSync(script, `
      before=$(stty -g)
      wait_for() { n=0; until eval "$1"; do n=$((n+1)); [ $n -lt 300 ] || { echo "in vain: $1"; exit 1; }; sleep 0.1; done; }
      for signal in TERM INT HUP KILL; do
        ${berth} --root ${one.root} service shell notes -c 'sleep 47122' < /dev/tty &
        wait_for 'test "$(stty -g)" != "$before"'
        kill -$signal $!
        wait_for 'test "$(stty -g)" = "$before"'
        wait $!
        echo "restored after $signal"
        stty "$before"
      done`);
    const terminal = spawnSync("script", ["-qec", `sh ${script}`, "/dev/null"], { encoding: "utf8", timeout: 150_000 });
    for (const signal of ["TERM", "INT", "HUP", "KILL"]) assert.match(terminal.stdout, new RegExp(`restored after ${signal}`), terminal.stdout);
    await until("nothing left in the terminal", () => !runs("sleep 47122"), 10_000);
  });
}
