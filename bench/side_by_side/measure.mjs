// One measurement of one contestant: CPU per unit, bytes per idle connection.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { anonymousOf, cpuOf, onLoadCore, peakSince, pin, pssOf, run, sleep, socketsOf, wakeUpsOf } from './process.mjs';

// Kernel memory of an idle socket, in bytes: sock, inode, file, dentry, epoll item. Slab objects counted on a quiet
// machine (Linux 6.18, 19,000 pairs); the growth of the whole slab would contain what every other process does.
export const kernelBytes = { tcp: 3830, unix: 2600 };

const url = (contestant, scheme, kind) =>
  `${scheme}://127.0.0.1:${scheme === 'https' || scheme === 'wss' ? contestant.https : contestant.http}${contestant.paths[kind]}`;

function lastJson(text) {
  const lines = text.trim().split('\n');
  return JSON.parse(lines[lines.length - 1]);
}

const runLoad = (program, args) => (onLoadCore.length ? run(onLoadCore[0], [...onLoadCore.slice(1), program, ...args]) : run(program, args));
const sumOf = (cpu, pids) => pids.reduce((sum, pid) => sum + (cpu[pid] ?? 0), 0);

async function load(bin, contestant, mode, scheme, kind, args) {
  const pids = [...contestant.pids, ...contestant.appPids];
  const { code, out, error } = await runLoad(`${bin}/wsload`, [mode, '--url', url(contestant, scheme, kind), '--pids', pids.join(','), ...args.map(String)]);
  if (code !== 0) throw new Error(error.trim() || `wsload ended with ${code}`);
  const report = lastJson(out);
  const errors = errorsOf(report);
  if (report.count === 0) throw new Error(errors.join(', ') || 'nothing was counted');
  return {
    cpu: sumOf(report.cpuus, contestant.pids) / report.count,
    app: sumOf(report.cpuus, contestant.appPids) / report.count,
    rate: report.perSecond, p50: report.p50us, p99: report.p99us, p999: report.p999us, count: report.count,
    resumed: report.resumed, seconds: report.seconds, errors,
  };
}

// A wsload that runs beside others: `opened` once all its connections are there, `done()` what it counted.
function startLoad(bin, contestant, mode, scheme, kind, args, prefix = onLoadCore) {
  const command = [...prefix, `${bin}/wsload`, mode, '--url', url(contestant, scheme, kind), ...args.map(String)];
  const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`wsload ${mode} ended early`);
    return JSON.parse(line.value);
  };
  const opened = next();
  opened.catch(() => {});
  return {
    opened, child,
    async done(isEnough = true) {
      await opened;
      if (isEnough) child.stdin.end(); // an idle one ends now
      return next();
    },
  };
}
const errorsOf = report => Object.entries(report.errors).map(([what, count]) => `${count} × ${what}`);

// A load program that counts requests itself: its whole run against the CPU spent meanwhile.
async function requests(contestant, program, args, parse) {
  const before = cpuOf(contestant.pids), appBefore = cpuOf(contestant.appPids);
  const { code, out, error } = await runLoad(program, args);
  const after = cpuOf(contestant.pids), appAfter = cpuOf(contestant.appPids);
  const { count, rate, errors } = parse(out);
  if (code !== 0 || !count) throw new Error(error.trim().split('\n')[0] || `${program} ended with ${code}`);
  return { cpu: (after - before) / count, app: (appAfter - appBefore) / count, rate, count, errors };
}

const wrk = (contestant, scheme, kind, seconds) =>
  requests(contestant, 'wrk', ['-t1', '-c50', `-d${seconds}s`, url(contestant, scheme, kind)], out => ({
    count: Number(/(\d+) requests in/.exec(out)?.[1] ?? 0),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1] ?? 0),
    errors: [/Non-2xx.*/.exec(out)?.[0], /Socket errors.*/.exec(out)?.[0]].filter(Boolean),
  }));

const h2load = (contestant, kind, seconds) =>
  requests(contestant, 'h2load', ['-t1', '-c50', '-m10', '-D', String(seconds), url(contestant, 'https', kind)], out => {
    if (!/Application protocol: h2\b/.test(out)) throw new Error('no HTTP/2');
    const succeeded = Number(/(\d+) succeeded/.exec(out)?.[1] ?? 0), failed = Number(/(\d+) failed/.exec(out)?.[1] ?? 0);
    return { count: succeeded, rate: Number(/([\d.]+) req\/s/.exec(out)?.[1] ?? 0), errors: failed ? [`${failed} failed`] : [] };
  });

// The measurements of CPU. `on`: false for contestants it makes no sense for.
export function cpuMeasurements(bin, seconds) {
  const run = ['--warm-up-ms', 300, '--run-ms', seconds * 1000];
  const echo = (scheme, connections, size = 64) => ({
    id: `echo-${scheme}-${connections}`,
    what: `echo of ${size} B, ${scheme}, ${connections} connections`,
    on: contestant => contestant.paths.echo && (scheme === 'ws' || contestant.https),
    measure: contestant => load(bin, contestant, 'echo', scheme, 'echo', ['--connections', connections, '--size', size, ...run]),
  });
  const burst = (scheme, resume = false) => ({
    id: `burst-${scheme}${resume ? '-resumed' : ''}`,
    what: `connect, upgrade, echo, close: ${scheme}${resume ? ', TLS resumed' : ''}`,
    on: contestant => (scheme === 'ws' || contestant.https) && (!resume || contestant.name === 'ours'),
    measure: async contestant => {
      const result = await load(bin, contestant, 'burst', scheme, 'echo', ['--connections', 32, '--resume', resume ? 1 : 0, ...run]);
      if (resume && result.resumed < result.count) result.errors.push(`${result.count - result.resumed} of ${result.count} were full handshakes`);
      return result;
    },
  });
  const files = (id, what, kind, measure) => ({
    id, what, on: contestant => contestant.name !== 'direct' && contestant.paths[kind], measure,
  });
  return [
    echo('ws', 50), echo('ws', 1000), echo('wss', 50), echo('wss', 1000),
    burst('ws'), burst('wss'), burst('wss', true),
    { id: 'get', what: 'GET of 1 KiB from the service, http/1.1', on: () => true, measure: c => wrk(c, 'http', 'get', seconds) },
    files('file-http-1k', 'file of 1 KiB, http/1.1', 'small', c => wrk(c, 'http', 'small', seconds)),
    files('file-https-1k', 'file of 1 KiB, https/1.1', 'small', c => wrk(c, 'https', 'small', seconds)),
    files('file-h2-1k', 'file of 1 KiB, https/2', 'small', c => h2load(c, 'small', seconds)),
    files('file-http-100k', 'file of 100 KiB, http/1.1', 'large', c => wrk(c, 'http', 'large', seconds)),
    files('file-https-100k', 'file of 100 KiB, https/1.1', 'large', c => wrk(c, 'https', 'large', seconds)),
    files('file-h2-100k', 'file of 100 KiB, https/2', 'large', c => h2load(c, 'large', seconds)),
    {
      id: 'broadcast', what: `broadcast of 256 B to ${kRoom.toLocaleString('en')}, each delivery`,
      on: contestant => contestant.name === 'ours' || contestant.name === 'direct',
      measure: contestant => measureBroadcast(bin, contestant, run),
    },
  ];
}

export const kRoom = 10_000;

// One sends, all receive. `growth`: the most memory that the webserver had meanwhile, above what it has for the idle room.
async function measureBroadcast(bin, contestant, run) {
  const pids = [...contestant.pids, ...contestant.appPids];
  const load = startLoad(bin, contestant, 'receive', 'ws', 'room', ['--connections', kRoom, '--size', 256, '--pids', pids.join(','), ...run]);
  const { open } = await load.opened;
  const before = peakSince(contestant.pids);
  const report = await load.done();
  if (report.count === 0) throw new Error(errorsOf(report).join(', ') || 'nothing was delivered');
  return {
    cpu: sumOf(report.cpuus, contestant.pids) / report.count, app: sumOf(report.cpuus, contestant.appPids) / report.count,
    growth: before(), rate: report.perSecond, count: report.count, open, errors: errorsOf(report),
  };
}

// Bytes per idle connection of a contestant that was just started. A quarter as many come first and stay: what only the
// first cost (pools, code pages, tables of the TLS library, the heap that many handshakes at once leave) is theirs.
export async function measureIdle(bin, contestant, scheme, connections, { tls12 = false } = {}) {
  const hold = count => startLoad(bin, contestant, 'idle', scheme, 'echo', ['--connections', count, '--talkers', Math.round(count / 100), '--tls12', tls12 ? 1 : 0, '--run-ms', 120_000, '--limit-ms', 180_000]);
  const first = hold(Math.round(connections / 4));
  const { open: already } = await first.opened;
  await sleep(3000);
  const before = state(contestant);
  const second = hold(connections);
  const opened = await second.opened;
  await sleep(3000);
  const after = state(contestant);
  const reports = [await second.done(), await first.done()];
  const count = opened.open;
  if (count === 0) throw new Error('no connection');
  const sockets = kind => (after.sockets[kind] - before.sockets[kind]) / count;
  const user = (after.memory - before.memory) / count, app = (after.appMemory - before.appMemory) / count;
  const kernel = sockets('tcp') * kernelBytes.tcp + sockets('unix') * kernelBytes.unix;
  return {
    user, app, kernel,
    all: user + app + kernel,
    open: count, already, connectsPerSecond: count / opened.seconds,
    errors: reports.flatMap(errorsOf),
  };
}

// Latency of `talkers` that echo once a second, among few connections and among many: the load is the same, only the idle
// ones differ. Each is measured twice, in turn.
export async function measureTalk(bin, contestant, { few, many, talkers, seconds }) {
  const result = { errors: [], few, many, talkers };
  const values = { few: [], many: [] };
  for (let i = 0; i < 2; ++i)
    for (const [which, count] of [['few', few], ['many', many]]) {
      const load = startLoad(bin, contestant, 'idle', 'ws', 'echo', ['--connections', count, '--talkers', talkers, '--warm-up-ms', 2000, '--run-ms', seconds * 1000, '--limit-ms', 60_000]);
      const opened = await load.opened;
      const report = await load.done(false);
      load.child.stdin.end();
      if (opened.open < count) result.errors.push(`${opened.open} of ${count} connections`);
      result.errors.push(...errorsOf(report));
      values[which].push(report);
      await sleep(500);
    }
  for (const which of ['few', 'many'])
    for (const [name, field] of [['P50', 'p50us'], ['P99', 'p99us']])
      result[`${which}${name}`] = values[which].reduce((sum, report) => sum + report[field], 0) / values[which].length;
  return result;
}

// Latency of 200 clients of one service, each with an echo a second, alone and while another service or another
// client floods the webserver. How the webserver divides its turns is what counts, not how the kernel divides cores:
// the webserver, with one worker, has a core of its own, and on the other what floods yields to what is quiet
// (nice 19).
export async function measureFairness(bin, contestant, kind, seconds) {
  if (onLoadCore.length) await pin(contestant.appPids, onLoadCore.at(-1));
  // Not a high nice value: that still keeps what wakes up waiting for the rest of a slice.
  // Where both are instances of one service it serves the quiet one, too.
  if (kind !== 'instance') await run('chrt', ['--all-tasks', '--idle', '--pid', '0', String(contestant.appPids[0])]);
  const first = onLoadCore, last = [...first, 'chrt', '--idle', '0'];
  const quiet = async () => {
    const load = startLoad(bin, contestant, 'idle', 'ws', 'quiet', ['--connections', 200, '--talkers', 200, '--warm-up-ms', 1000, '--run-ms', seconds * 1000, '--limit-ms', 60_000], first);
    const report = await load.done(false);
    load.child.stdin.end();
    return report;
  };
  const flood = () => kind === 'service'
    ? startLoad(bin, contestant, 'receive', 'ws', 'room', ['--connections', 2000, '--size', 256, '--run-ms', 60_000, '--limit-ms', 90_000], last)
    : startLoad(bin, contestant, 'flood', 'ws', 'echo', ['--connections', 1, '--ahead', 2000, '--size', 256, '--run-ms', 60_000, '--limit-ms', 90_000], last);
  const alone = await quiet();
  const load = flood();
  await load.opened;
  await sleep(500);
  const cpu = cpuOf(contestant.pids), began = Date.now();
  const flooded = await quiet();
  const busy = (cpuOf(contestant.pids) - cpu) / 1000 / (Date.now() - began);
  load.child.kill('SIGTERM');
  await new Promise(done => load.child.once('exit', done));
  return { aloneP50: alone.p50us, aloneP99: alone.p99us, floodedP50: flooded.p50us, floodedP99: flooded.p99us, busy, errors: [...errorsOf(alone), ...errorsOf(flooded)] };
}

// `count` clients that come, echo and go: memory afterwards beside memory before, and the seconds it took.
export async function measureChurn(bin, contestant, scheme, count) {
  const visit = async most => {
    const result = await load(bin, contestant, 'burst', scheme, 'echo', ['--connections', 200, '--most', most, '--run-ms', 300_000, '--limit-ms', 300_000]);
    await sleep(4000);
    return result;
  };
  await visit(Math.round(count / 4)); // lists and heaps reach their size
  const before = pssOf(contestant.pids);
  const result = await visit(count);
  return { before, after: pssOf(contestant.pids), seconds: result.seconds, count: result.count, errors: result.errors };
}

function state(contestant) {
  return {
    memory: anonymousOf(contestant.pids), appMemory: anonymousOf(contestant.appPids),
    sockets: socketsOf([...contestant.pids, ...contestant.appPids]),
  };
}

// A webserver that nobody uses: bytes, and how often it wakes up in a second.
export async function measureUnused(contestant) {
  await sleep(25_000); // the start is over, and its manager has seen twice that nothing happens
  const before = wakeUpsOf(contestant.pids);
  await sleep(20_000);
  return { pss: pssOf(contestant.pids), wakeUps: (wakeUpsOf(contestant.pids) - before) / 20 };
}
