// The case classes of the Autobahn test suite, by its case numbers, against the echo service: framing, pings,
// reserved bits, opcodes, fragments, UTF-8, close, limits. Expectations in our own words, from RFC 6455; where the
// suite accepts several outcomes, what we accept is said. A relay may fail a connection before the echo of an
// earlier message is back, so "the echo may come first".
import {
  RawWebsocket, binary, close, fragmented, frame, kBinary, kPing, kPong, kText, more, ping, pong, text,
} from "../harness/frames";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const is_long = Boolean(process.env["BERTH_LONG"]);

function autobahn(id: string, name: string, run: (socket: RawWebsocket) => Promise<void>, options: { skip?: string | false } = {}): void {
  test(`${id}: ${name}`, { skip: options.skip ?? false }, async () => {
    const socket = await RawWebsocket.open(webserver().http, `${webserver().path}/echo`);
    try {
      await run(socket);
    } finally {
      socket.raw.close();
    }
  });
}

/** Sends the bytes whole, frame by frame or byte by byte. */
type Chop = "whole" | "by frame" | "by byte";
async function send(socket: RawWebsocket, chop: Chop, ...frames: Buffer[]): Promise<void> {
  if (chop === "whole") socket.send(...frames);
  else if (chop === "by byte") await socket.raw.send_in_parts(Buffer.concat(frames), 1);
  else for (const one of frames) await socket.raw.send_in_parts(one, one.length);
}

async function echoed(socket: RawWebsocket, is_text: boolean, data: Buffer | string): Promise<void> {
  const got = await socket.message();
  assert.equal(got.is_text, is_text);
  assert.ok(got.data.equals(Buffer.from(data)), `${got.data.length} bytes came back, ${Buffer.from(data).length} were sent`);
}

/** A close that we begin is answered, and then nothing more comes. */
const clean = (socket: RawWebsocket) => socket.close(1000);

// --- 1: framing ---

const kSizes = [0, 125, 126, 127, 128, 65535, 65536];
for (const [group, is_text] of [["1.1", true], ["1.2", false]] as const) {
  const what = is_text ? "text" : "binary";
  const payload = (size: number) => (is_text ? Buffer.alloc(size, "*") : Buffer.alloc(size, 0xfe));
  kSizes.forEach((size, i) =>
    autobahn(`${group}.${i + 1}`, `a ${what} message of ${size} bytes comes back`, async (socket) => {
      socket.send(frame(is_text ? kText : kBinary, payload(size)));
      await echoed(socket, is_text, payload(size));
      await clean(socket);
    }),
  );
  autobahn(`${group}.8`, `a ${what} message of 65536 bytes that comes in pieces of 997 comes back`, async (socket) => {
    await socket.raw.send_in_parts(frame(is_text ? kText : kBinary, payload(65536)), 997);
    await echoed(socket, is_text, payload(65536));
    await clean(socket);
  });
}

// --- 2: pings and pongs ---

const kPings: [string, string, Buffer][] = [
  ["2.1", "without payload", Buffer.alloc(0)],
  ["2.2", "with text", Buffer.from("Hello, world!")],
  ["2.3", "with bytes that are not UTF-8", Buffer.from("00fffefdfcfb00ff", "hex")],
  ["2.4", "with 125 bytes", Buffer.alloc(125, 0xfe)],
];
for (const [id, what, payload] of kPings) {
  autobahn(id, `a ping ${what} is answered with the same payload`, async (socket) => {
    socket.send(ping(payload));
    await socket.pong(payload);
    await clean(socket);
  });
}
autobahn("2.5", "a ping of 126 bytes fails the connection", async (socket) => {
  socket.send(ping(Buffer.alloc(126, 0xfe)));
  await socket.failed(1002);
});
autobahn("2.6", "a ping of 125 bytes that comes byte by byte is answered", async (socket) => {
  await send(socket, "by byte", ping(Buffer.alloc(125, 0xfe)));
  await socket.pong(Buffer.alloc(125, 0xfe));
  await clean(socket);
});
autobahn("2.7", "a pong that nobody asked for, without payload, is left alone", async (socket) => {
  socket.send(pong());
  await clean(socket);
});
autobahn("2.8", "a pong that nobody asked for, with payload, is left alone", async (socket) => {
  socket.send(pong("unsolicited pong payload"));
  await clean(socket);
});
autobahn("2.9", "a ping after a pong that nobody asked for is answered", async (socket) => {
  socket.send(pong("unsolicited pong payload"), ping("ping payload"));
  await socket.pong("ping payload");
  await clean(socket);
});
for (const [id, chop] of [["2.10", "whole"], ["2.11", "by byte"]] as const) {
  autobahn(id, `ten pings that come ${chop} are answered in their order`, async (socket) => {
    for (let i = 0; i < 10; i++) {
      await send(socket, chop, ping(`payload-${i}`));
      await socket.pong(`payload-${i}`);
    }
    await clean(socket);
  });
}

// --- 3: reserved bits ---

const kReserved: [string, number, number, Chop][] = [
  ["3.1", 1, kText, "whole"],
  ["3.2", 2, kText, "whole"],
  ["3.3", 3, kText, "by frame"],
  ["3.4", 4, kText, "by byte"],
  ["3.5", 5, kBinary, "whole"],
  ["3.6", 6, kPing, "whole"],
  ["3.7", 7, 8, "whole"],
];
for (const [id, rsv, opcode, chop] of kReserved) {
  const follows = ["3.2", "3.3", "3.4"].includes(id);
  autobahn(id, `reserved bits ${rsv} with opcode ${opcode} fail the connection${follows ? "; the echo of the message before may come first, the ping after it is not answered" : ""}`, async (socket) => {
    const bad = frame(opcode, follows ? "Hello, world!" : opcode === kBinary ? Buffer.alloc(24, 0xff) : "", { rsv });
    await send(socket, chop, ...(follows ? [text("Hello, world!"), bad, ping()] : [bad]));
    await socket.failed(1002);
  });
}

// --- 4: opcodes ---

for (const [group, first] of [["4.1", 3], ["4.2", 11]] as const) {
  for (let i = 0; i < 5; i++) {
    const opcode = first + i;
    const chop: Chop = i === 4 ? "by byte" : "whole";
    autobahn(`${group}.${i + 1}`, `opcode ${opcode} ${i === 0 || i === 2 ? "without" : "with"} payload fails the connection${i >= 2 ? "; the ping after it is not answered" : ""}`, async (socket) => {
      const bad = frame(opcode, i === 0 || i === 2 ? "" : "reserved opcode payload");
      await send(socket, chop, ...(i >= 2 ? [text("Hello, world!"), bad, ping()] : [bad]));
      await socket.failed(1002);
    });
  }
}

// --- 5: fragmentation ---

autobahn("5.1", "a ping in two fragments fails the connection", async (socket) => {
  socket.send(frame(kPing, "fragment1", { fin: false }), more("fragment2"));
  await socket.failed(1002);
});
autobahn("5.2", "a pong in two fragments fails the connection", async (socket) => {
  socket.send(frame(kPong, "fragment1", { fin: false }), more("fragment2"));
  await socket.failed(1002);
});
for (const [id, chop] of [["5.3", "whole"], ["5.4", "by frame"], ["5.5", "by byte"]] as const) {
  autobahn(id, `a text in two fragments that come ${chop} comes back joined`, async (socket) => {
    await send(socket, chop, text("fragment1", { fin: false }), more("fragment2"));
    await echoed(socket, true, "fragment1fragment2");
    await clean(socket);
  });
}
for (const [id, chop] of [["5.6", "whole"], ["5.7", "by frame"], ["5.8", "by byte"]] as const) {
  autobahn(id, `a ping between two fragments that come ${chop} is answered at once, then the text comes back`, async (socket) => {
    await send(socket, chop, text("fragment1", { fin: false }), ping("ping payload"), more("fragment2"));
    await socket.pong("ping payload");
    await echoed(socket, true, "fragment1fragment2");
    await clean(socket);
  });
}
for (const [id, fin, chop] of [
  ["5.9", true, "whole"], ["5.10", true, "by frame"], ["5.11", true, "by byte"],
  ["5.12", false, "whole"], ["5.13", false, "by frame"], ["5.14", false, "by byte"],
] as const) {
  autobahn(id, `a ${fin ? "last" : "further"} fragment of nothing that comes ${chop} fails the connection`, async (socket) => {
    await send(socket, chop, more("non-continuation payload", { fin }), text("Hello, world!"));
    await socket.failed(1002);
  });
}
autobahn("5.15", "a fragment of nothing after a whole message fails the connection", async (socket) => {
  socket.send(text("fragment1", { fin: false }), more("fragment2"), more("fragment3", { fin: false }), text("fragment4"));
  await socket.failed(1002);
});
for (const [id, fin] of [["5.16", false], ["5.17", true]] as const) {
  autobahn(id, `a ${fin ? "last" : "further"} fragment of nothing before a message in fragments, twice, fails the connection`, async (socket) => {
    for (let i = 0; i < 2; i++)
      socket.send(more("fragment1", { fin }), text("fragment2", { fin: false }), more("fragment3"));
    await socket.failed(1002);
  });
}
autobahn("5.18", "a text whose second fragment is a text again fails the connection", async (socket) => {
  socket.send(text("fragment1", { fin: false }), text("fragment2"));
  await socket.failed(1002);
});
for (const id of ["5.19", "5.20"]) {
  autobahn(id, `pings among five fragments${id === "5.20" ? " that come at once" : ""} are answered before the message comes back`, async (socket) => {
    const first = [text("fragment1", { fin: false }), more("fragment2", { fin: false }), ping("pongme 1!")];
    const second = [more("fragment3", { fin: false }), more("fragment4", { fin: false }), ping("pongme 2!"), more("fragment5")];
    socket.send(...first, ...(id === "5.20" ? second : []));
    await socket.pong("pongme 1!");
    if (id === "5.19") socket.send(...second);
    await socket.pong("pongme 2!");
    await echoed(socket, true, "fragment1fragment2fragment3fragment4fragment5");
    await clean(socket);
  });
}

// --- 6: UTF-8 (the sequences are those of Markus Kuhn's decoder test) ---

autobahn("6.1.1", "an empty text comes back", async (socket) => {
  socket.send(text(""));
  await echoed(socket, true, "");
  await clean(socket);
});
autobahn("6.1.2", "a text of three empty fragments comes back", async (socket) => {
  socket.send(text("", { fin: false }), more("", { fin: false }), more(""));
  await echoed(socket, true, "");
  await clean(socket);
});
autobahn("6.1.3", "a text between two empty fragments comes back", async (socket) => {
  socket.send(text("", { fin: false }), more("middle frame payload", { fin: false }), more(""));
  await echoed(socket, true, "middle frame payload");
  await clean(socket);
});

const kMixed = "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!";
const kGreek = "\u03ba\u1f79\u03c3\u03bc\u03b5";
const bytewise = (payload: Buffer) => fragmented(kText, payload, 1);
autobahn("6.2.1", "a text of many alphabets comes back", async (socket) => {
  socket.send(text(kMixed));
  await echoed(socket, true, kMixed);
  await clean(socket);
});
autobahn("6.2.2", "a text that is cut between two characters comes back", async (socket) => {
  socket.send(text("Hello-\u00b5@\u00df\u00f6\u00e4", { fin: false }), more("\u00fc\u00e0\u00e1-UTF-8!!"));
  await echoed(socket, true, kMixed);
  await clean(socket);
});
for (const [id, word] of [["6.2.3", kMixed], ["6.2.4", kGreek]] as const) {
  autobahn(id, `a text in fragments of one byte comes back (${word})`, async (socket) => {
    socket.send(...bytewise(Buffer.from(word)));
    await echoed(socket, true, word);
    await clean(socket);
  });
}
const kBroken = Buffer.concat([Buffer.from(kGreek), Buffer.from("eda080", "hex"), Buffer.from("edited")]);
autobahn("6.3.1", "a text with a surrogate in the middle fails the connection", async (socket) => {
  socket.send(text(kBroken));
  await socket.failed(1007);
});
autobahn("6.3.2", "a text with a surrogate in the middle, in fragments of one byte, fails the connection", async (socket) => {
  socket.send(...bytewise(kBroken));
  await socket.failed(1007);
});
// Failing fast: the second part has not ended, the third never comes.
const kTooHigh = Buffer.from("f4908080", "hex");
autobahn("6.4.1", "bad UTF-8 in a fragment fails the connection before the message ends", async (socket) => {
  socket.send(text(kGreek, { fin: false }), more(kTooHigh, { fin: false }));
  await socket.failed(1007);
});
autobahn("6.4.2", "a character that cannot end well fails the connection at the byte that says so", async (socket) => {
  socket.send(text(Buffer.concat([Buffer.from(kGreek), kTooHigh.subarray(0, 1)]), { fin: false }), more(kTooHigh.subarray(1, 2), { fin: false }));
  await socket.failed(1007);
});
for (const [id, cut] of [["6.4.3", 4], ["6.4.4", 2]] as const) {
  autobahn(id, `bad UTF-8 fails the connection within a frame that has not ended (${cut} bytes of four)`, async (socket) => {
    const whole = text(Buffer.concat([Buffer.from(kGreek), kTooHigh, Buffer.from("edited")]));
    socket.send(whole.subarray(0, 6 + Buffer.from(kGreek).length + cut));
    await socket.failed(1007);
  });
}

interface Sequence { hex: string; valid: boolean; what: string }
const good = (hex: string, what: string): Sequence => ({ hex, valid: true, what });
const bad = (hex: string, what: string): Sequence => ({ hex, valid: false, what });
const hex = (word: string) => Buffer.from(word).toString("hex");
const lonely = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16).padStart(2, "0") + "20").join("");
const kGroups: Record<string, Sequence[]> = {
  "6.5": [
    good(hex(kMixed), "a text of many alphabets"), good("68656c6c6f24776f726c64", "ASCII"), good("68656c6c6fc2a2776f726c64", "two bytes among ASCII"),
    good("68656c6c6fe282ac776f726c64", "three bytes among ASCII"), good("68656c6c6ff0a4ada2776f726c64", "four bytes among ASCII"),
  ],
  // Every prefix of the word: whole characters are text, anything else is not.
  "6.6": Array.from({ length: Buffer.from(kGreek).length }, (_, i) => {
    const part = Buffer.from(kGreek).subarray(0, i + 1);
    return { hex: part.toString("hex"), valid: Buffer.from(part.toString("utf8")).equals(part), what: `the first ${i + 1} bytes of a word` };
  }),
  "6.7": [good("00", "first of one byte"), good("c280", "first of two"), good("e0a080", "first of three"), good("f0908080", "first of four")],
  "6.8": [bad("f888808080", "first of five"), bad("fc8480808080", "first of six")],
  "6.9": [good("7f", "last of one byte"), good("dfbf", "last of two"), good("efbfbf", "last of three"), good("f48fbfbf", "last of four")],
  "6.10": [bad("f7bfbfbf", "above the last of four"), bad("fbbfbfbfbf", "last of five"), bad("fdbfbfbfbfbf", "last of six")],
  "6.11": [
    good("ed9fbf", "before the surrogates"), good("ee8080", "after the surrogates"), good("efbfbd", "the replacement character"),
    good("f48fbfbf", "U+10FFFF"), bad("f4908080", "U+110000"),
  ],
  "6.12": [1, 2, 3, 4, 5, 6, 7, 8].map((count) => {
    if (count === 1) return bad("80", "a lone continuation 80");
    if (count === 2) return bad("bf", "a lone continuation bf");
    return bad("80bf".repeat(4).slice(0, 2 * (count - 1)), `${count - 1} lone continuations`);
  }),
  "6.13": [bad(lonely(0xc0, 0xdf), "lonely starts of two"), bad(lonely(0xe0, 0xef), "lonely starts of three"), bad(lonely(0xf0, 0xf7), "lonely starts of four"),
    bad(lonely(0xf8, 0xfb), "lonely starts of five"), bad(lonely(0xfc, 0xfd), "lonely starts of six")],
  "6.14": ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"].map((one) => bad(one, `${one} lacks its last byte`)),
  "6.15": [bad(["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"].join(""), "all of these in a row")],
  "6.16": [bad("fe", "impossible byte fe"), bad("ff", "impossible byte ff"), bad("fefeffff", "impossible bytes")],
  "6.17": ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"].map((one, i) => bad(one, `a slash in ${i + 2} bytes`)),
  "6.18": ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"].map((one, i) => bad(one, `the highest overlong of ${i + 2} bytes`)),
  "6.19": ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"].map((one, i) => bad(one, `NUL in ${i + 2} bytes`)),
  "6.20": ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"].map((one) => bad(one, `surrogate ${one}`)),
  "6.21": ["eda080edb080", "eda080edbfbf", "edadbfedb080", "edadbfedbfbf", "edae80edb080", "edae80edbfbf", "edafbfedb080", "edafbfedbfbf"].map((one) => bad(one, `surrogates ${one}`)),
  "6.22": Array.from({ length: 34 }, (_, i) => {
    const point = ((i >> 1) << 16) | 0xfffe | (i & 1);
    return good(hex(String.fromCodePoint(point)), `noncharacter U+${point.toString(16).toUpperCase()}`);
  }),
  "6.23": [0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff].map((point) => good(hex(String.fromCodePoint(point)), `special U+${point.toString(16).toUpperCase()}`)),
};
for (const [group, sequences] of Object.entries(kGroups)) {
  sequences.forEach(({ hex: digits, valid, what }, i) =>
    autobahn(`${group}.${i + 1}`, `${what} ${valid ? "comes back" : "fails the connection"}`, async (socket) => {
      const bytes = Buffer.from(digits, "hex");
      socket.send(text(bytes));
      if (!valid) return socket.failed(1007);
      await echoed(socket, true, bytes);
      await clean(socket);
    }),
  );
}

// --- 7: close ---

autobahn("7.1.1", "a message comes back and then a close is answered", async (socket) => {
  socket.send(text("Hello World!"));
  await echoed(socket, true, "Hello World!");
  await clean(socket);
});
for (const [id, what, after] of [
  ["7.1.2", "a second close", () => close(1000)],
  ["7.1.3", "a ping", () => ping()],
  ["7.1.4", "a text", () => text("Hello World!")],
] as const) {
  autobahn(id, `${what} after the close frame is not answered`, async (socket) => {
    socket.send(close(1000), after());
    assert.equal((await socket.close_frame()).code, 1000);
    await socket.raw.at_end();
  });
}
autobahn("7.1.5", "a close between two fragments is answered, the message is dropped", async (socket) => {
  socket.send(text("fragment1", { fin: false }), close(1000), more("fragment2"));
  assert.equal((await socket.close_frame()).code, 1000);
  await socket.raw.at_end();
});
autobahn("7.1.6", "256 KiB, then a close, then a ping: the close is answered, nothing but the echo comes before", async (socket) => {
  socket.send(text(Buffer.alloc(256 * 1024, "B")), close(1000), ping());
  for (let got = await socket.frame(); got.opcode !== 8; got = await socket.frame()) assert.ok(got.opcode <= kText);
  await socket.raw.at_end();
});
autobahn("7.3.1", "a close without code is answered without code", (socket) => socket.close(undefined));
autobahn("7.3.2", "a close of one byte fails the connection", async (socket) => {
  socket.send(frame(8, "a"));
  await socket.failed(1002);
});
autobahn("7.3.3", "a close with a code only is answered", (socket) => socket.close(1000));
autobahn("7.3.4", "a close with code and reason is answered", (socket) => socket.close(1000, "Hello World!"));
autobahn("7.3.5", "a close with the longest reason is answered", (socket) => socket.close(1000, "*".repeat(123)));
autobahn("7.3.6", "a close with a reason of 124 bytes fails the connection", async (socket) => {
  socket.send(close(1000, "*".repeat(124)));
  await socket.failed(1002);
});
autobahn("7.5.1", "a close whose reason is not UTF-8 fails the connection", async (socket) => {
  socket.send(close(1000, kBroken));
  await socket.failed(1007);
});
[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].forEach((code, i) =>
  autobahn(`7.7.${i + 1}`, `close code ${code} is echoed`, (socket) => socket.close(code)),
);
[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999].forEach((code, i) =>
  autobahn(`7.9.${i + 1}`, `close code ${code} fails the connection`, async (socket) => {
    socket.send(close(code));
    await socket.failed(1002);
  }),
);
[5000, 65535].forEach((code, i) =>
  autobahn(`7.13.${i + 1}`, `close code ${code}, of which the RFC says nothing, fails the connection`, async (socket) => {
    socket.send(close(code));
    await socket.failed(1002);
  }),
);

// --- 9: limits (the suite also takes the time, we do not) ---

const kKiB = 1024;
const kMiB = 1024 * kKiB;
/** Sends what `make` gives while reading: neither side may wait for the other to finish. */
async function large(socket: RawWebsocket, is_text: boolean, payload: Buffer, make: () => Buffer[]): Promise<void> {
  for (const one of make()) socket.send(one);
  await echoed(socket, is_text, payload);
  await clean(socket);
}
const long_only = (size: number) => (is_long || size <= kMiB ? false : "long: BERTH_LONG=1");
for (const [group, is_text] of [["9.1", true], ["9.2", false]] as const) {
  [64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB, 8 * kMiB, 16 * kMiB].forEach((size, i) => {
    const payload = Buffer.alloc(size, is_text ? "*" : 0xfe);
    autobahn(`${group}.${i + 1}`, `a ${is_text ? "text" : "binary"} message of ${size / kKiB} KiB comes back`,
      (socket) => large(socket, is_text, payload, () => [frame(is_text ? kText : kBinary, payload)]), { skip: long_only(size) });
  });
}
for (const [group, is_text] of [["9.3", true], ["9.4", false]] as const) {
  [64, 256, kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB, kMiB, 4 * kMiB].forEach((size, i) => {
    // 65,536 fragments are enough of the smallest for every build.
    const payload = Buffer.alloc(is_long ? 4 * kMiB : kMiB, is_text ? "*" : 0xfe);
    autobahn(`${group}.${i + 1}`, `a ${is_text ? "text" : "binary"} message in fragments of ${size} bytes comes back`,
      (socket) => large(socket, is_text, payload, () => [Buffer.concat(fragmented(is_text ? kText : kBinary, payload, size))]),
      { skip: size > kMiB && !is_long ? "long: BERTH_LONG=1" : false });
  });
}
for (const [group, is_text] of [["9.5", true], ["9.6", false]] as const) {
  [64, 128, 256, 512, kKiB, 2 * kKiB].forEach((size, i) => {
    const payload = Buffer.alloc(is_long ? kMiB : 64 * kKiB, is_text ? "*" : 0xfe);
    autobahn(`${group}.${i + 1}`, `a ${is_text ? "text" : "binary"} message that comes in pieces of ${size} bytes comes back`, async (socket) => {
      const reading = echoed(socket, is_text, payload);
      await socket.raw.send_in_parts(frame(is_text ? kText : kBinary, payload), size);
      await reading;
      await clean(socket);
    });
  });
}
for (const [group, is_text] of [["9.7", true], ["9.8", false]] as const) {
  [0, 16, 64, 256, kKiB, 4 * kKiB].forEach((size, i) => {
    const count = is_long ? 1000 : 100;
    const payload = Buffer.alloc(size, is_text ? "*" : 0xfe);
    autobahn(`${group}.${i + 1}`, `${count} ${is_text ? "text" : "binary"} messages of ${size} bytes come back one by one`, async (socket) => {
      for (let n = 0; n < count; n++) {
        socket.send(is_text ? text(payload) : binary(payload));
        await echoed(socket, is_text, payload);
      }
      await clean(socket);
    });
  });
}

// --- 10 ---

autobahn("10.1.1", "a text of 65,536 bytes in fragments of 1,300 comes back", async (socket) => {
  const payload = Buffer.alloc(65536, "*");
  await large(socket, true, payload, () => fragmented(kText, payload, 1300));
});
