// A MariaDB server on a free port of 127.0.0.1, for instances whose data are not in PostgreSQL.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync } from "node:fs";
import { join } from "node:path";
import { is_root, kNobody, quiet_port, temporary_folder } from "./platform";
import { until } from "./wait";

export class Mariadb {
  private readonly folder = temporary_folder("berth-mariadb");
  private server: ChildProcess | undefined;
  private constructor(readonly port: number) {}

  /** End it with kill(). */
  static async start(): Promise<Mariadb> {
    const made = new Mariadb(await quiet_port());
    if (is_root) chownSync(made.folder, kNobody, kNobody);
    const installed = spawnSync("mariadb-install-db", [
      "--no-defaults", `--datadir=${made.data}`, "--auth-root-authentication-method=normal", "--skip-test-db", ...made.user,
    ], { encoding: "utf8" });
    if (installed.status !== 0) throw new Error(`mariadb-install-db: ${installed.stdout}${installed.stderr}`);
    await made.up();
    return made;
  }

  /** What the server says to the statement, as root; one line a row. */
  sql(statement: string): string {
    const done = spawnSync("mariadb", ["--no-defaults", "-N", "-B", "-uroot", `--socket=${this.socket}`, "-e", statement], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`mariadb: ${done.stderr}`);
    return done.stdout.trim();
  }

  /** As by power cut. */
  async kill(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const gone = new Promise((done) => server.once("exit", done));
    server.kill("SIGKILL");
    await gone;
  }

  async up(): Promise<void> {
    this.server = spawn("mariadbd", [
      "--no-defaults", `--datadir=${this.data}`, `--socket=${this.socket}`, `--pid-file=${join(this.folder, "pid")}`,
      `--log-error=${join(this.folder, "log")}`, "--bind-address=127.0.0.1", `--port=${this.port}`,
      "--innodb-buffer-pool-size=16M", "--skip-name-resolve", ...this.user,
    ], { stdio: "ignore" });
    await until("MariaDB", () => {
      try {
        return this.sql("SELECT 1") === "1";
      } catch {
        return false;
      }
    }, 60_000);
  }

  private get data(): string {
    return join(this.folder, "data");
  }
  private get socket(): string {
    return join(this.folder, "socket");
  }
  /** It refuses to run as root. */
  private get user(): string[] {
    return is_root ? ["--user=nobody"] : [];
  }
}
