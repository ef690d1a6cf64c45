// The `berth` command that does the same as a button: shown beside forms and warnings.

import type { BackupPolicy, EditInstance, ExternalDatabase, RenameInstances, SetBackupTarget } from "./api";

export type InstanceChanges = Partial<
  Pick<EditInstance, "newName" | "newDomain" | "path" | "logFlags" | "excludeFromBackup" | "isolated">
>;

/** A word as a POSIX shell reads it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
}

const words = (...parts: (string | false | undefined)[]) =>
  ["berth", ...parts.filter((part): part is string => Boolean(part)).map(quote)].join(" ");

export const commands = {
  install: (app: string) => words("service", "install", app, "--wait"),
  removeService: (id: string) => words("service", "rm", id),
  shell: (id: string) => words("service", "shell", id),
  startService: (id: string) => words("service", "start", id),
  stopService: (id: string) => words("service", "stop", id),
  createInstance: (
    service: string,
    name: string,
    domain: string,
    more: { path?: string | undefined; database?: string | undefined; stopped?: boolean } = {},
  ) =>
    words(
      ...["instance", "create", service, "--name", name || "NAME", "--domain", domain],
      ...(more.path ? ["--path", more.path] : []),
      ...(more.database ? ["--database", more.database] : []),
      more.stopped && "--no-start",
    ),
  /** Only what changes; undefined while nothing does. */
  editInstance: (key: string, changes: InstanceChanges) => {
    const { newName, newDomain, path, logFlags, excludeFromBackup, isolated } = changes;
    const options = [
      ...(newName !== undefined ? ["--name", newName] : []),
      ...(newDomain !== undefined ? ["--domain", newDomain] : []),
      ...(path !== undefined ? ["--path", path] : []),
      ...(logFlags !== undefined ? ["--log-flags", `0x${logFlags.toString(16)}`] : []),
      ...(excludeFromBackup !== undefined ? ["--exclude-from-backup", excludeFromBackup ? "yes" : "no"] : []),
      ...(isolated !== undefined ? ["--isolated", isolated ? "yes" : "no"] : []),
    ];
    return options.length ? words("instance", "edit", key, ...options) : undefined;
  },
  instancePassword: (key: string) => words("instance", "passwd", key, "--password-file", "new.txt"),
  databasePassword: (key: string) => words("instance", "passwd", key, "--database"),
  backup: (key: string) => words("instance", "backup", key, "-o", `${key.split("@")[0]}.dump`),
  restore: (file: string) => words("instance", "restore", file, "--wait"),
  renameInstances: (wish: Pick<RenameInstances, "domain" | "newDomain" | "path" | "newPath">) =>
    words(
      ...["instance", "rename"],
      ...(wish.domain ? ["--of", wish.domain] : ["--all"]),
      ...(wish.newDomain ? ["--domain", wish.newDomain] : []),
      ...(wish.path ? ["--path-from", wish.path] : []),
      ...(wish.newPath ? ["--path-to", wish.newPath] : []),
    ),
  deleteInstance: (key: string, now: boolean) => words("instance", "rm", key, now && "--now"),
  moveInstance: (key: string, url: string, fingerprint: string, checkOnly: boolean) =>
    words(
      ...["instance", "move", key, "--to", url || "wss://OTHER/manager", "--to-password-file", "FILE"],
      ...(fingerprint ? ["--to-fingerprint", fingerprint] : []),
      checkOnly && "--check",
    ),
  endForward: (key: string) => words("instance", "end-forward", key),
  undoMove: (key: string) => words("instance", "undo-move", key),
  undo: (key: string) => words("instance", "undo", key),
  deleteKept: (key: string, id: string) => words("instance", "rm", key, "--kept", id),
  startInstance: (key: string) => words("instance", "start", key),
  stopInstance: (key: string) => words("instance", "stop", key),
  log: (service: string) => words("log", service, "-f"),
  jobs: () => words("job", "ls"),
  job: (id: string) => words("job", "show", id),
  setting: (name: string, value: string) => words("config", "set", name, value),
  store: () => words("store", "ls"),
  backupSets: () => words("backup", "ls"),
  provenRestores: () => words("backup", "ls", "--instances"),
  runPolicy: (policy: string | undefined) => words("backup", "run", policy),
  verifySet: (set: string) => words("backup", "verify", set),
  getFromSet: (set: string, key: string) => words("backup", "get", set, key, "--file", `${key.split("@")[0]}.dump`),
  drill: (key: string | undefined) => words("backup", "drill", key),
  planPrune: (policy: string, keep?: string) =>
    words("backup", "plan", policy, ...(keep !== undefined ? ["--keep", keep] : [])),
  prune: (policy: string) => words("backup", "prune", policy),
  policy: (policy: BackupPolicy) =>
    words(
      ...["backup", "policy", "set", policy.name || "NAME", "--target", policy.target || "TARGET"],
      ...(policy.scope === "all" ? [] : ["--of", policy.instance || policy.domain || "manager"]),
      ...(policy.excluded.length ? ["--exclude", policy.excluded.join(",")] : []),
      ...["--schedule", policy.schedule, "--keep", policy.keep],
      ...(policy.verify ? [] : ["--verify", "no"]),
      ...(policy.enabled ? [] : ["--enabled", "no"]),
    ),
  target: (target: Omit<SetBackupTarget, "mt" | "src" | "password" | "repositoryKey">, withPassword: boolean) =>
    words(
      ...["backup", "target", "add", target.name || "NAME", "--kind", target.kind, "--place", target.place || "PLACE"],
      ...(target.options?.length
        ? ["--option", target.options.map(({ name, value }) => `${name}=${value}`).join(",")]
        : []),
      ...(withPassword ? ["--password-file", "FILE"] : []),
      target.appendOnly && "--append-only",
    ),
  testTarget: (name: string) => words("backup", "target", "test", name),
  keySheet: () => words("backup", "key-sheet", "--file", "keys.txt"),
  restoreFromSet: (key: string, set: string, as: string | undefined) =>
    words("instance", "restore", key, "--from", set, ...(as ? ["--as", as] : []), "--wait"),
  restorePlatform: (
    target: Omit<SetBackupTarget, "mt" | "src" | "password" | "repositoryKey">,
    set: string | undefined,
    dryRun: boolean,
    withPassword: boolean,
  ) =>
    words(
      ...["platform", "restore", "--from", target.place || "PLACE"],
      ...(target.kind === "directory" ? [] : ["--kind", target.kind]),
      ...(target.options?.length
        ? ["--option", target.options.map(({ name, value }) => `${name}=${value}`).join(",")]
        : []),
      ...["--key-file", "key.txt"],
      ...(withPassword ? ["--password-file", "FILE"] : []),
      ...(set ? ["--set", set] : []),
      dryRun && "--dry-run",
    ),
  timeMachine: () => words("platform", "time-machine"),
  rewind: (key: string, at: string, as: string | undefined) =>
    words("instance", "restore", key, "--at", at, ...(as ? ["--as", as] : []), "--wait"),
  cleanUp: (key: string) => words("instance", "clean-up", key, "--wait"),
  optimise: () => words("database", "optimise", "--wait"),
  shrink: () => words("database", "shrink", "--wait"),
  database: () => words("database", "show"),
  useDatabase: (key: string, external: ExternalDatabase | undefined, move: boolean) =>
    external
      ? words(
          ...["instance", "use-database", key, "--host", external.host || "HOST", "--database", external.database],
          ...["--user", external.user, "--password-file", "FILE"],
          ...(external.type === "postgresql" ? [] : ["--type", external.type]),
          move && "--move",
        )
      : words("instance", "use-database", key, "--local"),
  takeOver: (key: string) => words("instance", "take-over", key),
  sqlRecipe: (key: string, type: string) =>
    words("instance", "sql-recipe", key, ...(type === "postgresql" ? [] : ["--type", type])),
  monitor: (subject: string | undefined, range: string) =>
    words("monitor", "show", subject, range !== "1h" && "--since", range !== "1h" && range),
  usage: (from: string, to: string | undefined, byDay: boolean, byInstance: boolean) =>
    words("usage", "--from", from, ...(to ? ["--to", to] : []), byInstance && "--by-instance", byDay && "--by-day"),
  setLimits: (key: string, options: readonly string[]) => words("limit", "set", key, "--clear", ...options),
  allowWrites: (key: string) => words("limit", "allow-writes", key, "--minutes", "60"),
  alarms: () => words("alarm", "ls"),
  alarmHistory: () => words("alarm", "ls", "--history"),
  testAlarm: () => words("alarm", "test"),
  disk: () => words("platform", "disk"),
  replace: (what: string) => words("platform", "replace", what !== "manager" && what),
  startApps: () => words("platform", "start-apps"),
  crashes: () => words("crash", "ls"),
  crash: (id: string) => words("crash", "show", id),
  crashCore: (id: string) => words("crash", "core", id),
  supportBundle: (cores: boolean) => words("support-bundle", cores && "--cores"),
  capture: (minutes: string, from: string, interfaces: string) =>
    words("capture", "on", "--minutes", minutes, "--from", from, ...(interfaces ? ["--interface", interfaces] : [])),
  trace: (key: string, flags: number, minutes: number) =>
    words("trace", "set", key, `0x${flags.toString(16)}`, "--for", `${minutes}m`),
  commandFile: () => words("platform", "command-file", "--run", "--wait"),
};
