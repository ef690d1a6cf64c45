// What requests mean (RFC 9110): methods, fields between hops, Expect, conditions, ranges, codings, upgrades.
import { kAccept, upgrade_request } from "../harness/frames";
import { RawConnection, type RawResponse } from "../harness/raw";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const base = "/example.com/e";
const mirror = `${base}/mirror`;
const file = `${base}/echo.htm`;

async function ask(method: string, target: string, fields: Record<string, string | string[]> = {}, body = "", version = "1.1"): Promise<RawResponse> {
  const raw = await RawConnection.open(webserver().http);
  try {
    const lines = Object.entries({ Host: "a", ...fields }).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`));
    raw.send([`${method} ${target} HTTP/${version}`, ...lines, "", body].join("\r\n"));
    return await raw.response(method);
  } finally {
    raw.close();
  }
}
const told = (answer: RawResponse) => JSON.parse(answer.text);
const block = (from: number, to: number) => Buffer.from(Array.from({ length: to - from + 1 }, (_, i) => (from + i) % 251));

// --- section 6.6.1: Date ---

test("Date is the time of the answer in the preferred form (sections 6.6.1, 5.6.7)", async () => {
  const date = (await ask("GET", mirror)).field("date")!;
  assert.match(date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.ok(Math.abs(Date.parse(date) - Date.now()) < 60_000);
});
for (const [what, method, target, status] of [
  ["what is not there", "GET", "/nowhere", 404],
  ["a method that is not known", "BREW", mirror, 501],
  ["a method that is not allowed", "DELETE", file, 405],
] as const) {
  test(`${what} answers ${status} with Date (section 6.6.1)`, async () => {
    const answer = await ask(method, target);
    assert.equal(answer.status, status);
    assert.ok(answer.field("date"));
  });
}

// --- section 7.6: fields of one hop ---

test("fields of the connection stay at this hop (section 7.6.1)", async () => {
  const answer = told(await ask("GET", mirror, {
    ...{ Connection: "keep-alive, X-Mine, close", "Keep-Alive": "timeout=5", "Proxy-Connection": "close", TE: "trailers", "X-Mine": "1" },
    ...{ Trailer: "X", Upgrade: "h2c", "X-Other": "2" },
  }));
  const names = answer.headers.map(([name]: string[]) => name);
  for (const name of ["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade", "x-mine"]) assert.ok(!names.includes(name), name);
  assert.ok(names.includes("x-other"));
});
test("Transfer-Encoding stays at this hop (section 7.6.1)", async () => {
  const answer = told(await ask("POST", mirror, { "Transfer-Encoding": "chunked" }, "3\r\nabc\r\n0\r\n\r\n"));
  assert.equal(answer.body, "abc");
  assert.ok(!answer.headers.some(([name]: string[]) => name === "transfer-encoding"));
});
test("Connection cannot strip Host (section 7.6.1: a sender MUST NOT list what is meant for all recipients)", async () => {
  const answer = told(await ask("GET", mirror, { Connection: "Host" }));
  assert.deepEqual(answer.headers.filter(([name]: string[]) => name === "host"), [["host", "a"]]);
});
test("Connection cannot strip Content-Length from what the service reads (section 7.6.1)", async () => {
  const answer = told(await ask("POST", mirror, { Connection: "Content-Length", "Content-Length": "3" }, "abc"));
  assert.equal(answer.body, "abc");
});

// --- section 7.8: upgrades ---

test("an upgrade to what we do not speak is ignored (section 7.8)", async () => {
  const answer = await ask("GET", mirror, { Connection: "Upgrade", Upgrade: "h2c, TLS/1.0" });
  assert.equal(answer.status, 200);
});
test("101 names the protocol and says so in Connection (section 7.8)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(upgrade_request(`${base}/echo`));
  const answer = await raw.response();
  assert.equal(answer.status, 101);
  assert.equal(answer.field("upgrade")?.toLowerCase(), "websocket");
  assert.equal(answer.field("connection")?.toLowerCase(), "upgrade");
  assert.equal(answer.field("sec-websocket-accept"), kAccept);
  raw.close();
});
test("426 names the protocol in Upgrade and Upgrade in Connection (sections 15.5.22, 7.8)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(upgrade_request(`${base}/echo`, { "Sec-WebSocket-Version": "8" }));
  const answer = await raw.response();
  assert.equal(answer.status, 426);
  assert.equal(answer.field("upgrade")?.toLowerCase(), "websocket");
  assert.match(answer.field("connection") ?? "", /(^|,\s*)upgrade(\s*,|$)/i);
  raw.close();
});
test("an upgrade in HTTP/1.0 is ignored (section 7.8)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(upgrade_request(`${base}/echo`, {}, `GET ${base}/echo HTTP/1.0`));
  assert.notEqual((await raw.response()).status, 101);
  raw.close();
});

// --- section 9: methods ---

for (const [what, target] of [["a file", file], ["a service", `${base}/bytes/1000`], ["what is not there", "/nowhere"]] as const) {
  test(`HEAD of ${what} has the fields of GET and no body (section 9.3.2)`, async () => {
    const raw = await RawConnection.open(webserver().http);
    raw.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const get = await raw.response();
    raw.send(`HEAD ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const head = await raw.response("HEAD");
    raw.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`); // would read the body as a head, were there one
    assert.equal((await raw.response()).status, get.status);
    assert.equal(head.status, get.status);
    const names = (answer: RawResponse) => answer.fields.filter(([name]) => name !== "date");
    assert.deepEqual(names(head), names(get));
    raw.close();
  });
}
test("405 lists what is allowed (section 15.5.6)", async () => {
  for (const [method, target] of [["DELETE", file], ["POST", `${base}/bytes/1`], ["GET", `${base}/sink`], ["TRACE", mirror]] as const) {
    const answer = await ask(method, target);
    assert.equal(answer.status, 405, target);
    assert.ok(answer.field("allow"), target);
  }
});
test("TRACE shows nobody's fields (section 9.3.8: a server MAY refuse)", async () => {
  const answer = await ask("TRACE", mirror, { Cookie: "secret" });
  assert.equal(answer.status, 405);
  assert.ok(!answer.text.includes("secret"));
});
test("OPTIONS of a resource goes to its service (section 9.3.7)", async () => {
  assert.equal(told(await ask("OPTIONS", mirror)).method, "OPTIONS");
});
for (const method of ["PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"]) {
  test(`${method} goes to the service`, async () => {
    assert.equal(told(await ask(method, mirror)).method, method);
  });
}
test("GET may have a body, which is read (section 9.3.1)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`);
  assert.equal(told(await raw.response()).body, "abc");
  raw.send(`GET ${mirror}/second HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(told(await raw.response()).path, "second");
  raw.close();
});
test("a file asked for with a body is not answered 405: the method is allowed (section 15.5.6)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET ${file} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`);
  const answer = await raw.response();
  assert.ok(answer.status === 200 || answer.status === 400, `${answer.status}`);
  raw.close();
});

// --- section 10.1.1: Expect ---

test("100 comes before the body is sent, once (section 10.1.1)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`POST ${mirror} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`);
  assert.equal((await raw.response()).status, 100);
  raw.send("abc");
  const answer = await raw.response();
  assert.equal(answer.status, 200);
  assert.equal(told(answer).body, "abc");
  raw.close();
});
test("the name 100-continue has no case (section 10.1.1)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`POST ${mirror} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n`);
  assert.equal((await raw.response()).status, 100);
  raw.close();
});
test("HTTP/1.0 gets no 100 (section 10.1.1: MUST ignore)", async () => {
  const answer = await ask("POST", mirror, { "Content-Length": "3", Expect: "100-continue" }, "abc", "1.0");
  assert.equal(answer.status, 200);
});
test("a body that is refused is refused without 100, and the connection ends (section 10.1.1)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`POST ${file} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`);
  const answer = await raw.response();
  assert.equal(answer.status, 405);
  assert.equal(answer.field("connection"), "close");
  await raw.at_end();
});
test("an expectation that is not known is 417 or ignored (section 10.1.1)", async () => {
  const answer = await ask("POST", mirror, { "Content-Length": "3", Expect: "magic" }, "abc");
  assert.ok(answer.status === 417 || answer.status === 200, `${answer.status}`);
});

// --- section 12.5.3: content codings ---

for (const [accept, codings] of [
  [undefined, [undefined]],
  ["gzip", ["gzip", undefined]],
  ["br", ["br", undefined]],
  ["zstd", ["zstd", undefined]],
  ["gzip;q=0", [undefined]],
  ["*;q=0, identity;q=1", [undefined]],
  ["*;q=0.0", [undefined]],
  ["identity", [undefined]],
  ["GZIP;Q=0.5", ["gzip", undefined]],
  ["br;q=0, gzip;q=0.001, zstd;q=0", ["gzip", undefined]],
  ["gzip;q=0, *", ["br", "zstd", undefined]],
  ["", [undefined]],
  ["gzipx", [undefined]],
] as const) {
  test(`Accept-Encoding: ${accept ?? "(none)"} gets a coding that it allows (section 12.5.3)`, async () => {
    const answer = await ask("GET", file, accept === undefined ? {} : { "Accept-Encoding": accept });
    assert.equal(answer.status, 200);
    assert.ok((codings as readonly (string | undefined)[]).includes(answer.field("content-encoding")), answer.field("content-encoding"));
  });
}
test("what depends on Accept-Encoding says so, in each of its answers (section 12.5.5)", async () => {
  const coded = await ask("GET", file, { "Accept-Encoding": "br, gzip, zstd" });
  assert.ok(coded.field("content-encoding"));
  const etag = coded.field("etag")!;
  const plain = await ask("GET", file);
  const unchanged = await ask("GET", file, { "Accept-Encoding": "br, gzip, zstd", "If-None-Match": etag });
  for (const answer of [coded, plain, unchanged]) assert.match(answer.field("vary") ?? "", /accept-encoding/i);
  assert.notEqual(etag, plain.field("etag"), "two codings share a strong tag (section 8.8.3)");
});

// --- section 13: conditions ---

test("If-None-Match with the tag answers 304 with the fields a 200 would have (sections 13.1.2, 15.4.5)", async () => {
  const full = await ask("GET", file);
  const etag = full.field("etag")!;
  assert.match(etag, /^"[\x21\x23-\x7e]*"$/);
  for (const value of [etag, `W/${etag}`, "*", `"x", ${etag}`, `${etag},"x"`, `"a,b" , ${etag}`]) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await ask(method, file, { "If-None-Match": value });
      assert.equal(answer.status, 304, value);
      assert.equal(answer.body.length, 0);
      for (const name of ["etag", "cache-control", "vary"]) assert.equal(answer.field(name), full.field(name), name);
      assert.ok(answer.field("date"));
    }
  }
});
test("If-None-Match on two lines is one list (section 5.3)", async () => {
  const etag = (await ask("GET", file)).field("etag")!;
  assert.equal((await ask("GET", file, { "If-None-Match": ['"x"', etag] })).status, 304);
});
test("If-None-Match with other tags answers 200 (section 13.1.2)", async () => {
  for (const value of ['"x"', 'W/"x"', "x", '""', ""]) assert.equal((await ask("GET", file, { "If-None-Match": value })).status, 200, value);
});
test("304 is followed by the next answer at once: it has no body (section 15.4.5)", async () => {
  const raw = await RawConnection.open(webserver().http);
  const request = `GET ${file} HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n`;
  raw.send(request + request);
  assert.equal((await raw.response()).status, 304);
  assert.equal((await raw.response()).status, 304);
  raw.close();
});
test("If-Match compares strongly and answers 412 (section 13.1.1)", async () => {
  const etag = (await ask("GET", file)).field("etag")!;
  for (const value of [etag, "*", `"x", ${etag}`]) assert.equal((await ask("GET", file, { "If-Match": value })).status, 200, value);
  for (const value of ['"x"', `W/${etag}`]) assert.equal((await ask("GET", file, { "If-Match": value })).status, 412, value);
});
test("If-Match on two lines is one list (section 5.3)", async () => {
  const etag = (await ask("GET", file)).field("etag")!;
  assert.equal((await ask("GET", file, { "If-Match": ['"x"', etag] })).status, 200);
});
test("If-Match is looked at before If-None-Match (section 13.2.2)", async () => {
  assert.equal((await ask("GET", file, { "If-Match": '"x"', "If-None-Match": "*" })).status, 412);
});
test("If-Modified-Since and If-Unmodified-Since are ignored where there is no date (sections 13.1.3, 13.1.4)", async () => {
  const answer = await ask("GET", file, { "If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT", "If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" });
  assert.equal(answer.field("last-modified"), undefined);
  assert.equal(answer.status, 200);
});

// --- section 14: ranges ---

for (const [name, target, size_of] of [
  ["a file", file, async () => (await ask("GET", file)).body.length],
  ["a service", `${base}/bytes/1000`, async () => 1000],
] as const) {
  const bytes = async (range: string, more: Record<string, string> = {}) => ask("GET", target, { Range: range, ...more });
  test(`one range of ${name} answers 206 with its bytes (sections 14.2, 15.3.7)`, async () => {
    const size = await size_of();
    const whole = (await ask("GET", target)).body;
    for (const [range, first, last] of [
      ["bytes=0-0", 0, 0], ["bytes=5-9", 5, 9], ["bytes=5-", 5, size - 1], ["bytes=-5", size - 5, size - 1],
      [`bytes=${size - 1}-`, size - 1, size - 1], ["bytes=0-99999999", 0, size - 1], ["bytes=-99999999", 0, size - 1],
      ["bytes=2-99999999999999999999", 2, size - 1], ["BYTES=5-9", 5, 9],
    ] as const) {
      const answer = await bytes(range);
      assert.equal(answer.status, 206, range);
      assert.equal(answer.field("content-range"), `bytes ${first}-${last}/${size}`, range);
      assert.ok(answer.body.equals(whole.subarray(first, last + 1)), range);
      assert.ok(answer.field("date"));
    }
  });
  test(`a range of ${name} that begins behind its end answers 416 with the size (section 15.5.17)`, async () => {
    const size = await size_of();
    for (const range of [`bytes=${size}-`, `bytes=${size + 10}-${size + 20}`, "bytes=-0", "bytes=99999999999999999999-"]) {
      const answer = await bytes(range);
      assert.equal(answer.status, 416, range);
      assert.equal(answer.field("content-range"), `bytes */${size}`, range);
    }
  });
  test(`what is no range of ${name} is ignored (section 14.2: MAY for units, MUST for what is invalid)`, async () => {
    const size = await size_of();
    for (const range of ["bytes", "bytes=", "bytes=a-b", "bytes=9-5", "bytes=-", "bytes=1", "bytes=1-2-3", "bytes=--1", "bytes=+1-2", "lines=1-2", "=1-2", "bytes 1-2", "bytes=1-2x"]) {
      const answer = await bytes(range);
      assert.equal(answer.status, 200, range);
      assert.equal(answer.body.length, size, range);
    }
  });
  test(`several ranges of ${name} are answered with the whole (section 14.2: MAY be ignored)`, async () => {
    const size = await size_of();
    for (const range of ["bytes=0-1,3-4", "bytes=0-1, -1", `bytes=${"0-,".repeat(200)}0-`]) {
      const answer = await bytes(range);
      assert.equal(answer.status, 200, range.slice(0, 40));
      assert.equal(answer.body.length, size);
      assert.equal(answer.field("content-range"), undefined);
    }
  });
  test(`a range of ${name} is for GET: HEAD does not know it (section 14.2)`, async () => {
    const answer = await ask("HEAD", target, { Range: "bytes=0-0" });
    assert.equal(answer.status, 200);
    assert.equal(answer.field("content-range"), undefined);
    assert.equal(answer.field("content-length"), `${await size_of()}`);
  });
}
test("the ranges of a service are the bytes of its body", async () => {
  assert.ok((await ask("GET", `${base}/bytes/1000`, { Range: "bytes=250-260" })).body.equals(block(250, 260)));
});
test("a range is of the plain file, whatever coding is accepted (section 14.1: of the selected representation)", async () => {
  const plain = await ask("GET", file);
  const answer = await ask("GET", file, { Range: "bytes=0-9", "Accept-Encoding": "br, gzip" });
  assert.equal(answer.status, 206);
  assert.equal(answer.field("content-encoding"), undefined);
  assert.equal(answer.field("etag"), plain.field("etag"));
  assert.ok(answer.body.equals(plain.body.subarray(0, 10)));
});
test("If-Range with the tag gives the range, with anything else the whole (section 13.1.5)", async () => {
  const whole = await ask("GET", file);
  const etag = whole.field("etag")!;
  assert.equal((await ask("GET", file, { Range: "bytes=0-9", "If-Range": etag })).status, 206);
  for (const other of ['"x"', `W/${etag}`, "Fri, 31 Dec 2100 23:59:59 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "*"]) {
    const answer = await ask("GET", file, { Range: "bytes=0-9", "If-Range": other });
    assert.equal(answer.status, 200, other);
    assert.equal(answer.body.length, whole.body.length);
  }
});
test("If-Range without Range is ignored (section 13.1.5)", async () => {
  assert.equal((await ask("GET", file, { "If-Range": '"x"' })).status, 200);
});
test("a condition that fails comes before the range (section 13.2.2)", async () => {
  const etag = (await ask("GET", file)).field("etag")!;
  assert.equal((await ask("GET", file, { Range: "bytes=0-9", "If-None-Match": etag })).status, 304);
  assert.equal((await ask("GET", file, { Range: "bytes=0-9", "If-Match": '"x"' })).status, 412);
});
test("accepting ranges is said (section 14.3)", async () => {
  assert.equal((await ask("GET", file)).field("accept-ranges"), "bytes");
});

// --- section 15: status codes ---

test("an answer without content says how long it is (RFC 9112 section 6.3)", async () => {
  for (const [method, target, fields] of [
    ["GET", file, { "If-Match": '"x"' }],
    ["GET", file, { Range: "bytes=-0" }],
    ["GET", "/nowhere", {}],
  ] as const) {
    const answer = await ask(method, target, fields as Record<string, string>);
    assert.ok(answer.field("content-length") !== undefined || answer.is_chunked, `${answer.status}`);
  }
});
test("an answer to HTTP/1.0 is never in chunks (RFC 9112 section 6.1)", async () => {
  for (const target of [mirror, `${base}/slow?ms=1`, file, "/nowhere", `${base}/bytes/100000`]) {
    const answer = await ask("GET", target, {}, "", "1.0");
    assert.equal(answer.field("transfer-encoding"), undefined, target);
  }
});
