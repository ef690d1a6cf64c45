// A platform of its own for a benchmark: fresh root, the programs of BERTH_BUILD, admin messages over its socket, and what
// the kernel says of its processes. Everything goes at the end of the process.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { family } from '../side_by_side/process.mjs';

export const top = fileURLToPath(new URL('../..', import.meta.url));
export const build = process.env.BERTH_BUILD ?? `${top}/build`;
export const postgresBinaries = '/usr/lib/postgresql/15/bin';
export const sleep = ms => new Promise(done => setTimeout(done, ms));
export const now = () => performance.now();

export const mean = list => list.reduce((sum, value) => sum + value, 0) / list.length;
export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

function freePort() {
  return new Promise(done => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

// Admin messages over manager.sock: u32 length, JSON (docs/protocols/control.md).
export class Admin {
  constructor(path) {
    this.waiting = new Map();
    this.next = 1;
    this.on = () => {};
    this.pieces = [];
    this.have = 0;
    this.socket = connect(path);
    this.socket.on('data', piece => this.received(piece));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      for (const { fail } of this.waiting.values()) fail(new Error('the manager is gone'));
      this.waiting.clear();
    });
  }
  received(piece) {
    this.pieces.push(piece);
    this.have += piece.length;
    for (;;) {
      if (this.have < 4) return;
      if (this.pieces[0].length < 4) this.pieces = [Buffer.concat(this.pieces)];
      const length = this.pieces[0].readUInt32BE(0);
      if (this.have < 4 + length) return;
      const all = this.pieces.length > 1 ? Buffer.concat(this.pieces) : this.pieces[0];
      this.pieces = [all.subarray(4 + length)];
      this.have -= 4 + length;
      const message = JSON.parse(all.subarray(4, 4 + length).toString());
      const waiting = this.waiting.get(message.src);
      if (!waiting || (!message.mt.endsWith('Result') && message.mt !== 'Error')) {
        this.on(message);
        continue;
      }
      this.waiting.delete(message.src);
      if (message.error) waiting.fail(new Error(`${message.mt}: ${message.error}`));
      else waiting.done(message);
    }
  }
  ask(mt, members = {}) {
    const src = `b${this.next++}`;
    const text = Buffer.from(JSON.stringify({ mt, src, ...members }));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    return new Promise((done, fail) => {
      this.waiting.set(src, { done, fail });
      this.socket.write(Buffer.concat([head, text]));
    });
  }
  close() {
    this.socket.destroy();
  }
}

export class Platform {
  // `folder`: kept from an earlier run, and kept again; else a new one that goes at the end.
  constructor(folder = '') {
    this.kept = folder !== '';
    this.folder = folder || mkdtempSync(`${process.env.TMPDIR ?? tmpdir()}/berth-bench-`);
    mkdirSync(this.folder, { recursive: true });
    chmodSync(this.folder, 0o755); // services run under other users
    this.root = `${this.folder}/root`;
    this.sockets = `${this.root}/run/berth/pgsql`;
    writeFileSync(`${this.folder}/pw.txt`, 'bench password\n', { mode: 0o600 });
    this.jobs = new Map();
    this.steps = new Map(); // who wants to know at which step a job is
    process.on('exit', () => this.remove());
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.on(signal, () => {
        this.stop().finally(() => process.exit(1));
      });
  }

  // `apps` services of one program under several names, in a store of their own.
  makeStore(apps) {
    this.store = `${this.folder}/store`;
    if (!existsSync(this.store)) this.fillStore(apps);
    this.storeKey = readFileSync(`${this.store}/minisign.pub`, 'utf8').trim().split('\n').at(-1);
  }
  fillStore(apps) {
    const args = ['--out', this.store, '--key', `${this.folder}/store.key`, '--build', '1', '--label', 'bench', '--arch', 'x86_64'];
    if (process.arch === 'arm64') args[args.length - 1] = 'arm64';
    const about = JSON.parse(readFileSync(`${top}/apps/notes/store.json`, 'utf8'));
    for (const id of apps) {
      const file = `${this.folder}/${id}.json`;
      writeFileSync(file, JSON.stringify({ ...about, id, folder: id, binary: 'notes', title: id }));
      args.push('--app', file, `${build}/bin/notes`, `${top}/apps/notes/notes.png`);
    }
    execFileSync(`${build}/bin/make_store`, args);
  }

  async start() {
    this.http ??= await freePort();
    this.https ??= await freePort();
    const log = openSync(`${this.folder}/console`, 'a');
    const begun = now(), startedAt = Date.now();
    this.manager = spawn(`${build}/bin/berth-manager`,
                         ['--root', this.root, '--http', this.http, '--https', this.https, '--password-file', `${this.folder}/pw.txt`, '--store',
                          this.store ?? 'demo'],
                         { stdio: ['ignore', log, log] });
    this.ended = new Promise(done => this.manager.once('exit', done));
    const path = `${this.root}/run/berth/manager.sock`;
    for (;;) {
      if (this.manager.exitCode !== null) throw new Error(`the platform does not start:\n${readFileSync(`${this.folder}/console`, 'utf8').slice(-3000)}`);
      if (!existsSync(path) || statSync(path).ctimeMs < startedAt - 100) {
        await sleep(20);
        continue;
      }
      this.admin = new Admin(path);
      try {
        await this.admin.ask('GetStatus');
        break;
      } catch {
        this.admin.close();
        await sleep(20);
      }
    }
    this.admin.on = message => {
      if (message.mt !== 'JobChanged') return;
      this.steps.get(message.job.id)?.(message.job.stepText);
      const ended = ['done', 'failed', 'cancelled'].includes(message.job.state);
      if (ended) this.jobs.get(message.job.id)?.(message.job);
    };
    return begun;
  }

  async stop() {
    if (!this.manager || this.manager.exitCode !== null) return;
    this.admin?.close();
    this.manager.kill('SIGTERM');
    await this.ended;
  }

  // Whatever happened: nothing stays. The manager's children outlive it on purpose.
  remove() {
    if (this.removed) return;
    this.removed = true;
    if (this.manager && this.manager.exitCode === null) {
      const pids = this.pids();
      this.manager.kill('SIGKILL');
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // gone already
        }
      }
    }
    if (!this.kept) rmSync(this.folder, { recursive: true, force: true });
  }

  berth(...args) {
    const ran = spawnSync(`${build}/bin/berth`, ['--root', this.root, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
    if (ran.status !== 0) throw new Error(`berth ${args.join(' ')}: ${ran.stderr}`);
    return ran.stdout;
  }

  // Asks for something that starts a job and waits for the job's end, which is told without our asking.
  async job(mt, members = {}) {
    await this.listen();
    const answer = await this.admin.ask(mt, members);
    return this.finish(answer.job.id);
  }
  async listen() {
    if (this.listeningTo === this.admin) return;
    this.listeningTo = this.admin;
    await this.admin.ask('Subscribe', { topics: ['jobs'] });
  }
  async finish(id) {
    const job = await new Promise(done => {
      this.jobs.set(id, done);
      // It may have ended before we listened.
      this.admin.ask('GetJob', { id }).then(({ job }) => ['done', 'failed', 'cancelled'].includes(job.state) && done(job));
    });
    this.jobs.delete(id);
    if (job.state !== 'done') throw new Error(`${job.title}: ${job.error}`);
    return job;
  }

  // Until nothing works in the background any more.
  async quiet(limitMs = 600_000) {
    const until = now() + limitMs;
    for (let calm = 0; calm < 3;) {
      const { jobs } = await this.admin.ask('GetJobs', { limit: 20 });
      const busy = jobs.filter(job => ['waiting', 'running'].includes(job.state));
      calm = busy.length ? 0 : calm + 1;
      if (now() > until) throw new Error(`still at work: ${busy.map(job => job.title).join(', ')}`);
      await sleep(500);
    }
  }

  // A session of the superuser, kept open; psql tells how long each statement took, without its own start.
  sql(database = 'postgres') {
    return new Psql(this.sockets, database, 5432);
  }

  pids() {
    const mine = new Set();
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
      let line = '';
      try {
        line = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
      } catch {
        continue;
      }
      if (line.includes(this.root)) for (const pid of family(Number(entry))) mine.add(pid);
    }
    return [...mine];
  }
}

export class Psql {
  constructor(host, database, port, user = 'berth') {
    this.child = spawn(`${postgresBinaries}/psql`, ['-XqAt', '-h', host, '-p', String(port), '-U', user, '-d', database], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.text = '';
    this.errors = '';
    this.child.stdout.on('data', piece => {
      this.text += piece;
      this.look();
    });
    this.child.stderr.on('data', piece => (this.errors += piece));
    this.child.stdin.write('\\timing on\n');
    this.number = 0;
  }
  look() {
    if (!this.wanted || !this.text.includes(this.wanted)) return;
    const lines = this.text.slice(0, this.text.indexOf(this.wanted)).split('\n').filter(Boolean);
    this.text = '';
    this.wanted = null;
    const times = lines.filter(line => /^Time: [\d.]+ ms/.test(line)).map(line => Number(line.split(' ')[1]));
    this.done({ rows: lines.filter(line => !line.startsWith('Time: ')), ms: times.reduce((a, b) => a + b, 0) });
  }
  // → {rows, ms}
  run(statement) {
    this.wanted = `--end ${++this.number}--\n`;
    this.errors = '';
    this.child.stdin.write(`${statement};\n\\echo --end ${this.number}--\n`);
    return new Promise(done => (this.done = done)).then(answer => {
      if (this.errors.includes('ERROR')) throw new Error(this.errors);
      return answer;
    });
  }
  close() {
    this.child.stdin.end();
    return new Promise(done => this.child.once('exit', done));
  }
}

export function pssKib(pids) {
  let sum = 0;
  for (const pid of pids) {
    try {
      sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
    } catch {
      // gone
    }
  }
  return sum;
}

export function nameOf(pid) {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return line.startsWith('postgres:') ? line : line.split(' ')[0].split('/').pop();
  } catch {
    return 'gone';
  }
}

// Milliseconds of CPU so far, of these and of the children that they have waited for.
export function cpuMs(pids) {
  const of = new Map();
  for (const pid of pids) {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
      of.set(pid, (fields[11] + fields[12] + fields[13] + fields[14]) * 10);
    } catch {
      // gone
    }
  }
  return of;
}

export function switches(pids) {
  const of = new Map();
  for (const pid of pids) {
    let sum = 0;
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`))
        sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))[1]);
    } catch {
      // gone
    }
    of.set(pid, sum);
  }
  return of;
}

// The rows of a table that goes to the terminal and, as Markdown, into the documents.
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => String(row[column]).length)));
  const line = row => `| ${row.map((cell, column) => String(cell).padEnd(widths[column])).join(' | ')} |`;
  return [line(rows[0]), `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`, ...rows.slice(1).map(line)].join('\n');
}

export function options(given, known) {
  const chosen = { ...known };
  for (let i = 0; i < given.length; ++i) {
    const name = given[i].replace(/^--/, '');
    if (!(name in known) || (typeof known[name] !== 'boolean' && i + 1 >= given.length)) {
      console.error(`${given[i]}: unknown, or its value is missing; there are ${Object.keys(known).map(one => `--${one}`).join(' ')}`);
      process.exit(2);
    }
    chosen[name] = typeof known[name] === 'boolean' ? true : given[++i];
  }
  return chosen;
}

