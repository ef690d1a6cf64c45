// Apps that ask for the network have one of their own: it leads where their package says, and neither to the machine nor to others.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { back, kill_hard } from "./harness/kill";
import { build, is_root, tree } from "./harness/platform";
import { assert, test, with_platform } from "./harness/test";
import { until } from "./harness/wait";

const nft = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"].find(existsSync);
const forwarding = () => readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim();
const was_forwarding = forwarding();

function tool(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

/** Whether this kernel lets us have networks at all; the launcher would report the same. */
const can = is_root && nft !== undefined && spawnSync("unshare", ["-n", "true"]).status === 0 &&
  spawnSync(nft, ["list", "tables"]).status === 0;

/** A network beyond the machine, with two hosts that listen: of TEST-NET-3, in a namespace of its own. */
class Far {
  private readonly wire = `far${process.pid}`;
  private hosts: ChildProcess | undefined;
  private local: Server | undefined;
  port = 0;

  async open(): Promise<this> {
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    assert.ok(!own.some(({ address }) => address.startsWith("203.0.113.")), "this machine is in TEST-NET-3 itself");
    this.local = createServer((socket) => socket.end());
    await new Promise<void>((done) => this.local!.listen(0, "0.0.0.0", done));
    this.port = (this.local.address() as { port: number }).port;
    const script = `import socket, sys, threading
one = socket.create_server(("0.0.0.0", ${this.port}), backlog=64)
threading.Thread(target=lambda: [one.accept()[0].close() for _ in iter(int, 1)], daemon=True).start()
print("up", flush=True)
sys.stdin.read()`;
    const hosts = spawn("unshare", ["-n", "python3", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    this.hosts = hosts;
    let said = "";
    hosts.stdout.on("data", (data: Buffer) => (said += data.toString()));
    await until("the far hosts", () => said.includes("up"));
    const inside = (...args: string[]) => tool("nsenter", "-t", `${hosts.pid}`, "-n", "ip", ...args);
    tool("ip", "link", "add", this.wire, "type", "veth", "peer", "name", "eth0", "netns", `${hosts.pid}`);
    tool("ip", "address", "add", "203.0.113.1/24", "dev", this.wire);
    tool("ip", "link", "set", this.wire, "up");
    for (const last of [10, 11]) inside("address", "add", `203.0.113.${last}/24`, "dev", "eth0");
    inside("link", "set", "eth0", "up");
    return this;
  }

  close(): void {
    this.local?.close();
    this.hosts?.stdin?.end();
    spawnSync("ip", ["link", "del", this.wire]);
  }
}

const far = new Far();
after(() => far.close());
const platform = with_platform({ store: join(build, "store/escape") }, async (one) => {
  if (!can) return;
  await far.open();
  const key = readFileSync(join(build, "store/escape/minisign.pub"), "utf8").split("\n")[1]!;
  await one.berth("config", "set", "storeKeys", key);
  await one.install("reach");
  await one.install("roam");
});

interface Tried {
  refused: boolean;
  detail: string;
}

async function network_of(service: string): Promise<{ state: string; why: string }> {
  const layers = (await platform().berth("service", "show", service, "--json")).json.sandbox;
  return layers.find((one: { layer: string }) => one.layer === "network namespace");
}

/** Where the other app is: the address on its end of the wire, as nobody but root can see it. */
async function address_of(service: string): Promise<string> {
  const pid = (await platform().berth("service", "show", service, "--json")).json.pid;
  const text = tool("nsenter", "-t", `${pid}`, "-n", "ip", "-4", "-o", "address", "show", "dev", "eth0");
  return /inet ([\d.]+)\//.exec(text)![1]!;
}

let rounds = 0;
async function attack(service: string, other: string): Promise<Map<string, Tried>> {
  const round = `${service}-${++rounds}`;
  const facts = {
    round,
    attempts: "network",
    port: `${far.port}`,
    machine: "203.0.113.1",
    named: "203.0.113.10",
    unnamed: "203.0.113.11",
    neighbour: await address_of(other),
  };
  const text = Object.entries(facts).map(([name, value]) => `${name} ${value}\n`);
  writeFileSync(join(platform().root, "var/lib/berth/work", service, "facts"), text.join(""), { mode: 0o644 });
  await platform().berth("service", "restart", service, "--wait");
  const log = join(platform().root, "var/log/berth", service, "output.log");
  const lines = await until(`the attempts of ${round}`, () => {
    const all = readFileSync(log, "utf8");
    const begin = all.indexOf(`ESCAPE BEGIN\t${round}\n`), end = all.indexOf(`ESCAPE END\t${round}\n`);
    return begin >= 0 && end >= 0 ? all.slice(begin, end).split("\n") : undefined;
  }, 60_000, 50);
  const tried = new Map<string, Tried>();
  for (const line of lines) {
    const [mark, name, outcome, detail] = line.split("\t");
    if (mark === "ESCAPE" && name !== undefined && outcome !== undefined)
      tried.set(name, { refused: outcome === "refused", detail: detail ?? "" });
  }
  return tried;
}

const open = (tried: Map<string, Tried>) => [...tried].filter(([, one]) => !one.refused).map(([name]) => name);
const named = "connect to the host that its package names";
const unnamed = "connect to a host that its package does not name";

test("a network of its own leads to the hosts that the package names and nowhere else", { skip: !can, timeout: 300_000 }, async () => {
  assert.deepEqual(await network_of("reach"), { layer: "network namespace", state: "on", why: "leads to 203.0.113.10 only" });
  assert.equal((await network_of("roam")).why, "leads to other machines only");
  const reach = await attack("reach", "roam");
  assert.deepEqual(open(reach), [named], JSON.stringify([...reach]));
  // Refused by a rule, at once: a closed port would say something else, and a dropped packet nothing.
  for (const name of [unnamed, "connect to another app's network", "connect to the machine by another of its addresses"])
    assert.equal(reach.get(name)?.detail, "EHOSTUNREACH", name);
  const roam = await attack("roam", "reach");
  assert.deepEqual(open(roam).sort(), [unnamed, named].sort(), JSON.stringify([...roam]));

  await platform().berth("config", "set", "sandboxOff", "reach/network-namespace");
  const shared = await attack_shared();
  await platform().berth("config", "set", "sandboxOff", "");
  for (const name of ["connect to a loopback port of the machine", "connect to the machine by another of its addresses", unnamed])
    assert.ok(open(shared).includes(name), `without its network it can still not ${name}: nothing proves that the rules bite`);
  const table = [
    "| attempt | with hosts named | with all hosts | without a network of its own |",
    "| --- | --- | --- | --- |",
    ...[...reach].filter(([name]) => name !== named).map(([name, one]) => {
      const cell = (tried: Tried | undefined) => (tried?.refused === false ? "**got through**" : "·");
      return `| ${name} | refused (${one.detail}) | ${name === unnamed ? "got through, as it may" : cell(roam.get(name))} | ${cell(shared.get(name))} |`;
    }),
  ].join("\n");
  console.log(table);
  if (process.env["BERTH_SECURITY_TABLE"] !== undefined) {
    const path = join(tree, "docs/security.md");
    const old = readFileSync(path, "utf8");
    const marked = /(<!-- network attempts begin -->\n)[^]*(<!-- network attempts end -->)/;
    assert.match(old, marked);
    writeFileSync(path, old.replace(marked, (_, begin, end) => `${begin}${table}\n${end}`));
  }
});

/** Likewise, when it has no network of its own in which to look for an address. */
async function attack_shared(): Promise<Map<string, Tried>> {
  const tried = await attack("reach", "roam");
  assert.deepEqual(await network_of("reach"), { layer: "network namespace", state: "off", why: "switched off by an admin" });
  return tried;
}

test("the networks outlive the manager, and a service has its own again when it starts anew", { skip: !can, timeout: 300_000 }, async () => {
  await platform().berth("service", "restart", "reach", "--wait");
  const before = await address_of("reach");
  await back(platform(), "manager", await kill_hard(platform(), "manager"));
  await platform().ready();
  assert.equal(await address_of("reach"), before);
  assert.equal((await network_of("reach")).state, "on");
  assert.deepEqual(open(await attack("reach", "roam")), [named]);
  assert.equal(await address_of("reach"), before);
});

test("nothing of the networks is left when the platform stops", { skip: !can }, async () => {
  assert.match(tool(nft!, "list", "tables"), /table inet berth_/);
  assert.equal(forwarding(), "1");
  await platform().stop();
  assert.doesNotMatch(tool("ip", "-o", "link"), / bt[0-9a-f]{6}\./);
  assert.doesNotMatch(tool(nft!, "list", "tables"), /table inet berth_/);
  assert.equal(forwarding(), was_forwarding);
});
