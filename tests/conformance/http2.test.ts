// HTTP/2 for a server (RFC 9113): each MUST that a client can see, by section; frames are made by hand.
import { execFileSync } from "node:child_process";
import { connect } from "node:http2";
import {
  type Fields, Http2Raw, block, frame, kAck, kCancel, kCompressionError, kContinuation, kData, kEndHeaders, kEndStream,
  kFlowControlError, kFrameSizeError, kGoaway, kHeaders, kNoError, kPadded, kPing, kPreface, kPriority, kPriorityFlag, kProtocolError,
  kPushPromise, kRefusedStream, kRstStream, kSettings, kStreamClosed, kWindowUpdate, request, settings_payload, u32,
} from "../harness/http2";
import { Person, open_browser } from "../harness/browser";
import { assert, test } from "../harness/test";
import { until } from "../harness/wait";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver({ tls: true });
const kNone = "/example.com/none"; // 404, by the webserver itself
const kSlow = "/example.com/e/slow?ms=10000"; // open for as long as a test needs it
const kSink = "/example.com/e/sink";
const k404 = 0x8d;

async function with_raw(body: (raw: Http2Raw) => Promise<void>, settings: [number, number][] = []): Promise<void> {
  const raw = await Http2Raw.open(webserver().https, settings);
  try {
    await body(raw);
  } finally {
    raw.close();
  }
}

/** Whatever `send` does ends the connection with one of `codes`. */
function breaks(what: string, codes: number | number[], send: (raw: Http2Raw) => void | Promise<void>): void {
  test(`${what}: connection error`, () =>
    with_raw(async (raw) => {
      await send(raw);
      const code = await raw.connection_error();
      const allowed = [codes].flat();
      assert.ok(code === -1 || allowed.includes(code), `GOAWAY ${code}, one of ${allowed} expected`);
    }));
}

/** Whatever `send` does resets stream 1 with one of `codes` (or ends the connection with it, which is always allowed). */
function resets(what: string, codes: number | number[], send: (raw: Http2Raw) => void | Promise<void>): void {
  test(`${what}: stream error`, () =>
    with_raw(async (raw) => {
      await send(raw);
      const code = await raw.stream_error(1);
      const allowed = [codes].flat();
      assert.ok(code === -1 || allowed.includes(code), `error ${code}, one of ${allowed} expected`);
    }));
}

/** `send` asks on stream 1 for what does not exist, in an odd but right way. */
function serves(what: string, send: (raw: Http2Raw) => void | Promise<void>, settings: [number, number][] = []): void {
  test(`${what}: served`, () =>
    with_raw(async (raw) => {
      await send(raw);
      assert.equal(await raw.answer(1), k404);
      assert.ok(await raw.is_alive());
    }, settings));
}

const slow = (raw: Http2Raw, stream = 1) => raw.headers(stream, request(kSlow));
const upload = (raw: Http2Raw, stream = 1, more: Fields = []) => raw.headers(stream, request(kSink, "POST", more), kEndHeaders);

// --- section 3.4: the preface ---

test("the webserver's first frame is SETTINGS, and the client's is acknowledged (sections 3.4 and 6.5.3)", () =>
  with_raw(async (raw) => {
    assert.equal(raw.frames[0]?.type, kSettings);
    assert.equal(raw.frames[0]?.flags, 0);
  }));

test("something else than the preface ends the connection (section 3.4)", async () => {
  const raw = await Http2Raw.dial(webserver().https);
  raw.write(Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const code = await raw.connection_error();
  assert.ok([-1, kProtocolError].includes(code), `${code}`);
  raw.close();
});

test("another frame than SETTINGS after the preface ends the connection (section 3.4)", async () => {
  const raw = await Http2Raw.dial(webserver().https);
  raw.write(kPreface, frame(kPing, 0, 0, Buffer.alloc(8)));
  const code = await raw.connection_error();
  assert.ok([-1, kProtocolError].includes(code), `${code}`);
  raw.close();
});

// --- section 4: frames and header blocks ---

serves("a frame of an unknown type is ignored (section 4.1)", (raw) => {
  raw.write(frame(0x77, 0xff, 0, Buffer.alloc(8)));
  raw.headers(1, request(kNone));
});
serves("flags that mean nothing are ignored (section 4.1)", async (raw) => {
  raw.write(frame(kPing, 0x16, 0, Buffer.from("an odd 1")));
  await raw.next((one) => one.type === kPing && one.payload.toString() === "an odd 1", "PING");
  raw.headers(1, request(kNone));
});
serves("the reserved bit of a stream identifier is ignored (section 4.1)", (raw) => {
  const bytes = frame(kHeaders, kEndHeaders | kEndStream, 1, block(request(kNone)));
  bytes.writeUInt8(0x80, 5);
  raw.write(bytes);
});
test("DATA of SETTINGS_MAX_FRAME_SIZE is taken (section 4.2)", () =>
  with_raw(async (raw) => {
    upload(raw);
    raw.write(frame(kData, kEndStream, 1, Buffer.alloc(16_384)));
    const body = await raw.next((one) => one.type === kData && one.stream === 1, "the answer");
    assert.equal(body.payload.toString(), '{"bytes":16384}');
  }));
breaks("DATA above SETTINGS_MAX_FRAME_SIZE (section 4.2)", kFrameSizeError, (raw) => {
  upload(raw);
  raw.write(frame(kData, 0, 1, Buffer.alloc(16_385)));
});
breaks("HEADERS above SETTINGS_MAX_FRAME_SIZE (section 4.2)", kFrameSizeError, (raw) => {
  raw.headers(1, request(kNone, "GET", [["x", "x".repeat(17_000)]]));
});
breaks("a header block that cannot be decoded (section 4.3)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.from([0x40])));
});
breaks("an index beyond the tables (RFC 7541 section 2.3.3)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.from([0xff, 0x80, 0x01])));
});
breaks("the index 0 (RFC 7541 section 6.1)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.concat([block(request(kNone)), Buffer.from([0x80])])));
});
breaks("a table size above SETTINGS_HEADER_TABLE_SIZE (RFC 7541 section 6.3)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.concat([Buffer.from([0x3f, 0xe2, 0x7f]), block(request(kNone))])));
});
breaks("a table size in the middle of a block (RFC 7541 section 4.2)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.concat([block(request(kNone)), Buffer.from([0x20])])));
});
breaks("Huffman padding longer than 7 bits (RFC 7541 section 5.2)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.concat([block(request(kNone)), Buffer.from([0, 1, 0x78, 0x81, 0xff])])));
});
breaks("Huffman padding that is not all ones (RFC 7541 section 5.2)", kCompressionError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream, 1, Buffer.concat([block(request(kNone)), Buffer.from([0, 1, 0x78, 0x81, 0x18])])));
});
breaks("another frame within a header block (section 4.3)", kProtocolError, (raw) => {
  raw.headers(1, request(kNone), kEndStream);
  raw.write(frame(kPing, 0, 0, Buffer.alloc(8)));
});
breaks("another stream's HEADERS within a header block (section 4.3)", kProtocolError, (raw) => {
  raw.headers(1, request(kNone), kEndStream);
  raw.headers(3, request(kNone));
});

// --- section 5.1: states ---

breaks("DATA on an idle stream (section 5.1)", [kProtocolError, kStreamClosed], (raw) => raw.write(frame(kData, kEndStream, 1, Buffer.from("x"))));
breaks("RST_STREAM on an idle stream (section 5.1)", kProtocolError, (raw) => raw.write(frame(kRstStream, 0, 1, u32(kCancel))));
breaks("WINDOW_UPDATE on an idle stream (section 5.1)", kProtocolError, (raw) => raw.write(frame(kWindowUpdate, 0, 1, u32(100))));
breaks("CONTINUATION on an idle stream (section 5.1)", kProtocolError, (raw) => raw.write(frame(kContinuation, kEndHeaders, 1, block(request(kNone)))));
resets("DATA after END_STREAM (section 5.1)", kStreamClosed, (raw) => {
  slow(raw);
  raw.write(frame(kData, kEndStream, 1, Buffer.from("x")));
});
resets("HEADERS after END_STREAM (section 5.1)", kStreamClosed, (raw) => {
  slow(raw);
  raw.headers(1, request(kNone));
});
breaks("CONTINUATION after END_STREAM (section 5.1)", [kStreamClosed, kProtocolError], (raw) => {
  slow(raw);
  raw.write(frame(kContinuation, kEndHeaders, 1, block(request(kNone))));
});
test("DATA after RST_STREAM is an error of the stream at most, or is ignored (section 5.1)", () =>
  with_raw(async (raw) => {
    upload(raw);
    raw.write(frame(kRstStream, 0, 1, u32(kCancel)), frame(kData, kEndStream, 1, Buffer.from("x")));
    raw.headers(3, request(kNone));
    const found = await raw.find((one) => (one.type === kHeaders && one.stream === 3) || one.type === kGoaway, "an answer");
    if (found?.type === kGoaway) assert.equal(found.payload.readUInt32BE(4), kStreamClosed);
  }));
test("a PRIORITY on a stream that has ended is allowed (section 5.1)", () =>
  with_raw(async (raw) => {
    raw.headers(1, request(kNone));
    await raw.at_end_of(1);
    raw.write(frame(kPriority, 0, 1, Buffer.from([0, 0, 0, 0, 15])));
    assert.ok(await raw.is_alive());
  }));
breaks("an even stream identifier (section 5.1.1)", kProtocolError, (raw) => raw.headers(2, request(kNone)));
breaks("a stream identifier below an earlier one (section 5.1.1)", [kProtocolError, kStreamClosed], async (raw) => {
  raw.headers(5, request(kNone));
  await raw.at_end_of(5);
  raw.headers(3, request(kNone));
});
test("streams above SETTINGS_MAX_CONCURRENT_STREAMS are refused (section 5.1.2)", () =>
  with_raw(async (raw) => {
    const told = raw.frames[0]?.payload ?? Buffer.alloc(0);
    let most = 0;
    for (let i = 0; i + 6 <= told.length; i += 6) if (told.readUInt16BE(i) === 3) most = told.readUInt32BE(i + 2);
    assert.equal(most, 128);
    for (let i = 0; i <= most; ++i) slow(raw, 2 * i + 1);
    const found = await raw.find((one) => one.type === kRstStream || one.type === kGoaway, "a refusal");
    const code = found?.type === kGoaway ? found.payload.readUInt32BE(4) : found?.payload.readUInt32BE(0);
    assert.ok(code === undefined || [kProtocolError, kRefusedStream].includes(code), `${code}`);
  }));

// --- section 5.3 and 5.5: what is deprecated, and what is unknown ---

serves("priorities are taken and not heeded (section 5.3.2)", (raw) => {
  const weight = Buffer.from([0, 0, 0, 0, 200]);
  raw.write(frame(kPriority, 0, 1, weight), frame(kHeaders, kEndHeaders | kEndStream | kPriorityFlag, 1, Buffer.concat([weight, block(request(kNone))])));
});
breaks("an unknown frame within a header block (section 5.5)", kProtocolError, (raw) => {
  raw.headers(1, request(kNone), kEndStream);
  raw.write(frame(0x77, 0, 1, Buffer.alloc(4)));
});

// --- section 6: each frame ---

breaks("DATA on stream 0 (section 6.1)", kProtocolError, (raw) => raw.write(frame(kData, 0, 0, Buffer.from("x"))));
breaks("padding as long as the DATA (section 6.1)", kProtocolError, (raw) => {
  upload(raw);
  raw.write(frame(kData, kPadded, 1, Buffer.from([5, 0, 0, 0, 0])));
});
test("padded DATA is taken without its padding (section 6.1)", () =>
  with_raw(async (raw) => {
    upload(raw, 1, [["content-length", "3"]]);
    raw.write(frame(kData, kPadded | kEndStream, 1, Buffer.from([4, 97, 98, 99, 0, 0, 0, 0])));
    const body = await raw.next((one) => one.type === kData && one.stream === 1, "the answer");
    assert.equal(body.payload.toString(), '{"bytes":3}');
  }));
serves("padded HEADERS (section 6.2)", (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream | kPadded, 1, Buffer.concat([Buffer.from([3]), block(request(kNone)), Buffer.alloc(3)])));
});
breaks("HEADERS on stream 0 (section 6.2)", kProtocolError, (raw) => raw.headers(0, request(kNone)));
breaks("padding as long as the HEADERS (section 6.2)", kProtocolError, (raw) => {
  raw.write(frame(kHeaders, kEndHeaders | kEndStream | kPadded, 1, Buffer.from([9, 0, 0])));
});
breaks("PRIORITY on stream 0 (section 6.3)", kProtocolError, (raw) => raw.write(frame(kPriority, 0, 0, Buffer.alloc(5))));
resets("PRIORITY of another length than 5 (section 6.3)", kFrameSizeError, (raw) => {
  slow(raw);
  raw.write(frame(kPriority, 0, 1, Buffer.alloc(4)));
});
breaks("RST_STREAM on stream 0 (section 6.4)", kProtocolError, (raw) => raw.write(frame(kRstStream, 0, 0, u32(kCancel))));
breaks("RST_STREAM of another length than 4 (section 6.4)", kFrameSizeError, (raw) => {
  slow(raw);
  raw.write(frame(kRstStream, 0, 1, Buffer.alloc(3)));
});
breaks("SETTINGS on a stream (section 6.5)", kProtocolError, (raw) => raw.write(frame(kSettings, 0, 1)));
breaks("SETTINGS of a length that 6 does not divide (section 6.5)", kFrameSizeError, (raw) => raw.write(frame(kSettings, 0, 0, Buffer.alloc(5))));
breaks("an ack of SETTINGS with a payload (section 6.5)", kFrameSizeError, (raw) => raw.write(frame(kSettings, kAck, 0, Buffer.alloc(6))));
breaks("SETTINGS_ENABLE_PUSH of 2 (section 6.5.2)", kProtocolError, (raw) => raw.write(frame(kSettings, 0, 0, settings_payload([[2, 2]]))));
breaks("SETTINGS_INITIAL_WINDOW_SIZE of 2^31 (section 6.5.2)", kFlowControlError, (raw) => raw.write(frame(kSettings, 0, 0, settings_payload([[4, 2 ** 31]]))));
breaks("SETTINGS_MAX_FRAME_SIZE below 16,384 (section 6.5.2)", kProtocolError, (raw) => raw.write(frame(kSettings, 0, 0, settings_payload([[5, 16_383]]))));
breaks("SETTINGS_MAX_FRAME_SIZE above 2^24 - 1 (section 6.5.2)", kProtocolError, (raw) => raw.write(frame(kSettings, 0, 0, settings_payload([[5, 2 ** 24]]))));
breaks("SETTINGS_ENABLE_CONNECT_PROTOCOL of 2 (RFC 8441 section 3)", kProtocolError, (raw) => raw.write(frame(kSettings, 0, 0, settings_payload([[8, 2]]))));
serves("unknown settings are ignored, the others acknowledged (section 6.5.2)", async (raw) => {
  raw.write(frame(kSettings, 0, 0, settings_payload([[0xff, 1], [1, 0]])));
  await raw.next((one) => one.type === kSettings && (one.flags & kAck) !== 0, "the ack");
  raw.headers(1, request(kNone));
});
breaks("PUSH_PROMISE from a client (section 6.6)", kProtocolError, (raw) => {
  slow(raw);
  raw.write(frame(kPushPromise, kEndHeaders, 1, Buffer.concat([u32(2), block(request(kNone))])));
});
test("PING is answered with its payload (section 6.7)", () => with_raw(async (raw) => assert.ok(await raw.is_alive())));
test("an ack of PING is not answered (section 6.7)", () =>
  with_raw(async (raw) => {
    raw.write(frame(kPing, kAck, 0, Buffer.from("not this")));
    raw.write(frame(kPing, 0, 0, Buffer.from("but this")));
    const found = await raw.next((one) => one.type === kPing, "an answer");
    assert.equal(found.payload.toString(), "but this");
  }));
breaks("PING on a stream (section 6.7)", kProtocolError, (raw) => raw.write(frame(kPing, 0, 1, Buffer.alloc(8))));
breaks("PING of another length than 8 (section 6.7)", kFrameSizeError, (raw) => raw.write(frame(kPing, 0, 0, Buffer.alloc(7))));
breaks("GOAWAY on a stream (section 6.8)", kProtocolError, (raw) => raw.write(frame(kGoaway, 0, 1, Buffer.alloc(8))));
test("a client's GOAWAY lets open streams end (section 6.8)", () =>
  with_raw(async (raw) => {
    raw.headers(1, request("/example.com/e/slow?ms=100"));
    raw.write(frame(kGoaway, 0, 0, Buffer.concat([u32(0), u32(kNoError)])));
    await raw.at_end_of(1);
  }));
breaks("a WINDOW_UPDATE of 0 on the connection (section 6.9)", kProtocolError, (raw) => raw.write(frame(kWindowUpdate, 0, 0, u32(0))));
resets("a WINDOW_UPDATE of 0 on a stream (section 6.9)", kProtocolError, (raw) => {
  slow(raw);
  raw.write(frame(kWindowUpdate, 0, 1, u32(0)));
});
breaks("WINDOW_UPDATE of another length than 4 (section 6.9)", kFrameSizeError, (raw) => raw.write(frame(kWindowUpdate, 0, 0, Buffer.alloc(3))));
test("no more is sent than the stream's window takes (section 6.9.1)", () =>
  with_raw(async (raw) => {
    raw.headers(1, request("/example.com/e/bytes/10"));
    const first = await raw.next((one) => one.type === kData && one.stream === 1, "DATA");
    assert.equal(first.payload.length, 1);
    assert.ok(await raw.is_alive());
    assert.equal(raw.frames.filter((one) => one.type === kData).length, 1);
    raw.write(frame(kWindowUpdate, 0, 1, u32(100)));
    const second = await raw.next((one) => one.type === kData && one.stream === 1, "DATA");
    assert.equal(second.payload.length, 9);
  }, [[4, 1]]));
breaks("a connection's window above 2^31 - 1 (section 6.9.1)", kFlowControlError, (raw) => {
  raw.write(frame(kWindowUpdate, 0, 0, u32(2 ** 31 - 1)), frame(kWindowUpdate, 0, 0, u32(2 ** 31 - 1)));
});
resets("a stream's window above 2^31 - 1 (section 6.9.1)", kFlowControlError, (raw) => {
  slow(raw);
  raw.write(frame(kWindowUpdate, 0, 1, u32(2 ** 31 - 1)), frame(kWindowUpdate, 0, 1, u32(2 ** 31 - 1)));
});
test("a changed SETTINGS_INITIAL_WINDOW_SIZE counts for open streams, below zero, too (section 6.9.2)", () =>
  with_raw(async (raw) => {
    raw.headers(1, request("/example.com/e/bytes/10"));
    const first = await raw.next((one) => one.type === kData && one.stream === 1, "DATA");
    assert.equal(first.payload.length, 3);
    raw.write(frame(kSettings, 0, 0, settings_payload([[4, 2]]))); // its window is now -1
    raw.write(frame(kWindowUpdate, 0, 1, u32(2)));
    const second = await raw.next((one) => one.type === kData && one.stream === 1, "DATA");
    assert.equal(second.payload.length, 1);
  }, [[4, 3]]));
// nghttp2 resets the stream, where section 6.9.2 ends the connection; nothing is sent above the limit either way.
resets("a change of SETTINGS_INITIAL_WINDOW_SIZE that makes a window overflow (section 6.9.2)", kFlowControlError, (raw) => {
  slow(raw);
  raw.write(frame(kWindowUpdate, 0, 1, u32(2 ** 31 - 1 - 65_535)), frame(kSettings, 0, 0, settings_payload([[4, 65_536]])));
});
test("a body above our window ends the stream or the connection (section 6.9.1)", () =>
  with_raw(async (raw) => {
    upload(raw); // to nobody who reads: the window is what the webserver holds
    const parts = Array.from({ length: 100 }, () => frame(kData, 0, 1, Buffer.alloc(16_384)));
    raw.write(...parts);
    const found = await raw.find((one) => one.type === kGoaway || one.type === kRstStream, "an error");
    if (found) assert.equal(found.payload.readUInt32BE(found.type === kGoaway ? 4 : 0), kFlowControlError);
  }));
serves("a block in CONTINUATION frames (section 6.10)", (raw) => {
  const bytes = block(request(kNone));
  raw.write(frame(kHeaders, kEndStream, 1, bytes.subarray(0, 5)), frame(kContinuation, 0, 1, bytes.subarray(5, 20)), frame(kContinuation, kEndHeaders, 1, bytes.subarray(20)));
});
breaks("CONTINUATION on stream 0 (section 6.10)", kProtocolError, (raw) => {
  raw.headers(1, request(kNone), kEndStream);
  raw.write(frame(kContinuation, kEndHeaders, 0));
});
breaks("CONTINUATION after END_HEADERS (section 6.10)", kProtocolError, (raw) => {
  upload(raw);
  raw.write(frame(kContinuation, kEndHeaders, 1, block([["x", "y"]])));
});
breaks("CONTINUATION after DATA (section 6.10)", kProtocolError, (raw) => {
  upload(raw);
  raw.write(frame(kData, 0, 1, Buffer.from("x")), frame(kContinuation, kEndHeaders, 1, block([["x", "y"]])));
});

// --- section 7: error codes ---

test("unknown error codes mean nothing special (section 7)", () =>
  with_raw(async (raw) => {
    slow(raw);
    raw.write(frame(kRstStream, 0, 1, u32(0xff)));
    assert.ok(await raw.is_alive());
  }));

// --- section 8: requests ---

const malformed = (what: string, fields: Fields) => resets(what, kProtocolError, (raw) => raw.headers(1, fields));
const without = (name: string) => request(kNone).filter(([field]) => field !== name);

malformed("a field name with capital letters (section 8.2.1)", request(kNone, "GET", [["X-Test", "1"]]));
malformed("a field name with a space (section 8.2.1)", request(kNone, "GET", [["x test", "1"]]));
malformed("a field value with a line feed (section 8.2.1)", request(kNone, "GET", [["x-test", "a\nb"]]));
malformed("a field value with NUL (section 8.2.1)", request(kNone, "GET", [["x-test", "a\0b"]]));
malformed("a field value that begins with a space (section 8.2.1)", request(kNone, "GET", [["x-test", " a"]]));
malformed("Connection (section 8.2.2)", request(kNone, "GET", [["connection", "keep-alive"]]));
malformed("Keep-Alive (section 8.2.2)", request(kNone, "GET", [["keep-alive", "1"]]));
malformed("Transfer-Encoding (section 8.2.2)", request(kNone, "GET", [["transfer-encoding", "chunked"]]));
malformed("Upgrade (section 8.2.2)", request(kNone, "GET", [["upgrade", "websocket"]]));
malformed("TE with something else than trailers (section 8.2.2)", request(kNone, "GET", [["te", "trailers, deflate"]]));
malformed("an unknown pseudo field (section 8.3)", request(kNone, "GET", [[":test", "1"]]));
malformed("a pseudo field of answers (section 8.3)", [...request(kNone), [":status", "200"]]);
malformed("a pseudo field after others (section 8.3)", [["x-test", "1"], ...request(kNone)]);
malformed("no :method (section 8.3.1)", without(":method"));
malformed("no :scheme (section 8.3.1)", without(":scheme"));
malformed("no :path (section 8.3.1)", without(":path"));
malformed("an empty :path (section 8.3.1)", request(""));
malformed("two :method (section 8.3.1)", [[":method", "GET"], ...request(kNone)]);
malformed("two :scheme (section 8.3.1)", [[":scheme", "https"], ...request(kNone)]);
malformed("two :path (section 8.3.1)", [[":path", "/"], ...request(kNone)]);
malformed("CONNECT with :path (section 8.5)", [[":method", "CONNECT"], [":path", "/"], [":authority", "localhost"]]);
malformed(":protocol without CONNECT (RFC 8441 section 4)", [...request(kNone), [":protocol", "websocket"]]);
serves("TE: trailers (section 8.2.2)", (raw) => raw.headers(1, request(kNone, "GET", [["te", "trailers"]])));

resets("a second HEADERS without END_STREAM (section 8.1)", kProtocolError, (raw) => {
  upload(raw);
  raw.headers(1, [["x", "y"]], kEndHeaders);
});
resets("a pseudo field in trailers (section 8.1)", kProtocolError, (raw) => {
  upload(raw);
  raw.headers(1, [[":path", "/"]]);
});
test("trailers end a body (section 8.1)", () =>
  with_raw(async (raw) => {
    upload(raw);
    raw.write(frame(kData, 0, 1, Buffer.from("abc")));
    raw.headers(1, [["x-checksum", "1"]]);
    const body = await raw.next((one) => one.type === kData && one.stream === 1, "the answer");
    assert.equal(body.payload.toString(), '{"bytes":3}');
  }));
resets("a body shorter than its content-length (section 8.1.1)", kProtocolError, (raw) => {
  upload(raw, 1, [["content-length", "4"]]);
  raw.write(frame(kData, kEndStream, 1, Buffer.from("abc")));
});
resets("a body longer than its content-length (section 8.1.1)", kProtocolError, (raw) => {
  upload(raw, 1, [["content-length", "2"]]);
  raw.write(frame(kData, kEndStream, 1, Buffer.from("abc")));
});
resets("a body in parts longer than its content-length (section 8.1.1)", kProtocolError, (raw) => {
  upload(raw, 1, [["content-length", "2"]]);
  raw.write(frame(kData, 0, 1, Buffer.from("ab")), frame(kData, kEndStream, 1, Buffer.from("c")));
});
test("an answer that does not wait for the body ends with a reset that is no error (section 8.1)", () =>
  with_raw(async (raw) => {
    raw.headers(1, request(kNone, "POST"), kEndHeaders);
    assert.equal(await raw.answer(1), k404);
    assert.equal(await raw.stream_error(1), kNoError);
    assert.ok(await raw.is_alive());
  }));

// --- foreign clients ---

test("node's client gets many answers at once, each its own", async () => {
  const client = connect(webserver().https_url, { rejectUnauthorized: false });
  try {
    const sizes = Array.from({ length: 100 }, (_, i) => i * 1000 + 1);
    const bodies = await Promise.all(sizes.map((size) => new Promise<number>((done, fail) => {
      const stream = client.request({ ":path": `/example.com/e/bytes/${size}` });
      let got = 0;
      stream.on("data", (part: Buffer) => { got += part.length; });
      stream.on("end", () => done(got));
      stream.on("error", fail);
    })));
    assert.deepEqual(bodies, sizes);
  } finally {
    client.close();
  }
});

test("node's client uploads and downloads 20 MB over one connection", async () => {
  const client = connect(webserver().https_url, { rejectUnauthorized: false, maxSessionMemory: 100 });
  try {
    const up = new Promise<string>((done, fail) => {
      const stream = client.request({ ":method": "POST", ":path": kSink });
      let text = "";
      stream.on("data", (part: Buffer) => { text += part.toString(); });
      stream.on("end", () => done(text));
      stream.on("error", fail);
      stream.end(Buffer.alloc(20_000_000, "u"));
    });
    const down = new Promise<number>((done, fail) => {
      const stream = client.request({ ":path": "/example.com/e/bytes/20000000" });
      let got = 0;
      stream.on("data", (part: Buffer) => { got += part.length; });
      stream.on("end", () => done(got));
      stream.on("error", fail);
    });
    assert.equal(await up, '{"bytes":20000000}');
    assert.equal(await down, 20_000_000);
  } finally {
    client.close();
  }
});

test("curl speaks HTTP/2", () => {
  const url = `${webserver().https_url}/example.com/e/bytes/100000`;
  const text = execFileSync("curl", ["-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}", url], { timeout: 30_000 });
  assert.equal(text.toString(), "2 200 100000");
});

test("Chromium gets a page by HTTP/2, and its WebSocket goes over the same connection", async () => {
  const browser = await open_browser();
  try {
    const { page } = await Person.arrive(browser);
    await page.goto(`${webserver().https_url}/example.com/e/echo.htm`);
    const told = await page.evaluate(`(async () => {
      const socket = new WebSocket("wss://" + location.host + "/example.com/e/echo");
      const message = await new Promise((done) => {
        socket.onopen = () => socket.send("by HTTP/2");
        socket.onmessage = (event) => done(String(event.data));
        socket.onclose = (event) => done("closed " + event.code);
      });
      return { message, protocol: performance.getEntriesByType("navigation")[0].nextHopProtocol };
    })()`);
    assert.deepEqual(told, { message: "by HTTP/2", protocol: "h2" });
    // RFC 8441: each WebSocket (the page has one, too) is a stream.
    await until("all WebSockets to be streams", async () => {
      const { websockets, http2Streams } = await webserver().counters();
      return websockets > 0 && websockets === http2Streams;
    });
  } finally {
    await browser.close();
  }
});
