// Curves, alarms and the disk behind the fake manager.
const failure = (text, code) => Object.assign(new Error(text), { code });
const iso = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");

const kProcess = { cpu: "percent", memory: "bytes", tasks: "" };
const kUse = { sessions: "", requests: "1/s", messagesIn: "1/s", messagesOut: "1/s", databaseTime: "ms/s" };
const kMetrics = {
  platform: {
    ...{ cpuUser: "percent", cpuSystem: "percent", cpuWait: "percent", load: "", memoryUsed: "bytes" },
    ...{ memoryTotal: "bytes", swapUsed: "bytes", diskUsed: "bytes", diskTotal: "bytes" },
    ...{ diskRead: "bytes/s", diskWritten: "bytes/s", netIn: "bytes/s", netOut: "bytes/s" },
  },
  manager: kProcess,
  webserver: {
    ...kProcess,
    ...{ connections: "", websockets: "", requests: "1/s", bytesIn: "bytes/s", bytesOut: "bytes/s" },
  },
  postgres: {
    ...kProcess,
    ...{ connections: "", active: "", transactions: "1/s", blocksRead: "1/s", blocksHit: "1/s", wal: "bytes/s" },
  },
  service: { ...kProcess, ...kUse },
  instance: { ...kUse, databaseBytes: "bytes", connections: "" },
};
const kSizes = {
  ...{ cpuUser: 18, cpuSystem: 6, cpuWait: 1.5, load: 0.8, memoryUsed: 2.6e9, swapUsed: 4e7, diskUsed: 6.1e10 },
  ...{ diskRead: 4e5, diskWritten: 2.2e6, netIn: 3e5, netOut: 1.4e6, cpu: 7, memory: 9e7, tasks: 4 },
  ...{ connections: 130, websockets: 96, requests: 24, bytesIn: 2e5, bytesOut: 1.1e6, accepted: 1, active: 1.4 },
  ...{ transactions: 85, blocksRead: 30, blocksHit: 4200, wal: 2e5, sessions: 34, messagesIn: 6, messagesOut: 40 },
  ...{ databaseTime: 55, databaseBytes: 2.4e8 },
};

const hash = (text) => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);

/** The same number at the same moment, however often it is asked for: busy by day, quiet by night, with a little noise. */
function valueAt(subject, metric, seconds) {
  if (metric === "memoryTotal") return 4.1e9;
  if (metric === "diskTotal") return 1e11;
  const size = kSizes[metric] ?? 1;
  const own = 0.4 + (hash(subject) % 100) / 70;
  if (metric === "diskUsed" || metric === "databaseBytes") return size * own * (0.9 + (seconds % 4e6) / 4e7);
  const hour = (seconds / 3600) % 24;
  const day = 0.35 + 0.65 * Math.max(0, Math.sin(((hour - 6) / 14) * Math.PI));
  const noise = (hash(`${metric}${Math.floor(seconds / 30)}`) % 100) / 100;
  const steady = ["memory", "memoryUsed", "swapUsed"].includes(metric);
  return size * (subject === "platform" ? 1 : own) * (steady ? 0.9 + day * 0.15 : day * (0.75 + noise * 0.5));
}

const kUsualLimits = {
  ...{ databaseBytes: 0, websockets: 0, requests: 0, messages: 0, databaseConnections: 4, statementSeconds: 60 },
};
const ownLimits = new Map([["team@example.com", { databaseBytes: 500_000_000, messages: 200 }]]);

function limitsOf(domain, name = "") {
  const own = ownLimits.get(`${name}@${domain}`) ?? {};
  return {
    ...{ domain, name, own, effective: { ...kUsualLimits, ...own }, databaseBytes: 463_000_000 },
    databaseState: own.databaseBytes === 500_000_000 ? "near" : "fine",
  };
}

const kUsers = [
  ["example.com", "team", 4100],
  ["example.com", "board", 320],
  ["example.org", "team", 1250],
  ["school.example", "class7", 90],
];

function usageOf({ from, to, byDay, byInstance }) {
  const last = to ?? new Date().toISOString().slice(0, 10);
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(last); at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10));
  const rows = new Map();
  for (const day of days)
    for (const [domain, name, much] of kUsers) {
      const size = much * (0.7 + (hash(day + domain) % 60) / 100);
      const key = [byDay ? day : "", domain, byInstance ? name : ""];
      const row = rows.get(key.join("|")) ?? {
        ...{ day: key[0], domain, name: key[2], service: byInstance ? "notes" : "", cpuSeconds: 0, memoryGibHours: 0 },
        ...{
          databaseBytes: 0,
          requests: 0,
          websocketMinutes: 0,
          messagesIn: 0,
          messagesOut: 0,
          bytesIn: 0,
          bytesOut: 0,
        },
        ...{ databaseSeconds: 0, slowed: 0, refused: 0 },
      };
      row.cpuSeconds += size / 40;
      row.memoryGibHours += size / 9000;
      row.databaseBytes = Math.max(row.databaseBytes, Math.round(much * 110_000));
      row.requests += Math.round(size);
      row.websocketMinutes += size * 2;
      row.messagesIn += Math.round(size * 3);
      row.messagesOut += Math.round(size * 11);
      row.bytesIn += Math.round(size * 900);
      row.bytesOut += Math.round(size * 7000);
      row.databaseSeconds += size / 25;
      row.slowed += name === "board" ? 12 : 0;
      rows.set(key.join("|"), row);
    }
  return { from, to: last, timeZone: "CET-1CEST,M3.5.0,M10.5.0/3", keptDays: 400, rows: [...rows.values()] };
}

export function makeMonitor(world) {
  const now = () => Date.now();
  const hour = 3_600_000;
  const alarm = (id, more) => ({
    id,
    code: 0x0024ff05,
    severity: "major",
    source: "platform",
    text: "",
    details: "",
    fix: "",
    command: "",
    event: false,
    raisedAt: iso(now() - hour),
    count: 1,
    acknowledgedBy: "",
    ...more,
  });
  const set = [
    alarm(12, {
      code: 0x0024ff06,
      text: "Backups to the target nas do not get through: no answer in 10 s.",
      details: "A backup that does not leave the machine burns with it.",
      fix: "Look whether the machine is up, then test the target.",
      command: "berth backup target test nas",
      raisedAt: iso(now() - 5 * hour),
      count: 3,
    }),
    alarm(15, {
      code: 0x00240001,
      severity: "indeterminate",
      source: "team@example.com",
      text: "The mail gateway refuses messages",
      details: "451 4.7.1 try again later",
      raisedAt: iso(now() - 0.4 * hour),
    }),
  ];
  const past = [
    alarm(14, {
      source: "events",
      text: "Events ended by itself: signal 11 (Segmentation fault)",
      details: "It is started again by itself.",
      command: "berth log events",
      event: true,
      raisedAt: iso(now() - 3 * hour),
    }),
    alarm(9, {
      code: 0x0024ff01,
      text: "The disk is 86 % full. At 95 % all apps are stopped.",
      raisedAt: iso(now() - 50 * hour),
      clearedAt: iso(now() - 44 * hour),
    }),
  ];
  const channels = [
    { name: "mail", waiting: 0, error: "", deliveredAt: iso(now() - 5 * hour) },
    {
      name: "webhook 1",
      waiting: 2,
      error: "hooks.example.org: no answer in 10 s",
      deliveredAt: iso(now() - 30 * hour),
    },
  ];
  const disk = {
    totalBytes: 1e11,
    usedBytes: 6.1e10,
    freeBytes: 3.9e10,
    threshold: 95,
    warning: 85,
    level: "fine",
    appsHeld: false,
    reserveBytes: 5e8,
    reserveWanted: 5e8,
    forecast: { days: 9, who: "team@example.com", bytesADay: 1.2e9 },
  };
  world.disk = disk;
  const findAlarm = ({ id }) => {
    const found = set.find((one) => one.id === id);
    if (!found) throw failure(`there is no alarm ${id}`, "not_found");
    return found;
  };
  const markersBetween = (from, to) => {
    const day = 24 * hour;
    const list = [];
    for (let at = Math.ceil(from / day) * day + 2 * hour; at < to; at += day)
      list.push({
        at: iso(at),
        kind: "backup",
        subject: "platform",
        text: "Back up everything",
        job: "40",
        failed: false,
      });
    for (const subject of ["manager", "webserver", "postgres", "service/notes"])
      list.push({ at: iso(now() - 100 * hour), kind: "start", subject, text: "", job: "", failed: false });
    list.push(
      {
        at: iso(now() - 3 * hour),
        kind: "death",
        subject: "service/events",
        text: "signal 11 (Segmentation fault)",
        job: "",
        failed: true,
      },
      {
        at: iso(now() - 0.6 * hour),
        kind: "update",
        subject: "service/notes",
        text: "Update Notes",
        job: "41",
        failed: false,
      },
    );
    return list.filter((one) => Date.parse(one.at) >= from && Date.parse(one.at) < to);
  };
  const subjectsOf = (names) =>
    names.flatMap((name) => {
      if (name === "service/*") return [...world.services.keys()].map((id) => `service/${id}`);
      const [kind, key] = name.split("/");
      const isThere =
        kind === "service"
          ? world.services.has(key)
          : kind === "instance"
            ? world.instances.has(key)
            : kind in kMetrics;
      if (!isThere) throw failure(`nothing is recorded of ${name}`, "not_found");
      return [name];
    });

  return (message) => {
    switch (message.mt) {
      case "GetMonitor": {
        const { subjects, metrics = [], seconds = 3600, points = 360 } = message;
        const base = seconds <= 7200 ? 10 : seconds <= 86_400 ? 120 : seconds <= 7 * 86_400 ? 600 : 3600;
        const step = base * Math.ceil(seconds / base / points);
        const from = Math.floor((now() / 1000 - seconds) / step) * step;
        const steps = Math.ceil(seconds / step);
        const series = subjectsOf(subjects).flatMap((subject) =>
          Object.entries(kMetrics[subject.split("/")[0]])
            .filter(([metric]) => metrics.length === 0 || metrics.includes(metric))
            .map(([metric, unit]) => ({
              subject,
              metric,
              unit,
              mean: Array.from({ length: steps }, (_, i) => {
                const at = from + i * step;
                // A night in which the platform was off.
                return Math.abs(at - (now() - 100 * hour) / 1000) < 3600 ? -1 : valueAt(subject, metric, at);
              }),
              peak: [],
            })),
        );
        return {
          from: iso(from * 1000),
          step,
          series,
          markers: markersBetween(from * 1000, now()),
          space: { bytes: 3.2e6, fullBytes: 1.2e7, mostBytes: 2.7e8, subjects: 12, leftOut: 0 },
        };
      }
      case "GetUsage":
        return usageOf(message);
      case "GetLimits":
        return { usual: kUsualLimits, limits: [limitsOf(message.domain, message.name)] };
      case "SetLimits":
        ownLimits.set(`${message.name ?? ""}@${message.domain}`, message.limits);
        return { limits: limitsOf(message.domain, message.name) };
      case "AllowWrites":
        return { limits: limitsOf(message.domain, message.name) };
      case "GetDisk":
        return disk;
      case "StartApps":
        if (disk.level === "full") throw failure("the disk is still full", "no_space");
        disk.appsHeld = false;
        return {};
      case "GetAlarms":
        return { alarms: set, history: message.history ? past.slice(0, message.history) : [], channels };
      case "AcknowledgeAlarm": {
        const found = findAlarm(message);
        Object.assign(found, { acknowledgedBy: "Admin from 127.0.0.1", acknowledgedAt: iso(now()) });
        return { alarm: found };
      }
      case "SilenceAlarm": {
        const found = findAlarm(message);
        if (message.minutes) found.silencedUntil = iso(now() + message.minutes * 60_000);
        else delete found.silencedUntil;
        return { alarm: found };
      }
      case "TestAlarm":
        return { channels: channels.map((channel) => channel.name) };
      case "TestMail":
        if (message.to && !message.to.includes("@")) throw failure(`${message.to} is no mail address`, "malformed");
        return { recipients: [message.to ?? "admin@example.com"] };
      default:
        return undefined;
    }
  };
}
