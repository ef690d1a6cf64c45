// A service at the webserver's link, written from docs/protocols/link.md alone: it may be slow, greedy or silent, and
// it takes and gives messages and bodies in parts, so that large ones need no memory.
import { type Socket, connect } from "node:net";
import { until, within } from "./wait";

export const kHello = 0x01;
export const kAttach = 0x02;
export const kAttached = 0x03;
export const kOpen = 0x10;
export const kAccept = 0x11;
export const kData = 0x12;
export const kMessage = 0x13;
export const kCloseStream = 0x14;
export const kCredit = 0x15;
export const kPingLink = 0x18;

const kHttp = 2;
const kWebsocket = 3;
const kMost = 65_536;

const string = (text: string) => {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(2);
  size.writeUInt16LE(bytes.length);
  return Buffer.concat([size, bytes]);
};
const u16 = (value: number) => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** One stream as the service sees it. */
export class LinkStream {
  /** Bytes that came. */
  received = 0;
  /** The client's direction has ended (http), or a whole message has come (websocket). */
  ends = 0;
  closed: number | undefined;
  /** Give credit back at once (default), or keep the client waiting. */
  is_reading = true;
  private credit: number;
  private owed = 0;
  private waiting: (() => void) | undefined;

  constructor(
    readonly link: LinkService,
    readonly id: number,
    readonly is_websocket: boolean,
    credit: number,
  ) {
    this.credit = credit;
  }

  took(bytes: number, is_end: boolean): void {
    this.received += bytes;
    if (is_end) this.ends++;
    this.owed += bytes;
    if (this.is_reading && this.owed > 0) {
      this.link.frame(kCredit, this.id, u32(this.owed));
      this.owed = 0;
    }
  }
  read_on(): void {
    this.is_reading = true;
    this.took(0, false);
  }
  given(bytes: number): void {
    this.credit += bytes;
    this.waiting?.();
    this.waiting = undefined;
  }
  end(code: number): void {
    this.closed = code;
    this.waiting?.();
  }
  /** Sends `size` bytes in parts, as credit allows; the last part ends the message or the body. */
  async send(size: number, is_text = false): Promise<void> {
    const block = Buffer.alloc(kMost, "s");
    let left = size;
    do {
      while (this.credit === 0 && left > 0 && this.closed === undefined)
        await new Promise<void>((done) => {
          this.waiting = done;
        });
      if (this.closed !== undefined) return;
      const part = Math.min(left, this.credit, kMost);
      left -= part;
      this.credit -= part;
      const flags = (left === 0 ? 1 : 0) | (is_text ? 2 : 0);
      await this.link.frame(this.is_websocket ? kMessage : kData, this.id, block.subarray(0, part), flags);
    } while (left > 0);
  }
  /** Bytes that may be sent now. */
  get allowed(): number {
    return this.credit;
  }
  accept(status = 0, fields: Record<string, string> = {}): void {
    const list = Object.entries(fields);
    this.link.frame(kAccept, this.id, Buffer.concat([u16(status), Buffer.from([0]), u16(list.length), ...list.flatMap(([name, value]) => [string(name), string(value)])]));
  }
}

export class LinkService {
  private buffer: Buffer = Buffer.alloc(0);
  private stream_credit = 65_536;
  private attached = new Map<number, number>();
  private is_greeted = false;
  readonly streams = new Map<number, LinkStream>();
  /** Called for each new stream. */
  on_open: (stream: LinkStream) => void = (stream) => stream.accept(stream.is_websocket ? 0 : 200);

  private constructor(private readonly socket: Socket) {
    socket.on("error", () => {});
    socket.on("data", (part) => this.take(part));
  }

  /** Attaches at one reactor; `grant` in hexadecimal digits. */
  static async start(socket_path: string, grant: string, attaches: { path: string; kind: "http" | "websocket" }[]): Promise<LinkService> {
    const socket = connect(socket_path);
    await within("the link", 10_000, new Promise<void>((done, fail) => socket.once("connect", done).once("error", fail)));
    const made = new LinkService(socket);
    made.frame(kHello, 0, Buffer.concat([u16(1), u16(0), u32(65_536), string("test")]));
    await until("HELLO", () => made.is_greeted, 10_000, 5);
    for (const [id, { path, kind }] of attaches.entries()) {
      const number = kind === "http" ? kHttp : kWebsocket;
      made.frame(kAttach, 0, Buffer.concat([u32(id), Buffer.from([number]), Buffer.from(grant, "hex"), string(path), string("")]));
    }
    await until("ATTACHED", () => made.attached.size === attaches.length, 10_000, 5);
    for (const result of made.attached.values()) if (result !== 0) throw new Error(`attach refused: ${result}`);
    return made;
  }

  /** Resolves when the kernel has taken it. */
  frame(type: number, stream: number, payload: Buffer, flags = 0): Promise<void> {
    const head = Buffer.alloc(12);
    head.writeUInt32LE(payload.length);
    head[4] = type;
    head[5] = flags;
    head.writeUInt32LE(stream, 8);
    return new Promise((done) => this.socket.write(Buffer.concat([head, payload]), () => done()));
  }

  private take(part: Buffer): void {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, part]) : part;
    let at = 0;
    for (;;) {
      if (this.buffer.length - at < 12) break;
      const size = this.buffer.readUInt32LE(at);
      if (this.buffer.length - at < 12 + size) break;
      this.act(this.buffer[at + 4]!, this.buffer[at + 5]!, this.buffer.readUInt32LE(at + 8), this.buffer.subarray(at + 12, at + 12 + size));
      at += 12 + size;
    }
    this.buffer = Buffer.from(this.buffer.subarray(at));
  }

  private act(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.streams.get(id);
    switch (type) {
      case kHello:
        this.stream_credit = payload.readUInt32LE(4);
        this.is_greeted = true;
        break;
      case kAttached:
        this.attached.set(payload.readUInt32LE(0), payload[4]!);
        break;
      case kOpen: {
        const opened = new LinkStream(this, id, payload[4] === kWebsocket, this.stream_credit);
        this.streams.set(id, opened);
        if ((payload[5]! & 4) === 0 && !opened.is_websocket) opened.ends++;
        this.on_open(opened);
        break;
      }
      case kData:
      case kMessage:
        stream?.took(payload.length, (flags & 1) !== 0);
        break;
      case kCloseStream:
        this.frame(kCloseStream, id, Buffer.concat([u16(0), string("")]));
        stream?.end(payload.readUInt16LE(0));
        this.streams.delete(id);
        break;
      case kCredit:
        stream?.given(payload.readUInt32LE(0));
        break;
      case kPingLink:
        this.frame(0x19, 0, payload);
        break;
      default:
        break;
    }
  }

  stop(): void {
    this.socket.destroy();
  }
}
