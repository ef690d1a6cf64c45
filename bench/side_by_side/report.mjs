// What was measured, as text for the console and for docs/performance.md.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { spread } from './goals.mjs';
import { find } from './process.mjs';
import { peers } from './peers.mjs';

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');

const verdict = met => (met === undefined ? '' : met ? 'met' : '**not met**');

export const goalTable = rows =>
  table(['what', 'ours', 'beside', 'ratio', 'goal', '', 'no proxy'], rows.map(row => [row.what, row.ours, row.peer, row.ratio, row.goal, verdict(row.met), row.floor ?? '']));

const number = (cell, digits) => (cell ? `${cell.median.toFixed(digits)} ${spread(cell, digits)}`.trim() : '–');

export function cpuTable(results, measurements, names) {
  return table(['CPU µs each: webserver + service', ...names], measurements.filter(one => results.has(one.id)).map(one => [
    one.what,
    ...names.map(name => {
      const cell = results.get(one.id)[name];
      if (!cell) return '–';
      const app = cell.app && cell.app.median > 0 && name !== 'direct' ? ` + ${cell.app.median.toFixed(1)}` : '';
      return `${number(cell.cpu, cell.cpu.median < 10 ? 2 : 1)}${app}`;
    }),
  ]));
}

export function idleTable(results, names) {
  const rows = [];
  for (const [id, scheme] of [['idle-ws', 'ws'], ['idle-wss', 'wss, TLS 1.3'], ['idle-wss12', 'wss, TLS 1.2']])
    for (const name of names) {
      const cell = results.get(id)?.[name];
      if (cell) rows.push([scheme, name, number(cell.open, 0), number(cell.user, 0), number(cell.app, 0), number(cell.kernel, 0), number(cell.all, 0), number(cell.connectsPerSecond, 0)]);
    }
  return table(['idle', '', 'connections', 'webserver, B each', 'service, B', 'kernel, B', 'together, B', 'connects/s'], rows);
}

const ms = cell => (cell ? `${(cell.median / 1000).toFixed(2)}` : '–');

// Latencies: what talks among few and among many, what is quiet alone and beside a flood.
export function latencyTable(results, names) {
  const rows = [];
  for (const name of names) {
    const cell = results.get('talk')?.[name];
    if (cell) rows.push([`${cell.talkers.median} talk among ${cell.few.median}, then among ${cell.many.median}`, name, ms(cell.fewP50), ms(cell.fewP99), ms(cell.manyP50), ms(cell.manyP99)]);
  }
  for (const [id, what] of [['fair-service', '200 clients of one service, alone, then beside a flooding service'], ['fair-client', '200 clients of one service, alone, then beside a flooding client of another'], ['fair-instance', '200 clients of one instance, alone, then beside a flooding client of another instance in the same process']])
    for (const name of names) {
      const cell = results.get(id)?.[name];
      if (cell) rows.push([`${what} (${(100 * cell.busy.median).toFixed(0)} % of a core)`, name, ms(cell.aloneP50), ms(cell.aloneP99), ms(cell.floodedP50), ms(cell.floodedP99)]);
    }
  return table(['echo, ms', '', 'median', 'p99', 'then: median', 'p99'], rows);
}

function versionOf(name) {
  try {
    const out = execFileSync('sh', ['-c', `${find(name)} ${peers[name].version.join(' ')} 2>&1`], { encoding: 'utf8' });
    return `${name} ${/\d+\.\d+[\w.-]*/.exec(out)?.[0] ?? ''}`.trim();
  } catch {
    return name;
  }
}

export function machine(names) {
  const tool = (program, args) => {
    try {
      return /\d+\.\d+[\w.-]*/.exec(execFileSync('sh', ['-c', `${program} ${args} 2>&1 || true`], { encoding: 'utf8' }))?.[0] ?? '';
    } catch {
      return '';
    }
  };
  return [
    `${cpus().length} × ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, OpenSSL ${tool('openssl', 'version')}`,
    `peers: ${names.filter(name => peers[name]).map(versionOf).join(', ') || 'none installed'}; wrk ${tool('wrk', '-v')}, h2load ${tool('h2load', '--version')}`,
    `load average at the end: ${loadavg().map(value => value.toFixed(1)).join(', ')}`,
  ];
}
