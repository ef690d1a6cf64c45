// "Disable app security": a shell within an app's sandbox, only while the switch is on, and not for longer.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pid_now } from "./harness/kill";
import { as_user, is_root, type Platform } from "./harness/platform";
import { platform_test, assert } from "./harness/test";
import { until } from "./harness/wait";

const value = async (one: Platform, name: string): Promise<string> =>
  (await one.berth("config", "get", name, "--json")).json.value;
const shell = (one: Platform, command: string, input?: string) =>
  one.cli(["service", "shell", "notes", "-c", command], input === undefined ? {} : { input });

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
    const [program, args] = as_user(one.user, join(one.build, "bin", "berth"), ["--root", one.root, "service", "shell", "notes", "-c", "echo ready; sleep 1000"]);
    const long = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    let out = "", errors = "";
    long.stdout.on("data", (data: Buffer) => (out += data.toString()));
    long.stderr.on("data", (data: Buffer) => (errors += data.toString()));
    const end = new Promise<number | null>((done) => long.on("close", (code) => done(code)));
    await until("the long shell", () => out.includes("ready"));
    await one.berth("config", "set", "appSecurityOffEnds", new Date(Date.now() + 1_000).toISOString().replace(/\.\d+/, ""));
    assert.equal(await end, 5, errors);
    assert.match(errors, /appSecurityOff is over/);
    await until("the end of it", async () => (await value(one, "appSecurityOff")) === "false");
    assert.deepEqual((await one.status()).modes, []);
    assert.equal((await shell(one, "true")).code, 5);
    assert.equal(pid_now(one, "notes"), pid, "the app itself was left alone");
  });
}
