// A manager made of plausible, moving data: for working on the pages and for their tests, without a platform.
// `node build.mjs && node dev/fake_manager.mjs [port]`; password "pwd". Nothing of it is shipped.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { bodyOf, startServer } from "./fake_server.mjs";
import { certificate, makeWorld, settings } from "./fake_world.mjs";

const failure = (text, code) => Object.assign(new Error(text), { code });

/** Starts it; `port` 0 takes a free one. `stepMs`: how long one step of a job takes. `isFresh`: nothing is installed yet. */
export async function startFakeManager({
  port = 0,
  password = "pwd",
  stepMs = 600,
  lively = true,
  isFresh = false,
} = {}) {
  const world = makeWorld({ stepMs, isFresh });
  const keys = new Map();

  async function http(request, response, url) {
    if (url.pathname === "/manager/download") {
      const offered = world.downloads.get(url.searchParams.get("key"));
      world.downloads.delete(url.searchParams.get("key"));
      response.setHeader("Content-Disposition", `attachment; filename="${offered?.name}"`);
      response.writeHead(offered ? 200 : 403).end(offered?.content);
      return true;
    }
    if (!/^\/manager\/(backup|restore)$/.test(url.pathname)) return false;
    if (![...keys.values()].includes(url.searchParams.get("key"))) {
      response.writeHead(403).end('{"error":"The key is wrong or its session has ended."}');
      return true;
    }
    const { appName = "team", appDomain = "example.com" } = Object.fromEntries(url.searchParams);
    if (url.pathname.endsWith("backup")) {
      response.writeHead(200, {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename="backup-${appDomain}_${appName}.dump"`,
      });
      response.end(Buffer.concat([Buffer.from("PGDMP"), randomBytes(2000)]));
      return true;
    }
    const body = await bodyOf(request);
    response.setHeader("Content-Type", "application/json");
    if (body.subarray(0, 5).toString() !== "PGDMP") {
      response.writeHead(400);
      response.end(JSON.stringify({ error: "This file is not a backup: it does not begin like a PostgreSQL dump." }));
      return true;
    }
    response.end(JSON.stringify({ job: world.restore(appName, appDomain) }));
    return true;
  }

  function onMessage(session, message, answer) {
    switch (message.mt) {
      case "Subscribe":
        session.subscribed = message.src;
        return answer(world.snapshot());
      case "GetStatus":
        return answer({ status: world.snapshot().status });
      case "RequestHttpKey":
        keys.set(session, randomBytes(8).toString("hex"));
        return answer({ key: keys.get(session) });
      case "GetSettings":
        return answer({ settings: settings() });
      case "SetSetting":
        if (!settings(message.name, message.value)) throw failure("No such setting.", "not_found");
        world.onChange({ mt: "StatusChanged", status: world.status() });
        return answer();
      case "GetCertificate":
      case "ResetCertificate":
        return answer({ chain: certificate() });
      case "SetCertificate":
        if (!message.pem.includes("BEGIN CERTIFICATE"))
          throw failure(
            "This is not a certificate in PEM form: no BEGIN CERTIFICATE line. Paste the chain, the own certificate first, and its key.",
            "malformed",
          );
        return answer({ chain: certificate() });
      case "SetAdminPassword":
        server.state.password = session.reveal(message.password);
        return answer();
      case "SetInstancePassword":
      case "SetDatabasePassword":
        return answer(message.password ? {} : { password: session.hide(world.makePassword()) });
      case "CreateInstance": {
        const password = session.reveal(message.password) || world.makePassword();
        return answer({
          ...world.create({ ...message, password }),
          password: session.hide(password),
          databasePassword: session.hide(world.makePassword()),
        });
      }
      case "GetLog": {
        answer({ lines: world.logLines(message.service, message.lines ?? 200), truncated: true });
        if (!message.follow) return;
        const { src, service } = message;
        const timer = setInterval(
          () => session.send({ mt: "LogLines", src, service, lines: world.logLines(service, 2) }),
          900,
        );
        session.logs ??= new Map();
        session.logs.set(src, timer);
        return;
      }
      case "StopLog":
        clearInterval(session.logs?.get(message.follow));
        return answer();
      case "AppInfo":
        return answer({ app: message.app, info: {}, serviceInfo: {} });
      default:
        return answer(world.handle(message));
    }
  }

  const server = await startServer({
    port,
    path: "/manager",
    page: "manager",
    password,
    http,
    onMessage,
    onClose: (session) => {
      keys.delete(session);
      for (const timer of session.logs?.values() ?? []) clearInterval(timer);
    },
  });
  world.onChange = (message) => {
    for (const session of server.sessions)
      if (session.subscribed) session.send({ ...message, src: session.subscribed });
  };
  const life = lively ? setInterval(() => world.live(), 1500) : undefined;
  return {
    ...server,
    world,
    url: `http://127.0.0.1:${server.port}/manager/manager.htm`,
    set: (name, value) => {
      settings(name, value);
      world.onChange({ mt: "StatusChanged", status: world.status() });
    },
    close: () => {
      clearInterval(life);
      world.stop();
      return server.close();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFakeManager({ port: Number(process.argv[2] ?? 8765) });
  console.log(`${fake.url}  password: pwd`);
}
