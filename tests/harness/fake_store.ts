// A store that misbehaves on demand: serves a folder in the store's format over HTTP, with faults by path.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync, cpSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { Socket } from "node:net";
import { join, relative } from "node:path";
import { temporary_folder } from "./platform";

export type Fault =
  /** Promises all bytes, closes after half of them. */
  | "cut"
  /** Half the bytes, with a head that says this is all. */
  | "short"
  /** One byte is another. */
  | "flipped"
  /** Half the bytes, then nothing, the connection stays open. */
  | "stalled"
  /** Takes the request and never answers. */
  | "silent"
  | "missing"
  | "server_error"
  /** Never ends: bytes without a length, for ever. */
  | "endless";

export class FakeStore {
  readonly folder: string;
  readonly faults: { path: RegExp; fault: Fault }[] = [];
  readonly requests: string[] = [];
  private sockets = new Set<Socket>();
  private server: Server | undefined;
  port = 0;

  /** Starts as a copy of the store in `from` (the demo store of the build). */
  constructor(from: string) {
    this.folder = temporary_folder("berth-store");
    cpSync(from, this.folder, { recursive: true });
  }

  get url(): string {
    return `http://localhost:${this.port}/apps.json`;
  }

  async open(port = this.port): Promise<this> {
    this.server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
      this.requests.push(path);
      const file = join(this.folder, path);
      const fault = this.faults.find((one) => one.path.test(path))?.fault;
      if (fault === "silent") return;
      if (fault === "server_error") {
        response.writeHead(500).end("no");
        return;
      }
      if (fault === "endless") {
        response.writeHead(200);
        const more = () => {
          while (response.write(Buffer.alloc(65_536, "x")));
          response.once("drain", more);
        };
        more();
        return;
      }
      if (fault === "missing" || path.includes("..") || !existsSync(file) || !statSync(file).isFile()) {
        response.writeHead(404).end("not found");
        return;
      }
      if (fault === undefined) {
        response.writeHead(200, { "content-length": statSync(file).size });
        createReadStream(file).pipe(response);
        return;
      }
      const bytes = readFileSync(file);
      const half = bytes.subarray(0, bytes.length >> 1);
      switch (fault) {
        case "short":
          response.writeHead(200, { "content-length": half.length }).end(half);
          break;
        case "flipped":
          bytes[bytes.length >> 1]! ^= 1;
          response.writeHead(200, { "content-length": bytes.length }).end(bytes);
          break;
        case "cut":
          response.writeHead(200, { "content-length": bytes.length });
          response.write(half, () => response.destroy());
          break;
        case "stalled":
          response.writeHead(200, { "content-length": bytes.length });
          response.write(half);
          break;
      }
    });
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    await new Promise<void>((done) => this.server!.listen(port, "127.0.0.1", done));
    const address = this.server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    return this;
  }

  /** Goes offline: connections are refused. `open()` brings it back on the same port. */
  async close(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    if (server) await new Promise((done) => server.close(done));
  }

  break(path: RegExp, fault: Fault): void {
    this.faults.unshift({ path, fault });
  }
  heal(): void {
    this.faults.length = 0;
  }

  get index(): string {
    return join(this.folder, "apps.json");
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  read_index(): any {
    return JSON.parse(readFileSync(this.index, "utf8"));
  }

  /** A key pair of the real minisign tool; gives the public key's one line. */
  make_key(): string {
    const folder = temporary_folder("berth-key");
    execFileSync("minisign", ["-G", "-W", "-f", "-p", join(folder, "key.pub"), "-s", join(folder, "key.sec")], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.secret_key = join(folder, "key.sec");
    this.public_key = readFileSync(join(folder, "key.pub"), "utf8").trim().split("\n").pop()!;
    return this.public_key;
  }
  /** Signs with the key of another store. */
  use_key_of(other: FakeStore): void {
    this.secret_key = other.secret_key;
    this.public_key = other.public_key;
  }
  private secret_key = "";
  public_key = "";

  /** Writes the index and signs it with the key of `make_key`, by the real minisign tool. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  write_index(index: any): void {
    writeFileSync(this.index, JSON.stringify(index, null, 1));
    execFileSync("minisign", ["-S", "-s", this.secret_key, "-m", this.index, "-x", `${this.index}.minisig`], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  /** All files below the folder, relative. */
  files(folder = this.folder): string[] {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? this.files(join(folder, entry.name)) : [relative(this.folder, join(folder, entry.name))],
    );
  }

  write(path: string, bytes: Buffer | string): void {
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), bytes);
  }
}

export const sha256_of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
