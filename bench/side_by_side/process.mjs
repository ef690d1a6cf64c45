// Child processes and what the kernel says of them.
import { execFileSync, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export const sleep = ms => new Promise(done => setTimeout(done, ms));

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has gone meanwhile
  }
}

// A daemon of a contestant; its output goes to `log`.
export function start(log, program, args, options = {}) {
  const out = openSync(log, 'a');
  const child = spawn(program, args, { stdio: ['ignore', out, out], ...options });
  child.exited = new Promise(done => child.once('exit', code => done(code ?? -1)));
  child.once('error', () => {});
  return child;
}

export async function stop(child) {
  if (child.exitCode !== null || child.pid === undefined) return;
  child.kill('SIGTERM');
  if ((await Promise.race([child.exited, sleep(3000).then(() => 'late')])) === 'late') {
    child.kill('SIGKILL');
    await child.exited;
  }
}

// `pid` and all below it.
export function family(pid) {
  const parents = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = read(`/proc/${entry}/stat`);
    if (stat) parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const found = [pid];
  for (const known of found) for (const [child, parent] of parents) if (parent === known) found.push(child);
  return found;
}

function threads(pid, file) {
  let names = [];
  try {
    names = readdirSync(`/proc/${pid}/task`);
  } catch {
    // gone
  }
  return names.map(name => read(`/proc/${pid}/task/${name}/${file}`));
}

// Microseconds of CPU of these processes so far, all threads.
export const cpuOf = pids =>
  pids.flatMap(pid => threads(pid, 'schedstat')).reduce((sum, text) => sum + Number(text.split(' ')[0] || 0), 0) / 1000;

// How often their threads were woken so far.
export const wakeUpsOf = pids =>
  pids.flatMap(pid => threads(pid, 'status'))
    .reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(text)?.[1] ?? 0), 0);

// Proportional set size in bytes: all of it, and the part that is no file. The share of a library's pages changes
// whenever any other program begins or ends, so growth is measured without it.
const sizeOf = (pids, fields) =>
  pids.reduce((sum, pid) => {
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    return sum + fields.reduce((part, field) => part + 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0), 0);
  }, 0);
export const pssOf = pids => sizeOf(pids, ['Pss']);
export const anonymousOf = pids => sizeOf(pids, ['Pss_Anon', 'Pss_Shmem']);

// Bytes that these processes have had resident at most since this call, above what they have now.
export function peakSince(pids) {
  const sum = field => pids.reduce((total, pid) => total + 1024 * Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(read(`/proc/${pid}/status`))?.[1] ?? 0), 0);
  for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5'); // proc(5): the peak is now
  const before = sum('VmRSS');
  return () => sum('VmHWM') - before;
}

// Sockets of these processes: {tcp, unix}, listening ones included.
export function socketsOf(pids) {
  const kinds = new Map();
  for (const [file, kind] of [['tcp', 'tcp'], ['tcp6', 'tcp'], ['unix', 'unix']]) {
    for (const line of read(`/proc/net/${file}`).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      kinds.set(kind === 'tcp' ? fields[9] : fields[6], kind);
    }
  }
  const count = { tcp: 0, unix: 0 };
  for (const pid of pids) {
    let list = '';
    try {
      list = execFileSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      continue; // gone
    }
    for (const match of list.matchAll(/socket:\[(\d+)\]/g)) {
      const kind = kinds.get(match[1]);
      if (kind) ++count[kind];
    }
  }
  return count;
}

// All threads of these processes run on those cores only ("0", "0-2").
export async function pin(pids, cores) {
  for (const pid of pids) await run('taskset', ['-a', '-c', '-p', cores, String(pid)]);
}

// Who is measured and what loads it share no core, or the same program costs 2.7 or 5.6 µs, as the scheduler likes:
// load on the last one, everything else on those before. Empty with a single core.
const last = cpus().length - 1;
export const measuredCores = last > 0 ? (last > 1 ? `0-${last - 1}` : '0') : '';
export const onLoadCore = last > 0 ? ['taskset', '-c', String(last)] : [];

export function run(program, args) {
  return new Promise(done => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', error = '';
    child.stdout.on('data', part => (out += part));
    child.stderr.on('data', part => (error += part));
    child.once('error', failure => done({ code: -1, out, error: String(failure) }));
    child.once('exit', code => done({ code: code ?? -1, out, error }));
  });
}

export function find(program) {
  try {
    return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } }).trim();
  } catch {
    return '';
  }
}
