// The record layer of TLS 1.3 (RFC 8446 sections 4.6.3, 5 and 6) as a client sees it, with a client of our own that
// seals whatever it likes. After the handshake it is the webserver's own record layer (docs/webserver.md); what its
// unit tests show by function, these show through the daemon: the right alert, then the end, and nobody else hurt.
import { connect } from "node:tls";
import { kAlert, kApplicationData, kChangeCipherSpec, kHandshake, Tls13 } from "../harness/tls13";
import { assert, test } from "../harness/test";
import { until } from "../harness/wait";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver({ tls: true });
const get = (target = "/mirror") => `GET ${webserver().path}${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** On a connection over which a request was answered: the webserver's own record layer is in charge then. */
function records(name: string, run: (tls: Tls13) => Promise<void>): void {
  test(name, async () => {
    const tls = await Tls13.open(webserver().https);
    try {
      tls.say(get());
      await tls.read_until("200 OK");
      await tls.read_until("\r\n\r\n");
      await run(tls);
    } finally {
      tls.raw.close();
    }
  });
}
async function answered(tls: Tls13, request: () => void = () => tls.say(get())): Promise<void> {
  const before = (await tls.read_until(() => true)).length;
  request();
  await tls.read_until((text) => text.subarray(before).includes("200 OK") && text.subarray(before).includes('"method"'));
}

// Numbers of section 6.
const kUnexpectedMessage = 10, kBadRecordMac = 20, kRecordOverflow = 22, kIllegalParameter = 47, kDecodeError = 50;

const plain = (type: number, ...body: number[]) => Buffer.from([type, 3, 3, body.length >> 8, body.length & 255, ...body]);
const turned = (record: Buffer, at: number) => {
  record[at < 0 ? record.length + at : at]! ^= 1;
  return record;
};

const kFaults: [string, (tls: Tls13) => Buffer, number][] = [
  ["an unprotected alert (5)", () => plain(kAlert, 2, 40), kUnexpectedMessage],
  ["an unprotected handshake message (5)", () => plain(kHandshake, 24, 0, 0, 1, 0), kUnexpectedMessage],
  ["a change_cipher_spec after the handshake (5)", () => plain(kChangeCipherSpec, 1), kUnexpectedMessage],
  ["a record of an unknown type (5)", () => plain(99, 1, 2, 3), kUnexpectedMessage],
  ["application data that is not protected (5.2)", () => plain(kApplicationData, ...Buffer.from("GET / HTTP/1.1\r\n\r\n"), ...Buffer.alloc(16)), kBadRecordMac],
  ["a record that is too short for a tag (5.2)", () => plain(kApplicationData, 1, 2, 3), kBadRecordMac],
  ["an empty record (5.2)", () => plain(kApplicationData), kBadRecordMac],
  ["a record above 2^14 + 256 bytes (5.2)", () => Buffer.from([kApplicationData, 3, 3, 0x41, 0x01]), kRecordOverflow],
  ["more than 2^14 bytes of plaintext (5.1)", (tls) => tls.seal(kApplicationData, Buffer.alloc(16385)), kRecordOverflow],
  ["padding beyond 2^14 + 1 bytes (5.4)", (tls) => tls.seal(kApplicationData, "x", 16384), kRecordOverflow],
  ["a tag of which one bit is another (5.2)", (tls) => turned(tls.seal(kApplicationData, get()), -1), kBadRecordMac],
  ["a ciphertext of which one bit is another (5.2)", (tls) => turned(tls.seal(kApplicationData, get()), 6), kBadRecordMac],
  ["a header that was changed: it is authenticated (5.2)", (tls) => turned(tls.seal(kApplicationData, get()), 2), kBadRecordMac],
  ["a record that was left out (5.3)", (tls) => (tls.seal(kApplicationData, get()), tls.seal(kApplicationData, get())), kBadRecordMac],
  ["a record that comes twice (5.3)", (tls) => {
    const one = tls.seal(kApplicationData, "");
    return Buffer.concat([one, one]);
  }, kBadRecordMac],
  ["a record without a type inside (5.4)", (tls) => tls.write.seal(Buffer.alloc(40)), kUnexpectedMessage],
  ["an unknown type inside (5)", (tls) => tls.seal(99, "x"), kUnexpectedMessage],
  ["a protected change_cipher_spec (5)", (tls) => tls.seal(kChangeCipherSpec, Buffer.from([1])), kUnexpectedMessage],
  ["a handshake record of no bytes (5.1)", (tls) => tls.seal(kHandshake, ""), kUnexpectedMessage],
  ["an alert of no bytes (5.1)", (tls) => tls.seal(kAlert, ""), kUnexpectedMessage],
  ["half an alert (5.1)", (tls) => tls.seal(kAlert, Buffer.from([1])), kDecodeError],
  ["a second ClientHello: no renegotiation (4.1.2)", (tls) => tls.seal(kHandshake, Buffer.from([1, 0, 0, 0])), kUnexpectedMessage],
  ["a NewSessionTicket from a client (4.6.1)", (tls) => tls.seal(kHandshake, Buffer.from([4, 0, 0, 0])), kUnexpectedMessage],
  ["a Certificate that nobody asked for (4.6.2)", (tls) => tls.seal(kHandshake, Buffer.from([11, 0, 0, 4, 0, 0, 0, 0])), kUnexpectedMessage],
  ["a second Finished", (tls) => tls.seal(kHandshake, Buffer.concat([Buffer.from([20, 0, 0, 32]), Buffer.alloc(32)])), kUnexpectedMessage],
  ["a KeyUpdate of two bytes (4.6.3)", (tls) => tls.seal(kHandshake, Buffer.from([24, 0, 0, 2, 0, 0])), kDecodeError],
  ["a KeyUpdate with another value (4.6.3)", (tls) => tls.seal(kHandshake, Buffer.from([24, 0, 0, 1, 2])), kIllegalParameter],
  ["something behind a KeyUpdate under the old key (5.1)", (tls) => tls.seal(kHandshake, Buffer.from([24, 0, 0, 1, 0, 24, 0, 0, 1, 0])), kUnexpectedMessage],
  ["data between the parts of a handshake message (5.1)", (tls) => Buffer.concat([tls.seal(kHandshake, Buffer.from([24, 0])), tls.seal(kApplicationData, "x")]), kUnexpectedMessage],
  ["the old key after a KeyUpdate (4.6.3)", (tls) => Buffer.concat([tls.seal(kHandshake, Buffer.from([24, 0, 0, 1, 0])), tls.seal(kApplicationData, get())]), kBadRecordMac],
];
for (const [what, fault, alert] of kFaults) {
  records(`${what}: alert ${alert}, and the end`, async (tls) => {
    tls.send(fault(tls));
    await tls.failed(alert);
  });
}

records("a record of data in no bytes is nothing, and the connection goes on (5.1)", async (tls) => {
  for (let i = 0; i < 5; i++) tls.say("");
  await answered(tls);
});
records("a flood of records without data ends the connection", async (tls) => {
  tls.send(...Array.from({ length: 200 }, () => tls.seal(kApplicationData, "")));
  await tls.failed(kUnexpectedMessage);
});
records("padding is taken off, as much as fits a record (5.4)", async (tls) => {
  await answered(tls, () => tls.send(tls.seal(kApplicationData, get(), 16385 - 1 - get().length)));
});
records("a request in records of one byte is one request (5.1)", async (tls) => {
  await answered(tls, () => tls.send(...[...get()].map((byte) => tls.seal(kApplicationData, byte))));
});
records("records come in any pieces of TCP", async (tls) => {
  await answered(tls, () => void tls.raw.send_in_parts(tls.seal(kApplicationData, get()), 1));
});
records("a KeyUpdate that does not ask changes the client's key only (4.6.3)", async (tls) => {
  tls.update_key(false);
  await answered(tls);
  assert.equal(tls.key_updates, 0);
});
records("a KeyUpdate that asks is answered by one before the next data, again and again (4.6.3)", async (tls) => {
  for (let i = 1; i <= 5; i++) {
    tls.update_key(true);
    await answered(tls);
    assert.equal(tls.key_updates, i);
  }
});
records("a KeyUpdate in two records is one (5.1)", async (tls) => {
  tls.send(tls.seal(kHandshake, Buffer.from([24, 0])), tls.seal(kHandshake, Buffer.from([0, 1, 1])));
  tls.write.update();
  await answered(tls);
  assert.equal(tls.key_updates, 1);
});
records("close_notify of the client ends what it sends; its answer still comes, then close_notify (6.1)", async (tls) => {
  await answered(tls, () => tls.send(tls.seal(kApplicationData, get()), tls.seal(kAlert, Buffer.from([1, 0]))));
  await tls.failed(0);
});
records("what comes after close_notify is not read (6.1)", async (tls) => {
  tls.send(tls.seal(kAlert, Buffer.from([1, 0])), tls.seal(kApplicationData, get()));
  await tls.failed(0);
});
for (const [what, level, description] of [["fatal", 2, 40], ["of level warning that is none of the two harmless ones", 1, 80]] as const) {
  records(`an alert that is ${what} ends the connection at once (6.2)`, async (tls) => {
    tls.send(tls.seal(kAlert, Buffer.from([level, description])), tls.seal(kApplicationData, get()));
    await tls.raw.rest();
  });
}
records("user_canceled is no end by itself (6.1)", async (tls) => {
  tls.send(tls.seal(kAlert, Buffer.from([1, 90])));
  await answered(tls);
});
records("a large answer comes in records of at most 2^14 bytes (5.1)", async (tls) => {
  tls.forget();
  tls.say(get("/bytes/1000000"));
  const all = await tls.read_until((text) => text.length >= 1_000_000);
  assert.ok(all.includes("200 OK"));
});
test("after all of that others are served, and nothing is left of it", async () => {
  const socket = connect({ port: webserver().https, host: "localhost", rejectUnauthorized: false });
  socket.write(get());
  await new Promise<void>((done, fail) => {
    socket.on("data", () => done());
    socket.on("error", fail);
  });
  socket.destroy();
  await until("all connections to go", async () => (await webserver().counters()).connections === 0, 30_000);
});
