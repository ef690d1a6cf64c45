// Packets of this machine for a capture tool: off unless an admin switched it on, for whom he named, and off again by itself.
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { is_root, quiet_port, temporary_folder } from "./harness/platform";
import { is_alive } from "./harness/process";
import { type Instruction, RpcapClient, kEnd, kError, kOpen, kStart, kStats, kUpdateFilter } from "./harness/rpcap";
import { assert, test, with_platform } from "./harness/test";
import { delay, until } from "./harness/wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any;

let port = 0;
const skip = !is_root;
const platform = with_platform({}, async (one) => {
  port = await quiet_port();
  await one.berth("config", "set", "capturePort", `${port}`);
});
const clients: RpcapClient[] = [];
const talks: Talk[] = [];
after(() => {
  for (const one of clients) one.close();
  for (const one of talks) one.socket.close();
});

const client = async () => {
  const made = await until("a connection", () => RpcapClient.open(port));
  clients.push(made);
  return made;
};
const is_listening = () =>
  new Promise<boolean>((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => done(true)).once("error", () => done(false)).once("close", () => done(false));
    socket.once("connect", () => socket.destroy());
  });
const status = async (): Promise<Json> => (await platform().cli(["status", "--json"])).json;
const mode = async (): Promise<Json> => ((await status())?.modes ?? []).find((one: Json) => one.setting === "captureUntil");
let password = "";
const capture_pid = () => {
  const table = JSON.parse(readFileSync(join(platform().root, "run/berth/processes.json"), "utf8"));
  const all: Json[] = Array.isArray(table) ? table : (table.processes ?? []);
  return all.find((one) => one.name === "capture")?.pid as number | undefined;
};

// "udp port N" over IPv4 in an Ethernet frame, as tcpdump -d prints it, with the length that is kept at its end.
const udp_port = (number: number, keep: number): Instruction[] => [
  [0x28, 0, 0, 12], [0x15, 0, 6, 0x0800], [0x30, 0, 0, 23], [0x15, 0, 4, 17],
  [0xb1, 0, 0, 14], [0x48, 0, 0, 16], [0x15, 0, 1, number], [0x6, 0, 0, keep], [0x6, 0, 0, 0],
];

/** Datagrams over loopback to a port of our own. */
class Talk {
  readonly socket = createSocket("udp4");
  async open(): Promise<number> {
    talks.push(this);
    await new Promise<void>((done) => this.socket.bind(0, "127.0.0.1", done));
    return this.socket.address().port;
  }
  send(text: string): Promise<void> {
    return new Promise((done) => this.socket.send(text, this.socket.address().port, "127.0.0.1", () => done()));
  }
}

test("it is off by default, and nothing listens", async () => {
  assert.equal((await platform().berth("capture", "show")).stdout.trim(), "off");
  assert.equal(await is_listening(), false);
  assert.equal(await mode(), undefined);
});

test("what makes no sense is refused", async () => {
  assert.equal((await platform().cli(["capture", "on", "--minutes", "0"])).code, 2);
  assert.match((await platform().cli(["capture", "on", "--from", "everybody"])).stderr, /everybody: an IP address is expected/);
  assert.match((await platform().cli(["config", "set", "captureUntil", "2126-01-01T00:00:00Z"])).stderr, /at most 24 hours/);
});

test("switched on, a client gets the packets that its filter lets through, and every admin sees it", { skip }, async () => {
  const started = (await platform().berth("capture", "on", "--minutes", "30", "--from", "127.0.0.1", "--interface", "lo", "--json")).json;
  assert.equal(started.user, "capture");
  password = started.password;
  assert.ok(password.length >= 16, "made because there was none");
  const told = await until("the banner", mode);
  assert.equal(told.ends, started.until);
  assert.ok(Math.abs(Date.parse(told.ends) - Date.now() - 30 * 60_000) < 60_000);
  assert.match((await platform().berth("status")).stdout, /PACKETS CAN BE CAPTURED/);
  const one = await client();
  assert.equal((await one.ask(kOpen, Buffer.from("lo"))).type, kError, "not before the login");
  one.close();
  const two = await until("a login", async () => {
    const made = await client();
    const answer = await made.log_in("capture", password);
    return answer.type === 0x88 ? made : undefined;
  });
  assert.deepEqual(await two.interfaces(), ["lo"]);
  assert.equal((await two.ask(kOpen, Buffer.from("eth0"))).type, kError, "an interface that may not be captured");
  const opened = await two.ask(kOpen, Buffer.from("lo"));
  assert.equal(opened.type, kOpen | 0x80);
  assert.equal(opened.payload.readUInt32BE(0), 1, "Ethernet frames");

  const talk = new Talk();
  const number = await talk.open();
  const other = new Talk();
  await other.open();
  assert.equal((await two.start(65_535, udp_port(number, 262_144))).type, kStart | 0x80);
  await until("packets", async () => {
    await other.send("not this one");
    await talk.send("captured datagram");
    return two.packets().length >= 3;
  });
  for (const packet of two.packets()) {
    assert.match(packet.bytes.toString("latin1"), /captured datagram$/);
    assert.equal(packet.bytes.length, packet.wire_bytes);
    assert.equal(packet.bytes.readUInt16BE(36), number, "the port it went to");
    assert.ok(Math.abs(packet.seconds - Date.now() / 1000) < 60);
  }
  assert.deepEqual(two.packets().slice(0, 3).map((packet) => packet.number), [1, 2, 3], "each once, though loopback shows them twice");

  // Another filter while it runs: 20 bytes of each.
  assert.equal((await two.ask(kUpdateFilter, RpcapClient.filter(udp_port(number, 20)))).type, kUpdateFilter | 0x80);
  const short = await until("a short packet", async () => {
    await talk.send("captured datagram");
    return two.packets().find((packet) => packet.bytes.length === 20);
  });
  assert.ok(short.wire_bytes > 20);
  assert.equal((await two.ask(kUpdateFilter, RpcapClient.filter([[0xffff, 9, 9, 9]]))).type, kError, "no filter at all");
  const stats = await two.ask(kStats);
  const had = two.packets().length;
  const seen = stats.payload.readUInt32BE(0);
  assert.ok(seen <= had + 2, `${seen} counted, ${had} had: loopback's are counted once, too`);
  assert.ok(stats.payload.readUInt32BE(12) >= 4, "packets that were sent");
  assert.equal((await two.ask(kEnd)).type, kEnd | 0x80);

  // Everything: what the capture itself sends is not captured again.
  assert.equal((await two.start(262_144, [])).type, kStart | 0x80);
  await until("a packet", async () => {
    await talk.send("captured datagram");
    return two.packets().some((packet) => /captured datagram$/.test(packet.bytes.toString("latin1")));
  });
  const before = two.packets().length;
  await delay(300); // a loop would double them many times in this time
  assert.ok(two.packets().length - before < 2_000, `${two.packets().length - before} packets more`);

  const third = await client();
  const busy = await third.next();
  assert.equal(busy.type, kError);
  assert.match(busy.payload.toString(), /somebody else captures already/);
  two.close();
});

// As libpcap does: it lists the interfaces on one connection, and captures on the next.
test("who comes again at once finds the place free", { skip }, async () => {
  for (let i = 0; i < 20; i++) {
    const made = await client();
    const answer = await made.log_in("capture", password);
    assert.equal(answer.type, 0x88, answer.payload.toString());
    made.close();
  }
});

test("its process may do nothing but capture", { skip }, async () => {
  const pid = await until("the process", capture_pid);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
  assert.match(status, /^CapEff:\t0000000000002000$/m);
  assert.match(status, /^CapPrm:\t0000000000002000$/m);
  assert.match(status, /^NoNewPrivs:\t1$/m);
});

test("nonsense ends the connection and nothing else", { skip }, async () => {
  const pid = capture_pid();
  // Nobody keeps 1,025 bytes of a login waiting; the connection ends without our doing.
  const large = connect(port, "127.0.0.1");
  large.on("error", () => {});
  large.resume();
  large.write(Buffer.from([0, 8, 0, 0, 0, 0, 4, 1]));
  await until("the end", () => large.closed, 15_000);
  for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(100, 0xff), Buffer.from([0, 8, 0, 0, 0, 0, 0, 2, 1, 2]), Buffer.from([9, 8, 0, 0, 0, 0, 0, 0])]) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    await new Promise<void>((done) => socket.once("connect", done));
    socket.end(bytes);
    await new Promise<void>((done) => socket.once("close", () => done()));
  }
  assert.equal(capture_pid(), pid);
});

test("with a password nobody gets in without it, and it stands in no argument", { skip }, async () => {
  const file = join(temporary_folder(), "password");
  writeFileSync(file, "x".repeat(1_001), { mode: 0o600 });
  assert.match((await platform().cli(["config", "set", "capturePassword", "--value-file", file])).stderr, /at most 1000 bytes/);
  writeFileSync(file, "seeded-capture-secret", { mode: 0o600 });
  const old = capture_pid();
  await platform().berth("config", "set", "capturePassword", "--value-file", file);
  const pid = await until("another process", () => (capture_pid() !== old ? capture_pid() : undefined));
  assert.ok(!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("seeded-capture-secret"));
  const log_in = (...how: [string?, string?]) =>
    until("an answer", async () => {
      const made = await client();
      const answer = await made.log_in(...how).finally(() => made.close());
      return /somebody else/.test(answer.payload.toString()) ? undefined : answer;
    });
  const log = () => readFileSync(join(platform().root, "var/log/berth/capture/output.log"), "utf8");
  const refusals = () => log().split("login refused").length;
  const before = refusals();
  const nobody = await log_in();
  assert.equal(nobody.type, kError);
  assert.equal(nobody.value, 3, "PCAP_ERR_AUTH");
  assert.equal((await log_in("capture", "")).type, kError);
  assert.equal((await log_in("capture", "wrong")).type, kError);
  assert.equal((await log_in("capture", "seeded-capture-secret")).type, 0x88);
  assert.equal(refusals(), before + 1, "told once a minute");
});

test("an interface that goes away ends the capture, and not the server", { skip }, async (context) => {
  const name = `bcap${process.pid % 10_000}`;
  if (spawnSync("ip", ["link", "add", name, "type", "veth", "peer", "name", `${name}p`]).status !== 0)
    return context.skip("no virtual interfaces here");
  after(() => spawnSync("ip", ["link", "del", name]));
  spawnSync("ip", ["link", "set", name, "up"]);
  await platform().berth("capture", "on", "--minutes", "30", "--interface", name);
  const one = await until("a login", async () => {
    const made = await client();
    const answer = await made.log_in("capture", "seeded-capture-secret").catch(() => undefined);
    return answer?.type === 0x88 && (await made.interfaces()).includes(name) ? made : undefined;
  });
  assert.equal((await one.ask(kOpen, Buffer.from(name))).type, kOpen | 0x80);
  assert.equal((await one.start(65_535, [])).type, kStart | 0x80);
  spawnSync("ip", ["link", "del", name]);
  const log = () => readFileSync(join(platform().root, "var/log/berth/capture/output.log"), "utf8");
  await until("the end of its packets", () => /no more packets.*the interface/.test(log()));
  assert.equal((await one.ask(kStats)).type, kStats | 0x80, "it still answers");
  one.close();
});

test("other addresses are not let in", { skip }, async () => {
  await platform().berth("capture", "on", "--from", "192.0.2.7");
  await until("nobody to be let in", async () => {
    const made = await RpcapClient.open(port).catch(() => undefined);
    if (made === undefined) return false;
    clients.push(made);
    return until("the end", () => made.closed, 1_000).catch(() => false);
  });
});

test("it ends by itself, and a manager that was killed meanwhile knows of it", { skip }, async () => {
  await platform().berth("capture", "on", "--from", "127.0.0.1", "--interface", "lo");
  await until("it listens", is_listening);
  const pid = await until("the process", capture_pid);
  process.kill(platform().manager!.pid!, "SIGKILL");
  await until("another manager", () => platform().revivals === 1);
  await platform().ready();
  assert.equal(capture_pid(), pid, "the same process, adopted");
  const moment = new Date(Date.now() + 4_000).toISOString().replace(/\.\d+/, "");
  await platform().berth("config", "set", "captureUntil", moment);
  await until("the end", async () => !(await is_listening()) && !(await mode()), 30_000);
  assert.equal((await platform().berth("capture", "show")).stdout.trim(), "off");
  assert.ok(!is_alive(pid));
  const again = (await platform().berth("capture", "on", "--minutes", "5", "--json")).json;
  assert.equal(again.password, undefined, "there is one, which is not told again");
  await until("it listens", is_listening);
  await platform().berth("capture", "off");
  await until("the end", async () => !(await is_listening()));
});
