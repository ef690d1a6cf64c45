// HTTP/2 by hand: frames over TLS, header blocks of literals only, so that a test may break every rule.
import { type TLSSocket, connect } from "node:tls";
import { within } from "./wait";

export const kData = 0;
export const kHeaders = 1;
export const kPriority = 2;
export const kRstStream = 3;
export const kSettings = 4;
export const kPushPromise = 5;
export const kPing = 6;
export const kGoaway = 7;
export const kWindowUpdate = 8;
export const kContinuation = 9;

export const kEndStream = 1;
export const kAck = 1;
export const kEndHeaders = 4;
export const kPadded = 8;
export const kPriorityFlag = 0x20;

export const kNoError = 0;
export const kProtocolError = 1;
export const kFlowControlError = 3;
export const kStreamClosed = 5;
export const kFrameSizeError = 6;
export const kRefusedStream = 7;
export const kCancel = 8;
export const kCompressionError = 9;
export const kEnhanceYourCalm = 11;

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}
export type Fields = [string, string][];

export const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** A header block (RFC 7541 section 6.2.2): literals without indexing, no Huffman codes. */
export function block(fields: Fields): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1");
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
    const size: number[] = [127];
    let rest = bytes.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) size.push((rest % 128) | 128);
    size.push(rest);
    return Buffer.concat([Buffer.from(size), bytes]);
  };
  return Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));
}

export function request(path: string, method = "GET", more: Fields = []): Fields {
  return [[":method", method], [":scheme", "https"], [":path", path], [":authority", "localhost"], ...more];
}

export const kPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A client that says just what it is told to. */
export class Http2Raw {
  private buffer: Buffer = Buffer.alloc(0);
  private waiting: (() => void) | undefined;
  private position = 0;
  readonly frames: Frame[] = [];
  has_ended = false;

  private constructor(private readonly socket: TLSSocket) {
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
    socket.on("end", () => this.end());
    socket.on("data", (part) => {
      this.buffer = Buffer.concat([this.buffer, part]);
      for (;;) {
        if (this.buffer.length < 9) break;
        const size = 9 + this.buffer.readUIntBE(0, 3);
        if (this.buffer.length < size) break;
        this.frames.push({
          type: this.buffer.readUInt8(3),
          flags: this.buffer.readUInt8(4),
          stream: this.buffer.readUInt32BE(5) & 0x7fffffff,
          payload: Buffer.from(this.buffer.subarray(9, size)),
        });
        this.buffer = this.buffer.subarray(size);
      }
      this.wake();
    });
  }

  private end(): void {
    this.has_ended = true;
    this.wake();
  }
  private wake(): void {
    this.waiting?.();
    this.waiting = undefined;
  }

  /** The connection, before anything is said. */
  static async dial(port: number): Promise<Http2Raw> {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ALPNProtocols: ["h2"], rejectUnauthorized: false });
    const made = new Http2Raw(socket);
    await within("the handshake", 20_000, new Promise<void>((done, fail) => socket.once("secureConnect", done).once("error", fail)));
    if (socket.alpnProtocol !== "h2") throw new Error(`ALPN chose ${socket.alpnProtocol}`);
    return made;
  }

  /** With preface and SETTINGS exchanged and acknowledged both ways. */
  static async open(port: number, settings: [number, number][] = []): Promise<Http2Raw> {
    const made = await Http2Raw.dial(port);
    made.write(kPreface, frame(kSettings, 0, 0, settings_payload(settings)));
    await made.next((one) => one.type === kSettings && (one.flags & kAck) === 0, "SETTINGS");
    made.write(frame(kSettings, kAck, 0));
    await made.next((one) => one.type === kSettings && (one.flags & kAck) !== 0, "the ack of SETTINGS");
    return made;
  }

  write(...parts: Buffer[]): void {
    if (!this.has_ended) this.socket.write(Buffer.concat(parts));
  }
  headers(stream: number, fields: Fields, flags = kEndHeaders | kEndStream): void {
    this.write(frame(kHeaders, flags, stream, block(fields)));
  }

  /** The next frame that `wanted` likes; others are passed over. Undefined at the end. */
  async find(wanted: (one: Frame) => boolean, what: string, ms = 20_000): Promise<Frame | undefined> {
    const end = Date.now() + ms;
    for (;;) {
      while (this.position < this.frames.length) {
        const one = this.frames[this.position++];
        if (one && wanted(one)) return one;
      }
      if (this.has_ended) return undefined;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no ${what} within ${ms} ms`);
      await within(what, left, new Promise<void>((done) => {
        this.waiting = done;
      }));
    }
  }
  async next(wanted: (one: Frame) => boolean, what: string): Promise<Frame> {
    const found = await this.find(wanted, what);
    if (found === undefined) throw new Error(`the connection has ended; waited for ${what}`);
    return found;
  }

  /** The error that answers `stream`: of RST_STREAM, else of a GOAWAY. -1: the connection has just ended. */
  async stream_error(stream: number): Promise<number> {
    const found = await this.find((one) => (one.type === kRstStream && one.stream === stream) || one.type === kGoaway, `an error of stream ${stream}`);
    if (found === undefined) return -1;
    return found.type === kGoaway ? found.payload.readUInt32BE(4) : found.payload.readUInt32BE(0);
  }
  /** The error of the GOAWAY that comes; then the connection has to end. -1: it ended without. */
  async connection_error(): Promise<number> {
    const found = await this.find((one) => one.type === kGoaway, "GOAWAY");
    const code = found === undefined ? -1 : found.payload.readUInt32BE(4);
    await this.find(() => false, "the end of the connection");
    return code;
  }
  /** First byte of the answer's header block: 0x88 is :status 200, 0x8d 404 (RFC 7541 appendix A). */
  async answer(stream: number): Promise<number> {
    const found = await this.next((one) => one.type === kHeaders && one.stream === stream, `the answer of stream ${stream}`);
    let at = 0; // behind changes of the table's size (RFC 7541 section 6.3)
    while ((found.payload.readUInt8(at) & 0xe0) === 0x20) at++;
    return found.payload.readUInt8(at);
  }
  async at_end_of(stream: number): Promise<void> {
    await this.next((one) => one.stream === stream && (one.flags & kEndStream) !== 0 && one.type <= kHeaders, `the end of stream ${stream}`);
  }
  /** True if the connection still answers. */
  async is_alive(): Promise<boolean> {
    this.write(frame(kPing, 0, 0, Buffer.from("are you?")));
    const found = await this.find((one) => one.type === kPing && (one.flags & kAck) !== 0 && one.payload.equals(Buffer.from("are you?")), "PING's answer");
    return found !== undefined;
  }
  close(): void {
    this.socket.destroy();
  }
}

export function settings_payload(settings: [number, number][]): Buffer {
  return Buffer.concat(settings.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)])));
}
