// 10,000 connections that talk nonsense, or nothing: real users notice nothing, and no memory stays behind.
import { randomBytes } from "node:crypto";
import { type Socket, connect } from "node:net";
import { connect as tls_connect } from "node:tls";
import { fetch_url } from "./harness/http";
import { back, kill_hard, pid_now } from "./harness/kill";
import { pss_kib } from "./harness/process";
import { assert, test, with_platform } from "./harness/test";
import { until, within } from "./harness/wait";

const platform = with_platform();

const kRequests: (() => Buffer)[] = [
  () => randomBytes(200),
  () => Buffer.from("GET"),
  () => Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n"),
  () => Buffer.from("\r\n\r\n\r\n\r\n"),
  () => Buffer.from(`GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`),
  () => Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${"X-A: b\r\n".repeat(2_000)}\r\n`),
  () => Buffer.from("GET / HTTP/9.9\r\nHost: x\r\n\r\n"),
  () => Buffer.from("POST /manager HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
  () => Buffer.from("POST /manager HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  () => Buffer.from("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n"),
  () => Buffer.from("GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
  () => Buffer.from("GET /%2e%2e/%2e%2e/etc/shadow HTTP/1.1\r\nHost: x\r\n\r\n"),
  () => Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  () =>
    Buffer.concat([
      Buffer.from(
        "GET /manager HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      ),
      randomBytes(100),
    ]),
  () => Buffer.from("GET /manager HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\n\r\n"),
  () => Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 0x01, 0x00]),
  () => Buffer.alloc(0),
];

function throw_garbage(port: number, bytes: Buffer): Promise<void> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(bytes);
      // Some half-close, some just go, some wait a little for what comes.
      const kind = Math.random();
      if (kind < 0.3) socket.destroy();
      else if (kind < 0.6) socket.end();
      setTimeout(() => socket.destroy(), 50 + Math.random() * 200);
    });
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.on("close", () => done());
  });
}

test("10,000 garbage connections do no harm", { timeout: 300_000 }, async () => {
  const admin = await platform().admin();
  const pid = pid_now(platform(), "webserver")!;
  const before = pss_kib(pid);
  let left = 10_000;
  let slowest = 0;
  let finished = false;
  const watching = (async () => {
    while (!finished) {
      const started = Date.now();
      const answer = await fetch_url(`${platform().https_url}/manager/manager.htm`, { ms: 20_000 });
      assert.ok(answer.status === 200 || answer.status === 302, `${answer.status}`);
      slowest = Math.max(slowest, Date.now() - started);
      await new Promise((done) => setTimeout(done, 100));
    }
  })();
  const worker = async () => {
    while (left-- > 0) {
      const port = left % 4 === 0 ? platform().https : platform().http;
      await throw_garbage(port, kRequests[left % kRequests.length]!());
    }
  };
  await within("10,000 connections", 240_000, Promise.all(Array.from({ length: 200 }, worker)));
  finished = true;
  await watching;
  assert.equal((await admin.request({ mt: "AppPlatformInfoRequest" })).mt, "AppPlatformInfoResult");
  assert.equal(pid_now(platform(), "webserver"), pid, "the webserver was restarted");
  console.log(`garbage: slowest real request ${slowest} ms, webserver ${before} KiB before, ${pss_kib(pid)} KiB after`);
  assert.ok(slowest < 10_000);
});

test("thousands of silent connections are let go, and users get in meanwhile", { timeout: 200_000 }, async () => {
  const sockets: Socket[] = [];
  let closed = 0;
  for (let i = 0; i < 2_000; i++) {
    const socket = connect(platform().http, "127.0.0.1");
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    sockets.push(socket);
  }
  for (let i = 0; i < 100; i++) {
    const socket = tls_connect({ port: platform().https, host: "127.0.0.1", rejectUnauthorized: false });
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    sockets.push(socket);
  }
  assert.equal((await fetch_url(`${platform().http_url}/manager/manager.htm`, { ms: 10_000 })).status < 400, true);
  (await platform().admin(true)).close();
  for (const socket of sockets) socket.destroy();
  await until("all to be closed", () => closed >= sockets.length, 60_000);
});

test("what a bad client gets is a clear answer", async () => {
  const ask = (bytes: string | Buffer) =>
    within(
      "an answer",
      90_000,
      new Promise<string>((done) => {
        let text = "";
        const socket = connect(platform().http, "127.0.0.1", () => socket.write(bytes));
        socket.on("data", (part) => (text += part.toString("latin1")));
        socket.on("error", () => done(text));
        socket.on("close", () => done(text));
      }),
    );
  const cases: [string, RegExp][] = [
    [`GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 414 /],
    [`GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(200_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ["NONSENSE\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["POST /manager HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", /^HTTP\/1\.1 400 /],
    ["POST /manager HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", /^HTTP\/1\.1 400 /],
    ["GET / HTTP/1.1\r\nHost: x\r\n", /^HTTP\/1\.1 408 /],
  ];
  await Promise.all(cases.map(async ([bytes, wanted]) => assert.match(await ask(bytes), wanted, bytes.slice(0, 60))));
});

test("the webserver still comes back after all this", async () => {
  const old = await kill_hard(platform(), "webserver");
  await back(platform(), "webserver", old);
  await until("an answer", async () => (await fetch_url(`${platform().http_url}/manager/manager.htm`)).status < 400);
});
