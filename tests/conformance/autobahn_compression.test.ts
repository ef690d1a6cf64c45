// Case classes 12 and 13 of the Autobahn test suite, by its case numbers: permessage-deflate (RFC 7692) with data of
// five kinds in eighteen sizes, then with seven offers. The suite's files are replaced by data of the same kinds.
// Where the suite accepts "unimplemented" (an offer that may be declined), the messages must come back plain.
import { compressed, message, offer } from "../harness/deflate";
import { fragmented, kBinary, kText } from "../harness/frames";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const is_long = Boolean(process.env["BERTH_LONG"]);

/** A generator of bytes, the same in each run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
}
const kWords = "Habe nun ach Philosophie Juristerei und Medizin und leider auch Theologie durchaus studiert mit heißem Bemühn Da steh ich nun ich armer Tor und bin so klug als wie zuvor".split(" ");
const kSize = 270_000;
function until_full(next: () => string): Buffer {
  const parts: string[] = [];
  for (let size = 0; size < kSize; size += parts[parts.length - 1]!.length) parts.push(next());
  return Buffer.from(parts.join(""));
}
function json_data(): Buffer {
  const pick = random(1);
  let id = 0;
  return until_full(() => JSON.stringify({ id: id++, name: kWords[pick() % kWords.length], value: pick(), tags: [kWords[pick() % kWords.length], "ä€😀"] }) + "\n");
}
function picture(): Buffer {
  const noise = random(2);
  return Buffer.from(Array.from({ length: kSize }, (_, i) => 128 + 60 * Math.sin(i / 90) + 40 * Math.cos(i / 512 / 30) + (noise() % 16)));
}
function prose(): Buffer {
  const pick = random(3);
  return until_full(() => `${kWords[pick() % kWords.length]}${pick() % 9 === 0 ? ",\n" : " "}`);
}
function html(): Buffer {
  const pick = random(4);
  return until_full(() => `<tr class="row"><td>${kWords[pick() % kWords.length]}</td><td align="right">${pick()}</td></tr>\n`);
}
function already_compressed(): Buffer {
  const noise = random(5);
  return Buffer.from(Array.from({ length: kSize }, (_, i) => (i % 4000 < 300 ? 0x20 + (i % 64) : noise() & 255)));
}

const kJson = json_data();
const kData: [string, boolean, Buffer][] = [
  ["a large JSON file", true, kJson], ["a picture", false, picture()], ["prose in German", true, prose()],
  ["a large HTML file", true, html()], ["a PDF", false, already_compressed()],
];
// Size of a message, and of its fragments (0: none).
const kCases: [number, number][] = [
  ...[16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072].map((size): [number, number] => [size, 0]),
  ...[8192, 16384, 32768, 65536, 131072].map((size): [number, number] => [size, 256]),
  ...[1024, 4096, 32768].map((fragment): [number, number] => [131072, fragment]),
];
const kMessages = is_long ? 1000 : 10;

/** Messages from `data` in turn, cut between characters if it is text. */
function* slices(data: Buffer, is_text: boolean, size: number): Generator<Buffer> {
  const is_middle = (i: number) => is_text && i < data.length && (data[i]! & 0xc0) === 0x80;
  for (let at = 0; ; ) {
    if (at + size > data.length) at = 0;
    while (is_middle(at)) at++;
    let end = at + size;
    while (is_middle(end)) end--;
    yield data.subarray(at, end);
    at = end;
  }
}

function exchange(id: string, name: string, extensions: string, is_text: boolean, data: Buffer, size: number, fragment: number): void {
  test(`${id}: ${name}`, { timeout: 300_000 }, async () => {
    const { socket, parameters } = await offer(webserver().http, `${webserver().path}/echo`, extensions);
    const window = Number(parameters?.get("server_max_window_bits") ?? 15);
    const source = slices(data, is_text, size);
    for (let i = 0; i < kMessages; i++) {
      const payload = source.next().value as Buffer;
      if (parameters) socket.send(...compressed(is_text, payload, fragment));
      else socket.send(...plain(is_text, payload, fragment));
      const got = await message(socket, window);
      assert.equal(got.is_text, is_text);
      assert.ok(got.data.equals(payload), `message ${i}: ${got.data.length} bytes came back, ${payload.length} were sent`);
      assert.ok(parameters || !got.was_compressed);
    }
    await socket.close();
  });
}
const plain = (is_text: boolean, payload: Buffer, fragment: number) => fragmented(is_text ? kText : kBinary, payload, fragment || payload.length || 1);

kData.forEach(([what, is_text, data], i) =>
  kCases.forEach(([size, fragment], n) =>
    exchange(`12.${i + 1}.${n + 1}`, `${kMessages} messages of ${size} bytes of ${what}${fragment ? ` in fragments of ${fragment}` : ""} come back`,
      "permessage-deflate; client_max_window_bits", is_text, data, size, fragment)));

// What is asked of the server: no context takeover, and its window.
const kOffers: [string, string][] = [
  ["nothing", "permessage-deflate; client_no_context_takeover; client_max_window_bits"],
  ["no context takeover", "permessage-deflate; server_no_context_takeover; client_max_window_bits"],
  ["a window of 9 bits", "permessage-deflate; server_max_window_bits=9; client_max_window_bits"],
  ["a window of 15 bits", "permessage-deflate; server_max_window_bits=15; client_max_window_bits"],
  ["no context takeover and a window of 9 bits", "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits"],
  ["no context takeover and a window of 15 bits", "permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_max_window_bits"],
  ["three offers in turn", "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits, permessage-deflate; server_no_context_takeover; client_max_window_bits, permessage-deflate; client_max_window_bits"],
];
kOffers.forEach(([what, extensions], i) =>
  kCases.forEach(([size, fragment], n) =>
    exchange(`13.${i + 1}.${n + 1}`, `with ${what} asked of the server, ${kMessages} messages of ${size} bytes${fragment ? ` in fragments of ${fragment}` : ""} come back`,
      extensions, true, kJson, size, fragment)));
