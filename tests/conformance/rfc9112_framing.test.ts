// Where a message begins and ends (RFC 9112): what two servers in a row could read differently is refused, the
// connection is closed, and nothing that follows on it is taken for a request.
import { RawConnection, type RawResponse } from "../harness/raw";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver();
const mirror = "/example.com/e/mirror";

/** A request that must never be carried out. */
const kSmuggled = `GET ${mirror}/smuggled HTTP/1.1\r\nHost: a\r\n\r\n`;

async function exchange(bytes: string | Buffer, method = "GET"): Promise<RawResponse> {
  const raw = await RawConnection.open(webserver().http);
  try {
    raw.send(bytes);
    return await raw.response(method);
  } finally {
    raw.close();
  }
}

/** Sends `bytes` and a valid request behind them: one answer with one of `statuses`, then the end. */
async function refused(bytes: string | Buffer, ...statuses: number[]): Promise<RawResponse> {
  const raw = await RawConnection.open(webserver().http);
  try {
    raw.send(Buffer.concat([Buffer.from(bytes as string, "latin1"), Buffer.from(kSmuggled)]));
    const answer = await raw.response();
    assert.ok((statuses.length ? statuses : [400]).includes(answer.status), `${answer.status} ${answer.text}`);
    assert.equal(answer.field("connection")?.toLowerCase(), "close");
    await raw.at_end();
    return answer;
  } finally {
    raw.close();
  }
}

function refuses(what: string, bytes: string | Buffer, ...statuses: number[]): void {
  test(`${what} is refused and ends the connection`, () => refused(bytes, ...statuses).then(() => {}));
}

const head = (fields: string, first = `POST ${mirror} HTTP/1.1`) => `${first}\r\nHost: a\r\n${fields}\r\n`;

// --- section 2.2: message parsing ---

refuses("a bare LF after the request line (section 2.2; a server MAY take it, we do not)", `GET ${mirror} HTTP/1.1\nHost: a\r\n\r\n`);
refuses("a bare LF after a field line (section 2.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\nX: b\r\n\r\n`);
refuses("a bare LF as the blank line (section 2.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\r\n\n`);
refuses("a bare CR within a field value (section 2.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n`);
refuses("a bare CR within the request line (section 2.2)", `GET ${mirror}\rX HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("a bare CR that ends a field line (section 2.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\rX: b\r\n\r\n`);
refuses("white space between the request line and the first field (section 2.2)", `GET ${mirror} HTTP/1.1\r\n Host: a\r\nHost: b\r\n\r\n`);
refuses("a tab between the request line and the first field (section 2.2)", `GET ${mirror} HTTP/1.1\r\n\tX: a\r\nHost: b\r\n\r\n`);
refuses("a message in UTF-16 (section 2.2: a superset of US-ASCII)", Buffer.from(`GET ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, "utf16le"), 400, 501, 505);
test("an empty line before the request line is ignored (section 2.2)", async () => {
  assert.equal((await exchange(`\r\n${kSmuggled}`)).status, 200);
});
refuses("line after line of nothing before a request (section 2.2: at least one SHOULD be ignored)", "\r\n".repeat(50));

// --- section 2.3: HTTP version ---

for (const version of ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"]) {
  refuses(`${version} (section 2.3)`, `GET ${mirror} ${version}\r\nHost: a\r\n\r\n`, 400, 505);
}
for (const version of ["HTTP/1.2", "HTTP/1.9"]) {
  test(`${version} is taken as HTTP/1.1, the highest minor version known (RFC 9110 section 2.5)`, async () => {
    const answer = await exchange(`GET ${mirror} ${version}\r\nHost: a\r\n\r\n`);
    assert.equal(answer.status, 200);
  });
}
for (const version of ["http/1.1", "HTTP/1", "HTTP/1.", "HTTP/01.1", "HTTP/1.10", "HTTP/11.1", "HTTP/-1.1", "HTTP/1,1", "HTP/1.1", "HTTP 1.1", "1.1", "HTTPS/1.1", "HTTP/1.1x"]) {
  refuses(`the version "${version}" (section 2.3: case-sensitive, one digit each)`, `GET ${mirror} ${version}\r\nHost: a\r\n\r\n`, 400, 505);
}
refuses("a request of HTTP/0.9 (section 2.3)", `GET ${mirror}\r\n\r\n`, 400);

// --- section 3: request line ---

refuses("two blanks after the method (section 3)", `GET  ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("two blanks before the version (section 3)", `GET ${mirror}  HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("a blank after the version (section 3)", `GET ${mirror} HTTP/1.1 \r\nHost: a\r\n\r\n`);
refuses("a blank before the method (section 3)", ` GET ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("a tab instead of a blank (section 3)", `GET\t${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, 400, 501);
refuses("a blank within the target (section 3.2)", `GET ${mirror} x HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("a method that is no token (section 3.1)", `GE(T ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, 400, 501);
refuses("no method (section 3.1)", `${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
test("a method is case-sensitive: get is not GET (section 3.1)", () => refused(`get ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, 501).then(() => {}));
test("a method that is not known answers 501 (section 3.1)", () => refused(`BREW ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, 501).then(() => {}));
test("a method of 100 letters answers 501 (section 3: longer than any we implement)", () => refused(`${"M".repeat(100)} ${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`, 501, 414).then(() => {}));
test("a target that is too long answers 414 (section 3)", () => refused(`GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414).then(() => {}));
test("a target of 8,000 bytes is taken (section 3: at least 8,000 octets)", async () => {
  const target = `${mirror}/${"a".repeat(7999 - mirror.length)}`;
  const answer = await exchange(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(JSON.parse(answer.text).target, target);
});

// --- section 3.2: request target ---

refuses("a target that is no path (section 3.2)", "GET example HTTP/1.1\r\nHost: a\r\n\r\n");
test("a target with a fragment answers 400 (section 3.2: no production of the grammar has one)", async () => {
  assert.equal((await exchange(`GET ${mirror}#top HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 400);
});
refuses("a target with a control character (section 3.2)", `GET ${mirror}/\x01 HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("a target with DEL (section 3.2)", `GET ${mirror}/\x7f HTTP/1.1\r\nHost: a\r\n\r\n`);
test("the origin form goes to the service as it was sent (section 3.2.1)", async () => {
  const answer = await exchange(`GET ${mirror}/a%2Fb;c=d?e=%66&g HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(JSON.parse(answer.text).target, `${mirror}/a%2Fb;c=d?e=%66&g`);
});
test("the absolute form is taken, its path and query are the target (section 3.2.2)", async () => {
  const answer = await exchange(`GET http://example.com:80${mirror}?q HTTP/1.1\r\nHost: example.com\r\n\r\n`);
  assert.equal(JSON.parse(answer.text).target, `${mirror}?q`);
});
test("the host of the absolute form replaces the Host field (section 3.2.2)", async () => {
  const told = JSON.parse((await exchange(`GET http://right.example:8080${mirror} HTTP/1.1\r\nHost: wrong.example\r\n\r\n`)).text);
  assert.deepEqual(told.headers.filter(([name]: string[]) => name === "host"), [["host", "right.example:8080"]]);
});
test("the absolute form without path but with a query asks for the root (section 3.2.2)", async () => {
  const answer = await exchange(`GET http://a?${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assert.equal(answer.status, 404); // "/", where nothing is; not what stands behind the question mark
});
test("the absolute form still needs a Host field in HTTP/1.1 (section 3.2)", () => refused(`GET http://a${mirror} HTTP/1.1\r\n\r\n`).then(() => {}));
refuses("the absolute form with an empty host (RFC 9110 section 4.2.1)", `GET http://${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("the absolute form with a user and a password (RFC 9110 section 4.2.4)", `GET http://u:p@a${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("the absolute form of another scheme (RFC 9110 section 4.2)", `GET ftp://a${mirror} HTTP/1.1\r\nHost: a\r\n\r\n`);
refuses("the authority form for another method than CONNECT (section 3.2.3)", "GET example.com:80 HTTP/1.1\r\nHost: example.com\r\n\r\n");
test("CONNECT is refused with the methods that are allowed (section 3.2.3)", async () => {
  const answer = await refused("CONNECT example.com:80 HTTP/1.1\r\nHost: example.com:80\r\n\r\n", 405);
  assert.ok(answer.field("allow")?.includes("GET"));
});
test("OPTIONS * asks about the server (section 3.2.4)", async () => {
  const answer = await exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(answer.status, 200);
  assert.ok(answer.field("allow")?.includes("OPTIONS"));
});
test("the asterisk form is for OPTIONS only (section 3.2.4)", async () => {
  assert.equal((await exchange("GET * HTTP/1.1\r\nHost: a\r\n\r\n")).status, 400);
});

// --- section 3.2: Host ---

refuses("HTTP/1.1 without Host (section 3.2)", `GET ${mirror} HTTP/1.1\r\n\r\n`);
refuses("two Host lines that differ (section 3.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`);
refuses("two Host lines that agree (section 3.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n`);
refuses("a Host line in the trailers' disguise: folded (section 5.2)", `GET ${mirror} HTTP/1.1\r\nHost: a\r\n b\r\n\r\n`);
for (const host of ["a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "http://a", "a:b", "a:80:80", "a:", "[::1", "::1", "[::1]x", "a<b", "a\"b", "a%", "a%g0", "a|b", "a^b", "a`b", "a{b}", "\xe4", "a:-1", "a:123456"]) {
  if (host === "a:") continue; // an empty port is a port (RFC 3986 section 3.2.3)
  refuses(`Host: ${host} (section 3.2: an invalid field value)`, `GET ${mirror} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}
for (const host of ["a", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:8080", "xn--bcher-kva.example", "a_b", "a%20b", "A.EXAMPLE.", ""]) {
  test(`Host: ${host || "(empty)"} is taken (section 3.2)`, async () => {
    const answer = await exchange(`GET ${mirror} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    assert.equal(answer.status, 200);
  });
}
test("HTTP/1.0 needs no Host (section 3.2)", async () => {
  assert.equal((await exchange(`GET ${mirror} HTTP/1.0\r\n\r\n`)).status, 200);
});

// --- section 5: field syntax ---

refuses("white space before the colon (section 5.1)", head("X : y\r\n"));
refuses("a tab before the colon (section 5.1)", head("X\t: y\r\n"));
refuses("white space before the colon of a framing field (section 5.1)", head("Transfer-Encoding : chunked\r\n"));
refuses("a folded field line (section 5.2)", head("X: a\r\n b\r\n"));
refuses("a field line folded with a tab (section 5.2)", head("X: a\r\n\tb\r\n"));
refuses("a folded framing field (section 5.2)", head("Transfer-Encoding:\r\n chunked\r\n"));
refuses("a field line without a colon (section 5)", head("Junk\r\n"));
refuses("a field line without a name (section 5)", head(": x\r\n"));
for (const name of ["A B", "A(B)", "A,B", "A/B", "A;B", "A<B>", "A=B", "A?B", "A@B", "A[B]", "A\\B", "A{B}", "A\"B\"", "\xc4", "A\x00", "A\x7f"]) {
  refuses(`the field name ${JSON.stringify(name)} (section 5.1: a token)`, head(`${name}: x\r\n`));
}
for (const [what, byte] of [["NUL", "\x00"], ["BEL", "\x07"], ["ESC", "\x1b"], ["DEL", "\x7f"], ["VT", "\x0b"], ["FF", "\x0c"]] as const) {
  refuses(`${what} in a field value (RFC 9110 section 5.5)`, head(`X: a${byte}b\r\n`));
}
test("white space around a field value does not belong to it (section 5.1)", async () => {
  const told = JSON.parse((await exchange(`GET ${mirror} HTTP/1.1\r\nHost: \t a \t \r\nX: \t b c\t \r\n\r\n`)).text);
  assert.deepEqual(told.headers, [["host", "a"], ["x", "b c"]]);
});
test("a field name has no case (RFC 9110 section 5.1)", async () => {
  const answer = await exchange(`POST ${mirror} HTTP/1.1\r\nhOsT: a\r\ncOnTeNt-LeNgTh: 3\r\n\r\nabc`);
  assert.equal(JSON.parse(answer.text).body, "abc");
});
test("a field value may be empty, quoted, or hold bytes above ASCII (RFC 9110 section 5.5)", async () => {
  const told = JSON.parse((await exchange(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nA:\r\nB: "x, \\"y"\r\nC: \xe4\r\n\r\n`)).text);
  assert.deepEqual(told.headers, [["host", "a"], ["a", ""], ["b", "\"x, \\\"y\""], ["c", "hex:e4"]]);
});
test("lines of the same field keep their order (RFC 9110 section 5.3)", async () => {
  const told = JSON.parse((await exchange(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\nX: 3\r\n\r\n`)).text);
  assert.deepEqual(told.headers.filter(([name]: string[]) => name === "x"), [["x", "1"], ["x", "3"]]);
});
test("a head that is too large answers 431 (RFC 6585 section 5)", () => refused(head(`X: ${"a".repeat(40_000)}\r\n`), 431).then(() => {}));
test("too many fields answer 431 (RFC 6585 section 5)", () => refused(head("X: a\r\n".repeat(200)), 431).then(() => {}));

// --- section 6: body length, and request smuggling ---

const kChunked = "Transfer-Encoding: chunked\r\n";
refuses("Content-Length beside Transfer-Encoding (section 6.3; CL.TE)", `${head(`Content-Length: 6\r\n${kChunked}`)}0\r\n\r\nX`);
refuses("Transfer-Encoding beside Content-Length (section 6.3; TE.CL)", `${head(`${kChunked}Content-Length: 4\r\n`)}5c\r\nX\r\n0\r\n\r\n`);
refuses("two Content-Lengths that differ (section 6.3)", `${head("Content-Length: 3\r\nContent-Length: 4\r\n")}abc`);
refuses("two Content-Lengths that agree (section 6.3: MAY be refused)", `${head("Content-Length: 3\r\nContent-Length: 3\r\n")}abc`);
refuses("a list of Content-Lengths that agree (section 6.3: MAY be refused)", `${head("Content-Length: 3, 3\r\n")}abc`);
refuses("a list of Content-Lengths that differ (section 6.3)", `${head("Content-Length: 3, 4\r\n")}abc`);
for (const length of ["+3", "-3", "0x3", "3.0", "3 4", "3;", "", "1e1", "three", "99999999999999999999", "18446744073709551616", "18446744073709551619", "\xb3", "3,"]) {
  refuses(`Content-Length: ${JSON.stringify(length)} (RFC 9110 section 8.6)`, `${head(`Content-Length: ${length}\r\n`)}abc`);
}
test("a Content-Length may have leading zeros (RFC 9110 section 8.6)", async () => {
  assert.equal(JSON.parse((await exchange(`${head("Content-Length: 0003\r\n")}abc`)).text).body, "abc");
});
test("a Content-Length above the limit answers 413 (RFC 9110 section 15.5.14)", () => refused(head("Content-Length: 9223372036854775807\r\n"), 413).then(() => {}));
for (const [coding, what] of [
  ["chunked, gzip", "chunked is not the last coding"],
  ["chunked, identity", "chunked is not the last coding"],
  ["gzip", "no chunked"],
  ["identity", "no chunked"],
  ["chunked, chunked", "chunked twice"],
  ["xchunked", "no chunked"],
  ["chunkedx", "no chunked"],
  ["chunked\x0b", "a control character"],
  ["\"chunked\"", "a quoted string is no coding"],
  ["", "empty"],
  [",", "empty"],
] as const) {
  refuses(`Transfer-Encoding: ${JSON.stringify(coding)} (section 6.3: ${what})`, `${head(`Transfer-Encoding: ${coding}\r\n`)}0\r\n\r\n`, 400);
}
for (const coding of ["gzip, chunked", "deflate, chunked", "x-gzip, chunked", "fancy, chunked"]) {
  refuses(`Transfer-Encoding: ${coding} (section 6.1: a coding that we do not understand)`, `${head(`Transfer-Encoding: ${coding}\r\n`)}0\r\n\r\n`, 501);
}
refuses("Transfer-Encoding with a parameter (section 7: chunked has none)", `${head("Transfer-Encoding: chunked;q=1\r\n")}0\r\n\r\n`, 400, 501);
refuses("two Transfer-Encoding lines, chunked and identity (section 6.3)", `${head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")}0\r\n\r\n`, 400);
refuses("two Transfer-Encoding lines, chunked twice (section 6.1)", `${head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`, 400);
refuses("two Transfer-Encoding lines, gzip and chunked (section 6.1)", `${head("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`, 501);
refuses("Transfer-Encoding in HTTP/1.0 (section 6.1: faulty framing)", `POST ${mirror} HTTP/1.0\r\nHost: a\r\n${kChunked}\r\n0\r\n\r\n`, 400);
refuses("a vertical tab before chunked (smuggling by what counts as white space)", `${head("Transfer-Encoding: \x0bchunked\r\n")}0\r\n\r\n`);
refuses("a non-breaking space after chunked (smuggling by what counts as white space)", `${head("Transfer-Encoding: chunked\xa0\r\n")}0\r\n\r\n`, 400, 501);
test("the name chunked has no case (section 7)", async () => {
  const answer = await exchange(`${head("Transfer-Encoding: CHUNKED\r\n")}3\r\nabc\r\n0\r\n\r\n`);
  assert.equal(JSON.parse(answer.text).body, "abc");
});
test("a request without length or coding has no body: what follows is the next request (section 6.3)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(head("") + kSmuggled);
  assert.equal(JSON.parse((await raw.response()).text).body, "");
  assert.equal(JSON.parse((await raw.response()).text).path, "smuggled");
  raw.close();
});
test("underscores are not hyphens: Content_Length frames nothing (smuggling by spelling)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(head("Content_Length: 40\r\nTransfer_Encoding: chunked\r\n") + kSmuggled);
  assert.equal(JSON.parse((await raw.response()).text).body, "");
  assert.equal(JSON.parse((await raw.response()).text).path, "smuggled");
  raw.close();
});
test("a body ends at its Content-Length: what follows is the next request (section 6.3)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`${head("Content-Length: 3\r\n")}abc${kSmuggled}`);
  assert.equal(JSON.parse((await raw.response()).text).body, "abc");
  assert.equal(JSON.parse((await raw.response()).text).path, "smuggled");
  raw.close();
});
test("a body that looks like a request is a body (section 6.3)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`${head(`Content-Length: ${kSmuggled.length}\r\n`)}${kSmuggled}${kSmuggled}`);
  assert.equal(JSON.parse((await raw.response()).text).body, kSmuggled);
  assert.equal(JSON.parse((await raw.response()).text).path, "smuggled");
  raw.close();
});

// --- section 7.1: chunked ---

const chunked = (body: string) => head(kChunked) + body;
test("chunks are joined (section 7.1)", async () => {
  const answer = await exchange(chunked("4\r\nWiki\r\n7\r\npedia i\r\nB\r\nn \r\nchunks.\r\n0\r\n\r\n"));
  assert.equal(JSON.parse(answer.text).body, "Wikipedia in \r\nchunks.");
});
test("a chunk size has no case and may have leading zeros (section 7.1)", async () => {
  const answer = await exchange(chunked(`00a\r\n0123456789\r\n0A\r\n0123456789\r\n000\r\n\r\n`));
  assert.equal(JSON.parse(answer.text).body, "0123456789".repeat(2));
});
test("chunk extensions are read over, quoted ones too (section 7.1.1)", async () => {
  const answer = await exchange(chunked('3;a\r\nabc\r\n3 ; b=c ; d="e;f\\"g"\r\ndef\r\n0;last\r\n\r\n'));
  assert.equal(JSON.parse(answer.text).body, "abcdef");
});
test("trailer fields are not merged into the head (section 7.1.2)", async () => {
  const answer = await exchange(chunked("3\r\nabc\r\n0\r\nX-Admin: yes\r\nContent-Length: 0\r\nHost: b\r\n\r\n"));
  const told = JSON.parse(answer.text);
  assert.equal(told.body, "abc");
  assert.ok(told.headers.every(([name]: string[]) => name !== "x-admin" && name !== "content-length"));
  assert.deepEqual(told.headers.filter(([name]: string[]) => name === "host"), [["host", "a"]]);
});
test("the request after a chunked one with trailers is read where it begins (section 7.1.2)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(chunked(`3\r\nabc\r\n0\r\nX: y\r\n\r\n${kSmuggled}`));
  assert.equal(JSON.parse((await raw.response()).text).body, "abc");
  assert.equal(JSON.parse((await raw.response()).text).path, "smuggled");
  raw.close();
});
for (const [what, body] of [
  ["no size", "\r\nabc\r\n0\r\n\r\n"],
  ["a size that is no number", "g\r\nabc\r\n0\r\n\r\n"],
  ["a size with a sign", "+3\r\nabc\r\n0\r\n\r\n"],
  ["a negative size", "-3\r\nabc\r\n0\r\n\r\n"],
  ["a size with 0x", "0x3\r\nabc\r\n0\r\n\r\n"],
  ["a size with an underscore", "1_0\r\nabc\r\n0\r\n\r\n"],
  ["a blank before the size", " 3\r\nabc\r\n0\r\n\r\n"],
  ["a blank and no extension after the size", "3 \r\nabc\r\n0\r\n\r\n"],
  ["two sizes on a line", "3 3\r\nabc\r\n0\r\n\r\n"],
  ["a size of 2^64 (overflow)", "10000000000000000\r\nabc\r\n0\r\n\r\n"],
  ["a size of 2^64 + 3 (overflow to 3)", "10000000000000003\r\nabc\r\n0\r\n\r\n"],
  ["a size of 2^32 + 3 that is cut short by the next request", "fffffffffffffff3\r\nabc\r\n0\r\n\r\n"],
  ["a size of a hundred digits", `${"0".repeat(99)}3\r\nabc\r\n0\r\n\r\n`],
  ["a bare LF after the size", "3\nabc\r\n0\r\n\r\n"],
  ["a bare CR after the size", "3\rabc\r\n0\r\n\r\n"],
  ["a bare LF after the data", "3\r\nabc\n0\r\n\r\n"],
  ["a bare CR after the data", "3\r\nabc\r0\r\n\r\n"],
  ["more data than its size", "3\r\nabcd\r\n0\r\n\r\n"],
  ["less data than its size", "5\r\nabc\r\n0\r\n\r\n"],
  ["no CRLF after the data", "3\r\nabc0\r\n\r\n"],
  ["an extension with a bare LF", "3;a\nabc\r\n0\r\n\r\n"],
  ["an extension with a bare CR", "3;a\rb\r\nabc\r\n0\r\n\r\n"],
  ["an extension with NUL", "3;a\x00\r\nabc\r\n0\r\n\r\n"],
  ["a quoted extension that holds a line end", '3;a="\r\nabc\r\n0\r\n\r\n"\r\nabc\r\n0\r\n\r\n'],
  ["an extension without name", "3;=b\r\nabc\r\n0\r\n\r\n"],
  ["a last chunk with a bare LF", "3\r\nabc\r\n0\n\r\n"],
  ["a body that ends in a bare LF", "3\r\nabc\r\n0\r\n\n"],
  ["a folded trailer", "3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n"],
  ["a trailer that begins with white space", "3\r\nabc\r\n0\r\n X: a\r\n\r\n"],
  ["a trailer without colon", "3\r\nabc\r\n0\r\nJunk\r\n\r\n"],
  ["a request line where trailers stand", `3\r\nabc\r\n0\r\nGET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  ["a trailer with white space before its colon", "3\r\nabc\r\n0\r\nX : a\r\n\r\n"],
  ["a trailer with a bare LF", "3\r\nabc\r\n0\r\nX: a\nY: b\r\n\r\n"],
  ["a trailer with a bare CR", "3\r\nabc\r\n0\r\nX: a\rb\r\n\r\n"],
] as const) {
  refuses(`a chunked body with ${what} (section 7.1)`, chunked(body));
}
test("extensions without end answer 431 or 400 (section 7.1.1: SHOULD limit their length)", () => refused(chunked(`3;${"a".repeat(10_000)}`), 400, 431).then(() => {}));
test("trailers without end answer 431 or 400 (RFC 9110 section 6.5)", () => refused(chunked(`0\r\n${"X: a\r\n".repeat(2000)}`), 400, 431).then(() => {}));
test("many small chunks with small extensions are cut off (amplification)", () => refused(chunked("1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(1000)), 400, 431).then(() => {}));

// --- section 8: incomplete messages ---

for (const [what, bytes] of [
  ["a head", `GET ${mirror} HTTP/1.1\r\nHost: a\r\n`],
  ["a body of known length", `${head("Content-Length: 5\r\n")}abc`],
  ["a chunked body", chunked("5\r\nabcde\r\n")],
  ["a chunk", chunked("5\r\nabc")],
  ["the last chunk's end", chunked("3\r\nabc\r\n0\r\n")],
] as const) {
  test(`${what} that the client ends early is not answered with success (section 8)`, async () => {
    const raw = await RawConnection.open(webserver().http);
    raw.send(bytes);
    raw.end();
    const rest = (await raw.rest()).toString("latin1");
    assert.ok(rest === "" || /^HTTP\/1\.1 4\d\d /.test(rest), rest.slice(0, 200));
    raw.close();
  });
}

// --- section 9: connections ---

test("HTTP/1.1 stays unless it is told to close (section 9.3)", async () => {
  const raw = await RawConnection.open(webserver().http);
  for (let i = 0; i < 5; i++) {
    raw.send(kSmuggled);
    const answer = await raw.response();
    assert.equal(answer.field("connection"), undefined);
  }
  raw.send(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  assert.equal((await raw.response()).field("connection"), "close"); // section 9.6: MUST say so
  await raw.at_end();
});
test("no request is answered after one that said close (section 9.6)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${kSmuggled}`);
  assert.equal((await raw.response()).status, 200);
  await raw.at_end();
});
test("HTTP/1.0 closes unless it asks to stay (section 9.3)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET ${mirror} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
  assert.equal((await raw.response()).field("connection"), "keep-alive");
  raw.send(`GET ${mirror} HTTP/1.0\r\n\r\n`);
  await raw.response();
  await raw.at_end();
});
test("a list in Connection is read whole, in any case, on any line (RFC 9110 section 7.6.1)", async () => {
  const raw = await RawConnection.open(webserver().http);
  raw.send(`GET ${mirror} HTTP/1.1\r\nHost: a\r\nConnection: x-one,\r\nConnection: foo, CLOSE\r\n\r\n`);
  await raw.response();
  await raw.at_end();
});
test("pipelined requests are answered in their order (section 9.3.2)", async () => {
  const raw = await RawConnection.open(webserver().http);
  const count = 50;
  raw.send(Array.from({ length: count }, (_, i) => (i % 2
    ? `POST ${mirror}/${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`
    : `POST ${mirror}/${i} HTTP/1.1\r\nHost: a\r\n${kChunked}\r\n3\r\nabc\r\n0\r\n\r\n`)).join(""));
  for (let i = 0; i < count; i++) {
    const told = JSON.parse((await raw.response()).text);
    assert.equal(told.path, `${i}`);
    assert.equal(told.body, "abc");
  }
  raw.close();
});
test("a request that comes byte by byte is the same request", async () => {
  const raw = await RawConnection.open(webserver().http);
  await raw.send_in_parts(chunked("3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n"), 1);
  assert.equal(JSON.parse((await raw.response()).text).body, "abc");
  raw.close();
});
test("a client that has closed its direction still gets all its answers (section 9.6)", async () => {
  // Many times: the end is met now while an answer is under way, now between two.
  for (let round = 0; round < 200; round++) {
    const raw = await RawConnection.open(webserver().http);
    raw.send(kSmuggled.repeat(3));
    raw.end();
    for (let i = 0; i < 3; i++) assert.equal((await raw.response()).status, 200);
    await raw.at_end();
  }
});
