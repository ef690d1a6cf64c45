// The lines of the README, as people type them: through ./run, in a shell, as root and as an ordinary user.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppWebsocket, password_login } from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { type User, as_user, build_for, is_root, kNobody, quiet_port, temporary_folder, tree } from "./harness/platform";
import { ended, processes, run } from "./harness/process";
import { assert, test } from "./harness/test";

// ./run is called with --build, so that the tests need no second, release build.
async function story(user: User): Promise<void> {
  const folder = temporary_folder("berth-lines");
  // The checkout may lie where an ordinary user cannot go.
  const build = build_for(user);
  const script = join(folder, "run");
  copyFileSync(join(tree, "run"), script);
  if (user === "nobody" && is_root) chownSync(folder, kNobody, kNobody);
  const root = join(folder, "root");
  const [http, https] = [await quiet_port(), await quiet_port()];
  writeFileSync(join(folder, "pw.txt"), "one two three\n");
  writeFileSync(join(folder, "new.txt"), "four five six\n");
  for (const name of ["pw.txt", "new.txt"]) {
    chmodSync(join(folder, name), 0o600);
    if (user === "nobody" && is_root) chownSync(join(folder, name), kNobody, kNobody);
  }
  const env = { ...process.env, R: root, B: build, HOME: folder };
  const shell = async (line: string) => {
    const [program, args] = as_user(user, "/bin/bash", ["-c", line]);
    const done = await run(program, args, { cwd: folder, env, timeoutMs: 240_000 });
    assert.equal(done.code, 0, `${line}\n${done.code ?? done.signal}\n${done.stderr}${done.stdout}`);
    return done.stdout;
  };

  const line = `"${script}" --build $B --root $R --http ${http} --https ${https} --password-file pw.txt --store demo`;
  const [program, args] = as_user(user, "/bin/bash", ["-c", `exec ${line}`]);
  const platform: ChildProcess = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  platform.stdout?.on("data", (text: Buffer) => (printed += text.toString()));
  platform.stderr?.on("data", (text: Buffer) => (printed += text.toString()));
  try {
    const status = JSON.parse(await shell("$B/bin/berth --root $R status --wait --timeout 120 --json"));
    assert.equal(status.state, "running", JSON.stringify(status));
    assert.match(status.version, /^\d+\.\d+/);
    for (const name of ["webserver", "postgres", "manager"]) {
      const found = status.processes.find((one: { name: string }) => one.name === name);
      assert.ok(found && found.pid > 0, `${name} in ${JSON.stringify(status.processes)}`);
    }
    assert.match(printed, new RegExp(`https://\\S+:${https}/manager`));
    assert.match(printed, /[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}/, "the certificate's SHA-256 fingerprint");
    assert.doesNotMatch(printed, /one two three/);

    await shell("$B/bin/berth --root $R service install notes --wait");
    const running = JSON.parse(await shell("$B/bin/berth --root $R status --json"));
    assert.ok(running.processes.some((one: { name: string; pid: number }) => one.name === "notes" && one.pid > 0));

    const created = JSON.parse(
      await shell("$B/bin/berth --root $R instance create notes --name team --domain example.com --json"),
    );
    assert.match(JSON.stringify(created), /\/example\.com\/team/);
    assert.match(JSON.stringify(created), /"example\.com_team"/);
    const password = created.password;
    assert.ok(typeof password === "string" && password.length >= 12, JSON.stringify(created));
    assert.ok(typeof created.databasePassword === "string" && created.databasePassword.length >= 12);

    const page = await shell(`curl -sS -k https://localhost:${https}/example.com/team/notes.htm`);
    assert.match(page, /<html/i);
    const url = `wss://localhost:${https}/example.com/team/notes`;
    (await AppWebsocket.login(url, password_login("notes"), password)).close();

    await shell(
      "$B/bin/berth --root $R instance backup team@example.com -o team.dump && /usr/lib/postgresql/15/bin/pg_restore -l team.dump",
    );
    assert.equal(statSync(join(folder, "team.dump")).mode & 0o077, 0, "a backup holds data: only its owner may read it");
    await shell(
      "$B/bin/berth --root $R instance rm team@example.com --now --yes && $B/bin/berth --root $R instance restore team.dump --wait",
    );
    (await AppWebsocket.login(url, password_login("notes"), password)).close();
    assert.equal((await fetch_url(`https://localhost:${https}/example.com/team/notes.htm`)).status, 200);

    await shell("$B/bin/berth --root $R instance passwd team@example.com --password-file new.txt");
    (await AppWebsocket.login(url, password_login("notes"), "four five six")).close();
    await assert.rejects(AppWebsocket.login(url, password_login("notes"), password));

    for (const manager of [`ws://localhost:${http}/manager`, `wss://localhost:${https}/manager`]) {
      const admin = await AppWebsocket.login(manager, password_login("manager"), "one two three");
      assert.equal((await admin.request({ mt: "AppPlatformInfoRequest" })).mt, "AppPlatformInfoResult");
      admin.close();
    }
  } catch (error) {
    console.error(`--- what ./run printed\n${printed.slice(-6000)}\n---`);
    throw error;
  } finally {
    platform.kill("SIGTERM");
    const code = await Promise.race([ended(platform), new Promise((done) => setTimeout(done, 60_000, "late").unref())]);
    const left = processes().filter((one) => one.arguments.some((text) => text.startsWith(`${root}/`)));
    for (const one of left) process.kill(one.pid, "SIGKILL");
    if (code === "late") platform.kill("SIGKILL");
    assert.equal(code, 0, `./run ended with ${code}\n${printed.slice(-3000)}`);
    assert.deepEqual(left, []);
  }
  assert.ok(existsSync(join(root, "var/lib/berth/pgsql/PG_VERSION")));
}

test(`the lines of the README work as ${is_root ? "root" : "an ordinary user"}`, () => story("self"));
test("the lines of the README work as an ordinary user, started by root", { skip: !is_root }, () => story("nobody"));
