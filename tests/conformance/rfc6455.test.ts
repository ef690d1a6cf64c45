// The musts of RFC 6455 that concern a server, by section. The Autobahn classes are in autobahn.test.ts.
import { createHash, randomBytes } from "node:crypto";
import {
  RawWebsocket, binary, close, frame, kAccept, kBinary, kClose, kKey, kPing, kPong, kText, more, ping, pong, text, upgrade_request,
} from "../harness/frames";
import { RawConnection, type RawResponse } from "../harness/raw";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const path = "/example.com/e/echo";

async function upgrade(fields: Record<string, string | undefined>, first?: string, more_lines = ""): Promise<RawResponse> {
  const raw = await RawConnection.open(webserver().http);
  try {
    raw.send(upgrade_request(path, fields, first).replace(/\r\n\r\n$/, `\r\n${more_lines}\r\n`));
    return await raw.response();
  } finally {
    raw.close();
  }
}

function on_socket(name: string, run: (socket: RawWebsocket) => Promise<void>): void {
  test(name, async () => {
    const socket = await RawWebsocket.open(webserver().http, path);
    try {
      await run(socket);
    } finally {
      socket.raw.close();
    }
  });
}

// --- section 4: opening handshake ---

test("the answer is 101 with Upgrade, Connection and the accept key of section 1.3 (section 4.2.2)", async () => {
  const answer = await upgrade({});
  assert.equal(answer.status, 101);
  assert.equal(answer.field("upgrade")?.toLowerCase(), "websocket");
  assert.equal(answer.field("connection")?.toLowerCase(), "upgrade");
  assert.equal(answer.field("sec-websocket-accept"), kAccept);
  assert.equal(answer.body.length, 0);
});
test("the accept key is made of any key (section 4.2.2)", async () => {
  for (let i = 0; i < 20; i++) {
    const key = randomBytes(16).toString("base64");
    const answer = await upgrade({ "Sec-WebSocket-Key": key });
    const wanted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    assert.equal(answer.field("sec-websocket-accept"), wanted);
  }
});
test("no extension and no subprotocol is named that was not asked for (section 4.2.2)", async () => {
  const answer = await upgrade({});
  assert.equal(answer.field("sec-websocket-extensions"), undefined);
  assert.equal(answer.field("sec-websocket-protocol"), undefined);
});
test("an extension that is not known is not accepted (section 9.1)", async () => {
  const answer = await upgrade({ "Sec-WebSocket-Extensions": "x-webkit-deflate-frame, foo; bar=baz, permessage-bzip2" });
  assert.equal(answer.status, 101);
  assert.equal(answer.field("sec-websocket-extensions"), undefined);
});
for (const [what, fields] of [
  ["Upgrade and Connection in any case", { Upgrade: "WebSocket", Connection: "upGRADE" }],
  ["Connection with more in its list", { Connection: "keep-alive, Upgrade" }],
  ["Upgrade with more in its list", { Upgrade: "h2c, websocket" }],
  ["field names in any case", { "Sec-WebSocket-Key": undefined, "SEC-websocket-KEY": kKey }],
  ["an Origin, which browsers send", { Origin: "https://anywhere.example" }],
  ["cookies and fields that are not known", { Cookie: "a=b", "X-Unknown": "?" }],
] as const) {
  test(`a handshake with ${what} is taken (section 4.2.1)`, async () => {
    assert.equal((await upgrade(fields)).status, 101);
  });
}
for (const [what, fields] of [
  ["without key", { "Sec-WebSocket-Key": undefined }],
  ["with an empty key", { "Sec-WebSocket-Key": "" }],
  ["with a key of 15 bytes", { "Sec-WebSocket-Key": randomBytes(15).toString("base64") }],
  ["with a key of 17 bytes", { "Sec-WebSocket-Key": randomBytes(17).toString("base64") }],
  ["with a key that is not base64", { "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }],
  ["with a key without padding", { "Sec-WebSocket-Key": kKey.slice(0, -2) }],
  ["without Host", { Host: undefined }],
] as const) {
  test(`a handshake ${what} answers 400 (section 4.2.1)`, async () => {
    assert.equal((await upgrade(fields)).status, 400);
  });
}
test("two keys answer 400 (section 11.3.1: MUST NOT appear more than once)", async () => {
  assert.equal((await upgrade({}, undefined, `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n`)).status, 400);
});
test("two versions answer 400 or 426 (section 11.3.5: MUST NOT appear more than once)", async () => {
  const answer = await upgrade({}, undefined, "Sec-WebSocket-Version: 8\r\n");
  assert.ok([400, 426].includes(answer.status), `${answer.status}`);
});
for (const version of ["8", "7", "0", "14", "013", "13, 8", "", undefined, "thirteen"]) {
  test(`version ${version ?? "(none)"} answers 426 with the version that we speak (sections 4.2.2, 4.4)`, async () => {
    const answer = await upgrade({ "Sec-WebSocket-Version": version });
    assert.ok(answer.status === 426 || answer.status === 400, `${answer.status}`);
    if (version === "8" || version === "7" || version === "14") assert.equal(answer.status, 426);
    if (answer.status === 426) assert.equal(answer.field("sec-websocket-version"), "13");
  });
}
for (const method of ["POST", "PUT", "HEAD", "OPTIONS", "DELETE"]) {
  test(`${method} is no handshake (section 4.2.1: GET)`, async () => {
    const raw = await RawConnection.open(webserver().http);
    raw.send(upgrade_request(path, {}, `${method} ${path} HTTP/1.1`));
    assert.notEqual((await raw.response(method)).status, 101);
    raw.close();
  });
}
for (const [what, fields] of [["without Upgrade", { Upgrade: undefined }], ["without Connection", { Connection: undefined }], ["with another protocol in Upgrade", { Upgrade: "websockets" }]] as const) {
  test(`a request ${what} is no handshake (section 4.2.1)`, async () => {
    assert.notEqual((await upgrade(fields)).status, 101);
  });
}
test("a handshake with a body is refused: nobody could tell it from frames", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`${upgrade_request(path, { "Content-Length": "5" })}hello`);
  assert.equal((await raw.response()).status, 400);
  await raw.at_end();
});
test("a path without WebSockets does not upgrade (section 4.2.2, step 4)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(upgrade_request("/example.com/e/bytes/5"));
  assert.notEqual((await raw.response()).status, 101);
  raw.close();
});
test("frames that come with the handshake are read after it (section 4.1: the client should wait; nothing is lost if not)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(Buffer.concat([Buffer.from(upgrade_request(path)), text("early"), ping("bird")]));
  assert.equal((await raw.response()).status, 101);
  const rest = (await raw.read(2 + 4 + 2 + 5)).toString("latin1");
  assert.ok(rest.includes("bird") && rest.includes("early"), rest);
  raw.close();
});
test("requests before the handshake do not hinder it", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET /example.com/e/bytes/5 HTTP/1.1\r\nHost: a\r\n\r\n${upgrade_request(path)}`);
  assert.equal((await raw.response()).status, 200);
  assert.equal((await raw.response()).status, 101);
  raw.close();
});

// --- section 5.1, 5.3: masking ---

on_socket("a text without mask fails the connection (section 5.1: MUST close)", async (socket) => {
  socket.send(text("unmasked", { mask: false }));
  await socket.failed(1002);
});
on_socket("a ping without mask fails the connection (section 5.1)", async (socket) => {
  socket.send(ping("unmasked", { mask: false }));
  await socket.failed(1002);
});
on_socket("a close without mask fails the connection (section 5.1)", async (socket) => {
  socket.send(close(1000, "", { mask: false }));
  await socket.failed(1002);
});
on_socket("any mask may be used, zeros too, another for each frame (section 5.3)", async (socket) => {
  for (const mask of ["00000000", "ffffffff", "01020304", "80000000", "00000001"]) {
    socket.send(text("masked \u00e4", { mask: Buffer.from(mask, "hex") }));
    assert.equal((await socket.message()).data.toString(), "masked \u00e4");
  }
  socket.send(text("a\u00e4", { fin: false, mask: Buffer.from("11111111", "hex") }), more("\u00e4b", { mask: Buffer.from("a1b2c3d4", "hex") }));
  assert.equal((await socket.message()).data.toString(), "a\u00e4\u00e4b");
});
on_socket("the example of section 5.7 is understood", async (socket) => {
  socket.send(Buffer.from("818537fa213d7f9f4d5158", "hex"));
  assert.deepEqual(await socket.message(), { is_text: true, data: Buffer.from("Hello") });
  socket.send(Buffer.from("898537fa213d7f9f4d5158", "hex"));
  await socket.pong("Hello");
});

// --- section 5.2: base framing ---

for (const [what, bytes] of [
  ["5 bytes in the 16-bit form", binary(Buffer.alloc(5), { length_bytes: 2 })],
  ["125 bytes in the 16-bit form", binary(Buffer.alloc(125), { length_bytes: 2 })],
  ["5 bytes in the 64-bit form", binary(Buffer.alloc(5), { length_bytes: 8 })],
  ["65,535 bytes in the 64-bit form", binary(Buffer.alloc(100), { length_bytes: 8, announced: 65535n })],
  ["a length of 2^63", binary("", { length_bytes: 8, announced: 1n << 63n })],
  ["a length of 2^64 - 1", binary("", { length_bytes: 8, announced: (1n << 64n) - 1n })],
] as const) {
  on_socket(`${what} fails the connection (section 5.2: the minimal number of bytes, the highest bit 0)`, async (socket) => {
    socket.send(bytes);
    const got = await socket.close_frame();
    assert.ok(got.code === 1002 || (what.startsWith("a length") && got.code === 1009), `${got.code}`);
    await socket.raw.at_end();
  });
}
on_socket("a length above what we take fails the connection before the payload comes (section 10.4, code 1009)", async (socket) => {
  socket.send(binary("begin", { length_bytes: 8, announced: 1n << 40n }));
  await socket.failed(1009);
});
on_socket("fragments that together are above what we take fail the connection (section 10.4, code 1009)", async (socket) => {
  socket.send(binary("x", { fin: false }), more("begin", { length_bytes: 8, announced: 64n << 20n }));
  await socket.failed(1009);
});
for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126, 127, 65534, 65535, 65536, 65537, 100_000]) {
  on_socket(`a message of ${length} bytes comes back unharmed`, async (socket) => {
    const payload = randomBytes(length);
    socket.send(binary(payload));
    assert.deepEqual(await socket.message(), { is_text: false, data: payload });
    await socket.close();
  });
}
on_socket("a frame cut at any byte is the same frame", async (socket) => {
  for (const one of [text("gr\u00fc\u00dfe"), binary(randomBytes(130)), ping("p"), pong("q")]) {
    for (const cut of [1, 2, 3, 5, 6, 7, 8, 9].filter((at) => at < one.length)) {
      await socket.raw.send_in_parts(one, cut);
      const opcode = one[0]! & 15;
      if (opcode === kPing) await socket.pong("p");
      else if (opcode === kText || opcode === kBinary) assert.equal((await socket.message()).is_text, opcode === kText);
    }
  }
  await socket.close();
});

// --- section 5.4: fragmentation ---

on_socket("control frames may stand between fragments and are answered at once (section 5.4)", async (socket) => {
  socket.send(text("a", { fin: false }), ping("1"), more("b", { fin: false }), pong("x"), ping("2"), more("c"));
  await socket.pong("1");
  await socket.pong("2");
  assert.equal((await socket.message()).data.toString(), "abc");
});
on_socket("a ping is answered while a message has not ended, and the message goes on (section 5.4)", async (socket) => {
  socket.send(binary("begin", { fin: false }), ping("now"));
  await socket.pong("now");
  socket.send(more("end"));
  assert.equal((await socket.message()).data.toString(), "beginend");
});
on_socket("a ping in the middle of a frame is payload (section 5.4)", async (socket) => {
  const payload = Buffer.concat([Buffer.from("x"), ping("no ping", { mask: false })]);
  socket.send(binary(payload));
  assert.ok((await socket.message()).data.equals(payload));
});
on_socket("ten thousand empty fragments are one message (section 5.4)", async (socket) => {
  socket.send(text("a", { fin: false }), ...Array.from({ length: 10_000 }, () => more("", { fin: false })), more("b"));
  assert.equal((await socket.message()).data.toString(), "ab");
});

// --- section 5.5: control frames ---

on_socket("the close is answered with its code, and the server closes the connection first (sections 5.5.1, 7.1.1)", (socket) => socket.close(1000, "bye"));
on_socket("a close without code is answered without code (section 5.5.1)", (socket) => socket.close(undefined));
on_socket("after a close nothing is answered (section 5.5.1: MUST NOT send more)", async (socket) => {
  socket.send(close(1001), ping("late"), text("late"), close(1002));
  assert.equal((await socket.close_frame()).code, 1001);
  await socket.raw.at_end();
});
on_socket("a close while a message has not ended is answered (section 5.5.1)", async (socket) => {
  socket.send(text("unfinished", { fin: false }), close(1000));
  assert.equal((await socket.close_frame()).code, 1000);
  await socket.raw.at_end();
});
on_socket("a pong carries the payload of its ping (section 5.5.3)", async (socket) => {
  for (let i = 0; i < 20; i++) {
    const payload = randomBytes(i * 6);
    socket.send(ping(payload));
    await socket.pong(payload);
  }
});
on_socket("a close longer than 125 bytes fails the connection (section 5.5)", async (socket) => {
  socket.send(frame(kClose, Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.alloc(124, "x")])));
  await socket.failed(1002);
});
for (const [what, opcode] of [["close", kClose], ["ping", kPing], ["pong", kPong]] as const) {
  on_socket(`a ${what} in fragments fails the connection (section 5.5)`, async (socket) => {
    socket.send(frame(opcode, "", { fin: false }));
    await socket.failed(1002);
  });
}

// --- section 5.6, 8.1: data ---

on_socket("binary is left as it is: what is not UTF-8 comes back (section 5.6)", async (socket) => {
  socket.send(binary(Buffer.from("c080ff", "hex")));
  assert.deepEqual(await socket.message(), { is_text: false, data: Buffer.from("c080ff", "hex") });
});
on_socket("text that is not UTF-8 fails the connection with 1007 (section 8.1)", async (socket) => {
  socket.send(text(Buffer.from("c080", "hex")));
  await socket.failed(1007);
});
on_socket("a character may be cut between fragments, the end may not cut it (section 5.6)", async (socket) => {
  const euro = Buffer.from("\u20ac");
  socket.send(text(euro.subarray(0, 1), { fin: false }), more(euro.subarray(1, 2), { fin: false }), ping(), more(euro.subarray(2)));
  await socket.pong("");
  assert.equal((await socket.message()).data.toString(), "\u20ac");
  socket.send(text(euro.subarray(0, 2)));
  await socket.failed(1007);
});
on_socket("UTF-8 does not go on from one message into the next (section 8.1)", async (socket) => {
  socket.send(binary(Buffer.from("e2", "hex")));
  await socket.message();
  socket.send(text(Buffer.from("82ac", "hex")));
  await socket.failed(1007);
});

// --- section 7: closing ---

on_socket("the end without a close frame ends the connection too (section 7.1.5, code 1006)", async (socket) => {
  socket.send(text("a"));
  await socket.message();
  socket.raw.end();
  await socket.raw.at_end();
});
on_socket("failing the connection sends a reason that a person can read (section 7.1.7)", async (socket) => {
  socket.send(frame(3));
  const got = await socket.close_frame();
  assert.equal(got.code, 1002);
  assert.ok(got.reason.length > 3);
  await socket.raw.at_end();
});
test("a service that ends closes its WebSockets with a code (section 7.4.1), and the path comes back with it", async () => {
  const socket = await RawWebsocket.open(webserver().http, path);
  const ended = new Promise((done) => webserver().service!.once("exit", done));
  webserver().service!.kill("SIGKILL");
  await ended;
  assert.equal((await socket.close_frame()).code, 1012);
  socket.send(close(1012));
  await socket.raw.at_end();
  await webserver().start_service();
  const again = await RawWebsocket.open(webserver().http, path);
  again.send(text("back"));
  assert.equal((await again.message()).data.toString(), "back");
  await again.close();
});
