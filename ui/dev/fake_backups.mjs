// Backup sets and a time machine for the fake manager: plausible, and changed by what the pages ask.
const iso = (secondsAgo = 0) => new Date(Date.now() - secondsAgo * 1000).toISOString();
const failure = (text, code) => Object.assign(new Error(text), { code });
const kDay = 86_400;

const kRules = ["last", "hourly", "daily", "weekly", "monthly"];

/** `world` has `instances`, `services` and `runJob(kind, title, target, steps, done)`. */
export function makeBackups(world) {
  const targets = [
    {
      name: "local",
      kind: "directory",
      place: "/var/lib/berth-demo/backup/repository",
      options: [],
      appendOnly: false,
      madeAt: iso(40 * kDay),
      testedAt: iso(9 * 3600),
      error: "",
    },
    {
      name: "nas",
      kind: "sftp",
      place: "sftp://berth@nas.example.com/volume1/berth",
      options: [
        { name: "hostKey", value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFt7" },
        { name: "publicKey", value: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILQ9 berth-backup" },
      ],
      appendOnly: true,
      madeAt: iso(30 * kDay),
      testedAt: iso(8 * 3600),
      error: "",
    },
  ];
  const policies = [
    { name: "daily", target: "local", schedule: "daily 02:00", keep: "last=1,daily=7,weekly=4" },
    { name: "offsite", target: "nas", schedule: "weekly sun 03:00", keep: "weekly=8,monthly=12" },
  ].map((one, i) => ({
    scope: "all",
    instance: "",
    domain: "",
    excluded: [],
    enabled: true,
    verify: true,
    dueAt: iso(-(i * 2 * kDay + 9 * 3600)),
    ...one,
  }));

  const keyOf = (one) => `${one.name}@${one.domain}`;
  const alive = () => [...world.instances.values()].filter((one) => one.state !== "deleted");
  const covered = (policy) => [
    ...(policy.scope === "all" || policy.scope === "manager" ? ["manager"] : []),
    ...alive()
      .filter(
        (one) =>
          !one.excludeFromBackup &&
          (policy.scope === "all" ||
            (policy.scope === "domain" && one.domain === policy.domain) ||
            (policy.scope === "instance" && keyOf(one) === policy.instance)) &&
          !policy.excluded.includes(keyOf(one)),
      )
      .map(keyOf),
  ];

  const sets = [];
  const items = new Map();
  const itemsOf = (id, at, names, state) =>
    names.map((key) => {
      const one = world.instances.get(key);
      const service = one && world.services.get(one.service);
      const bytes = Math.round((one?.databaseBytes ?? 2.1e6) * 0.9);
      return {
        set: id,
        name: one?.name ?? "",
        domain: one?.domain ?? "",
        service: one?.service ?? "",
        build: service?.build ?? "",
        label: service?.label ?? "",
        state,
        error: "",
        bytes,
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        tables: one ? 12 : 21,
        rows: Math.round(bytes / 1800),
        writtenAt: at,
        verifiedAt: at,
      };
    });
  const addSet = (policy, secondsAgo, state = "good", error = "") => {
    const at = new Date(Date.now() - secondsAgo * 1000);
    const id = `${at.toISOString().slice(0, 10).replaceAll("-", "")}-${at.toISOString().slice(11, 19).replaceAll(":", "")}-${Math.random().toString(16).slice(2, 6)}`;
    const ended = new Date(at.getTime() + 74_000).toISOString();
    const set = {
      id,
      policy: policy.name,
      target: policy.target,
      job: "",
      state,
      error,
      startedAt: at.toISOString(),
      ...(state === "running" ? {} : { endedAt: ended }),
      ...(state === "good" ? { verifiedAt: ended } : {}),
    };
    sets.unshift(set);
    const names = covered(policy).filter((key) => key !== "team@acme.org" || secondsAgo === 0);
    items.set(id, itemsOf(id, ended, names, state === "failed" ? "failed" : "written"));
    return set;
  };
  for (let day = 34; day >= 0; day--) {
    if (day % 7 === 2) addSet(policies[1], day * kDay + 8 * 3600);
    if (day < 8 || day % 7 === 3)
      addSet(
        policies[0],
        day * kDay + 9 * 3600,
        day === 4 ? "partial" : "good",
        day === 4 ? "events@acme.org: password authentication failed" : "",
      );
  }
  sets.sort((a, b) => b.startedAt.localeCompare(a.startedAt));

  const proofs = new Map();
  for (const one of alive())
    if (!one.excludeFromBackup && keyOf(one) !== "team@acme.org")
      proofs.set(keyOf(one), {
        name: one.name,
        domain: one.domain,
        set: sets[1].id,
        drilledAt: iso(14 * 3600),
        error: "",
        provenAt: iso(14 * 3600),
        provenMs: 900 + Math.round(one.databaseBytes / 4e5),
      });

  const newest = () => {
    const found = new Map();
    for (const set of sets)
      if (set.state === "good" || set.state === "partial")
        for (const item of items.get(set.id)) {
          const key = item.name ? keyOf(item) : "manager";
          if (item.state === "written" && !found.has(key)) found.set(key, item);
        }
    return [...found.values()];
  };
  const findSet = (id) => {
    const set = sets.find((one) => one.id === id);
    if (!set) throw failure(`There is no backup set ${id}.`, "not_found");
    return set;
  };
  const findPolicy = (name) => {
    const policy = policies.find((one) => one.name === name);
    if (!policy) throw failure(`There is no policy ${name}.`, "not_found");
    return policy;
  };
  const shown = (policy) => ({ ...policy, wouldBackUp: covered(policy) });

  /** Roughly as manager/sets/retention.cc decides. */
  const verdictsOf = (policy, keep) => {
    const own = sets.filter((set) => set.policy === policy.name && set.state !== "running");
    const rules = Object.fromEntries(keep.split(",").map((part) => [part.split("=")[0], Number(part.split("=")[1])]));
    const verdicts = own.map((set, i) => ({
      set: set.id,
      startedAt: set.startedAt,
      stays: false,
      reasons: [...(i === 0 ? ["newest"] : []), ...(keep === "all" ? ["all are kept"] : [])],
    }));
    for (const rule of kRules) {
      const periods = new Set();
      for (const verdict of verdicts) {
        const day = verdict.startedAt.slice(0, 10);
        const period = {
          last: verdict.set,
          hourly: verdict.startedAt.slice(0, 13),
          daily: day,
          weekly: `of ${new Date(Math.floor((Date.parse(day) - 4 * kDay * 1000) / (7 * kDay * 1000)) * 7 * kDay * 1000 + 4 * kDay * 1000).toISOString().slice(0, 10)}`,
          monthly: day.slice(0, 7),
        }[rule];
        if (periods.size >= (rules[rule] ?? 0) || periods.has(period)) continue;
        periods.add(period);
        verdict.reasons.push(rule === "last" ? `last ${periods.size}` : `${rule} ${period}`);
      }
    }
    for (const verdict of verdicts) {
      verdict.stays = verdict.reasons.length > 0;
      if (!verdict.stays) verdict.reasons.push("no rule keeps it");
    }
    return verdicts;
  };

  const started = Date.now();
  const timeMachine = {
    state: "on",
    reason: "",
    days: 7,
    ranges: [{ from: iso(6.4 * kDay), to: iso(4.1 * kDay) }, { from: iso(4 * kDay) }],
    bases: [6.4, 4, 2, 0.3].map((days, i) => ({
      id: `base-${i + 1}`,
      madeAt: iso(days * kDay),
      bytes: 1.42e9,
      newBytes: i === 0 ? 1.39e9 : 84e6 + i * 3e6,
    })),
    baseBytes: 1.65e9,
    logBytes: 412e6,
    logBytesPerDay: 61e6,
    waitingSegments: 0,
    timeZone: "CET-1CEST,M3.5.0,M10.5.0/3",
  };

  const planOf = ({ at }) => {
    const moment = Date.parse(at);
    const fits = timeMachine.ranges.some(
      (range) => moment >= Date.parse(range.from) - 1000 && moment <= Date.parse(range.to ?? iso(-2)),
    );
    if (!fits) throw failure(`${at} cannot be reached: the log has a gap there.`, "not_found");
    const base = [...timeMachine.bases].reverse().find((one) => Date.parse(one.madeAt) <= moment);
    return {
      at,
      base: base?.id ?? "base-1",
      baseMadeAt: base?.madeAt ?? timeMachine.bases[0].madeAt,
      logBytes: 38e6,
      neededBytes: 412e6,
      freeBytes: 6.2e9,
    };
  };
  const restored = (from, to) => {
    const [name, domain] = to.split("@");
    const there = world.instances.get(to);
    if (there) {
      there.kept = [
        { id: `k${Date.now()}`, replacedAt: iso(), purgeAt: iso(-7 * kDay), databaseBytes: there.databaseBytes },
      ];
      world.tell(there);
    } else world.tell(world.copyInstance(from, name, domain));
  };
  const targetName = (message) =>
    message.asName ? `${message.asName}@${message.asDomain}` : `${message.name}@${message.domain}`;

  /** The answer, or undefined if the message is of another kind. */
  return (message) => {
    switch (message.mt) {
      case "GetBackupTargets":
        return { targets };
      case "SetBackupTarget": {
        const { name, kind, place, options = [], appendOnly = false } = message;
        const made = { name, kind, place, options, appendOnly, error: "" };
        const at = targets.findIndex((one) => one.name === name);
        if (at < 0) targets.push(made);
        else targets[at] = { ...targets[at], ...made };
        return { target: made };
      }
      case "TestBackupTarget": {
        const target = targets.find((one) => one.name === message.name);
        target.testedAt = iso();
        target.error = target.place.includes("nowhere")
          ? `${target.place}: there is no such folder, or its disk is not mounted. Mount it, or make the folder`
          : "";
        if (target.error) throw failure(target.error, "unavailable");
        target.madeAt ??= iso();
        return { tookMs: 184 };
      }
      case "RemoveBackupTarget":
        targets.splice(
          targets.findIndex((one) => one.name === message.name),
          1,
        );
        return {};
      case "GetBackupPolicies":
        return { policies: policies.map(shown) };
      case "SetBackupPolicy": {
        const at = policies.findIndex((one) => one.name === message.policy.name);
        const policy = { ...message.policy, dueAt: message.policy.enabled ? iso(-9 * 3600) : undefined };
        if (at < 0) policies.push(policy);
        else policies[at] = policy;
        return { policy: shown(policy) };
      }
      case "RemoveBackupPolicy":
        policies.splice(policies.indexOf(findPolicy(message.name)), 1);
        return {};
      case "RunBackup": {
        const policy = findPolicy(message.policy);
        const set = addSet(policy, 0, "running");
        const job = world.runJob(
          "backup",
          `Back up by policy ${policy.name} to ${policy.target}`,
          policy.name,
          ["choose", "write", "close", "read back", "thin out", "report"],
          () => Object.assign(set, { state: "good", endedAt: iso(), verifiedAt: iso() }),
        );
        set.job = job.id;
        return { job };
      }
      case "GetBackupSets":
        return { sets: sets.slice(0, message.limit ?? 100), newest: newest(), proofs: [...proofs.values()] };
      case "GetBackupSet":
        return { set: findSet(message.id), items: items.get(message.id) };
      case "VerifyBackup": {
        const set = findSet(message.set);
        return {
          job: world.runJob("backup", `Read back the backup set ${set.id}`, set.id, ["read back", "report"], () => {
            set.verifiedAt = iso();
          }),
        };
      }
      case "DrillBackup": {
        const keys = message.name
          ? [keyOf(message)]
          : newest()
              .filter((one) => one.name)
              .map(keyOf);
        return {
          job: world.runJob(
            "drill",
            message.name ? `Prove the newest backup of ${keys[0]}` : "Prove the newest backup of each instance",
            message.name ? keys[0] : "",
            ["prove"],
            () => {
              for (const key of keys) {
                const [name, domain] = key.split("@");
                proofs.set(key, {
                  name,
                  domain,
                  set: sets[0].id,
                  drilledAt: iso(),
                  error: "",
                  provenAt: iso(),
                  provenMs: 1400,
                });
              }
            },
          ),
        };
      }
      case "PlanBackupPrune": {
        const policy = findPolicy(message.policy);
        return { verdicts: verdictsOf(policy, message.keep ?? policy.keep) };
      }
      case "PruneBackups": {
        const policy = findPolicy(message.policy);
        return {
          job: world.runJob("prune", `Thin out the sets of policy ${policy.name}`, policy.name, ["thin out"], () => {
            for (const one of verdictsOf(policy, policy.keep))
              if (!one.stays) sets.splice(sets.indexOf(findSet(one.set)), 1);
          }),
        };
      }
      case "RestoreFromSet": {
        const from = `${message.name}@${message.domain}`;
        const to = targetName(message);
        return {
          job: world.runJob(
            "fetch",
            `Restore ${to} from the backup set ${message.set}`,
            to,
            ["fetch", "begin to restore", "restore"],
            () => restored(from, to),
          ),
        };
      }
      case "RestorePlatform": {
        if (message.target.place.includes("nowhere"))
          throw failure(`${message.target.place}: there is no such folder. Mount its disk`, "not_found");
        const set = message.set ?? sets[0].id;
        const plan = {
          set,
          startedAt: findSet(set).startedAt,
          version: "0.1.0",
          sets: sets.map((one) => one.id),
          items: items.get(set) ?? [],
          obstacles: [],
          remarks: ["The time machine begins anew: it cannot go back behind this restore"],
        };
        return message.checkOnly
          ? plan
          : {
              ...plan,
              job: world.runJob(
                "platform",
                `Bring the platform back from ${set}`,
                "",
                ["settings", "instances"],
                () => {},
              ),
            };
      }
      case "GetBackupKeys":
        return {
          keys: targets.map(({ name, kind, place, options }) => ({
            target: name,
            kind,
            place,
            options,
            key: "c0ffee00c0ffee00c0ffee00c0ffee00",
          })),
        };
      case "GetTimeMachine":
        return { timeMachine };
      case "MakeBaseBackup":
        return {
          job: world.runJob("base", "Base backup for the time machine", "", ["copy what has changed"], () => {
            timeMachine.bases.push({ id: `base-${Date.now()}`, madeAt: iso(), bytes: 1.42e9, newBytes: 21e6 });
          }),
        };
      case "RewindInstance": {
        const plan = planOf(message);
        if (message.onlyPlan) return { plan };
        const to = targetName(message);
        return {
          plan,
          job: world.runJob(
            "rewind",
            `Bring ${to} back to ${plan.at}`,
            to,
            ["close the log", "go back in time", "load beside", "swap"],
            () => restored(`${message.name}@${message.domain}`, to),
          ),
        };
      }
      case "GetCommandFile":
      case "RunCommandFile":
        return {
          report: {
            url: "https://fleet.example.net/commands.txt",
            fetched: iso(Math.round((Date.now() - started) / 1000) % 3600),
            error: "",
            next: iso(-2400),
            job: "",
            lines: [
              {
                line: 3,
                text: "backup team https://fleet.example.net/put/#I-#d.dump",
                target: "team@example.com",
                state: "done",
                detail: "",
                at: iso(5400),
              },
              {
                line: 4,
                text: "backup manager https://fleet.example.net/put/manager-#d.dump",
                target: "manager",
                state: "skipped",
                detail: "allowed from 22:00 to 05:00",
                at: "",
              },
            ],
          },
        };
      default:
        return undefined;
    }
  };
}
