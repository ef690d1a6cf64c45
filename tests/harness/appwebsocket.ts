// A foreign AppWebsocket client: written from the protocol's description alone, sharing no code with the
// platform, so that both sides cannot be wrong in the same way.
import { createHash } from "node:crypto";
import WebSocket from "ws";
import { within } from "./wait";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Message = { mt: string; src?: string; [name: string]: any };

const sha256 = (text: string) => createHash("sha256").update(text, "utf8").digest("hex");

export interface Login {
  app: string;
  domain?: string;
  sip?: string;
  guid?: string;
  dn?: string;
  info?: string;
  pbxObj?: string;
}

export function login_digest(login: Login, challenge: string, password: string): string {
  const { app, domain = "", sip = "", guid = "", dn = "", info } = login;
  return sha256([app, domain, sip, guid, dn, ...(info === undefined ? [] : [info]), challenge, password].join(":"));
}

export const session_key = (challenge: string, password: string) =>
  sha256(`innovaphoneAppSessionKey:${challenge}:${password}`);

/** RC4; encrypts and decrypts. */
export function rc4(key: Buffer, data: Buffer): Buffer {
  const state = Array.from({ length: 256 }, (_, i) => i);
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + state[i]! + key[i % key.length]!) & 255;
    [state[i], state[j]] = [state[j]!, state[i]!];
  }
  const out = Buffer.alloc(data.length);
  for (let n = 0, i = 0, j = 0; n < data.length; n++) {
    i = (i + 1) & 255;
    j = (j + state[i]!) & 255;
    [state[i], state[j]] = [state[j]!, state[i]!];
    out[n] = data[n]! ^ state[(state[i]! + state[j]!) & 255]!;
  }
  return out;
}

export const encrypt = (key: string, seed: string, text: string) =>
  rc4(Buffer.from(`${seed}:${key}`, "ascii"), Buffer.from(text, "utf8")).toString("hex");
export const decrypt = (key: string, seed: string, hex: string) =>
  rc4(Buffer.from(`${seed}:${key}`, "ascii"), Buffer.from(hex, "hex")).toString("utf8");
export const keyed_hash = (key: string, seed: string, text: string) => sha256(`${seed}:${key}:${text}`);

/** The login that the JavaScript library sends for a plain password. */
export const password_login = (app: string, domain = ""): Login => ({
  app,
  domain,
  sip: app,
  guid: "0".repeat(32),
  dn: "Admin",
  pbxObj: app,
});

export class LoginRefused extends Error {
  constructor(
    readonly answer: Message,
    readonly ms: number,
  ) {
    super(`login refused: ${answer.error ?? "no reason given"}`);
  }
}

export class AppWebsocket {
  /** Everything that arrived and nobody has taken yet. */
  readonly unclaimed: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  session_key = "";
  private waiting: { wants: (message: Message) => boolean; resolve: (message: Message) => void }[] = [];
  private listeners: ((message: Message) => void)[] = [];
  private next_src = 0;

  private constructor(readonly socket: WebSocket) {
    socket.on("message", (data, is_binary) => {
      if (is_binary) return;
      this.take(JSON.parse(data.toString()) as Message);
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() })),
    );
  }

  static async open(url: string, options: WebSocket.ClientOptions = {}): Promise<AppWebsocket> {
    const socket = new WebSocket(url, { rejectUnauthorized: false, handshakeTimeout: 20_000, ...options });
    const client = new AppWebsocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  /** Opens and logs in. Throws LoginRefused with the answer and the time it took. */
  static async login(url: string, login: Login, password: string): Promise<AppWebsocket> {
    const client = await AppWebsocket.open(url);
    try {
      await client.login(login, password);
    } catch (error) {
      client.socket.terminate();
      throw error;
    }
    return client;
  }

  async login(login: Login, password: string): Promise<Message> {
    this.send({ mt: "AppChallenge" });
    const { challenge } = await this.next((message) => message.mt === "AppChallengeResult");
    const { info, ...rest } = login;
    const message = { mt: "AppLogin", ...rest, digest: login_digest(login, challenge, password) };
    // `info` is covered by the digest as text, so it must go out exactly as it was hashed.
    const text = JSON.stringify(message);
    const started = Date.now();
    this.socket.send(info === undefined ? text : `${text.slice(0, -1)},"info":${info}}`);
    const answer = await this.next((one) => one.mt === "AppLoginResult", 60_000);
    if (answer.ok !== true) throw new LoginRefused(answer, Date.now() - started);
    this.session_key = session_key(challenge, password);
    return answer;
  }

  send(message: Message): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Sends with a fresh `src` and gives the first answer with it. */
  async request(message: Message, ms = 60_000): Promise<Message> {
    const src = message.src ?? `test-${++this.next_src}`;
    const answer = this.next((one) => one.src === src, ms, `an answer to ${message.mt}`);
    this.send({ ...message, src });
    return answer;
  }

  /** The next message that `wants`, be it here already or still to come. Takes it. */
  next(wants: (message: Message) => boolean, ms = 60_000, what = "a message"): Promise<Message> {
    const index = this.unclaimed.findIndex(wants);
    if (index >= 0) return Promise.resolve(this.unclaimed.splice(index, 1)[0]!);
    const entry: (typeof this.waiting)[number] = { wants, resolve: () => {} };
    const arrived = new Promise<Message>((resolve, reject) => {
      entry.resolve = resolve;
      void this.closed.then(({ code, reason }) => reject(new Error(`closed (${code} ${reason}) before ${what}`)));
    });
    arrived.catch(() => {});
    this.waiting.push(entry);
    return within(what, ms, arrived).finally(() => {
      this.waiting = this.waiting.filter((one) => one !== entry);
    });
  }

  /** Called with each message that arrives, taken or not. */
  on_message(listener: (message: Message) => void): void {
    this.listeners.push(listener);
  }

  close(): void {
    this.socket.close(1000);
  }

  private take(message: Message): void {
    for (const listener of this.listeners) listener(message);
    const index = this.waiting.findIndex((one) => one.wants(message));
    if (index < 0) {
      this.unclaimed.push(message);
      if (this.unclaimed.length > 10_000) this.unclaimed.shift();
    } else {
      this.waiting.splice(index, 1)[0]!.resolve(message);
    }
  }
}
