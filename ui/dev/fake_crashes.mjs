// Crash reports and traces for the fake manager: plausible, and changed by what the pages ask.
const iso = (secondsAgo = 0) => new Date(Date.now() - secondsAgo * 1000).toISOString();
const failure = (text, code) => Object.assign(new Error(text), { code });

/** `world` has `instances`, `tell(instance)`, `offer(name, content)`. */
export function makeCrashes(world) {
  const stack = [
    ["__pthread_kill_implementation", "", "libc.so.6", "0x8ad2c"],
    ["raise", "", "libc.so.6", "0x3bef2"],
    ["abort", "", "libc.so.6", "0x26472"],
    ["events::Calendar::merge", "calendar.cc:214", "events", "0x4f1a0"],
    ["events::Instance::received", "events_instance.cc:88", "events", "0x3a910"],
    ["main", "main.cc:12", "events", "0x21b40"],
  ].map(([name, place, module, address]) => ({ function: name, place, module, address }));
  const make = (id, members) => ({
    id,
    cause: "crash",
    service: "events",
    build: "10e2",
    label: "1.4",
    at: iso(3_600),
    text: "signal 6 (Aborted)",
    signal: 6,
    outOfMemory: false,
    pid: 4711,
    ranSeconds: 18_340,
    group: "5f0c7d1a9b3e2468",
    place: "events::Calendar::merge (calendar.cc:214)",
    stack,
    threads: 1,
    coreBytes: 3_812_004,
    coreNote: "",
    traceLines: 3,
    ...members,
  });
  let reports = [
    make("events-20261122-221403-4711", {}),
    make("notes-20261122-091530-812", {
      cause: "request",
      service: "notes",
      build: "1a",
      text: "asked for",
      at: iso(47_000),
      signal: 0,
      place: "",
      stack: [],
      coreBytes: 0,
      traceLines: 2,
    }),
    make("events-20261119-030211-302", { at: iso(260_000), build: "10d7" }),
  ];
  const trace = [
    "11-22 22:14:03.101 team@acme.org received peer=192.0.2.17:51234 mt=CalendarMerge bytes=1841",
    '11-22 22:14:03.104 team@acme.org query sql="SELECT id, rule FROM entry WHERE board = $1" rows=214 us=1730',
    "11-22 22:14:03.131 error: check failed: a rule without an end",
  ];
  const groups = () => {
    const crashes = reports.filter((one) => one.cause === "crash");
    if (crashes.length === 0) return [];
    return [
      {
        group: crashes[0].group,
        service: "events",
        text: crashes[0].text,
        place: crashes[0].place,
        count: 7,
        firstAt: iso(700_000),
        lastAt: crashes[0].at,
        builds: ["10d7", "10e2"],
        lastReport: crashes[0].id,
      },
    ];
  };

  return (message) => {
    switch (message.mt) {
      case "GetCrashes":
        return {
          groups: groups(),
          reports: reports.map((one) => ({ ...one, stack: [] })),
          bytes: reports.reduce((sum, one) => sum + one.coreBytes + 20_000, 0),
          coreNote: "",
        };
      case "GetCrash": {
        const report = reports.find((one) => one.id === message.id);
        if (!report) throw failure(`There is no report ${message.id}.`, "not_found");
        return { report, trace: trace.slice(-report.traceLines) };
      }
      case "FetchCore":
        return { download: world.offer(`${message.id}.core`, "\x7fELF") };
      case "MakeSupportBundle":
        return { download: world.offer("berth-support.tar.zst", message.cores ? "with cores" : "without cores") };
      case "RemoveCrashes": {
        const before = reports.length;
        reports = reports.filter((one) => (message.id ? one.id !== message.id : false));
        return { removed: before - reports.length };
      }
      case "GetTraces":
        return { traces: [...world.instances.values()].flatMap((one) => (one.trace ? [one.trace] : [])) };
      case "SetTrace": {
        const instance = world.instances.get(message.target);
        if (!instance) throw failure(`There is nothing to trace called ${message.target}.`, "not_found");
        if (message.flags === undefined) delete instance.trace;
        else
          instance.trace = {
            target: message.target,
            flags: message.flags,
            usualFlags: instance.logFlags,
            until: iso(-60 * (message.minutes ?? 30)),
            by: "Admin",
          };
        world.tell(instance);
        return { trace: instance.trace };
      }
      default:
        return undefined;
    }
  };
}
