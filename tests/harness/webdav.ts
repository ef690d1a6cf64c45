// A WebDAV server (RFC 4918, as much as backup programs use) that can be told to misbehave.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Faults {
  forgets?: boolean; // says that it stored data, and did not
  flips?: boolean; // stores one bit of them otherwise
  stalls?: boolean; // takes no more of an upload, and never answers
  trickles?: number; // milliseconds between two pieces of an answer
  full?: boolean; // 507
  revoked?: boolean; // 401
}

export class WebdavServer {
  readonly files = new Map<string, Buffer>(); // path → content
  private readonly folders = new Set<string>(["/"]);
  faults: Faults = {};
  port = 0;
  private readonly server = createServer((request, response) => {
    void this.serve(request, response);
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.port}/`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent((request.url ?? "/").split("?")[0] ?? "/");
    const plain = path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
    const answer = (status: number, body: Buffer | string = "", type = "text/plain") => {
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    if (this.faults.revoked) return answer(401);
    switch (request.method) {
      case "MKCOL":
        if (this.folders.has(plain)) return answer(405);
        this.folders.add(plain);
        return answer(201);
      case "PUT": {
        if (this.faults.stalls && plain.includes("/data/")) return void request.pause();
        const pieces: Buffer[] = [];
        for await (const piece of request) pieces.push(piece as Buffer);
        return this.put(plain, Buffer.concat(pieces), answer);
      }
      case "DELETE":
        for (const known of [...this.files.keys()])
          if (known === plain || known.startsWith(`${plain}/`)) this.files.delete(known);
        this.folders.delete(plain);
        return answer(204);
      case "GET":
      case "HEAD": {
        const file = this.files.get(plain);
        return file ? this.give(request, response, file) : answer(404);
      }
      case "PROPFIND":
        return this.list(plain, request.headers.depth !== "0", answer);
      default:
        return answer(405);
    }
  }

  private put(path: string, content: Buffer, answer: (status: number) => void): void {
    const is_data = path.includes("/data/");
    if (this.faults.full && is_data) return answer(507);
    if (this.faults.flips && is_data) content[content.length >> 1]! ^= 1;
    if (!(this.faults.forgets && is_data)) this.files.set(path, content);
    answer(201);
  }

  private async give(request: IncomingMessage, response: ServerResponse, file: Buffer): Promise<void> {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const first = range ? Number(range[1]) : 0;
    const last = range?.[2] ? Math.min(Number(range[2]), file.length - 1) : file.length - 1;
    const body = file.subarray(first, last + 1);
    response.writeHead(range ? 206 : 200, {
      "content-length": body.length,
      ...(range ? { "content-range": `bytes ${first}-${last}/${file.length}` } : {}),
    });
    if (request.method === "HEAD") return void response.end();
    for (let at = 0; this.faults.trickles && at < body.length; at += 16_384) {
      response.write(body.subarray(at, at + 16_384));
      await new Promise((resolve) => setTimeout(resolve, this.faults.trickles));
    }
    response.end(this.faults.trickles ? undefined : body);
  }

  private list(path: string, below: boolean, answer: (status: number, body?: string, type?: string) => void): void {
    const own = this.files.get(path);
    if (!own && !this.folders.has(path)) return answer(404);
    const parent = path === "/" ? "/" : `${path}/`;
    const is_child = (one: string) => one !== "/" && one.startsWith(parent) && !one.slice(parent.length).includes("/");
    const entry = (one: string, size?: number) =>
      `<D:response><D:href>${encodeURI(size === undefined && one !== "/" ? `${one}/` : one)}</D:href><D:propstat><D:prop>` +
      `<D:resourcetype>${size === undefined ? "<D:collection/>" : ""}</D:resourcetype>` +
      (size === undefined ? "" : `<D:getcontentlength>${size}</D:getcontentlength>`) +
      "<D:getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</D:getlastmodified>" +
      "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>";
    const entries = [entry(path, own?.length)];
    if (below && !own) {
      for (const folder of this.folders) if (is_child(folder)) entries.push(entry(folder));
      for (const [file, content] of this.files) if (is_child(file)) entries.push(entry(file, content.length));
    }
    answer(207, `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">${entries.join("")}</D:multistatus>`, "application/xml");
  }
}
