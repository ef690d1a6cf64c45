// Clients and services that are slow, gone, or too many: what they cost is bounded, others are served meanwhile, and
// afterwards all is as before. Counts and memory only, no times. BERTH_LONG=1 runs the sizes of the promise (100,000
// connects, 1 GB, 64 MiB messages in numbers); use the release build then, memory is what is measured.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { connect } from "node:http2";
import { RawWebsocket, binary, frame, kBinary, more, ping, text, upgrade_request } from "../harness/frames";
import { LinkService } from "../harness/link";
import { slowness } from "../harness/platform";
import { RawConnection } from "../harness/raw";
import { assert, test } from "../harness/test";
import { until } from "../harness/wait";
import { Webserver, type WebserverOptions } from "../harness/webserver";

const is_long = Boolean(process.env["BERTH_LONG"]);
const is_sanitized = slowness > 1;
/** KiB that a test allows beside what it is about: with sanitizers freed memory comes back late and in larger blocks. */
const kSlack = is_sanitized ? 32 * 1024 : 1024;
const kMiB = 1024 * 1024;
const base = "/example.com/e";

/** A test with a webserver of its own. The sanitizer keeps little of what was freed, or memory would say nothing. */
function robust(name: string, options: WebserverOptions, run: (server: Webserver) => Promise<void>, skip: string | false = false): void {
  test(name, { skip, timeout: is_long ? 900_000 : 240_000 }, async () => {
    const inherited = process.env["ASAN_OPTIONS"];
    const server = await Webserver.start({
      ...options,
      env: { ...options.env, ASAN_OPTIONS: `${inherited ? `${inherited}:` : ""}quarantine_size_mb=1:thread_local_quarantine_size_kb=64:allocator_release_to_os_interval_ms=100` },
    });
    try {
      await run(server);
      await server.stop();
    } catch (error) {
      console.error(server.console().slice(-3000));
      throw error;
    } finally {
      await server.destroy();
    }
  });
}

/** A request on a connection of its own that must be served. */
async function served(server: Webserver, target = `${base}/mirror`): Promise<void> {
  const raw = await RawConnection.open(server.http);
  raw.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal((await raw.response()).status, 200);
  raw.close();
}

const all_gone = (server: Webserver, but = 0) =>
  until("the connections to be let go", async () => (await server.counters()).connections <= but, 60_000);

/** Runs `count` times `one`, `at_once` side by side. */
async function many(count: number, at_once: number, one: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await one(i);
  };
  await Promise.all(Array.from({ length: at_once }, worker));
}

/** The most memory (KiB) that the webserver takes while `work` is under way, above what it took before. */
async function growth(server: Webserver, work: () => Promise<void>): Promise<number> {
  const before = server.memory();
  let most = 0;
  let is_done = false;
  const watch = (async () => {
    while (!is_done) {
      most = Math.max(most, server.memory());
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  try {
    await work();
  } finally {
    is_done = true;
    await watch;
  }
  return Math.max(most, server.memory()) - before;
}

// --- slow clients ---

robust("heads that come byte by byte are let go at the deadline, and others are served meanwhile", { limits: { headMs: 1500 } }, async (server) => {
  const slow = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(server.http)));
  const head = `GET ${base}/mirror HTTP/1.1\r\nHost: a\r\nX: `;
  let is_over = false;
  const dripping = (async () => {
    for (let i = 0; !is_over; i++) {
      for (const raw of slow) raw.send(head[i] ?? "x");
      await new Promise((done) => setTimeout(done, 50));
    }
  })();
  await served(server);
  for (const raw of slow) assert.equal((await raw.response()).status, 408);
  is_over = true;
  await dripping;
  for (const raw of slow) raw.close();
  await all_gone(server);
});

robust("silent connections are let go at the deadline", { limits: { headMs: 500, idleMs: 500, handshakeMs: 500 }, tls: true }, async (server) => {
  const silent = await Promise.all(Array.from({ length: 300 }, (_, i) => RawConnection.open(i % 3 ? server.http : server.https)));
  const used = await RawConnection.open(server.http); // idle between requests
  used.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
  await used.response();
  await served(server);
  await used.at_end();
  for (const raw of silent) await raw.rest();
  await all_gone(server);
  for (const raw of silent) raw.close();
});

robust("bodies that stop are answered 408", { limits: { stallMs: 500 } }, async (server) => {
  const stalled = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.http)));
  for (const [i, raw] of stalled.entries())
    raw.send(`POST ${base}/sink HTTP/1.1\r\nHost: a\r\n${i % 2 ? "Content-Length: 100000\r\n\r\nabc" : "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}`);
  for (const raw of stalled) assert.equal((await raw.response()).status, 408);
  for (const raw of stalled) raw.close();
  await all_gone(server);
  await served(server);
});

robust("clients that do not take their answers cost a bounded buffer each, and are dropped", { limits: { stallMs: 4000 } }, async (server) => {
  const count = 50;
  await served(server, `${base}/bytes/1000000`);
  const slow: RawConnection[] = [];
  const grown = await growth(server, async () => {
    for (let i = 0; i < count; i++) {
      const raw = await RawConnection.open(server.http);
      raw.pause();
      raw.send(`GET ${base}/bytes/1000000000 HTTP/1.1\r\nHost: a\r\n\r\n`);
      slow.push(raw);
    }
    await served(server);
    await all_gone(server);
  });
  console.log(`${count} clients that do not read: ${grown} KiB, ${(grown / count).toFixed(1)} each`);
  assert.ok(grown <= count * 256 + kSlack, `${grown} KiB`);
  for (const raw of slow) raw.reset();
});

robust("WebSockets that do not take their echoes cost a bounded buffer each, and are dropped", { limits: { stallMs: 4000 } }, async (server) => {
  const count = 50;
  const slow: RawWebsocket[] = [];
  const grown = await growth(server, async () => {
    for (let i = 0; i < count; i++) {
      const socket = await RawWebsocket.open(server.http, `${base}/echo`);
      socket.raw.pause();
      slow.push(socket);
      socket.raw.socket.on("error", () => {});
      // More than the kernel's buffers of both ends and the credit hold; what is not read is not sent.
      const block = binary(Buffer.alloc(kMiB));
      const push = (left: number) => {
        if (left > 0 && !socket.raw.socket.destroyed) socket.raw.socket.write(block, () => push(left - 1));
      };
      push(30);
    }
    await served(server);
    await until("the sockets to be dropped", async () => (await server.counters()).websockets === 0, 90_000);
  });
  console.log(`${count} WebSockets that do not read: ${grown} KiB, ${(grown / count).toFixed(1)} each`);
  assert.ok(grown <= count * 256 + kSlack, `${grown} KiB`);
  for (const socket of slow) socket.raw.reset();
  await served(server);
});

// --- slow and dead services ---

robust("a service that stands still: its requests answer 504, files are served, then all goes on", { limits: { responseMs: 1500 } }, async (server) => {
  const socket = await RawWebsocket.open(server.http, `${base}/echo`);
  server.service!.kill("SIGSTOP");
  const waiting = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.http)));
  for (const raw of waiting) raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
  socket.send(text("are you there?"));
  await served(server, `${base}/echo.htm`);
  for (const raw of waiting) assert.equal((await raw.response()).status, 504);
  for (const raw of waiting) raw.close();
  server.service!.kill("SIGCONT");
  assert.equal((await socket.message()).data.toString(), "are you there?");
  await socket.close();
  await served(server);
  await all_gone(server);
});

robust("uploads to a service that stands still are held up in a bounded buffer", {}, async (server) => {
  await served(server);
  server.service!.kill("SIGSTOP");
  const count = 20;
  const uploads = await Promise.all(Array.from({ length: count }, () => RawConnection.open(server.http)));
  const block = Buffer.alloc(kMiB);
  const size = 16;
  let stuck = 0;
  const grown = await growth(server, async () => {
    for (const raw of uploads) raw.send(`POST ${base}/sink HTTP/1.1\r\nHost: a\r\nContent-Length: ${size * kMiB}\r\n\r\n`);
    for (const raw of uploads) for (let i = 0; i < size; i++) raw.send(block);
    // Nothing more is taken: what node still holds does not change any more.
    let last = -1;
    await until("the uploads to stand still", () => {
      stuck = uploads.reduce((sum, raw) => sum + raw.socket.writableLength, 0);
      const is_still = stuck === last;
      last = stuck;
      return is_still;
    }, 60_000, 300);
  });
  console.log(`${count} uploads held up: ${grown} KiB, ${(stuck / kMiB).toFixed(0)} of ${count * size} MiB wait at the clients`);
  assert.ok(stuck > (count * size * kMiB) / 2);
  assert.ok(grown <= count * 256 + 4096 + kSlack, `${grown} KiB`); // linkBufferBytes is 4 MiB
  server.service!.kill("SIGCONT");
  for (const raw of uploads) assert.equal((await raw.response()).text, `{"bytes":${size * kMiB}}`);
  for (const raw of uploads) raw.close();
});

robust("a service that dies under load answers 502 or cuts off, and is reached again once it is back", {}, async (server) => {
  const waiting = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.http)));
  for (const raw of waiting) raw.send(`GET ${base}/slow?ms=600000 HTTP/1.1\r\nHost: a\r\n\r\n`);
  await until("the requests to arrive", async () => (await server.counters()).attaches.some((one: { path: string; streams: number }) => one.path.endsWith("/slow") && one.streams === 100));
  server.service!.kill("SIGKILL");
  for (const raw of waiting) assert.equal((await raw.response()).status, 502);
  const raw = await RawConnection.open(server.http);
  raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
  const answer = await raw.response();
  assert.equal(answer.status, 503);
  assert.ok(answer.field("retry-after"));
  await server.start_service();
  await served(server);
  for (const one of [...waiting, raw]) one.close();
});

// --- floods ---

for (const [what, make] of [
  ["pings", () => ping("flood")],
  ["pongs", () => frame(10, "flood")],
  ["empty fragments", () => more("", { fin: false })],
  ["fragments of one byte", () => more("x", { fin: false })],
] as const) {
  robust(`a flood of ${what} from one client costs others nothing but their turn, and no memory`, {}, async (server) => {
    const quiet = await RawWebsocket.open(server.http, `${base}/echo`);
    const flood = await RawWebsocket.open(server.http, `${base}/echo`);
    flood.raw.socket.resume();
    if (what.includes("fragments")) flood.send(binary("begin", { fin: false }));
    const block = Buffer.concat(Array.from({ length: 1000 }, make));
    const rounds = is_long ? 1000 : 100;
    const grown = await growth(server, async () => {
      for (let i = 0; i < rounds; i++) {
        await new Promise<void>((done) => flood.raw.socket.write(block, () => done()));
        if (i % 10 === 0) {
          quiet.send(text(`${i}`));
          assert.equal((await quiet.message()).data.toString(), `${i}`);
        }
      }
    });
    console.log(`${rounds * 1000} ${what}: ${grown} KiB`);
    assert.ok(grown < 2 * kSlack, `${grown} KiB`);
    flood.raw.reset();
    await quiet.close();
    await all_gone(server);
  });
}

robust("a client that pings and does not read is dropped or ignored, not stored", { limits: { stallMs: 3000 } }, async (server) => {
  const flood = await RawWebsocket.open(server.http, `${base}/echo`);
  flood.raw.pause();
  const block = Buffer.concat(Array.from({ length: 1000 }, () => ping(Buffer.alloc(125))));
  let left = 300; // 40 MB of pings, so as many of pongs
  const grown = await growth(server, async () => {
    await new Promise<void>((done) => {
      const push = () => {
        if (left-- === 0 || flood.raw.socket.destroyed) return done();
        flood.raw.socket.write(block, push);
      };
      flood.raw.socket.once("close", () => done());
      push();
    });
  });
  console.log(`300,000 pings unread: ${grown} KiB`);
  assert.ok(grown < 2 * kSlack, `${grown} KiB`);
  await served(server);
  flood.raw.reset();
});

robust("many requests in one write are all answered, and none is buffered beyond its turn", {}, async (server) => {
  const raw = await RawConnection.open(server.http);
  const count = is_long ? 20_000 : 2000;
  const grown = await growth(server, async () => {
    raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(count));
    for (let i = 0; i < count; i++) assert.equal((await raw.response()).status, 200);
  });
  assert.ok(grown < 4 * kSlack, `${grown} KiB`);
  raw.close();
});

// --- comings and goings ---

/** A client that comes, does something, and goes in one of many ways. */
async function visit(server: Webserver, i: number, tls = false): Promise<void> {
  const raw = tls ? await RawConnection.open(server.https, { tls }) : await RawConnection.open(server.http, { from: `127.0.0.${1 + (i % 200)}` });
  try {
    switch (i % 8) {
      case 0: // comes and goes
        break;
      case 1:
        raw.send("GET / HT");
        break;
      case 2:
        raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
        assert.equal((await raw.response()).status, 200);
        break;
      case 3:
        raw.send(`GET ${base}/bytes/300000 HTTP/1.1\r\nHost: a\r\n\r\n`); // and does not wait for it
        break;
      case 4:
        raw.send(upgrade_request(`${base}/echo`)); // nor for this
        break;
      case 5:
      case 6: {
        raw.send(upgrade_request(`${base}/echo`));
        assert.equal((await raw.response()).status, 101);
        raw.send(text("hello"));
        assert.equal((await raw.read(7)).toString("latin1", 2), "hello");
        if (i % 8 === 6) raw.send(binary(Buffer.alloc(1000), { announced: 5000n })); // in the middle of a message
        break;
      }
      default:
        raw.send(`POST ${base}/sink HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nab`);
        break;
    }
  } finally {
    if (i % 3 === 0 || tls) raw.close(); // a TLSSocket has no reset of its own
    else raw.reset();
  }
}

for (const tls of [false, true]) {
  const kVisits = is_long ? 100_000 : tls ? 1_000 : 3_000;
  robust(`memory is where it was after ${kVisits} clients have come and gone${tls ? " over TLS" : ""}`, { tls, limits: { connectionsPerPeer: 0 } }, async (server) => {
    // As many at once as later, and half as many in all: records, free lists and the allocator's pages reach their size.
    const at_once = is_long ? 400 : 100;
    await many(Math.max(kVisits / 2, tls ? 500 : 2000), at_once, (i) => visit(server, i, tls));
    await all_gone(server);
    const before = server.memory();
    const began = Date.now();
    await many(kVisits, at_once, (i) => visit(server, i, tls));
    const seconds = (Date.now() - began) / 1000;
    await all_gone(server);
    const { websockets, attaches, accepted } = await server.counters();
    assert.equal(websockets, 0);
    for (const { streams, path } of attaches) assert.equal(streams, 0, path);
    assert.ok(accepted >= kVisits);
    let after = server.memory();
    const allowed = before * (is_sanitized ? 1.1 : 1.01);
    if (after > allowed) {
      await new Promise((done) => setTimeout(done, 500)); // the sanitizer gives memory back now and then
      after = server.memory();
    }
    console.log(`${kVisits} visits${tls ? " over TLS" : ""} in ${seconds.toFixed(1)} s: ${before} KiB before, ${after} KiB after`);
    assert.ok(after <= allowed, `${before} KiB before, ${after} KiB after`);
    await served(server);
  });
}

robust("a storm of resets in the middle of everything leaves nothing behind", { tls: true }, async (server) => {
  await many(is_long ? 20_000 : 1000, 100, async (i) => {
    const tls = i % 10 === 0;
    const raw = await RawConnection.open(tls ? server.https : server.http, { tls });
    raw.send(i % 2 ? `GET ${base}/bytes/${1 + (i % 7) * 100_000} HTTP/1.1\r\nHost: a\r\n\r\n` : upgrade_request(`${base}/echo`));
    if (i % 4 === 0) raw.send(binary(randomBytes(5000)));
    if (tls) raw.close();
    else raw.reset();
  });
  await all_gone(server);
  for (const { streams, path } of (await server.counters()).attaches) assert.equal(streams, 0, path);
  await served(server);
});

robust("without descriptors accepting stops and nobody is dropped: who waits is served once somebody goes", {}, async (server) => {
  await served(server);
  const pid = server.webserver.pid!;
  const idle = await Promise.all(Array.from({ length: 50 }, () => RawWebsocket.open(server.http, `${base}/echo`)));
  // What it has now, and ten more.
  const { readdirSync } = await import("node:fs");
  const most = readdirSync(`/proc/${pid}/fd`).length + 10;
  execFileSync("prlimit", [`--pid=${pid}`, `--nofile=${most}:${most}`]);
  const more_clients = await Promise.all(Array.from({ length: 60 }, () => RawConnection.open(server.http)));
  for (const raw of more_clients) raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
  await until("accepting to pause", async () => (await server.counters()).acceptPauses > 0, 30_000);
  await until("its line in the log", () => /no descriptors left/.test(server.console()));
  // Those who are in are served.
  for (const socket of idle) {
    socket.send(text("in"));
    assert.equal((await socket.message()).data.toString(), "in");
  }
  // As some go, others come in, until all were.
  const waiting = more_clients.map((raw) => raw.response().then((answer) => {
    assert.equal(answer.status, 200);
    raw.close();
  }));
  await Promise.all(waiting);
  for (const socket of idle) await socket.close();
  await served(server);
});

robust("above the limit of connections clients are told 503, and those who are in stay", { limits: { connections: 50, connectionsPerPeer: 0 } }, async (server) => {
  const idle = await Promise.all(Array.from({ length: 50 }, () => RawWebsocket.open(server.http, `${base}/echo`)));
  for (let i = 0; i < 20; i++) {
    const raw = await RawConnection.open(server.http);
    raw.send(`GET ${base}/mirror HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await raw.response();
    assert.equal(answer.status, 503);
    assert.ok(answer.field("retry-after"));
    raw.close();
  }
  for (const socket of idle) {
    socket.send(text("in"));
    assert.equal((await socket.message()).data.toString(), "in");
    await socket.close();
  }
  await until("room", async () => (await server.counters()).connections < 50);
  await served(server);
});

// --- large ---

const kBody = is_long ? 1_000_000_000 : 50_000_000;
for (const tls of [false, true]) {
  robust(`a body of ${kBody / 1e6} MB each way at once over ${tls ? "https" : "http"} goes through a bounded buffer`, { tls }, async (server) => {
    const port = tls ? server.https : server.http;
    await served(server, `${base}/bytes/1000000`);
    let received = 0;
    const grown = await growth(server, async () => {
      const down = await RawConnection.open(port, { tls });
      down.send(`GET ${base}/bytes/${kBody} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      down.socket.removeAllListeners("data");
      down.socket.on("data", (part) => (received += part.length));
      const up = await RawConnection.open(port, { tls });
      up.send(`POST ${base}/sink HTTP/1.1\r\nHost: a\r\nContent-Length: ${kBody}\r\n\r\n`);
      const block = Buffer.alloc(250_000);
      for (let sent = 0; sent < kBody; sent += block.length) await new Promise<void>((done) => up.socket.write(block, () => done()));
      assert.equal((await up.response()).text, `{"bytes":${kBody}}`);
      await down.rest(600_000);
      up.close();
      down.close();
    });
    console.log(`${kBody / 1e6} MB each way${tls ? " over TLS" : ""}: ${grown} KiB`);
    assert.ok(received > kBody);
    assert.ok(grown <= kSlack, `${grown} KiB`); // two streams, and what a link collects in a turn
  });
}

robust(`a body of ${kBody / 1e6} MB each way at once over HTTP/2 goes through a bounded buffer`, { tls: true }, async (server) => {
  await served(server, `${base}/bytes/1000000`);
  const session = connect(`https://localhost:${server.https}`, { rejectUnauthorized: false });
  const grown = await growth(server, async () => {
    const down = session.request({ ":path": `${base}/bytes/${kBody}` });
    let received = 0;
    down.on("data", (part: Buffer) => (received += part.length));
    const down_ended = new Promise<void>((done, failed) => down.on("end", done).on("error", failed));
    const up = session.request({ ":method": "POST", ":path": `${base}/sink`, "content-length": kBody });
    let answer = "";
    up.setEncoding("utf8").on("data", (part: string) => (answer += part));
    const up_ended = new Promise<void>((done, failed) => up.on("end", done).on("error", failed));
    const block = Buffer.alloc(250_000);
    for (let sent = 0; sent < kBody; sent += block.length) await new Promise<void>((done) => up.write(block, () => done()));
    up.end();
    await up_ended;
    await down_ended;
    assert.equal(answer, `{"bytes":${kBody}}`);
    assert.equal(received, kBody);
  });
  session.close();
  console.log(`${kBody / 1e6} MB each way over HTTP/2: ${grown} KiB`);
  assert.ok(grown <= kSlack, `${grown} KiB`);
});

for (const tls of [false, true]) {
  robust(`messages of 64 MiB both ways over ${tls ? "wss" : "ws"} are streamed: they never stand in the webserver whole`, { echo: false, tls }, async (server) => {
    const service = await LinkService.start(server.link_sockets[0]!, server.grant, [{ path: "/example.com/large", kind: "websocket" }]);
    const size = 64 * kMiB; // messageBytes, to the byte
    const socket = await RawWebsocket.open(tls ? server.https : server.http, "/example.com/large", { tls });
    const rounds = is_long ? 10 : 1;
    const grown = await growth(server, async () => {
      const [stream] = [...service.streams.values()];
      for (let i = 1; i <= rounds; i++) {
        const payload = Buffer.alloc(size, "c");
        socket.send(frame(kBinary, payload, { mask: Buffer.alloc(4) }));
        await until("the message", () => stream!.ends === i, 120_000, 20);
        assert.equal(stream!.received, i * size);
        const sending = stream!.send(size);
        assert.equal((await socket.message()).data.length, size);
        await sending;
      }
    });
    console.log(`${rounds} × 64 MiB each way${tls ? " over TLS" : ""}: ${grown} KiB`);
    assert.ok(grown <= kSlack, `${grown} KiB`);
    socket.send(frame(kBinary, "", { length_bytes: 8, announced: BigInt(size) + 1n }));
    await socket.failed(1009);
    service.stop();
  });
}

robust("a service that sends more than its credit loses its link, the others keep theirs", {}, async (server) => {
  const greedy = await LinkService.start(server.link_sockets[0]!, server.grant, [{ path: "/example.com/greedy", kind: "http" }]);
  greedy.on_open = (stream) => {
    stream.accept(200);
    // What the client's socket still takes earns credit again; it ends somewhere.
    for (let i = 0; i < 600; i++) greedy.frame(0x12, stream.id, Buffer.alloc(65_536));
  };
  const raw = await RawConnection.open(server.http);
  raw.pause();
  raw.send("GET /example.com/greedy HTTP/1.1\r\nHost: a\r\n\r\n");
  await until("its path to go", async () => (await server.counters()).attaches.every((one: { path: string }) => !one.path.endsWith("/greedy")), 20_000);
  raw.resume();
  await raw.rest();
  raw.close();
  await served(server);
  greedy.stop();
});
