// The echo app through the webserver: WebSocket messages and HTTP bodies of any size come through unharmed.
import { createHash, randomBytes } from "node:crypto";
import WebSocket from "ws";
import { fetch_url } from "./harness/http";
import { assert, test, with_platform } from "./harness/test";
import { within } from "./harness/wait";

const platform = with_platform({}, async (one) => {
  await one.install("echo");
  await one.create("echo", "e", "example.com");
});
const path = "/example.com/e";

async function echo_socket(url: string, options: WebSocket.ClientOptions = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, { rejectUnauthorized: false, ...options });
  await new Promise((done, fail) => {
    socket.once("open", done);
    socket.once("error", fail);
  });
  return socket;
}

function next(socket: WebSocket): Promise<{ data: Buffer; binary: boolean }> {
  return within(
    "the echo",
    60_000,
    new Promise((done, fail) => {
      socket.once("message", (data, binary) => done({ data: data as Buffer, binary }));
      socket.once("close", (code) => fail(new Error(`closed ${code}`)));
    }),
  );
}

for (const scheme of ["ws", "wss"] as const) {
  const base = () => `${scheme}://localhost:${scheme === "ws" ? platform().http : platform().https}`;

  for (const deflate of [false, true]) {
    test(`${scheme}${deflate ? " with permessage-deflate" : ""} echoes text and binary of all sizes`, async () => {
      const socket = await echo_socket(`${base()}${path}/echo`, { perMessageDeflate: deflate });
      for (const size of [0, 1, 125, 126, 127, 1000, 65_535, 65_536, 65_537, 200_000]) {
        const bytes = randomBytes(size);
        socket.send(bytes);
        const back = await next(socket);
        assert.equal(back.binary, true);
        assert.ok(bytes.equals(back.data), `${size} bytes`);
        const text = "ä€\u{1f680}x".repeat(Math.ceil(size / 10));
        socket.send(text);
        const answer = await next(socket);
        assert.equal(answer.binary, false);
        assert.equal(answer.data.toString("utf8"), text);
      }
      socket.close(1000);
    });
  }

  test(`${scheme} keeps the order of many messages in flight`, async () => {
    const socket = await echo_socket(`${base()}${path}/echo`, { perMessageDeflate: false });
    const count = 2_000;
    const all = new Promise<string[]>((done) => {
      const got: string[] = [];
      socket.on("message", (data) => {
        got.push(data.toString());
        if (got.length === count) done(got);
      });
    });
    for (let i = 0; i < count; i++) socket.send(`${i}:${"x".repeat(i % 700)}`);
    const got = await within("all echoes", 60_000, all);
    got.forEach((text, i) => assert.ok(text.startsWith(`${i}:`)));
    socket.close();
  });
}

test("GET bytes/N gives N bytes, over http and https, whole and in ranges of sizes", async () => {
  for (const base of [platform().http_url, platform().https_url]) {
    for (const size of [0, 1, 1000, 65_536, 1_000_003]) {
      const answer = await fetch_url(`${base}${path}/bytes/${size}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.body.length, size);
    }
  }
  const twice = await Promise.all([1, 2].map(() => fetch_url(`${platform().http_url}${path}/bytes/300000`)));
  const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(digest(twice[0]!.body), digest(twice[1]!.body));
});

test("a HEAD has the length and no body; an odd number is refused", async () => {
  const head = await fetch_url(`${platform().http_url}${path}/bytes/12345`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers["content-length"], "12345");
  assert.equal(head.body.length, 0);
  for (const odd of ["-1", "x", "1e9x", "99999999999999999999999"]) {
    const answer = await fetch_url(`${platform().http_url}${path}/bytes/${odd}`);
    assert.ok(answer.status >= 400 && answer.status < 500, `${odd}: ${answer.status}`);
  }
});

test("a client that does not read holds up only itself", async () => {
  const lazy = await echo_socket(`ws://localhost:${platform().http}${path}/echo`, { perMessageDeflate: false });
  // Never read: what comes back piles up in the kernel, then in the webserver up to its bound.
  (lazy as unknown as { _socket: { pause(): void } })._socket.pause();
  const block = randomBytes(60_000);
  for (let i = 0; i < 200; i++) lazy.send(block);
  const quick = await echo_socket(`ws://localhost:${platform().http}${path}/echo`, { perMessageDeflate: false });
  for (let i = 0; i < 50; i++) {
    const started = Date.now();
    quick.send(`${i}`);
    assert.equal((await next(quick)).data.toString(), `${i}`);
    assert.ok(Date.now() - started < 2_000, "held up by a stranger");
  }
  assert.equal((await fetch_url(`${platform().http_url}${path}/bytes/100000`)).body.length, 100_000);
  quick.close();
  lazy.terminate();
});

test("what does not exist is a 404 without a session", async () => {
  for (const missing of ["/example.com/none/x.htm", "/example.org/e/bytes/1", "/nothing"]) {
    assert.equal((await fetch_url(platform().http_url + missing)).status, 404, missing);
  }
});
