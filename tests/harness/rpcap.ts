// A client of remote packet capture, written from the description of the protocol that libpcap carries (rpcap-protocol.h):
// everything big-endian, a head of version, type, value and length.
import { type Socket, connect } from "node:net";
import { until, within } from "./wait";

export const kError = 1;
export const kFindInterfaces = 2;
export const kOpen = 3;
export const kStart = 4;
export const kUpdateFilter = 5;
export const kClose = 6;
export const kPacket = 7;
export const kAuth = 8;
export const kStats = 9;
export const kEnd = 10;

export interface RpcapMessage {
  type: number;
  value: number;
  payload: Buffer;
}
export interface CapturedPacket {
  seconds: number;
  wire_bytes: number;
  number: number;
  bytes: Buffer;
}
/** code, jt, jf, k as in bpf(4). */
export type Instruction = [number, number, number, number];

/** A TCP connection that gives whole messages. */
class Messages {
  private buffer = Buffer.alloc(0);
  readonly received: RpcapMessage[] = [];
  closed = false;

  private constructor(readonly socket: Socket) {
    socket.on("data", (data) => {
      this.buffer = Buffer.concat([this.buffer, data]);
      while (this.buffer.length >= 8 && this.buffer.length >= 8 + this.buffer.readUInt32BE(4)) {
        const end = 8 + this.buffer.readUInt32BE(4);
        this.received.push({ type: this.buffer[1]!, value: this.buffer.readUInt16BE(2), payload: this.buffer.subarray(8, end) });
        this.buffer = this.buffer.subarray(end);
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => (this.closed = true));
  }

  static async open(port: number): Promise<Messages> {
    const socket = connect(port, "127.0.0.1");
    await within("a connection", 10_000, new Promise<void>((done, fail) => socket.once("connect", done).once("error", fail)));
    return new Messages(socket);
  }
}

export class RpcapClient {
  private data: Messages | undefined;

  private constructor(private control: Messages) {}

  static async open(port: number): Promise<RpcapClient> {
    return new RpcapClient(await Messages.open(port));
  }

  get closed(): boolean {
    return this.control.closed;
  }

  async next(): Promise<RpcapMessage> {
    await until("an answer", () => this.control.received.length > 0 || this.control.closed, 15_000, 5);
    const message = this.control.received.shift();
    if (message === undefined) throw new Error("closed");
    return message;
  }

  async ask(type: number, payload: Buffer = Buffer.alloc(0), version = 0): Promise<RpcapMessage> {
    const head = Buffer.alloc(8);
    head[0] = version;
    head[1] = type;
    head.writeUInt32BE(payload.length, 4);
    this.control.socket.write(Buffer.concat([head, payload]));
    return this.next();
  }

  log_in(user?: string, password = ""): Promise<RpcapMessage> {
    const head = Buffer.alloc(8);
    head.writeUInt16BE(user === undefined ? 0 : 1, 0);
    head.writeUInt16BE(user?.length ?? 0, 4);
    head.writeUInt16BE(password.length, 6);
    return this.ask(kAuth, Buffer.concat([head, Buffer.from(`${user ?? ""}${password}`)]));
  }

  async interfaces(): Promise<string[]> {
    const { value, payload } = await this.ask(kFindInterfaces);
    const names: string[] = [];
    for (let at = 0, i = 0; i < value; i++) {
      const [name, text, addresses] = [payload.readUInt16BE(at), payload.readUInt16BE(at + 2), payload.readUInt16BE(at + 8)];
      names.push(payload.toString("latin1", at + 12, at + 12 + name));
      at += 12 + name + text + addresses * 4 * 128;
    }
    return names;
  }

  static filter(instructions: Instruction[]): Buffer {
    const bytes = Buffer.alloc(8 + instructions.length * 8);
    bytes.writeUInt16BE(1, 0);
    bytes.writeUInt32BE(instructions.length, 4);
    instructions.forEach(([code, jt, jf, k], i) => {
      bytes.writeUInt16BE(code, 8 + i * 8);
      bytes[10 + i * 8] = jt;
      bytes[11 + i * 8] = jf;
      bytes.writeUInt32BE(k, 12 + i * 8);
    });
    return bytes;
  }

  /** Starts a capture and connects for its packets. */
  async start(snap_bytes: number, instructions: Instruction[], flags = 0): Promise<RpcapMessage> {
    const head = Buffer.alloc(12);
    head.writeUInt32BE(snap_bytes, 0);
    head.writeUInt16BE(flags, 8);
    const answer = await this.ask(kStart, Buffer.concat([head, RpcapClient.filter(instructions)]));
    if (answer.type === (kStart | 0x80)) this.data = await Messages.open(answer.payload.readUInt16BE(4));
    return answer;
  }

  packets(): CapturedPacket[] {
    return (this.data?.received ?? []).map(({ payload }) => ({
      seconds: payload.readUInt32BE(0),
      wire_bytes: payload.readUInt32BE(12),
      number: payload.readUInt32BE(16),
      bytes: payload.subarray(20),
    }));
  }

  close(): void {
    this.data?.socket.destroy();
    this.control.socket.destroy();
  }
}
