// A manager made of plausible, moving data: for working on the pages and for their tests, without a platform.
// `node build.mjs && node dev/fake_manager.mjs [port]`; password "pwd". Nothing of it is shipped.
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { certificate, makeWorld, settings } from "./fake_world.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const types = {
  ".htm": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const csp = "default-src 'self'";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function rc4(key, data) {
  const s = [...Array(256).keys()];
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + s[i] + key[i % key.length]) & 255;
    [s[i], s[j]] = [s[j], s[i]];
  }
  let i = 0;
  let j = 0;
  return data.map((byte) => {
    i = (i + 1) & 255;
    j = (j + s[i]) & 255;
    [s[i], s[j]] = [s[j], s[i]];
    return byte ^ s[(s[i] + s[j]) & 255];
  });
}

/** Starts it; `port` 0 takes a free one. `stepMs`: how long one step of a job takes. */
export async function startFakeManager({ port = 0, password = "pwd", stepMs = 600, lively = true } = {}) {
  const world = makeWorld({ stepMs });
  const sockets = new Set();
  const keys = new Set();
  let adminPassword = password;
  let wrong = 0;

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    response.setHeader("Content-Security-Policy", csp);
    if (url.pathname === "/") {
      response.writeHead(302, { Location: "/manager/manager.htm" }).end();
      return;
    }
    if (/^\/manager\/(backup|restore)$/.test(url.pathname)) {
      if (!keys.has(url.searchParams.get("key"))) {
        response.writeHead(403).end('{"error":"The key is wrong or its session has ended."}');
        return;
      }
      if (url.pathname.endsWith("backup")) {
        const { appName, appDomain } = Object.fromEntries(url.searchParams);
        response.writeHead(200, {
          "Content-Type": "application/octet-stream",
          "Content-Disposition": `attachment; filename="backup-${appDomain}_${appName}.dump"`,
        });
        response.end(Buffer.concat([Buffer.from("PGDMP"), randomBytes(2000)]));
        return;
      }
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts);
      response.setHeader("Content-Type", "application/json");
      if (body.subarray(0, 5).toString() !== "PGDMP") {
        response.writeHead(400);
        response.end(JSON.stringify({ error: "This file is not a backup: it does not begin like a PostgreSQL dump." }));
        return;
      }
      const { appName = "team", appDomain = "example.com" } = Object.fromEntries(url.searchParams);
      response.end(JSON.stringify({ job: world.restore(appName, appDomain) }));
      return;
    }
    const path = normalize(url.pathname);
    const roots = [join(here, "../dist")];
    for (const root of roots) {
      try {
        const body = await readFile(join(root, path));
        response.writeHead(200, { "Content-Type": types[extname(path)] ?? "application/octet-stream" });
        response.end(body);
        return;
      } catch (error) {
        if (error.code !== "ENOENT" && error.code !== "EISDIR") throw error;
      }
    }
    response.writeHead(404).end("not found");
  });

  const websockets = new WebSocketServer({ server });
  websockets.on("connection", (socket) => {
    const session = { subscribed: undefined, challenge: undefined, key: "", open: false, logs: new Map() };
    sockets.add(socket);
    socket.session = session;
    const send = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
    const hide = (plain) => {
      const seed = randomBytes(4).toString("hex");
      const bytes = rc4(Buffer.from(`${seed}:${session.key}`), Buffer.from(plain));
      return { value: Buffer.from(bytes).toString("hex"), key: seed };
    };
    const reveal = (member) =>
      typeof member === "string"
        ? member
        : member && Buffer.from(rc4(Buffer.from(`${member.key}:${session.key}`), Buffer.from(member.value, "hex"))).toString();

    socket.on("close", () => {
      sockets.delete(socket);
      keys.delete(session.httpKey);
      for (const stop of session.logs.values()) stop();
    });
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      const { mt, src } = message;
      if (mt === "CheckBuild") return send({ mt: "CheckBuildResult" });
      if (mt === "AppChallenge") {
        session.challenge = String(Math.floor(Math.random() * 1e16)).padStart(16, "0");
        return send({ mt: "AppChallengeResult", challenge: session.challenge });
      }
      if (mt === "AppLogin") {
        const { app, domain, sip, guid, dn, digest } = message;
        const right = sha256([app, domain, sip, guid, dn, session.challenge, adminPassword].join(":"));
        if (right === digest) {
          wrong = 0;
          session.key = sha256(`innovaphoneAppSessionKey:${session.challenge}:${adminPassword}`);
          session.open = true;
          return send({ mt: "AppLoginResult", app, domain: "", ok: true });
        }
        setTimeout(() => {
          send({ mt: "AppLoginResult", ok: false, error: "wrong password" });
          setTimeout(() => socket.close(1008), 100);
        }, Math.min(100 * 2 ** wrong++, 10_000));
        return;
      }
      if (!session.open) return;
      const answer = (members = {}) => send({ mt: `${mt}Result`, src, ...members });
      const fail = (error, errorCode = "failed") => answer({ error, errorCode });
      try {
        handle(message, answer, fail);
      } catch (error) {
        fail(error.message, error.code);
      }
    });

    function handle(message, answer, fail) {
      const { mt } = message;
      switch (mt) {
        case "Subscribe":
          session.subscribed = message.src;
          return answer(world.snapshot());
        case "GetStatus":
          return answer({ status: world.snapshot().status });
        case "RequestHttpKey":
          session.httpKey = randomBytes(8).toString("hex");
          keys.add(session.httpKey);
          return answer({ key: session.httpKey });
        case "GetSettings":
          return answer({ settings: settings() });
        case "SetSetting":
          return settings(message.name, message.value) ? answer() : fail("No such setting.", "not_found");
        case "GetCertificate":
          return answer({ chain: certificate() });
        case "SetCertificate":
          return message.pem.includes("BEGIN CERTIFICATE")
            ? answer({ chain: certificate() })
            : fail("This is not a certificate in PEM form: no BEGIN CERTIFICATE line. Paste the chain, the own certificate first, and its key.", "malformed");
        case "ResetCertificate":
          return answer({ chain: certificate() });
        case "SetAdminPassword":
          adminPassword = reveal(message.password);
          return answer();
        case "SetInstancePassword":
        case "SetDatabasePassword":
          return answer(message.password ? {} : { password: hide(world.makePassword()) });
        case "CreateInstance": {
          const made = world.create({ ...message, password: reveal(message.password) });
          return answer({
            ...made,
            password: hide(reveal(message.password) || world.makePassword()),
            databasePassword: hide(world.makePassword()),
          });
        }
        case "GetLog": {
          answer({ lines: world.logLines(message.service, message.lines ?? 200), truncated: true });
          if (message.follow) {
            const timer = setInterval(
              () => send({ mt: "LogLines", src: message.src, service: message.service, lines: world.logLines(message.service, 1 + Math.floor(Math.random() * 3)) }),
              900,
            );
            session.logs.set(message.src, () => clearInterval(timer));
          }
          return;
        }
        case "StopLog":
          session.logs.get(message.follow)?.();
          return answer();
        case "AppInfo":
          return answer({ app: message.app, info: {}, serviceInfo: {} });
        default:
          if (mt === "KeepAlive") return;
          return answer(world.handle(message));
      }
    }
  });

  world.onChange = (message) => {
    for (const socket of sockets)
      if (socket.session.subscribed && socket.readyState === 1)
        socket.send(JSON.stringify({ ...message, src: socket.session.subscribed }));
  };
  const life = lively ? setInterval(() => world.live(), 1500) : undefined;

  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: server.address().port,
    world,
    /** Drops every connection, as a restart of the manager would. */
    dropAll: () => {
      for (const socket of sockets) socket.terminate();
    },
    /** While true new connections are refused. */
    set offline(value) {
      websockets.options.verifyClient = value ? () => false : undefined;
    },
    close: async () => {
      clearInterval(life);
      world.stop();
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections?.();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFakeManager({ port: Number(process.argv[2] ?? 8765) });
  console.log(`http://127.0.0.1:${fake.port}/manager/manager.htm  password: pwd`);
}
