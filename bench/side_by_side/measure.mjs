// One measurement of one contestant: CPU per unit, bytes per idle connection.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { anonymousOf, cpuOf, pssOf, run, sleep, socketsOf, wakeUpsOf } from './process.mjs';

// Kernel memory of an idle socket, in bytes: sock, inode, file, dentry, epoll item. Slab objects counted on a quiet
// machine (Linux 6.18, 19,000 pairs); the growth of the whole slab would contain what every other process does.
export const kernelBytes = { tcp: 3830, unix: 2600 };

const url = (contestant, scheme, kind) =>
  `${scheme}://127.0.0.1:${scheme === 'https' || scheme === 'wss' ? contestant.https : contestant.http}${contestant.paths[kind]}`;

function lastJson(text) {
  const lines = text.trim().split('\n');
  return JSON.parse(lines[lines.length - 1]);
}

const sumOf = (cpu, pids) => pids.reduce((sum, pid) => sum + (cpu[pid] ?? 0), 0);

async function load(bin, contestant, mode, scheme, kind, args) {
  const pids = [...contestant.pids, ...contestant.appPids];
  const { code, out, error } = await run(`${bin}/wsload`, [mode, '--url', url(contestant, scheme, kind), '--pids', pids.join(','), ...args.map(String)]);
  if (code !== 0) throw new Error(error.trim() || `wsload ended with ${code}`);
  const report = lastJson(out);
  const errors = Object.entries(report.errors).map(([what, count]) => `${count} × ${what}`);
  if (report.count === 0) throw new Error(errors.join(', ') || 'nothing was counted');
  return {
    cpu: sumOf(report.cpuus, contestant.pids) / report.count,
    app: sumOf(report.cpuus, contestant.appPids) / report.count,
    rate: report.perSecond, p50: report.p50us, p99: report.p99us, p999: report.p999us, count: report.count,
    resumed: report.resumed, errors,
  };
}

// A load program that counts requests itself: its whole run against the CPU spent meanwhile.
async function requests(contestant, program, args, parse) {
  const before = cpuOf(contestant.pids), appBefore = cpuOf(contestant.appPids);
  const { code, out, error } = await run(program, args);
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
    measure: contestant => load(bin, contestant, 'burst', scheme, 'echo', ['--connections', 32, '--resume', resume ? 1 : 0, ...run]),
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
      id: 'broadcast', what: 'broadcast of 256 B, each delivery',
      on: contestant => contestant.name === 'ours' || contestant.name === 'direct',
      measure: contestant => load(bin, contestant, 'receive', 'ws', 'room', ['--connections', 2000, '--size', 256, ...run]),
    },
  ];
}

// Bytes per idle connection of a contestant that was just started.
export async function measureIdle(bin, contestant, scheme, connections) {
  // What only the first connections cost: pools, code pages, the TLS library's tables.
  const few = await load(bin, contestant, 'echo', scheme, 'echo', ['--connections', 200, '--warm-up-ms', 0, '--run-ms', 200]);
  await sleep(1000);
  const before = state(contestant);
  const child = spawn(`${bin}/wsload`, ['idle', '--url', url(contestant, scheme, 'echo'), '--connections', String(connections), '--run-ms', '120000', '--limit-ms', '180000', '--pids', contestant.pids.join(',')],
                      { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const opened = JSON.parse((await lines.next()).value);
  await sleep(3000);
  const after = state(contestant);
  child.stdin.end();
  const report = JSON.parse((await lines.next()).value);
  const count = opened.open;
  const sockets = kind => (after.sockets[kind] - before.sockets[kind]) / count;
  const user = (after.memory - before.memory) / count, app = (after.appMemory - before.appMemory) / count;
  const kernel = sockets('tcp') * kernelBytes.tcp + sockets('unix') * kernelBytes.unix;
  return {
    user, app, kernel,
    all: user + app + kernel,
    open: count, connectsPerSecond: count / opened.seconds, p99: report.p99us, quietP99: few.p99,
    errors: [...few.errors, ...Object.entries(report.errors).map(([what, n]) => `${n} × ${what}`)],
  };
}

function state(contestant) {
  return {
    memory: anonymousOf(contestant.pids), appMemory: anonymousOf(contestant.appPids),
    sockets: socketsOf([...contestant.pids, ...contestant.appPids]),
  };
}

// A webserver that nobody uses: bytes, and how often it wakes up in a second.
export async function measureUnused(contestant) {
  await sleep(1000);
  const before = wakeUpsOf(contestant.pids);
  await sleep(3000);
  return { pss: pssOf(contestant.pids), wakeUps: (wakeUpsOf(contestant.pids) - before) / 3 };
}
