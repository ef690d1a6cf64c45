// Starts the contestants, measures them in turn, judges. Options: see bench/README.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { judge } from './goals.mjs';
import { cpuMeasurements, measureChurn, measureFairness, measureIdle, measureTalk, measureUnused } from './measure.mjs';
import { startOurs } from './ours.mjs';
import { peers, startDirect, startPeer } from './peers.mjs';
import { startPlatform } from './platform.mjs';
import { find, measuredCores, pin, sleep } from './process.mjs';
import { cpuTable, goalTable, idleTable, latencyTable, machine } from './report.mjs';

const top = fileURLToPath(new URL('../..', import.meta.url));
const bin = `${process.env.BERTH_BUILD}/bin`;

function parse(args) {
  const options = { quick: false, rounds: 0, only: null, with: null, write: null, json: null, commit: null };
  for (let i = 0; i < args.length; ++i) {
    const name = args[i].replace(/^--/, '');
    if (name === 'quick') options.quick = true;
    else if (['rounds', 'only', 'with', 'write', 'json', 'commit'].includes(name) && i + 1 < args.length) options[name] = args[++i];
    else {
      console.error(`${args[i]}: unknown, or its value is missing`);
      process.exit(2);
    }
  }
  return options;
}

const options = parse(process.argv.slice(2));
const rounds = Number(options.rounds) || (options.quick ? 2 : 4);
const seconds = options.quick ? 1 : 2;
// A run ends in time: CPU, of which there may be many rounds, leaves the rest what it needs.
const minute = 60_000, begun = Date.now();
const deadline = begun + (options.quick ? 14 : 25) * minute, cpuDeadline = begun + (options.quick ? 8 : 14) * minute;
const wanted = options.with ? options.with.split(',') : ['ours', 'direct', ...Object.keys(peers)];
const names = wanted.filter(name => name === 'ours' || name === 'direct' || (peers[name] && find(peers[name].program)));
const chosen = id => !options.only || options.only.split(',').some(part => id.startsWith(part));
const measurements = cpuMeasurements(bin, seconds).filter(one => chosen(one.id));

const dir = mkdtempSync(`${tmpdir()}/berth-bench-`);
execFileSync('chmod', ['755', dir]);
const www = `${dir}/www`, certificate = `${dir}/cert.pem`, key = `${dir}/key.pem`, both = `${dir}/both.pem`;
mkdirSync(www);
writeFileSync(`${www}/1k.bin`, Buffer.alloc(1024, 'x'));
writeFileSync(`${www}/100k.bin`, Buffer.alloc(102400, 'x'));
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost',
                         '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'ignore' });
writeFileSync(both, readFileSync(certificate) + '\n' + readFileSync(key));

let nextPort = 18100, nextFolder = 0;
async function startContestant(name, { inPlatform = false, quiet = false, together = false, workers = Math.min(cpus().length, 4) } = {}) {
  const folder = `${dir}/${nextFolder++}-${name}`;
  mkdirSync(folder);
  let started;
  if (name === 'ours' && inPlatform) started = await startPlatform({ dir: folder, bin });
  else if (name === 'ours') started = await startOurs({ dir: folder, bin, certificate: both, reactors: workers, quiet, together });
  else if (name === 'direct') started = await startDirect({ dir: folder, bin, port: nextPort++ });
  else started = await startPeer(name, { dir: folder, bin, www, certificate, key, both, http: nextPort++, https: nextPort++, workers, quiet });
  if (measuredCores) await pin([...started.pids, ...started.appPids], measuredCores);
  return Object.assign(started, { name });
}

// It must answer what it is measured with.
function check(contestant) {
  return Promise.all(Object.entries({ small: 1024, large: 102400, get: 1024 }).map(([kind, size]) => new Promise((done, failed) => {
    if (!contestant.paths[kind] || (contestant.name === 'direct' && kind !== 'get')) return done();
    httpGet({ port: contestant.http, host: '127.0.0.1', path: contestant.paths[kind] }, response => {
      let got = 0;
      response.on('data', part => (got += part.length));
      response.on('end', () => (response.statusCode === 200 && got === size ? done() : failed(new Error(`${contestant.name}: ${contestant.paths[kind]} gives ${response.statusCode} and ${got} bytes`))));
    }).on('error', failed);
  })));
}

const samples = new Map(); // id → name → value → numbers
const notes = [], unmeasured = new Set();
let roundsDone = 0;
function note(id, name, result) {
  if (!samples.has(id)) samples.set(id, {});
  const cell = (samples.get(id)[name] ??= {});
  for (const [value, number] of Object.entries(result)) if (typeof number === 'number') (cell[value] ??= []).push(number);
  if (result.errors?.length) notes.push(`${id}, ${name}: ${result.errors.join(', ')}`);
}

async function attempt(id, name, call, until = deadline) {
  if (Date.now() > until) {
    unmeasured.add(`${id}, ${name}`);
    return;
  }
  try {
    note(id, name, await call());
  } catch (failure) {
    notes.push(`${id}, ${name}: ${failure.message}`);
  }
}

async function measureCpu() {
  if (measurements.length === 0) return;
  const contestants = [];
  try {
    for (const name of names) {
      try {
        const started = await startContestant(name);
        contestants.push(started);
        await check(started);
      } catch (failure) {
        if (name === 'ours') throw failure;
        notes.push(`${name}: ${failure.message}`);
      }
    }
    for (let took = 0; roundsDone < rounds && Date.now() + took < cpuDeadline; ++roundsDone) {
      const since = Date.now();
      for (const one of measurements) {
        for (const contestant of contestants) if (one.on(contestant)) await attempt(one.id, contestant.name, () => one.measure(contestant), cpuDeadline + minute);
        progress(`round ${roundsDone + 1} of ${rounds}: ${one.what}`);
      }
      took = Date.now() - since;
    }
  } finally {
    for (const contestant of contestants) await contestant.stop();
  }
}

// With a fresh contestant: memory once touched seldom comes back.
async function withFresh(id, name, call, setup) {
  await attempt(id, name, async () => {
    const contestant = await startContestant(name, setup);
    try {
      return await call(contestant);
    } finally {
      await contestant.stop();
      await sleep(500);
    }
  });
  progress(`${id}: ${name}`);
}

const isOneOf = (...some) => name => some.includes(name);
const proxies = name => name !== 'direct';
const few = 1000, talkers = 190;
const idleCounts = options.quick ? { ws: 4000, wss: 5000, wss12: 1000 } : { ws: 7200, wss: 7200, wss12: 2000 };
const churn = options.quick ? 20_000 : 100_000;
// Ours and the bare server hold all that descriptors allow; a peer has two descriptors a connection, and two workers
// that the kernel does not fill evenly.
const manyOf = name => (name === 'ours' || name === 'direct' ? 19_000 : 9000);
const others = [
  ['idle-ws', () => true, c => measureIdle(bin, c, 'ws', idleCounts.ws)],
  ['idle-wss', proxies, c => measureIdle(bin, c, 'wss', idleCounts.wss)],
  ['idle-wss12', proxies, c => measureIdle(bin, c, 'wss', idleCounts.wss12, { tls12: true })],
  ['talk', isOneOf('ours', 'direct', 'nginx', 'haproxy'), c => measureTalk(bin, c, { few, many: manyOf(c.name), talkers, seconds: options.quick ? 4 : 8 })],
  ['fair-service', isOneOf('ours', 'nginx'), c => measureFairness(bin, c, 'service', options.quick ? 4 : 8), { quiet: true, workers: 1 }],
  ['fair-client', isOneOf('ours', 'nginx'), c => measureFairness(bin, c, 'client', options.quick ? 4 : 8), { quiet: true, workers: 1 }],
  ['fair-instance', isOneOf('ours'), c => measureFairness(bin, c, 'instance', options.quick ? 4 : 8), { together: true, workers: 1 }],
  ['churn-ws', isOneOf('ours'), c => measureChurn(bin, c, 'ws', churn)],
  ['churn-wss', isOneOf('ours'), c => measureChurn(bin, c, 'wss', churn)],
  ['unused', proxies, c => measureUnused(c), { inPlatform: true }],
];

// Rounds of all of them as long as there is time for one more.
async function measureOthers() {
  const most = options.quick ? 1 : 2;
  for (let round = 0, took = 0; round < most && Date.now() + took < deadline; ++round) {
    const since = Date.now();
    for (const [id, isFor, call, setup] of others)
      for (const name of names) if (chosen(id) && isFor(name)) await withFresh(id, name, call, setup);
    took = Date.now() - since;
  }
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function medians() {
  const results = new Map();
  for (const [id, byName] of samples) {
    const row = {};
    for (const [name, values] of Object.entries(byName)) {
      row[name] = {};
      for (const [value, numbers] of Object.entries(values)) {
        const sorted = [...numbers].sort((a, b) => a - b);
        const half = sorted.length >> 1;
        const median = sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        row[name][value] = { median, least: sorted[0], most: sorted.at(-1), runs: sorted.length };
      }
    }
    results.set(id, row);
  }
  return results;
}

try {
  await measureCpu();
  await measureOthers();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
progress('');
if (unmeasured.size) notes.push(`no time was left for: ${[...unmeasured].join('; ')}`);
const results = medians();
const goals = judge(results).filter(row => row.ours !== 'not measured' || !options.only);
const sections = [
  goalTable(goals),
  cpuTable(results, measurements, names),
  ...(['idle-ws', 'idle-wss', 'idle-wss12'].some(id => results.has(id)) ? [idleTable(results, names)] : []),
  ...(['talk', 'fair-service', 'fair-client', 'fair-instance'].some(id => results.has(id)) ? [latencyTable(results, names)] : []),
  ...(notes.length ? ['Noted:\n\n' + [...new Set(notes)].map(text => `- ${text}`).join('\n')] : []),
  machine(names).join('\n'),
];
console.log(sections.join('\n\n'));
console.log(`\n${goals.filter(row => row.met).length} goals met, ${goals.filter(row => row.met === false).length} not; ${Math.round((Date.now() - begun) / 1000)} s`);
if (options.json) writeFileSync(options.json, JSON.stringify({ samples: Object.fromEntries(samples), notes, goals }, null, 1));

const page = options.write ?? (options.quick || options.only || options.with ? null : `${top}/docs/performance.md`);
if (page) {
  const text = readFileSync(`${top}/bench/side_by_side/performance.template.md`, 'utf8')
    .replace('{{machine}}', machine(names).map(line => `- ${line}`).join('\n'))
    .replace('{{command}}', ['bench/webserver', ...(options.quick ? ['--quick'] : []), ...(options.only ? ['--only', options.only] : [])].join(' '))
    .replace('{{commit}}', options.commit ?? execFileSync('git', ['-C', top, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim())
    .replace('{{date}}', new Date().toISOString().slice(0, 10))
    .replace('{{runs}}', `${roundsDone} rounds of ${seconds} s`)
    .replace('{{goals}}', sections[0])
    .replace('{{cpu}}', sections[1])
    .replace('{{idle}}', idleTable(results, names))
    .replace('{{latency}}', latencyTable(results, names))
    .replace('{{notes}}', notes.length ? [...new Set(notes)].map(one => `- ${one}`).join('\n') : 'No errors, nothing lost: every echo was compared.');
  writeFileSync(page, text);
  console.log(`written: ${page}`);
}
process.exit(0);
