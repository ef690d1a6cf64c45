// WebSocket frames, made and read byte by byte (RFC 6455 section 5.2): what the `ws` library would never send.
import { randomBytes } from "node:crypto";
import { RawConnection, type RawResponse, kPatience } from "./raw";

export const kContinuation = 0;
export const kText = 1;
export const kBinary = 2;
export const kClose = 8;
export const kPing = 9;
export const kPong = 10;

export interface FrameOptions {
  fin?: boolean;
  /** RSV1, RSV2, RSV3 as one number: 4, 2, 1. */
  rsv?: number;
  /** Default: a random mask, as a client must. False: none. */
  mask?: Buffer | false;
  /** Which form the length takes; default: the shortest. */
  length_bytes?: 0 | 2 | 8;
  /** The length that is announced, if it is not the payload's. */
  announced?: bigint;
}

export function frame(opcode: number, payload: Buffer | string = "", options: FrameOptions = {}): Buffer {
  const data = typeof payload === "string" ? Buffer.from(payload, "utf8") : payload;
  const length = options.announced ?? BigInt(data.length);
  const length_bytes = options.length_bytes ?? (length < 126n ? 0 : length < 65536n ? 2 : 8);
  const masked = options.mask !== false;
  const head = Buffer.alloc(2 + length_bytes);
  head[0] = ((options.fin ?? true) ? 0x80 : 0) | ((options.rsv ?? 0) << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (length_bytes === 0 ? Number(length) : length_bytes === 2 ? 126 : 127);
  if (length_bytes === 2) head.writeUInt16BE(Number(length), 2);
  if (length_bytes === 8) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, data]);
  const mask = options.mask || randomBytes(4);
  const body = Buffer.alloc(data.length);
  for (let i = 0; i < data.length; i++) body[i] = data[i]! ^ mask[i & 3]!;
  return Buffer.concat([head, mask, body]);
}

export const text = (payload: string | Buffer, options?: FrameOptions) => frame(kText, payload, options);
export const binary = (payload: Buffer | string, options?: FrameOptions) => frame(kBinary, payload, options);
export const more = (payload: string | Buffer, options?: FrameOptions) => frame(kContinuation, payload, options);
export const ping = (payload: string | Buffer = "", options?: FrameOptions) => frame(kPing, payload, options);
export const pong = (payload: string | Buffer = "", options?: FrameOptions) => frame(kPong, payload, options);
export function close(code?: number, reason: string | Buffer = "", options?: FrameOptions): Buffer {
  if (code === undefined) return frame(kClose, "", options);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(kClose, Buffer.concat([head, Buffer.from(reason)]), options);
}

/** `payload` as one message in fragments of `size` bytes. */
export function fragmented(opcode: number, payload: Buffer, size: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < payload.length; at += size) {
    const fin = at + size >= payload.length;
    frames.push(frame(at === 0 ? opcode : kContinuation, payload.subarray(at, at + size), { fin }));
  }
  return frames;
}

export interface Frame {
  opcode: number;
  fin: boolean;
  rsv: number;
  payload: Buffer;
}

export interface Message {
  is_text: boolean;
  data: Buffer;
}

export interface UpgradeOptions {
  key?: string;
  /** Field lines instead of, or beside, the usual ones; undefined leaves one out. */
  fields?: Record<string, string | undefined>;
  tls?: boolean;
  from?: string;
}

export const kKey = "dGhlIHNhbXBsZSBub25jZQ=="; // RFC 6455 section 1.3
export const kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

export function upgrade_request(path: string, fields: Record<string, string | undefined> = {}, first = `GET ${path} HTTP/1.1`): string {
  const all: Record<string, string | undefined> = {
    ...{ Host: "localhost", Upgrade: "websocket", Connection: "Upgrade" },
    ...{ "Sec-WebSocket-Key": kKey, "Sec-WebSocket-Version": "13" },
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return [first, ...lines, "", ""].join("\r\n");
}

/** A client that may do anything on a WebSocket and that checks all it reads. */
export class RawWebsocket {
  private constructor(
    readonly raw: RawConnection,
    readonly upgrade: RawResponse,
  ) {}

  static async open(port: number, path: string, options: UpgradeOptions = {}): Promise<RawWebsocket> {
    const raw = await RawConnection.open(port, { tls: options.tls ?? false, ...(options.from ? { from: options.from } : {}) });
    raw.send(upgrade_request(path, options.fields));
    const upgrade = await raw.response();
    if (upgrade.status !== 101) throw new Error(`${upgrade.status} ${upgrade.text}`);
    return new RawWebsocket(raw, upgrade);
  }

  send(...frames: Buffer[]): void {
    this.raw.send(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  /** The next frame. A server's frames are unmasked, in the shortest form, without reserved bits unless `rsv1`. */
  async frame(rsv1 = false): Promise<Frame> {
    const head = await this.raw.read(2, "a frame");
    const rsv = (head[0]! >> 4) & 7;
    const opcode = head[0]! & 15;
    const fin = (head[0]! & 0x80) !== 0;
    if (head[1]! & 0x80) throw new Error("a masked frame from a server (section 5.1)");
    if (rsv & (rsv1 ? 3 : 7)) throw new Error(`reserved bits ${rsv} (section 5.2)`);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) throw new Error(`opcode ${opcode}`);
    let size = BigInt(head[1]! & 0x7f);
    if (size === 126n) {
      size = BigInt((await this.raw.read(2)).readUInt16BE());
      if (size < 126n) throw new Error("a length that is not in its shortest form (section 5.2)");
    } else if (size === 127n) {
      size = (await this.raw.read(8)).readBigUInt64BE();
      if (size < 65536n || size >> 63n) throw new Error("a length that is not in its shortest form (section 5.2)");
    }
    if (opcode & 8 && (!fin || size > 125n)) throw new Error("a fragmented or large control frame (section 5.5)");
    return { opcode, fin, rsv, payload: await this.raw.read(Number(size), `a payload of ${size} bytes`, 4 * kPatience) };
  }

  /** The next message, its fragments joined. A control frame in between is an error. */
  async message(): Promise<Message> {
    const first = await this.frame();
    if (first.opcode !== kText && first.opcode !== kBinary)
      throw new Error(`opcode ${first.opcode} (${first.payload.toString("hex").slice(0, 100)}) where a message was awaited`);
    const parts = [first.payload];
    for (let last = first; !last.fin; ) {
      last = await this.frame();
      if (last.opcode !== kContinuation) throw new Error(`opcode ${last.opcode} within a message`);
      parts.push(last.payload);
    }
    const data = Buffer.concat(parts);
    if (first.opcode === kText && !Buffer.from(data.toString("utf8"), "utf8").equals(data)) throw new Error("text that is not UTF-8");
    return { is_text: first.opcode === kText, data };
  }

  /** The next frame is a pong with this payload. */
  async pong(payload: Buffer | string): Promise<void> {
    const got = await this.frame();
    if (got.opcode !== kPong || !got.payload.equals(Buffer.from(payload)))
      throw new Error(`a pong with ${JSON.stringify(payload.toString("latin1"))} awaited, got opcode ${got.opcode}, ${got.payload.toString("hex")}`);
  }

  /** Code and reason of the close frame that comes next; undefined if it carries no code. */
  async close_frame(): Promise<{ code: number | undefined; reason: string }> {
    const got = await this.frame();
    if (got.opcode !== kClose) throw new Error(`a close frame awaited, got opcode ${got.opcode}, ${got.payload.toString("hex").slice(0, 100)}`);
    if (got.payload.length === 1) throw new Error("a close frame of one byte (section 5.5.1)");
    if (got.payload.length === 0) return { code: undefined, reason: "" };
    const reason = got.payload.subarray(2).toString("utf8");
    if (!Buffer.from(reason, "utf8").equals(got.payload.subarray(2))) throw new Error("a close reason that is not UTF-8");
    return { code: got.payload.readUInt16BE(), reason };
  }

  /** The server fails the connection with `code`: a close frame, then the end. Whole messages may come before. */
  async failed(code: number): Promise<void> {
    for (;;) {
      const got = await this.frame();
      if (got.opcode === kClose) {
        const found = got.payload.length >= 2 ? got.payload.readUInt16BE() : undefined;
        if (found !== code) throw new Error(`closed with ${found}, ${code} awaited`);
        break;
      }
      if (got.opcode === kPong) throw new Error("a pong where the connection should have failed");
    }
    await this.raw.at_end();
    this.raw.close();
  }

  /** The closing handshake, begun by us: the server echoes the code and closes first (section 7.1.1). */
  async close(code: number | undefined = 1000, reason = ""): Promise<void> {
    this.send(close(code, reason));
    const answer = await this.close_frame();
    if (answer.code !== code) throw new Error(`close ${code} was answered with ${answer.code}`);
    await this.raw.at_end();
    this.raw.close();
  }
}
