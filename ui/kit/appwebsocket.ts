// Client of the AppWebsocket protocol: connect, log in, ask, listen, come back after a loss.
//
// Life: `connect()` → connecting → loggingIn → open → (loss) waiting → connecting …; `close()` ends it.
// A request that was not answered when the connection went rejects with `ConnectionLost`: only
// the caller knows whether it may be sent again.
import { signal } from "@preact/signals";
import { decrypt, encrypt, kNoGuid, type LoginNames, loginDigest, randomHex, sessionKey } from "./login";

export type Message = { mt: string; src?: string; [member: string]: unknown };

export class RequestFailed extends Error {
  constructor(
    text: string,
    readonly code: string,
  ) {
    super(text);
  }
}
export class ConnectionLost extends Error {}

export type LinkState =
  | { name: "idle" }
  | { name: "connecting"; attempt: number }
  | { name: "loggingIn" }
  | { name: "open" }
  | { name: "waiting"; until: number; attempt: number }
  | { name: "refused"; error: string };

/** What the login is made of: a password of ours, or what a portal around the page answers. */
export type Credentials =
  | { kind: "password"; app: string; dn: string; domain?: string; password: string }
  | { kind: "parent"; app: string };

interface Pending {
  resolve(answer: Message): void;
  reject(error: Error): void;
  onMore?: (part: Message) => void;
}

/** Delay before reconnect number `attempt` (from 0): 0.5 s, doubled up to 32 s, ±20 % so that a
 * thousand pages do not come back at the same moment. */
export function reconnectDelay(attempt: number, random = Math.random()): number {
  return Math.min(500 * 2 ** attempt, 32_000) * (0.8 + 0.4 * random);
}

/** The socket of a page: the page's folder with ws instead of http. */
export function socketUrl(page: string): string {
  return page
    .replace(/[?#].*$/, "")
    .replace(/[^/]*$/, "")
    .replace(/\/$/, "")
    .replace(/^http/, "ws");
}

/** The folder of a page without the build in it: the same before and after an update. A build has six or more hex
 * digits, so that an instance called "cafe" keeps its name. */
export function instancePath(page: string): string {
  const folders = new URL(page).pathname.split("/").slice(0, -1);
  if (/^[0-9a-f]{6,}$/i.test(folders.at(-1) ?? "")) folders.pop();
  return folders.join("/");
}

const kKeepAliveMs = 30_000;
const kLoginTimeoutMs = 60_000;

export class AppWebsocket {
  readonly state = signal<LinkState>({ name: "idle" });
  /** Told once after each login; subscribe anew here. */
  onOpen: () => void = () => {};
  /** Messages nobody waits for (unknown `src`). */
  onMessage: (message: Message) => void = () => {};
  /** The page is about to be loaded anew, as its build is not the running one: the last chance to keep something. */
  onReload: () => void = () => {};
  /** The domain of the instance, as the service told it with the login. */
  instanceDomain = "";
  /** Another object for each login: what belongs to one session can be kept with it. */
  session: object = {};

  private socket: WebSocket | undefined;
  private credentials: Credentials | undefined;
  private key = "";
  private attempt = 0;
  private nextSrc = 1;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private keepAlive: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private readonly pending = new Map<string, Pending>();
  private readonly streams = new Map<string, (message: Message) => void>();

  constructor(private readonly page: string) {}

  connect(credentials: Credentials): void {
    this.credentials = credentials;
    this.attempt = 0;
    this.open();
  }

  /** Goes back online at once instead of waiting for the next attempt. */
  retryNow(): void {
    if (this.state.value.name === "waiting") this.open();
  }

  close(): void {
    this.credentials = undefined;
    this.drop(new ConnectionLost("signed out"));
    this.state.value = { name: "idle" };
  }

  /** Sends a request and waits for its answer. `onMore` gets each answer that says a further one
   * follows by itself. Rejects with `RequestFailed` (`error` in the answer) or `ConnectionLost`. */
  request<Answer = Message>(
    mt: string,
    members: Record<string, unknown> = {},
    onMore?: (part: Answer) => void,
  ): Promise<Answer> {
    const src = `r${this.nextSrc++}`;
    return new Promise((resolve, reject) => {
      if (this.state.value.name !== "open") {
        reject(new ConnectionLost("not connected"));
        return;
      }
      this.pending.set(src, {
        resolve: resolve as (answer: Message) => void,
        reject,
        ...(onMore ? { onMore: onMore as (part: Message) => void } : {}),
      });
      this.send({ mt, src, ...members });
    });
  }

  /** As `request`, and everything that arrives later with the same `src` goes to `listen` until the
   * returned `src` is given to `forget` or the connection is lost. */
  async subscribe<Answer = Message>(
    mt: string,
    members: Record<string, unknown>,
    listen: (message: Message) => void,
  ): Promise<{ src: string; answer: Answer }> {
    const src = `s${this.nextSrc++}`;
    if (this.state.value.name !== "open") throw new ConnectionLost("not connected");
    this.streams.set(src, listen);
    const answer = await new Promise<Message>((resolve, reject) => {
      this.pending.set(src, { resolve, reject });
      this.send({ mt, src, ...members });
    });
    return { src, answer: answer as Answer };
  }

  forget(src: string): void {
    this.streams.delete(src);
  }

  /** `secret` as messages carry it: hidden with the session key. */
  hide(secret: string): { value: string; key: string } {
    const seed = randomHex(8);
    return { value: encrypt(this.key, seed, secret), key: seed };
  }

  /** The secret of a message member: hidden or plain. */
  reveal(member: unknown): string {
    if (typeof member === "string") return member;
    const hidden = member as { value?: string; key?: string } | undefined;
    return hidden?.value && hidden.key ? decrypt(this.key, hidden.key, hidden.value) : "";
  }

  private open(): void {
    clearTimeout(this.timer);
    this.state.value = { name: "connecting", attempt: this.attempt };
    const socket = new WebSocket(socketUrl(this.page));
    this.socket = socket;
    socket.onopen = () => {
      this.state.value = { name: "loggingIn" };
      this.send({ mt: "CheckBuild", url: this.page.replace(/[?#].*$/, "") });
      this.send({ mt: "AppChallenge" });
      this.timer = setTimeout(() => socket.close(), kLoginTimeoutMs);
    };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      this.heardAt = Date.now();
      this.receive(JSON.parse(String(event.data)) as Message);
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  private send(message: object): void {
    this.socket?.send(JSON.stringify(message));
  }

  private receive(message: Message): void {
    switch (message.mt) {
      case "CheckBuildResult":
        this.reloadFrom(message["url"]);
        return;
      case "AppChallengeResult":
        void this.login(String(message["challenge"]));
        return;
      case "AppLoginResult":
        this.loggedIn(message);
        return;
    }
    if (this.state.value.name !== "open") return;
    const src = message.src ?? "";
    const waiting = this.pending.get(src);
    if (waiting) {
      if (message["more"] === true) {
        waiting.onMore?.(message);
        return;
      }
      this.pending.delete(src);
      if (message["error"] !== undefined) {
        this.streams.delete(src);
        waiting.reject(new RequestFailed(String(message["error"]), String(message["errorCode"] ?? "failed")));
      } else {
        waiting.resolve(message);
      }
      return;
    }
    const stream = this.streams.get(src);
    if (stream) stream(message);
    else this.onMessage(message);
  }

  private reloadFrom(url: unknown): void {
    if (typeof url !== "string" || !sameOrigin(url, this.page)) return;
    this.onReload();
    location.replace(url + location.search + location.hash);
  }

  private async login(challenge: string): Promise<void> {
    const credentials = this.credentials;
    if (!credentials) return;
    if (credentials.kind === "password") {
      const names: LoginNames = {
        app: credentials.app,
        domain: credentials.domain ?? "",
        sip: credentials.app,
        guid: kNoGuid,
        dn: credentials.dn,
      };
      this.key = sessionKey(challenge, credentials.password);
      const digest = loginDigest(names, challenge, credentials.password);
      this.send({ mt: "AppLogin", ...names, digest, pbxObj: credentials.app });
      return;
    }
    const login = await askParent(credentials.app, challenge);
    if (login["error"] !== undefined || login["digest"] === undefined) {
      this.refuse(String(login["errorText"] ?? login["error"] ?? ""));
      return;
    }
    this.key = String(login["key"] ?? "");
    const { app, domain, sip, guid, dn, info, digest, pbxObj } = login;
    this.send({ mt: "AppLogin", app, domain, sip, guid, dn, info, digest, pbxObj });
  }

  private loggedIn(result: Message): void {
    clearTimeout(this.timer);
    if (result["ok"] !== true) {
      this.refuse(String(result["error"] ?? ""));
      return;
    }
    this.attempt = 0;
    this.session = {};
    this.instanceDomain = String(result["domain"] ?? "");
    this.state.value = { name: "open" };
    this.heardAt = Date.now();
    this.keepAlive = setInterval(() => this.checkAlive(), kKeepAliveMs);
    this.onOpen();
  }

  /** A connection that swallows everything looks alive to the browser for minutes, so a question that
   * every service answers is asked in silence (`KeepAlive` itself need not be answered). */
  private checkAlive(): void {
    const silentFor = Date.now() - this.heardAt;
    if (silentFor > 3 * kKeepAliveMs) this.lost();
    else if (silentFor > kKeepAliveMs / 2) this.send({ mt: "AppInfo", app: this.credentials?.app, src: "alive" });
  }

  private refuse(error: string): void {
    this.drop(new ConnectionLost("login refused"));
    this.state.value = { name: "refused", error };
  }

  private lost(): void {
    this.drop(new ConnectionLost("connection lost"));
    if (!this.credentials) return;
    const delay = reconnectDelay(this.attempt++);
    this.state.value = { name: "waiting", until: Date.now() + delay, attempt: this.attempt };
    this.timer = setTimeout(() => this.open(), delay);
  }

  private drop(reason: Error): void {
    clearTimeout(this.timer);
    clearInterval(this.keepAlive);
    const socket = this.socket;
    this.socket = undefined;
    socket?.close();
    this.streams.clear();
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const request of waiting) request.reject(reason);
  }
}

function sameOrigin(url: string, page: string): boolean {
  return new URL(url, page).origin === new URL(page).origin;
}

/** Asks the portal around this page for the login data (postMessage `getLogin`). */
function askParent(app: string, challenge: string): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    const src = randomHex(8);
    const listen = (event: MessageEvent) => {
      if (event.source !== window.parent) return;
      let data: Record<string, unknown>;
      try {
        data = typeof event.data === "string" ? JSON.parse(event.data) : event.data;
      } catch {
        return; // other scripts post what they like; only Login is for us
      }
      if (data?.["mt"] !== "Login") return;
      if (data["src"] !== undefined && data["src"] !== src) return;
      if (data["error"] === undefined && data["pbxObj"] !== app) return;
      window.removeEventListener("message", listen);
      resolve(data);
    };
    window.addEventListener("message", listen);
    window.parent.postMessage(JSON.stringify({ mt: "getLogin", app, challenge, src }), "*");
  });
}
