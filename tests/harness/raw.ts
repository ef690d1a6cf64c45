// A connection on which a test sends exactly the bytes it means, and a reader of HTTP/1.1 responses that takes
// nothing but what RFC 9112 lets a server send: every response that a test reads is checked by reading it.
import { type Socket, connect } from "node:net";
import { connect as tls_connect } from "node:tls";
import { within } from "./wait";

/** How long a test waits for bytes that must come. */
export const kPatience = 40_000;

export interface RawResponse {
  version: string;
  status: number;
  reason: string;
  fields: [string, string][];
  body: Buffer;
  text: string;
  /** The body came in chunks. */
  is_chunked: boolean;
  /** Values of all fields of that name, joined as RFC 9110 section 5.3 says; undefined if there is none. */
  field(name: string): string | undefined;
}

export class RawConnection {
  private buffer: Buffer = Buffer.alloc(0);
  private waiting: (() => void) | undefined;
  private ended = false;
  /** "end": the peer closed its direction; "reset": it broke off. Undefined while it is open. */
  how: "end" | "reset" | undefined;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay(true);
    socket.on("data", (part) => {
      this.buffer = Buffer.concat([this.buffer, part]);
      this.wake();
    });
    socket.on("end", () => this.finish("end"));
    socket.on("error", () => this.finish("reset"));
    socket.on("close", () => this.finish("reset"));
  }

  static async open(port: number, options: { tls?: boolean; from?: string } = {}): Promise<RawConnection> {
    const socket = options.tls
      ? tls_connect({ port, host: "localhost", rejectUnauthorized: false })
      : connect({ port, host: "127.0.0.1", allowHalfOpen: true, ...(options.from ? { localAddress: options.from } : {}) });
    const made = new RawConnection(socket);
    await within(
      "connecting",
      kPatience,
      new Promise<void>((done, fail) => {
        socket.once(options.tls ? "secureConnect" : "connect", () => done());
        socket.once("error", fail);
      }),
    );
    return made;
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
  }
  private finish(how: "end" | "reset"): void {
    this.how ??= how;
    this.ended = true;
    this.wake();
  }

  send(bytes: string | Buffer): void {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }
  /** One write after the other has gone out, so that the peer reads parts. */
  async send_in_parts(bytes: string | Buffer, size: number): Promise<void> {
    const all = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    for (let at = 0; at < all.length && !this.socket.destroyed; at += size)
      await new Promise<void>((done) => this.socket.write(all.subarray(at, at + size), () => setImmediate(done)));
  }
  /** Closes our direction only. */
  end(): void {
    this.socket.end();
  }
  close(): void {
    this.socket.destroy();
  }
  reset(): void {
    this.socket.resetAndDestroy();
  }
  /** Stops reading: what comes stays in the kernel. */
  pause(): void {
    this.socket.pause();
  }
  resume(): void {
    this.socket.resume();
  }

  private async more(what: string, ms: number): Promise<void> {
    if (this.ended) throw new Error(`the connection ended (${this.how}) while waiting for ${what}; had ${this.excerpt()}`);
    await within(
      what,
      ms,
      new Promise<void>((done) => {
        this.waiting = done;
      }),
    ).catch((error: Error) => {
      throw new Error(`${error.message}; had ${this.excerpt()}`);
    });
  }
  private excerpt(): string {
    return JSON.stringify(this.buffer.subarray(0, 300).toString("latin1"));
  }

  async read(size: number, what = `${size} bytes`, ms = kPatience): Promise<Buffer> {
    while (this.buffer.length < size) await this.more(what, ms);
    const taken = this.buffer.subarray(0, size);
    this.buffer = this.buffer.subarray(size);
    return taken;
  }
  async read_line(what = "a line"): Promise<string> {
    let at: number;
    while ((at = this.buffer.indexOf("\n")) < 0) await this.more(what, kPatience);
    const line = (await this.read(at + 1)).toString("latin1");
    if (!line.endsWith("\r\n")) throw new Error(`${what} ends in a bare LF: ${JSON.stringify(line)}`);
    return line.slice(0, -2);
  }
  /** What still comes up to the end of the connection. */
  async rest(ms = kPatience): Promise<Buffer> {
    while (!this.ended) await this.more("the end of the connection", ms);
    return this.read(this.buffer.length);
  }
  /** The peer closes and nothing more comes. */
  async at_end(ms = kPatience): Promise<void> {
    const rest = await this.rest(ms);
    if (rest.length > 0) throw new Error(`more came before the end: ${JSON.stringify(rest.subarray(0, 300).toString("latin1"))}`);
  }
  get pending(): number {
    return this.buffer.length;
  }
  get is_open(): boolean {
    return !this.ended;
  }

  async response(method = "GET"): Promise<RawResponse> {
    const status_line = await this.read_line("a status line");
    const parts = /^(HTTP\/1\.[01]) ([1-9]\d\d) ([\t\x20-\x7e\x80-\xff]*)$/.exec(status_line);
    if (!parts) throw new Error(`no status line: ${JSON.stringify(status_line)}`);
    const fields: [string, string][] = [];
    for (;;) {
      const line = await this.read_line("a field line");
      if (line === "") break;
      const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(line);
      if (!field) throw new Error(`no field line: ${JSON.stringify(line)}`);
      fields.push([field[1]!.toLowerCase(), field[2]!]);
    }
    const field = (name: string) => {
      const values = fields.filter(([key]) => key === name.toLowerCase()).map(([, value]) => value);
      return values.length ? values.join(", ") : undefined;
    };
    const status = Number(parts[2]);
    const length = field("content-length");
    const coding = field("transfer-encoding");
    let body: Buffer = Buffer.alloc(0);
    const has_no_body = method === "HEAD" || status < 200 || status === 204 || status === 304;
    if (length !== undefined && coding !== undefined) throw new Error("Content-Length beside Transfer-Encoding");
    if (length !== undefined && !/^\d+$/.test(length)) throw new Error(`Content-Length: ${length}`);
    // RFC 9110 section 8.6, RFC 9112 section 6.1: neither belongs to 1xx and 204.
    if ((status < 200 || status === 204) && (length ?? coding) !== undefined) throw new Error(`${status} with a length or coding`);
    if (status >= 200 && status < 500 && field("date") === undefined) throw new Error(`${status} without Date`); // RFC 9110 section 6.6.1
    if (!has_no_body) {
      if (coding !== undefined) {
        if (coding.toLowerCase() !== "chunked") throw new Error(`Transfer-Encoding: ${coding}`);
        const chunks: Buffer[] = [];
        for (;;) {
          const size = await this.read_line("a chunk size");
          if (!/^[0-9a-fA-F]{1,8}$/.test(size)) throw new Error(`no chunk size: ${JSON.stringify(size)}`);
          if (/^0+$/.test(size)) break;
          chunks.push(await this.read(parseInt(size, 16)));
          if ((await this.read_line("the end of a chunk")) !== "") throw new Error("a chunk is longer than its size");
        }
        if ((await this.read_line("the end of the body")) !== "") throw new Error("trailer that nobody asked for");
        body = Buffer.concat(chunks);
      } else if (length !== undefined) {
        body = await this.read(Number(length), `a body of ${length} bytes`);
      } else {
        body = await this.rest();
      }
    }
    return {
      ...{ version: parts[1]!, status, reason: parts[3]!, fields, body, text: body.toString("utf8"), field },
      is_chunked: coding !== undefined,
    };
  }
}
