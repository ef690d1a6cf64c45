// Databases and their care for the fake manager.
const iso = (secondsAgo = 0) => new Date(Date.now() - secondsAgo * 1000).toISOString();
const failure = (text, code) => Object.assign(new Error(text), { code });
const kDay = 86_400;

/** `world` has `instances`, `tell(instance)` and `runJob(kind, title, target, steps, done)`. */
export function makeDatabases(world) {
  const keyOf = (one) => `${one.name}@${one.domain}`;
  const databaseOf = (one) => {
    const history = Array.from({ length: 60 }, (_, i) => ({
      day: iso((60 - i) * kDay).slice(0, 10),
      bytes: Math.round(one.databaseBytes * (0.55 + (i / 60) * 0.42 + Math.sin(i / 5) * 0.02)),
    }));
    const bloated = one.service === "files";
    return {
      name: one.name,
      domain: one.domain,
      database: one.database,
      bytes: one.databaseBytes,
      bloatBytes: Math.round(one.databaseBytes * (bloated ? 0.31 : 0.04)),
      bytesADay: Math.round(one.databaseBytes * 0.007),
      growthDays: 30,
      connections: one.state === "running" ? 3 : 0,
      cleanUpNeedsBytes: bloated ? 7.4e9 : Math.round(one.databaseBytes * 0.8) + 1e6,
      freeBytes: 6.2e9,
      tableCount: 12,
      tables: ["notes", "note_texts", "attachments", "boards", "users"].map((table, i) => ({
        table: `public.${table}`,
        bytes: Math.round(one.databaseBytes * [0.6, 0.2, 0.1, 0.04, 0.01][i]),
        rows: Math.round(one.databaseBytes / [900, 700, 40_000, 200_000, 300_000][i]),
        bloatBytes: i === 0 ? Math.round(one.databaseBytes * 0.03) : 0,
      })),
      history,
    };
  };
  const find = ({ name, domain }) => {
    const one = world.instances.get(`${name}@${domain}`);
    if (!one) throw failure(`There is no instance ${name}@${domain}.`, "not_found");
    return one;
  };

  /** The answer, or undefined if the message is of another kind. */
  return (message) => {
    switch (message.mt) {
      case "GetInstanceDatabase":
        return { database: databaseOf(find(message)) };
      case "GetDatabases":
        return {
          bytes: 1.38e9,
          walBytes: 64e6,
          freeBytes: 6.2e9,
          databases: 9,
          connections: 14,
          maxConnections: 100,
          nextRun: iso(-11 * 3600),
          runs: [
            {
              job: "31",
              night: iso(9 * 3600).slice(0, 10),
              startedAt: iso(9 * 3600),
              endedAt: iso(9 * 3600 - 41),
              databases: 9,
              failures: [],
            },
          ],
        };
      case "OptimiseDatabases":
        return { job: world.runJob("optimise", "Optimise all databases", "", ["optimise"], () => {}) };
      case "CleanUpAll":
        return { job: world.runJob("clean-up", "Clean up all databases", "", ["rewrite"], () => {}) };
      case "RenameInstances": {
        const { domain, newDomain } = message;
        const renamings = [...world.instances.values()]
          .filter((one) => one.state !== "deleted" && (!domain || one.domain === domain))
          .map((one) => ({
            name: one.name,
            domain: one.domain,
            path: one.path,
            newDomain: newDomain ?? one.domain,
            newPath: one.path.replace(`/${one.domain}/`, `/${newDomain ?? one.domain}/`),
            ...(world.instances.has(`${one.name}@${newDomain}`)
              ? { problem: `there would be two instances ${one.name}@${newDomain}` }
              : {}),
          }));
        if (message.dryRun) return { renamings };
        return { renamings, job: world.runJob("rename", "Rename instances", "instances", ["rename"], () => {}) };
      }
      case "MoveInstance": {
        const one = find(message);
        const plan = {
          obstacles: message.to.url.includes("old")
            ? ["there: Notes is not installed: install it there first (berth service install notes)"]
            : [],
          remarks: ["2 tables have no primary key: until the move is over their changes are written as whole rows"],
          bytes: one.databaseBytes,
          version: "0.1.0",
        };
        if (message.checkOnly || plan.obstacles.length) return plan;
        const job = world.runJob(
          "move",
          `Move ${keyOf(one)} to ${message.to.url}`,
          keyOf(one),
          ["copy the data"],
          () => {
            one.moved = { state: "moved", url: message.to.url, at: iso(), until: iso(-7 * kDay), forwards: true };
            one.state = "stopped";
            world.tell(one);
          },
        );
        return { ...plan, job };
      }
      case "EndForward": {
        const one = find(message);
        one.moved.forwards = false;
        world.tell(one);
        return {};
      }
      case "UndoMove": {
        const one = find(message);
        delete one.moved;
        one.state = "running";
        world.tell(one);
        return {};
      }
      case "CleanUpInstance": {
        const one = find(message);
        return {
          job: world.runJob("clean-up", `Clean up the database of ${keyOf(one)}`, keyOf(one), ["rewrite"], () => {
            one.databaseBytes = Math.round(one.databaseBytes * 0.9);
            world.tell(one);
          }),
        };
      }
      case "TestDatabase": {
        const { host } = message.external;
        if (!host.includes("db."))
          return {
            ok: false,
            reason: `${host} is not known: the name service has no such name. Mistyped, or a name of another network?`,
            code: "not_found",
            server: "",
            encrypted: false,
            tables: 0,
          };
        return { ok: true, server: "PostgreSQL 15.8", encrypted: true, tables: 0 };
      }
      case "GetSqlRecipe":
        return {
          sql: `create role "${message.user}" login password '…';\ncreate database "${message.database}" owner "${message.user}" encoding 'UTF8' template template0;\n`,
        };
      case "UseDatabase": {
        const one = find(message);
        return {
          job: world.runJob(
            "move-data",
            `Move the data of ${keyOf(one)}`,
            keyOf(one),
            ["claim", "stop", "copy the data", "switch", "start"],
            () => {
              const { type, host, database, user } = message.external ?? {};
              one.external = message.external && { type, host, database, user };
              world.tell(one);
            },
          ),
        };
      }
      case "TakeOverDatabase":
        return {};
      default:
        return undefined;
    }
  };
}
