// The `berth` command that does the same as a button: shown beside forms and warnings.

/** A word as a POSIX shell reads it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
}

const words = (...parts: (string | false | undefined)[]) =>
  ["berth", ...parts.filter((part): part is string => Boolean(part)).map(quote)].join(" ");

export const commands = {
  install: (app: string) => words("service", "install", app, "--wait"),
  removeService: (id: string) => words("service", "rm", id),
  startService: (id: string) => words("service", "start", id),
  stopService: (id: string) => words("service", "stop", id),
  createInstance: (service: string, name: string, domain: string, path?: string) =>
    words(
      "instance",
      "create",
      service,
      "--name",
      name || "NAME",
      "--domain",
      domain || "DOMAIN",
      path && "--path",
      path,
    ),
  instancePassword: (key: string) => words("instance", "passwd", key, "--password-file", "new.txt"),
  backup: (key: string) => words("instance", "backup", key, "-o", `${key.split("@")[0]}.dump`),
  restore: (file: string) => words("instance", "restore", file, "--wait"),
  deleteInstance: (key: string, now: boolean) => words("instance", "rm", key, now && "--now"),
  undo: (key: string) => words("instance", "undo", key),
  startInstance: (key: string) => words("instance", "start", key),
  stopInstance: (key: string) => words("instance", "stop", key),
  log: (service: string) => words("log", service, "-f"),
  jobs: () => words("job", "ls"),
  job: (id: string) => words("job", "show", id),
  setting: (name: string, value: string) => words("config", "set", name, value),
  store: () => words("store", "ls"),
};
