// The musts of RFC 7692 (compression extensions for WebSocket) for a server, by section, against the echo service.
// The webserver never keeps context, and compresses its own messages from `deflateBytes` on.
import { close, fragmented, frame, kBinary, kContinuation, kPing, kPong, kText, more, ping, text } from "../harness/frames";
import { compress, compressed, decompress, message, offer } from "../harness/deflate";
import { assert, test } from "../harness/test";
import { Webserver, with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const open = (extensions = "permessage-deflate") => offer(webserver().http, `${webserver().path}/echo`, extensions);
const kLong = "All work and no play makes Jack a dull boy. ".repeat(100);

function agreed(name: string, run: (socket: Awaited<ReturnType<typeof open>>["socket"]) => Promise<void>): void {
  test(name, async () => {
    const { socket, parameters } = await open();
    try {
      assert.ok(parameters, "declined");
      await run(socket);
    } finally {
      socket.raw.close();
    }
  });
}
const bytes = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
/** A masked frame with this first byte. */
const raw = (first: number, payload: Buffer) => frame(first & 15, payload, { fin: (first & 0x80) !== 0, rsv: (first >> 4) & 7 });

// --- 5, 7: negotiation ---

test("nothing is agreed that was not offered (section 5)", async () => {
  for (const extensions of ["x-webkit-deflate-frame", "permessage-bzip2", "permessage-deflatex"]) {
    const { socket, parameters } = await open(extensions);
    assert.equal(parameters, undefined, extensions);
    await socket.close();
  }
});
test("without an agreement RSV1 fails the connection (section 6; RFC 6455 section 5.2)", async () => {
  const { socket } = await open("x-other");
  socket.send(...compressed(true, "Hello"));
  await socket.failed(1002);
});
test("one offer of several is taken, the first that can be (section 5)", async () => {
  const { socket, parameters } = await open("x-other, permessage-deflate; server_max_window_bits=9, permessage-deflate; server_no_context_takeover");
  assert.ok(parameters);
  assert.ok(!parameters.has("server_max_window_bits"));
  await socket.close();
});
for (const [what, parameters] of [
  ["a parameter that is not defined", "unknown"],
  ["a parameter twice", "server_no_context_takeover; server_no_context_takeover"],
  ["server_no_context_takeover with a value", "server_no_context_takeover=1"],
  ["client_no_context_takeover with a value", "client_no_context_takeover=0"],
  ["server_max_window_bits without a value", "server_max_window_bits"],
  ["server_max_window_bits of 7", "server_max_window_bits=7"],
  ["server_max_window_bits of 16", "server_max_window_bits=16"],
  ["server_max_window_bits with a leading zero", "server_max_window_bits=010"],
  ["server_max_window_bits that is no number", "server_max_window_bits=ten"],
  ["client_max_window_bits of 7", "client_max_window_bits=7"],
  ["client_max_window_bits of 16", "client_max_window_bits=16"],
  ["client_max_window_bits with a leading zero", "client_max_window_bits=08"],
] as const) {
  test(`an offer with ${what} is declined, the connection goes on without (section 7.1)`, async () => {
    const { socket, parameters: answer } = await open(`permessage-deflate; ${parameters}`);
    assert.equal(answer, undefined);
    socket.send(text(kLong));
    assert.equal((await socket.message()).data.toString(), kLong);
    await socket.close();
  });
}
test("server_no_context_takeover in an offer is in the answer, and kept (section 7.1.1.1)", async () => {
  const { socket, parameters } = await open("permessage-deflate; server_no_context_takeover");
  assert.ok(parameters?.has("server_no_context_takeover"));
  // Each message opens by itself: nothing refers to the one before.
  for (let i = 0; i < 3; i++) {
    socket.send(...compressed(true, kLong));
    const got = await message(socket);
    assert.ok(got.was_compressed);
    assert.equal(got.data.toString(), kLong);
  }
  await socket.close();
});
test("client_no_context_takeover in an offer is in the answer (section 7.1.1.2)", async () => {
  const { socket, parameters } = await open("permessage-deflate; client_no_context_takeover");
  assert.ok(parameters?.has("client_no_context_takeover"));
  await socket.close();
});
for (const bits of [15, 14, 13]) {
  test(`server_max_window_bits=${bits} is answered with at most that, and the window is no larger (section 7.1.2.1)`, async () => {
    const { socket, parameters } = await open(`permessage-deflate; server_max_window_bits=${bits}`);
    const granted = Number(parameters?.get("server_max_window_bits"));
    assert.ok(granted >= 8 && granted <= bits, `${granted}`);
    // What repeats only further back than the window: a larger one would refer to it, and inflate would not find it.
    const once = Buffer.alloc(40_000);
    for (let i = 0, x = 1; i < once.length; i++) once[i] = (x = (x * 1103515245 + 12345) % 2147483648) >> 16;
    for (const data of [Buffer.from(kLong), Buffer.concat([once, once])]) {
      socket.send(frame(kBinary, data));
      assert.ok((await message(socket, granted)).data.equals(data));
    }
    await socket.close();
  });
}
test("server_max_window_bits below what we can is declined, not ignored (section 7.1.2.1)", async () => {
  const { socket, parameters } = await open("permessage-deflate; server_max_window_bits=8");
  assert.equal(parameters, undefined);
  await socket.close();
});
test("client_max_window_bits is in the answer only if it was in the offer (section 7.1.2.2)", async () => {
  const { socket, parameters } = await open("permessage-deflate");
  assert.ok(parameters && !parameters.has("client_max_window_bits"));
  await socket.close();
});
for (const value of ["", "=8", "=15"]) {
  test(`client_max_window_bits${value} in an offer is taken (section 7.1.2.2)`, async () => {
    const { socket, parameters } = await open(`permessage-deflate; client_max_window_bits${value}`);
    assert.ok(parameters);
    await socket.close();
  });
}
test("a value in quotation marks is the same value (section 5.2; RFC 6455 section 9.1)", async () => {
  const { socket, parameters } = await open('permessage-deflate; server_max_window_bits="13"');
  assert.equal(parameters?.get("server_max_window_bits"), "13");
  await socket.close();
});

// --- 6: framing ---

for (const [what, opcode] of [["ping", kPing], ["pong", kPong], ["close", 8]] as const) {
  agreed(`RSV1 on a ${what} fails the connection (section 6.1: data messages only)`, async (socket) => {
    socket.send(frame(opcode, opcode === 8 ? bytes("03e8") : "", { rsv: 4 }));
    await socket.failed(1002);
  });
}
agreed("RSV1 on a fragment that is not the first fails the connection (section 6.1)", async (socket) => {
  const payload = compress(kLong);
  socket.send(frame(kText, payload.subarray(0, 20), { fin: false, rsv: 4 }), frame(kContinuation, payload.subarray(20), { rsv: 4 }));
  await socket.failed(1002);
});
agreed("RSV1 on a continuation of a plain message fails the connection (section 6.1)", async (socket) => {
  socket.send(text("Hel", { fin: false }), frame(kContinuation, "lo", { rsv: 4 }));
  await socket.failed(1002);
});
for (const rsv of [2, 1, 6, 5]) {
  agreed(`reserved bits ${rsv}, of which nothing was agreed, fail the connection (RFC 6455 section 5.2)`, async (socket) => {
    socket.send(frame(kText, compress("Hello"), { rsv }));
    await socket.failed(1002);
  });
}
agreed("a message that is not compressed may come among compressed ones (section 6.1)", async (socket) => {
  for (const [i, frames] of [[text("plain")], compressed(true, "squeezed"), [...fragmented(kText, Buffer.from("plain in parts"), 4)], compressed(true, "squeezed in parts", 3)].entries()) {
    socket.send(...frames);
    assert.equal((await message(socket)).data.toString(), ["plain", "squeezed", "plain in parts", "squeezed in parts"][i]);
  }
  await socket.close();
});
agreed("control frames between the fragments of a compressed message are answered, plain (section 6.2)", async (socket) => {
  const [first, ...rest] = compressed(true, kLong, 10);
  socket.send(first!, ping("now"));
  await socket.pong("now");
  socket.send(...rest);
  assert.equal((await message(socket)).data.toString(), kLong);
  await socket.close();
});
agreed("a close within a compressed message is answered", async (socket) => {
  socket.send(compressed(true, kLong, 10)[0]!, close(1000));
  assert.equal((await socket.close_frame()).code, 1000);
  await socket.raw.at_end();
});

// --- 7.2: compression, with the examples of section 7.2.3 ---

for (const [section, what, frames, expected] of [
  ["7.2.3.1", "one block", [raw(0xc1, bytes("f2 48 cd c9 c9 07 00"))], "Hello"],
  ["7.2.3.1", "one block in two fragments", [raw(0x41, bytes("f2 48 cd")), raw(0x80, bytes("c9 c9 07 00"))], "Hello"],
  ["7.2.3.3", "a block without compression", [raw(0xc1, bytes("00 05 00 fa ff 48 65 6c 6c 6f 00"))], "Hello"],
  ["7.2.3.4", "a block with BFINAL", [raw(0xc1, bytes("f3 48 cd c9 c9 07 00 00"))], "Hello"],
  ["7.2.3.5", "two blocks", [raw(0xc1, bytes("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"))], "Hello"],
  ["7.2.3.6", "nothing", [raw(0xc1, bytes("00"))], ""],
  ["6.1", "empty fragments before, within and after", [raw(0x41, bytes("")), raw(0x00, bytes("f2 48 cd")), raw(0x00, bytes("")), raw(0x00, bytes("c9 c9 07 00")), raw(0x80, bytes(""))], "Hello"],
] as const) {
  agreed(`${what} is read (section ${section})`, async (socket) => {
    socket.send(...frames);
    const got = await message(socket);
    assert.ok(got.is_text);
    assert.equal(got.data.toString(), expected);
    await socket.close();
  });
}
agreed("a message that refers to the one before fails the connection: the client was told not to (sections 7.1.1.2, 7.2.3.2)", async (socket) => {
  socket.send(raw(0xc1, bytes("f2 48 cd c9 c9 07 00")));
  assert.equal((await message(socket)).data.toString(), "Hello");
  socket.send(raw(0xc1, bytes("f2 00 11 00 00")));
  await socket.failed(1007);
});
for (const [what, payload, code] of [
  ["no DEFLATE data", bytes("07 ff"), 1007],
  ["no payload at all (an empty message is one byte)", bytes(""), 1007],
  ["a block cut off", bytes("f2 48 cd"), 1007],
  ["bytes behind the end", bytes("f3 48 cd c9 c9 07 00 12 34 56 78 9a"), undefined],
  ["a distance beyond the beginning", bytes("4b 04 62 00 00"), 1007],
] as const) {
  agreed(`${what}: the connection fails${code ? "" : ", or what is behind is left"} (section 7.2.2)`, async (socket) => {
    socket.send(raw(0xc1, payload));
    if (code) return socket.failed(code);
    const got = await socket.frame(true);
    assert.ok(got.opcode === 8 || got.payload.toString() === "Hello", got.payload.toString("hex"));
  });
}
agreed("a text is checked for UTF-8 after it was decompressed (RFC 6455 section 8.1)", async (socket) => {
  socket.send(...compressed(true, Buffer.from("ok \xff", "latin1")));
  await socket.failed(1007);
});
agreed("bytes of any kind come back in a binary message", async (socket) => {
  const data = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) & 255));
  socket.send(...compressed(false, data));
  const got = await message(socket);
  assert.ok(!got.is_text && got.data.equals(data));
  await socket.close();
});
agreed("what the server compresses ends without the empty block (section 7.2.1)", async (socket) => {
  socket.send(text(kLong));
  const got = await socket.frame(true);
  assert.equal(got.rsv, 4);
  assert.ok(got.fin && !got.payload.subarray(-4).equals(bytes("0000ffff")));
  assert.ok(got.payload.length < kLong.length / 4);
  assert.equal(decompress(got.payload).toString(), kLong);
  await socket.close();
});
agreed("a message too short to gain anything comes plain (section 7.2.1: MAY)", async (socket) => {
  socket.send(...compressed(true, "Hello"));
  assert.equal((await message(socket)).was_compressed, false);
  await socket.close();
});
agreed("a last empty fragment ends a compressed message", async (socket) => {
  const payload = compress(kLong);
  socket.send(frame(kText, payload, { fin: false, rsv: 4 }), more(""));
  assert.equal((await message(socket)).data.toString(), kLong);
  await socket.close();
});
test("a message is limited by what it becomes, not by what it is (section 8: zip bombs)", async () => {
  const server = await Webserver.start({ limits: { messageBytes: 1_000_000 } });
  try {
    const { socket } = await offer(server.http, `${server.path}/echo`, "permessage-deflate");
    const bomb = compressed(false, Buffer.alloc(20_000_000));
    assert.ok(Buffer.concat(bomb).length < 30_000);
    socket.send(...bomb);
    // What came before the limit may have been echoed: frames, then the close.
    for (;;) {
      const got = await socket.frame(true);
      if (got.opcode !== 8) continue;
      assert.equal(got.payload.readUInt16BE(), 1009);
      break;
    }
    socket.raw.close();
  } finally {
    await server.stop();
    await server.destroy();
  }
});
