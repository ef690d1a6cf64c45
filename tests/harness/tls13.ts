// TLS 1.3 by hand (RFC 8446), on node's primitives: one suite, X25519, no checks of the certificate, so that a test may
// seal any record under the real keys, or break one. Shares no code with us or OpenSSL's record layer.
import { type KeyObject, createCipheriv, createDecipheriv, createHash, createHmac, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes } from "node:crypto";
import { RawConnection } from "./raw";

export const kChangeCipherSpec = 20;
export const kAlert = 21;
export const kHandshake = 22;
export const kApplicationData = 23;

const kHash = 32; // SHA-256, of TLS_AES_128_GCM_SHA256
const hash = (data: Buffer) => createHash("sha256").update(data).digest();
const hmac = (key: Buffer, data: Buffer) => createHmac("sha256", key).update(data).digest();

/** Section 7.1. One block of HKDF-Expand is enough for all lengths here. */
function expand_label(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([length >> 8, length & 255, name.length]), name, Buffer.from([context.length]), context, Buffer.from([1])]);
  return hmac(secret, info).subarray(0, length);
}
const derive = (secret: Buffer, label: string, transcript: Buffer) => expand_label(secret, label, hash(transcript), kHash);

/** The keys of one direction (section 7.3) and their count of records (section 5.3). */
class Direction {
  private key!: Buffer;
  private iv!: Buffer;
  sequence = 0n;
  constructor(private secret: Buffer) {
    this.begin();
  }
  private begin(): void {
    this.key = expand_label(this.secret, "key", Buffer.alloc(0), 16);
    this.iv = expand_label(this.secret, "iv", Buffer.alloc(0), 12);
    this.sequence = 0n;
  }
  /** The next generation of keys (section 7.2). */
  update(): void {
    this.secret = expand_label(this.secret, "traffic upd", Buffer.alloc(0), kHash);
    this.begin();
  }
  private nonce(): Buffer {
    const nonce = Buffer.from(this.iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.sequence++, 4);
    return nonce;
  }
  finished_key(): Buffer {
    return expand_label(this.secret, "finished", Buffer.alloc(0), kHash);
  }
  seal(inner: Buffer): Buffer {
    const head = Buffer.from([kApplicationData, 3, 3, (inner.length + 16) >> 8, (inner.length + 16) & 255]);
    const cipher = createCipheriv("aes-128-gcm", this.key, this.nonce()).setAAD(head);
    return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }
  open(head: Buffer, body: Buffer): { type: number; content: Buffer } {
    const cipher = createDecipheriv("aes-128-gcm", this.key, this.nonce()).setAAD(head);
    cipher.setAuthTag(body.subarray(-16));
    const inner = Buffer.concat([cipher.update(body.subarray(0, -16)), cipher.final()]);
    let end = inner.length;
    while (end > 0 && inner[end - 1] === 0) end--; // padding
    if (end === 0) throw new Error("a record of zeros only (section 5.4)");
    return { type: inner[end - 1]!, content: inner.subarray(0, end - 1) };
  }
}

const message = (type: number, body: Buffer) => Buffer.concat([Buffer.from([type, body.length >> 16, (body.length >> 8) & 255, body.length & 255]), body]);
const vector = (bytes: number, body: Buffer) => {
  const head = Buffer.alloc(bytes);
  head.writeUIntBE(body.length, 0, bytes);
  return Buffer.concat([head, body]);
};
const extension = (type: number, body: Buffer) => Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, body)]);

export class Tls13 {
  private plain: Buffer = Buffer.alloc(0);
  /** KeyUpdates of the server so far. */
  key_updates = 0;
  /** The alert that ended the connection: its description (section 6). */
  alert: number | undefined;

  private constructor(
    readonly raw: RawConnection,
    readonly write: Direction,
    readonly read: Direction,
  ) {}

  static async open(port: number): Promise<Tls13> {
    const raw = await RawConnection.open(port);
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    const share = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
    const hello = message(1, Buffer.concat([
      ...[Buffer.from([3, 3]), randomBytes(32), vector(1, Buffer.alloc(0)), vector(2, Buffer.from([0x13, 0x01])), Buffer.from([1, 0])],
      vector(2, Buffer.concat([
        extension(0, vector(2, Buffer.concat([Buffer.from([0]), vector(2, Buffer.from("localhost"))]))),
        extension(10, vector(2, Buffer.from([0x00, 0x1d]))),
        extension(13, vector(2, Buffer.from([0x04, 0x03, 0x08, 0x04]))),
        extension(43, vector(1, Buffer.from([0x03, 0x04]))),
        extension(51, vector(2, Buffer.concat([Buffer.from([0x00, 0x1d]), vector(2, share)]))),
      ])),
    ]));
    raw.send(Buffer.concat([Buffer.from([kHandshake, 3, 1, hello.length >> 8, hello.length & 255]), hello]));

    const first = await Tls13.record(raw);
    if (first.head[0] !== kHandshake || first.body[0] !== 2) throw new Error(`a ServerHello awaited, got ${first.head.toString("hex")} ${first.body.toString("hex")}`);
    let transcript = Buffer.concat([hello, first.body]);
    const secret = diffieHellman({ privateKey, publicKey: Tls13.server_share(first.body) });
    const none = Buffer.alloc(0), zeros = Buffer.alloc(kHash);
    const handshake = hmac(derive(hmac(zeros, zeros), "derived", none), secret);
    const client = new Direction(derive(handshake, "c hs traffic", transcript));
    const server = new Direction(derive(handshake, "s hs traffic", transcript));
    // EncryptedExtensions, Certificate, CertificateVerify, Finished.
    for (let pending = Buffer.alloc(0), done = false; !done; ) {
      const { head, body } = await Tls13.record(raw);
      if (head[0] === kChangeCipherSpec) continue; // appendix D.4
      const { type, content } = server.open(head, body);
      if (type !== kHandshake) throw new Error(`type ${type} within the handshake`);
      pending = Buffer.concat([pending, content]);
      while (pending.length >= 4 && pending.length >= 4 + pending.readUIntBE(1, 3)) {
        const one = pending.subarray(0, 4 + pending.readUIntBE(1, 3));
        pending = pending.subarray(one.length);
        done = one[0] === 20;
        if (done && !one.subarray(4).equals(hmac(server.finished_key(), hash(transcript)))) throw new Error("the server's Finished is wrong");
        transcript = Buffer.concat([transcript, one]);
      }
    }
    raw.send(client.seal(Buffer.concat([message(20, hmac(client.finished_key(), hash(transcript))), Buffer.from([kHandshake])])));
    const master = hmac(derive(handshake, "derived", none), zeros);
    return new Tls13(raw, new Direction(derive(master, "c ap traffic", transcript)), new Direction(derive(master, "s ap traffic", transcript)));
  }

  private static async record(raw: RawConnection): Promise<{ head: Buffer; body: Buffer }> {
    const head = await raw.read(5, "a TLS record");
    if (head[1] !== 3 || head[2] !== 3) throw new Error(`version ${head.toString("hex")}`);
    return { head, body: await raw.read(head.readUInt16BE(3), "the body of a TLS record") };
  }
  private static server_share(hello: Buffer): KeyObject {
    const at = 4 + 2 + 32 + 1 + hello[38]! + 2 + 1;
    for (let i = at + 2; i < hello.length; i += 4 + hello.readUInt16BE(i + 2)) {
      if (hello.readUInt16BE(i) !== 51) continue;
      const prefix = Buffer.from("302a300506032b656e032100", "hex"); // SubjectPublicKeyInfo of X25519 (RFC 8410)
      return createPublicKey({ key: Buffer.concat([prefix, hello.subarray(i + 8, i + 40)]), format: "der", type: "spki" });
    }
    throw new Error("no key share");
  }

  /** A record of `type` with this content, sealed under the next nonce; `padding` zeros behind its type. */
  seal(type: number, content: Buffer | string, padding = 0): Buffer {
    return this.write.seal(Buffer.concat([Buffer.from(content), Buffer.from([type]), Buffer.alloc(padding)]));
  }
  send(...records: Buffer[]): void {
    this.raw.send(Buffer.concat(records));
  }
  say(text: Buffer | string): void {
    this.send(this.seal(kApplicationData, text));
  }
  /** KeyUpdate (section 4.6.3), then our new key. */
  update_key(asks: boolean): void {
    this.send(this.seal(kHandshake, message(24, Buffer.from([asks ? 1 : 0]))));
    this.write.update();
  }

  /** Reads one record; alerts and KeyUpdates are noted. Gives its type. */
  async step(): Promise<number> {
    const { head, body } = await Tls13.record(this.raw);
    if (body.length > 16384 + 256) throw new Error("a record above its limit (section 5.2)");
    const { type, content } = this.read.open(head, body);
    if (content.length > 16384) throw new Error("more than 2^14 bytes in a record (section 5.1)");
    if (type === kApplicationData) this.plain = Buffer.concat([this.plain, content]);
    else if (type === kAlert) this.alert = content[1];
    else if (type === kHandshake && content[0] === 24) {
      this.key_updates++;
      this.read.update();
    } else if (type !== kHandshake || content[0] !== 4) throw new Error(`type ${type}: ${content.toString("hex").slice(0, 40)}`); // 4: a ticket
    return type;
  }
  async read_until(end: string | ((text: Buffer) => boolean)): Promise<Buffer> {
    const is_enough = typeof end === "string" ? (text: Buffer) => text.includes(end) : end;
    while (!is_enough(this.plain)) {
      if (this.alert !== undefined) throw new Error(`alert ${this.alert} while waiting for data`);
      await this.step();
    }
    return this.plain.subarray(0);
  }
  forget(): void {
    this.plain = Buffer.alloc(0);
  }
  /** The server ends the connection with this alert. Data may come before. */
  async failed(description: number): Promise<void> {
    while (this.alert === undefined) await this.step();
    if (this.alert !== description) throw new Error(`alert ${this.alert}, ${description} awaited`);
    await this.raw.at_end();
    this.raw.close();
  }
}
