// Clients of every kind at once on three reactors, while the manager changes all that can be changed under way: who
// keeps to the protocol notices nothing, nobody stays behind, and no sanitizer complains. BERTH_LOAD_SECONDS says
// for how long (with the builds tsan and asan: docs/fuzzing.md).
import { randomBytes } from "node:crypto";
import { connect as connect_http2 } from "node:http2";
import { connect as connect_tcp } from "node:net";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { connect as connect_tls } from "node:tls";
import { upgrade_request } from "../harness/frames";
import { build, slowness } from "../harness/platform";
import { run } from "../harness/process";
import { assert, test } from "../harness/test";
import { until } from "../harness/wait";
import { type Webserver, make_certificate, with_webserver } from "../harness/webserver";

const seconds = Number(process.env["BERTH_LOAD_SECONDS"] ?? 2);
const wsload = join(build, "bin", "wsload");
const base = "/example.com/e";
const server = with_webserver({
  reactors: 3,
  tls: true,
  env: { ASAN_OPTIONS: `${process.env["ASAN_OPTIONS"] ?? ""}:quarantine_size_mb=1:thread_local_quarantine_size_kb=64:allocator_release_to_os_interval_ms=100` },
});

/** How many times each kind of client came, for the report. */
const done: Record<string, number> = {};
const count = (what: string, by = 1) => (done[what] = (done[what] ?? 0) + by);

async function load(web: Webserver, mode: string, scheme: "ws" | "wss", end: number, ...more: string[]): Promise<void> {
  const url = scheme === "ws" ? `ws://127.0.0.1:${web.http}` : `wss://127.0.0.1:${web.https}`;
  const ms = Math.max(500, end - Date.now() - 500);
  const times = ["--run-ms", `${ms}`, "--limit-ms", `${ms + 120_000}`];
  const made = await run(wsload, [mode, "--url", `${url}${base}/echo`, ...times, ...more], { timeoutMs: ms + 180_000 });
  assert.equal(made.code, 0, made.stderr || made.stdout);
  const report = JSON.parse(made.stdout.trim().split("\n").at(-1)!);
  assert.deepEqual(report.errors, {}, `${mode} ${scheme}`);
  count(`${mode} ${scheme}`, report.count);
}

/** Requests of HTTP/1.1, one after the other on each connection. */
async function http1(web: Webserver, end: number): Promise<void> {
  while (Date.now() < end) {
    const socket = connect_tcp(web.http, "127.0.0.1");
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (part) => (text += part.toString("latin1")));
    const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
    for (let i = 0; i < 20; i++)
      socket.write(`POST ${base}/mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${i === 19 ? "Connection: close\r\n" : ""}\r\nhello`);
    await closed;
    assert.equal(text.split("HTTP/1.1 200 ").length - 1, 20, text.slice(-500));
    count("requests of HTTP/1.1", 20);
  }
}

/** Twenty streams at a time, some of them reset by the client. */
async function http2(web: Webserver, end: number): Promise<void> {
  while (Date.now() < end) {
    const session = connect_http2(`https://127.0.0.1:${web.https}`, { rejectUnauthorized: false });
    session.on("error", () => {});
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => {
          const stream = session.request({ ":method": "POST", ":path": `${base}/mirror` });
          const closed = new Promise<void>((resolve) => stream.on("close", () => resolve()));
          let status = 0;
          stream.on("error", () => {});
          stream.on("response", (headers) => (status = headers[":status"] ?? 0));
          stream.resume();
          if (i === 7) stream.close(8);
          else stream.end(Buffer.alloc(3000, "x"));
          return closed.then(() => {
            assert.ok(i === 7 || status === 200, `status ${status}`);
            count("streams of HTTP/2");
          });
        }),
      );
    }
    const closed = new Promise<void>((resolve) => session.on("close", () => resolve()));
    session.close();
    await closed;
  }
}

/** WebSockets and half requests that end in a reset, over both ports. */
async function resets(web: Webserver, end: number): Promise<void> {
  while (Date.now() < end) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const is_tls = i % 2 === 0;
        const tcp = connect_tcp(is_tls ? web.https : web.http, "127.0.0.1");
        const socket = is_tls ? connect_tls({ socket: tcp, rejectUnauthorized: false }) : tcp;
        tcp.on("error", () => {});
        socket.on("error", () => {});
        const closed = new Promise<void>((resolve) => tcp.on("close", () => resolve()));
        const text = i % 4 < 2 ? upgrade_request(`${base}/echo`) : `PUT ${base}/sink HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf`;
        const send = () => socket.write(text, () => setTimeout(() => tcp.resetAndDestroy(), i));
        if (is_tls) socket.once("secureConnect", send);
        else socket.once("connect", send);
        return closed.then(() => count("resets"));
      }),
    );
  }
}

async function garbage(web: Webserver, end: number): Promise<void> {
  while (Date.now() < end) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const socket = connect_tcp(i % 2 ? web.https : web.http, "127.0.0.1");
        socket.on("error", () => {});
        socket.resume();
        const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
        const good = upgrade_request(`${base}/echo`);
        socket.end(i % 4 < 2 ? randomBytes(200) : Buffer.concat([Buffer.from(good), randomBytes(100)]));
        return closed.then(() => count("garbage"));
      }),
    );
  }
}

/** All that the manager can say, again and again. */
async function changes(web: Webserver, end: number): Promise<void> {
  const certificates = [make_certificate(web.folder), make_certificate(web.folder)];
  const grant = randomBytes(32).toString("hex");
  const ask = async (message: Record<string, unknown>, mt = "Ok") => {
    const answer = await web.ask(message);
    assert.equal(answer.mt, mt, JSON.stringify(answer));
    count("changes");
  };
  for (let i = 0; Date.now() < end; i++) {
    await ask({ mt: "SetCertificate", certificate: certificates[i % 2] });
    await ask({ mt: "SetGrant", grant, path: "/other.com", uid: process.getuid!() });
    await ask({ mt: "SetLimits", limits: { headMs: 20_000 + (i % 10), http2Streams: 100 + (i % 10), deflateBytes: i % 2 ? 1024 : 0 } });
    await ask({ mt: "GetCounters" }, "Counters");
    await ask({ mt: "RemoveGrant", grant });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const skip = existsSync(wsload) ? false : "wsload is not built";
test("everybody at once, and the manager changes all it can", { skip, timeout: (seconds + 200) * 1000 }, async (context) => {
  const web = server();
  const gone = () => until("all clients to be gone", async () => (await web.counters()).connections === 0, 60_000);
  const everybody = async (end: number) => {
    await Promise.all([
      load(web, "echo", "ws", end, "--connections", "40"),
      load(web, "echo", "wss", end, "--connections", "40", "--size", "3000"),
      load(web, "burst", "ws", end, "--connections", "10"),
      load(web, "burst", "wss", end, "--connections", "10", "--resume", "1"),
      http1(web, end),
      http2(web, end),
      resets(web, end),
      garbage(web, end),
      changes(web, end),
    ]);
    await gone();
  };
  // The first part shows what memory such a crowd leaves behind once.
  await everybody(Date.now() + (seconds * 1000) / 4);
  const before = web.memory();
  await everybody(Date.now() + (seconds * 1000 * 3) / 4);
  const after = web.memory();
  context.diagnostic(`${seconds} s: ${JSON.stringify(done)}; ${before} KiB after a quarter, ${after} KiB at the end`);
  const slack = slowness > 1 ? 16 * 1024 : 2 * 1024;
  if (seconds >= 30) assert.ok(after < before + slack, `${before} KiB, then ${after} KiB`);
});
