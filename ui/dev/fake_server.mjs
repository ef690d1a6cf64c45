// What both fakes share: pages from dist/, the AppWebsocket login, hidden passwords.
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { WebSocketServer } from "ws";

// Tests and dev tools run in ui/.
const dist = join(process.cwd(), "dist");
const types = {
  ".htm": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

export const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function rc4(key, data) {
  const s = [...Array(256).keys()];
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + s[i] + key[i % key.length]) & 255;
    [s[i], s[j]] = [s[j], s[i]];
  }
  let i = 0;
  let j = 0;
  return Buffer.from(
    data.map((byte) => {
      i = (i + 1) & 255;
      j = (j + s[i]) & 255;
      [s[i], s[j]] = [s[j], s[i]];
      return byte ^ s[(s[i] + s[j]) & 255];
    }),
  );
}

/** One connection: `login` has the names of the AppLogin once it worked. */
export class Session {
  constructor(socket) {
    this.socket = socket;
    this.login = undefined;
    this.key = "";
  }
  send(message) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }
  hide(plain) {
    const seed = randomBytes(4).toString("hex");
    return { value: rc4(Buffer.from(`${seed}:${this.key}`), Buffer.from(plain)).toString("hex"), key: seed };
  }
  reveal(member) {
    if (!member || typeof member === "string") return member;
    return rc4(Buffer.from(`${member.key}:${this.key}`), Buffer.from(member.value, "hex")).toString();
  }
}

/**
 * `page`: the folder of dist/ served at `path`. `http(request, response, url)`: true if it answered.
 * `onMessage(session, message)`, `onClose(session)`. `password` may be changed later.
 */
export async function startServer({ port, path, page, password, http, onMessage, onClose }) {
  const state = { password, offline: false, build: "" };
  const sessions = new Set();
  let wrong = 0;
  // With a build, pages lie below it too, and those of another build are sent there.
  const reloadFrom = (url) => {
    if (!state.build || url.includes(`/${state.build}/`)) return {};
    return { url: url.replace(/(\/[0-9a-f]{6,})?\/([^/]*)$/, `/${state.build}/$2`) };
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    // As strict_page_headers() of the SDK.
    response.setHeader(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; media-src 'self'; " +
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors *",
    );
    if (await http(request, response, url)) return;
    const file = normalize(url.pathname)
      .slice(path.length + 1)
      .replace(/^[0-9a-f]{6,}\//, "");
    if (!url.pathname.startsWith(`${path}/`)) {
      response.writeHead(302, { Location: `${path}/${page}.htm` }).end();
      return;
    }
    try {
      const body = await readFile(join(dist, page, file));
      response.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end("not found");
    }
  });

  const websockets = new WebSocketServer({ server, verifyClient: () => !state.offline });
  websockets.on("connection", (socket) => {
    const session = new Session(socket);
    let challenge;
    sessions.add(session);
    socket.on("close", () => {
      sessions.delete(session);
      onClose?.(session);
    });
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (message.mt === "CheckBuild") session.send({ mt: "CheckBuildResult", ...reloadFrom(message.url) });
      else if (message.mt === "AppChallenge") {
        challenge = String(Math.floor(Math.random() * 1e16)).padStart(16, "0");
        session.send({ mt: "AppChallengeResult", challenge });
      } else if (message.mt === "AppLogin") {
        const { app, domain, sip, guid, dn, info, digest } = message;
        const parts = [app, domain, sip, guid, dn, ...(info ? [JSON.stringify(info)] : []), challenge, state.password];
        if (sha256(parts.join(":")) === digest) {
          wrong = 0;
          session.key = sha256(`innovaphoneAppSessionKey:${challenge}:${state.password}`);
          session.login = message;
          session.send({ mt: "AppLoginResult", app, domain: "", ok: true });
          return;
        }
        setTimeout(
          () => {
            session.send({ mt: "AppLoginResult", ok: false, error: "wrong password" });
            setTimeout(() => socket.close(1008), 100);
          },
          Math.min(100 * 2 ** wrong++, 10_000),
        );
      } else if (session.login && message.mt !== "KeepAlive") {
        const answer = (members = {}) => session.send({ mt: `${message.mt}Result`, src: message.src, ...members });
        try {
          onMessage(session, message, answer);
        } catch (error) {
          answer({ error: error.message, errorCode: error.code ?? "failed" });
        }
      }
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    sessions,
    state,
    /** Drops every connection, as a restart would. */
    dropAll: () => {
      for (const { socket } of sessions) socket.terminate();
    },
    close: async () => {
      for (const { socket } of sessions) socket.terminate();
      server.closeAllConnections?.();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}
