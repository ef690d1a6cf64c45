// The platform behind the fake manager: services, instances, jobs and a store that change by themselves.
import { createHash, randomBytes } from "node:crypto";
import { makeBackups } from "./fake_backups.mjs";
import { makeCrashes } from "./fake_crashes.mjs";
import { makeDatabases } from "./fake_databases.mjs";
import { makeMonitor } from "./fake_monitor.mjs";

const iso = (secondsAgo = 0) => new Date(Date.now() - secondsAgo * 1000).toISOString();
const failure = (text, code) => Object.assign(new Error(text), { code });

const values = [
  {
    name: "dns",
    value: "ap1.example.com",
    type: "text",
    default: "",
    text: "Name under which people reach this platform",
  },
  {
    name: "storeUrl",
    value: "https://store.example.org/download/apps.json",
    type: "text",
    default: "",
    text: "Where apps come from: address of apps.json or of its folder",
  },
  { name: "developerMode", value: "false", type: "boolean", default: "false", text: "Accept unsigned packages" },
  {
    name: "binDays",
    value: "7",
    type: "integer",
    default: "7",
    min: 1,
    max: 90,
    text: "Days a deleted instance can be brought back",
  },
  {
    name: "restoreUndoDays",
    value: "7",
    type: "integer",
    default: "7",
    min: 0,
    max: 365,
    text: "Days for which the data that a restore replaced can be brought back",
  },
  {
    name: "timeMachine",
    value: "auto",
    type: "choice",
    choices: ["auto", "on", "off"],
    default: "auto",
    text: "Record what happens, so that an instance can be brought back to any second",
  },
  {
    name: "acceptedChecks",
    value: "",
    type: "text",
    default: "",
    text: "Findings of the overview that you know and accept: their ids, separated by spaces",
  },
  {
    name: "logLevel",
    value: "info",
    type: "choice",
    choices: ["error", "warning", "info", "debug"],
    default: "info",
    text: "How much the platform's own processes write",
  },
  { name: "httpRedirect", value: "true", type: "boolean", default: "false", text: "Send http requests to https" },
  {
    name: "backupKey",
    value: "",
    type: "password",
    secret: true,
    default: "",
    text: "Key that seals backups; a backup can only be restored with it",
  },
];
for (const [name, text] of [
  ["headBytes", "bytes of a request head (431)"],
  ["bodyBytes", "bytes of a request body (413)"],
  ["connections", "connections of all clients (503)"],
])
  values.push({
    name: `webserver.${name}`,
    value: "0",
    type: "integer",
    default: "0",
    min: 0,
    max: 1099511627776,
    text: `Webserver limit: ${text}; 0: its default`,
  });
for (const setting of values)
  Object.assign(setting, { choices: setting.choices ?? [], secret: setting.secret ?? false });
export function settings(name, value) {
  if (name === undefined) return values;
  const found = values.find((setting) => setting.name === name);
  if (found) found.value = value;
  return Boolean(found);
}

/** As suggest_database_name() of the manager. */
const shortened = (whole) =>
  Buffer.byteLength(whole) <= 63
    ? whole
    : `${whole.slice(0, 54)}_${createHash("sha256").update(whole).digest("hex").slice(0, 8)}`;

/** As manager/platform/checks.cc tells them. */
const findings = [
  {
    id: "backup",
    text: "2 instances have no backup of the last 7 days: files@example.com, team@acme.org.",
    why: "Whatever happens to the disk happens to what people wrote since the last backup.",
    fix: "Make one now, and let a timer do it every night.",
    command: "berth instance backup files@example.com -o files.dump",
    values: ["2", "7", "files@example.com, team@acme.org", "files@example.com"],
  },
  {
    id: "certificate-self-signed",
    text: "The certificate is self-signed.",
    why: "Browsers warn everybody who comes, and people learn to click warnings away.",
    fix: "Set a certificate of an authority that your clients know.",
    command: "berth cert set chain.pem",
    values: [],
  },
  {
    id: "sandbox",
    text: "4 apps lack sandbox layers; Notes has 8 of 9.",
    why: "Each one that is missing is a wall less between an app with a flaw and the rest of this machine. Missing: Landlock.",
    fix: "Install only apps whose maker you trust.",
    command: "berth service show notes",
    values: ["4", "Notes", "8", "9", "Landlock", "notes"],
  },
];
const checks = () => {
  const accepted = values.find((one) => one.name === "acceptedChecks").value.split(" ");
  return findings.map((one) => ({ severity: "warning", ...one, accepted: accepted.includes(one.id) }));
};

export const certificate = () => [
  {
    subject: "CN=ap1.example.com",
    issuer: "CN=ap1.example.com",
    notAfter: new Date(Date.now() + 48 * 86_400_000).toISOString(),
    fingerprint: "3F:A1:77:0C:9B:5E:42:D8:61:0E:9F:C3:27:B4:A8:15:D0:6C:33:F2:98:71:E5:4A:BC:06:1D:8E:F7:52:90:AB",
    names: ["ap1.example.com", "localhost"],
  },
];

const layers = [
  ["own uid", "on", ""],
  ["no new privileges", "on", ""],
  ["no capabilities", "on", ""],
  ["private mounts", "on", ""],
  ["private /tmp", "on", ""],
  ["PID and IPC namespaces", "on", ""],
  ["system call filter", "on", ""],
  ["Landlock", "unavailable", "the kernel was built without it"],
  ["no network", "on", ""],
].map(([layer, state, why]) => ({ layer, state, why }));

const store = [
  [
    "notes",
    "Notes",
    "Shared notes boards for a team: cards with text, colours and files, live for everybody who looks.",
    "Berth",
    ["collaboration"],
    2.1e6,
  ],
  [
    "files",
    "Files",
    "A WebDAV file store with shares, versions and links for people outside.",
    "Berth",
    ["files", "collaboration"],
    4.8e6,
  ],
  [
    "events",
    "Events",
    "Collects alarms and events of devices, sends mail, keeps a history.",
    "Berth",
    ["administration"],
    3.2e6,
  ],
  [
    "devices",
    "Devices",
    "Brings up phones and gateways, keeps their configuration and firmware.",
    "Berth",
    ["administration"],
    5.9e6,
  ],
  ["echo", "Echo", "Answers what it gets. For tests and measurements.", "Berth", ["developer"], 0.9e6],
  [
    "acme-visitors",
    "Visitors",
    "Who is in the house: sign in at the door, badge, list for the fire marshal.",
    "Acme",
    ["collaboration"],
    7.4e6,
  ],
  ["portal", "Portal", "One page with all apps a user may open.", "Berth", ["administration"], 1.7e6],
];

export function makeWorld({ stepMs, isFresh = false }) {
  const timers = new Set();
  const services = new Map();
  const instances = new Map();
  const jobs = new Map();
  const logs = new Map();
  const started = Date.now() - 3 * 86_400_000;
  let nextJob = 40;

  const makePassword = () => randomBytes(12).toString("base64").replace(/[+/]/g, "x");
  const service = (id, title, label, build, ago, extra = {}) =>
    services.set(id, {
      id,
      title,
      label,
      build,
      manufacturer: "Berth",
      state: "running",
      pid: 4000 + services.size * 17,
      startedAt: iso(ago),
      restarts: 0,
      memoryBytes: 9e6 + Math.random() * 8e6,
      sessions: 0,
      apps: [{ name: id, title, websocketOnly: false }],
      sandbox: layers,
      processes: [],
      signer: "Berth release key",
      instances: 0,
      ...extra,
    });
  service("notes", "Notes", "1.4", "140212", 260_000);
  service("files", "Files", "14r2.3", "148301", 260_000, { memoryBytes: 44e6 });
  service("events", "Events", "14r2.1", "148120", 90_000, {
    restarts: 2,
    lastExit: "signal 11 (segmentation fault) 25 hours ago, core dump kept",
  });
  service("devices", "Devices", "14r2.1", "148120", 4_000);
  services.get("notes").processes.push({
    name: "notes~5f2a90c1d3b7",
    instance: "sales@example.com",
    state: "running",
    pid: 4242,
    startedAt: iso(3600),
    restarts: 0,
    memoryBytes: 9e6,
    sessions: 12,
  });

  const instance = (serviceId, name, domain, bytes, sessions, extra = {}) =>
    instances.set(`${name}@${domain}`, {
      service: serviceId,
      name,
      domain,
      state: "running",
      detail: "",
      path: `/${domain}/${name}`,
      url: `https://ap1.example.com/${domain}/${name}`,
      app: serviceId,
      database: `${domain}_${name}`,
      databaseUser: `${domain}_${name}`,
      databaseHost: "",
      databaseBytes: bytes,
      sessions,
      createdAt: iso(90 * 86_400),
      backedUpAt: iso(10 * 3600),
      logFlags: 0x8001,
      excludeFromBackup: false,
      isolated: false,
      kept: [],
      ...extra,
    });
  instance("notes", "team", "example.com", 24e6, 38);
  instance("notes", "sales", "example.com", 9e6, 12, { isolated: true });
  instance("notes", "team", "acme.org", 11e6, 9, { backedUpAt: undefined });
  instance("files", "files", "example.com", 1.2e9, 214, { backedUpAt: iso(20 * 86_400) });
  instance("files", "archive", "acme.org", 7e6, 0, {
    state: "stopped",
    excludeFromBackup: true,
    backedUpAt: undefined,
  });
  instance("events", "events", "example.com", 86e6, 12);
  instance("events", "events", "acme.org", 31e6, 0, {
    state: "failed",
    detail:
      "The database acme.org_events does not answer: password authentication failed. Set the database password again.",
  });
  instance("notes", "trial", "umbrella.example", 4e6, 0, {
    state: "deleted",
    deletedAt: iso(26 * 3600),
    purgeAt: iso(-5 * 86_400 - 9000),
  });

  const pastJob = (kind, title, target, state, ago, took, error) =>
    jobs.set(String(nextJob), {
      id: String(nextJob++),
      kind,
      title,
      target,
      state,
      step: state === "failed" ? 2 : 5,
      steps: 5,
      stepText: state === "failed" ? "download" : "done",
      percent: state === "failed" ? 31 : 100,
      startedAt: iso(ago),
      endedAt: iso(ago - took),
      by: "Admin",
      ...(error ? { error } : {}),
    });
  pastJob("create", "Create team@acme.org", "team@acme.org", "done", 90_000, 2);
  pastJob(
    "install",
    "Install Visitors",
    "acme-visitors",
    "failed",
    7_400,
    9,
    "acme-visitors: the hash of the file is not what the store promised. Nothing was installed. Refresh the store and try again.",
  );
  pastJob("delete", "Delete trial@umbrella.example", "trial@umbrella.example", "done", 26 * 3600, 1);
  pastJob("update", "Update to Notes 1.4", "notes", "done", 3_000, 14);

  const say = (message) => world.onChange(message);
  const after = (ms, act) => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  };
  const tell = (value) => say({ mt: "InstanceChanged", instance: value });
  const tellService = (value) => {
    value.instances = [...instances.values()].filter((i) => i.service === value.id && i.state !== "deleted").length;
    value.sessions = [...instances.values()].filter((i) => i.service === value.id).reduce((n, i) => n + i.sessions, 0);
    say({ mt: "ServiceChanged", service: value });
  };

  function runJob(kind, title, target, steps, done) {
    const job = {
      id: String(nextJob++),
      kind,
      title,
      target,
      state: "running",
      step: 1,
      steps: steps.length,
      stepText: steps[0],
      percent: 0,
      startedAt: iso(),
      by: "Admin",
    };
    jobs.set(job.id, job);
    logs.set(job.id, [{ at: iso(), text: `${title}: started by Admin` }]);
    const advance = () => {
      if (job.state !== "running") return;
      job.percent = Math.min(100, job.percent + 100 / (steps.length * 4));
      job.step = Math.min(steps.length, Math.floor(job.percent / (100 / steps.length)) + 1);
      if (job.stepText !== steps[job.step - 1]) logs.get(job.id).push({ at: iso(), text: `${job.stepText}: done` });
      job.stepText = steps[job.step - 1];
      if (job.percent >= 99.9) {
        job.percent = 100;
        job.state = "done";
        job.endedAt = iso();
        logs.get(job.id).push({ at: iso(), text: "done" });
        done();
      } else after(stepMs / 4, advance);
      say({ mt: "JobChanged", job });
    };
    say({ mt: "JobChanged", job });
    after(stepMs / 4, advance);
    return job;
  }

  const find = ({ name, domain, appName, appDomain }) => {
    const key = `${name ?? appName}@${domain ?? appDomain}`;
    const found = instances.get(key);
    if (!found) throw failure(`There is no instance ${key}.`, "not_found");
    return found;
  };
  const findService = (id) => {
    const found = services.get(id);
    if (!found) throw failure(`There is no service ${id}.`, "not_found");
    return found;
  };
  const change = (value, between, then, tellIt) => {
    value.state = between;
    tellIt(value);
    after(stepMs, () => {
      value.state = then;
      if (then === "stopped" && "sessions" in value) value.sessions = 0;
      tellIt(value);
    });
  };
  const problemsOf = (name, domain) => {
    const problems = [];
    if (name && !/^[a-z0-9][a-z0-9._-]*$/i.test(name))
      problems.push({ field: "name", text: "Only letters, digits, dot, dash and underscore." });
    if (instances.has(`${name}@${domain}`))
      problems.push({ field: "name", text: `${name}@${domain} is there already.` });
    return problems;
  };

  const backups = makeBackups({
    instances,
    services,
    runJob,
    tell,
    copyInstance: (from, name, domain) => {
      instance(instances.get(from)?.service ?? "notes", name, domain, 24e6, 0);
      return instances.get(`${name}@${domain}`);
    },
  });
  const databases = makeDatabases({ instances, runJob, tell });
  const shared = { services, instances, disk: undefined };
  const monitor = makeMonitor(shared);
  const downloads = new Map();
  const offer = (name, content) => {
    const key = randomBytes(8).toString("hex");
    downloads.set(key, { name, content });
    return { address: `download?key=${key}`, name, seconds: 120 };
  };
  const crashes = makeCrashes({ instances, tell, offer });
  const world = {
    downloads,
    onChange: () => {},
    disk: shared.disk,
    makePassword,
    snapshot: () => ({
      status: world.status(),
      services: [...services.values()],
      instances: [...instances.values()],
      jobs: [...jobs.values()],
    }),
    status: () => ({
      state: "running",
      version: "0.1.0",
      build: "100001",
      root: "/var/lib/berth-demo",
      uptime: (Date.now() - started) / 1000,
      http: 8080,
      https: 8443,
      url: "https://ap1.example.com:8443/manager",
      fingerprint: certificate()[0].fingerprint,
      dns: "ap1.example.com",
      processes: [
        {
          name: "webserver",
          pid: 812,
          state: "running",
          memoryBytes: 14.2e6 + Math.random() * 1e6,
          startedAt: iso(260_000),
          restarts: 0,
        },
        {
          name: "postgres",
          pid: 815,
          state: "running",
          memoryBytes: 61e6 + Math.random() * 3e6,
          startedAt: iso(260_000),
          restarts: 0,
        },
        {
          name: "manager",
          pid: 801,
          state: "running",
          memoryBytes: 11.1e6 + Math.random() * 1e6,
          startedAt: iso(260_000),
          restarts: 0,
        },
      ],
      services: services.size,
      instances: [...instances.values()].filter((i) => i.state !== "deleted").length,
      disk: { totalBytes: 16e9, freeBytes: 6.2e9 },
      developerMode: false,
      modes: settings()
        .filter((one) => one.name === "developerMode" && one.value === "true")
        .map((one) => ({ setting: one.name, ends: iso(-3_600) })),
      checks: checks(),
    }),
    restore: (name, domain) =>
      runJob(
        "restore",
        `Restore ${name}@${domain}`,
        `${name}@${domain}`,
        ["read", "restore beside the old one", "check", "swap"],
        () => {
          if (!instances.has(`${name}@${domain}`)) instance("notes", name, domain, 24e6, 0);
          tell(instances.get(`${name}@${domain}`));
        },
      ),
    create: ({ service: id, name, domain, path }) => {
      const owner = findService(id);
      const [problem] = problemsOf(name, domain);
      if (problem) throw failure(problem.text, "exists");
      instance(id, name, domain, 7.8e6, 0, { state: "starting", createdAt: iso(), path: path ?? `/${domain}/${name}` });
      const made = instances.get(`${name}@${domain}`);
      tell(made);
      const job = runJob(
        "create",
        `Create ${name}@${domain}`,
        `${name}@${domain}`,
        ["role", "database", "tables", "start"],
        () => {
          made.state = "running";
          tell(made);
          tellService(owner);
        },
      );
      return { job, instance: made };
    },
    logLines: (name, count) => {
      const kinds = [
        ["App", "session 4711 login, user rico, example.com"],
        ["Database", "connected  3 ms"],
        ["App", "note 812 saved  2 ms"],
        ["AppWebsocket", "sent to 38 sessions in one message"],
        ["App", 'WARN board "Q4" has 1,204 notes, listing is cut at 1,000'],
        ["App", "session 4698 left  00:41:09"],
        ["HttpClient", "ERROR https://hooks.example.org: no answer in 5 s, next try in 10 s"],
      ];
      return Array.from({ length: count }, (_, i) => {
        const [flag, text] = kinds[Math.floor(Math.random() * 6.3)];
        const at = new Date(Date.now() - (count - i - 1) * 1700);
        return `${at.toISOString().slice(0, 23).replace("T", " ")} ${flag.padEnd(12)} ${["team@example.com", "sales@example.com", "-"][i % 3].padEnd(18)} ${name}: ${text}`;
      });
    },
    handle: (message) => {
      const answer = backups(message) ?? databases(message) ?? monitor(message) ?? crashes(message);
      if (answer !== undefined) return answer;
      switch (message.mt) {
        case "GetInstances":
          return {
            instances: [...instances.values()].filter((i) => (i.state === "deleted") === Boolean(message.deleted)),
          };
        case "GetInstance":
          return { instance: find(message) };
        case "GetJobs":
          return { jobs: [...jobs.values()] };
        case "GetJob": {
          const job = jobs.get(message.id);
          if (!job) throw failure(`There is no job ${message.id}.`, "not_found");
          return {
            job,
            log: logs.get(job.id) ?? [
              { at: job.startedAt, text: `${job.title}: started by ${job.by}` },
              ...(job.error ? [{ at: job.endedAt, text: job.error }] : []),
            ],
          };
        }
        case "CancelJob": {
          const job = jobs.get(message.id);
          job.state = "cancelled";
          job.endedAt = iso();
          say({ mt: "JobChanged", job });
          return {};
        }
        case "GetStore":
          return {
            url: "https://store.example.org/download/apps.json",
            fetchedAt: iso(message.refresh ? 0 : 900),
            apps: store.map(([id, title, description, manufacturer, categories, size]) => {
              const here = services.get(id);
              return {
                id,
                folder: id,
                title,
                description,
                manufacturer,
                infourl: `https://example.org/${id}`,
                categories,
                langs: ["en", "de"],
                signed: id !== "acme-visitors",
                size,
                wants: id === "files" ? ["connects to other machines", "uses up to 512 MiB of memory"] : [],
                versions: [
                  {
                    id: "14r2",
                    build: id === "files" ? "148402" : (here?.build ?? "148120"),
                    label: id === "files" ? "14r2.4" : (here?.label ?? "1.0"),
                    copy: [],
                  },
                  { id: "14r1", build: "141900", label: "14r1.9", copy: [] },
                ],
                state: {
                  installed: Boolean(here),
                  build: here?.build,
                  updateAvailable: id === "files" && Boolean(here),
                },
              };
            }),
          };
        case "InstallApp": {
          const entry = store.find(([id]) => id === message.id);
          if (!entry) throw failure(`The store has no app ${message.id}.`, "not_found");
          const [id, title, , manufacturer] = entry;
          const update = services.has(id);
          return {
            job: runJob(
              update ? "update" : "install",
              `${update ? "Update" : "Install"} ${title}`,
              id,
              ["download", "verify", "unpack", "keep in database", "start"],
              () => {
                if (update) Object.assign(services.get(id), { build: "148402", label: "14r2.4", startedAt: iso() });
                else service(id, title, "1.0", "148120", 0, { manufacturer });
                tellService(services.get(id));
              },
            ),
          };
        }
        case "StartService":
          change(findService(message.id), "starting", "running", tellService);
          return {};
        case "StopService":
          change(findService(message.id), "stopping", "stopped", tellService);
          return {};
        case "RestartService":
          change(findService(message.id), "stopping", "running", tellService);
          return {};
        case "RemoveService": {
          const gone = findService(message.id);
          if ([...instances.values()].some((i) => i.service === gone.id))
            throw failure("It still has instances. Delete them first.", "conflict");
          return {
            job: runJob("remove", `Remove ${gone.title}`, gone.id, ["stop", "remove"], () => {
              services.delete(gone.id);
              say({ mt: "ServiceRemoved", id: gone.id });
            }),
          };
        }
        case "SuggestInstance": {
          let name = message.name ?? message.service;
          for (let n = 2; message.name === undefined && instances.has(`${name}@${message.domain}`); n++)
            name = `${message.service}${n}`;
          return {
            name,
            path: message.path ? `/${message.path.replace(/^\/|\/$/g, "")}` : `/${message.domain}/${name}`,
            database: message.database ?? shortened(`${message.domain}_${name}`),
            problems: problemsOf(name, message.domain),
          };
        }
        case "StartInstance":
          change(find(message), "starting", "running", tell);
          return {};
        case "StopInstance":
          change(find(message), "stopping", "stopped", tell);
          return {};
        case "RestartInstance":
          change(find(message), "stopping", "running", tell);
          return {};
        case "EditInstance": {
          const edited = find(message);
          const before = `${edited.name}@${edited.domain}`;
          const { newName, newDomain, path, logFlags, excludeFromBackup, isolated } = message;
          Object.assign(
            edited,
            JSON.parse(
              JSON.stringify({ name: newName, domain: newDomain, path, logFlags, excludeFromBackup, isolated }),
            ),
          );
          if (before !== `${edited.name}@${edited.domain}`) {
            instances.delete(before);
            instances.set(`${edited.name}@${edited.domain}`, edited);
            const [name, domain] = before.split("@");
            say({ mt: "InstanceRemoved", name, domain });
          }
          tell(edited);
          return { instance: edited };
        }
        case "DeleteInstance": {
          const gone = find(message);
          const key = `${gone.name}@${gone.domain}`;
          return {
            job: runJob(
              "delete",
              `Delete ${key}`,
              key,
              ["stop", message.now ? "drop database" : "move to the bin"],
              () => {
                if (message.now) {
                  instances.delete(key);
                  say({ mt: "InstanceRemoved", name: gone.name, domain: gone.domain });
                } else {
                  Object.assign(gone, { state: "deleted", sessions: 0, deletedAt: iso(), purgeAt: iso(-7 * 86_400) });
                  tell(gone);
                }
              },
            ),
          };
        }
        case "UndoDelete": {
          const back = find(message);
          return {
            job: runJob(
              "restore",
              `Bring back ${back.name}@${back.domain}`,
              `${back.name}@${back.domain}`,
              ["take out of the bin", "start"],
              () => {
                Object.assign(back, { state: "running", deletedAt: undefined, purgeAt: undefined });
                tell(back);
              },
            ),
          };
        }
        default:
          throw failure(`${message.mt} is unknown.`, "unsupported");
      }
    },
    live: () => {
      for (const value of instances.values()) {
        if (value.state !== "running" || Math.random() < 0.5) continue;
        value.sessions = Math.max(0, value.sessions + Math.round((Math.random() - 0.5) * 5));
        value.databaseBytes += Math.round(Math.random() * 4000);
        tell(value);
      }
      for (const value of services.values()) tellService(value);
      say({ mt: "StatusChanged", status: world.status() });
    },
    stop: () => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
  if (isFresh) for (const things of [services, instances, jobs]) things.clear();
  for (const value of services.values()) tellService(value);
  return world;
}
