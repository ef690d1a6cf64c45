// Many instances in one platform: what one more costs, and what all of them cost when nothing happens. See bench/README.md.
import { Platform, cpuMs, mean, median, nameOf, now, options, pssKib, sleep, switches, table } from './platform.mjs';

const chosen = options(process.argv.slice(2), {
  counts: '10,100,1000', // measured at each of them
  services: '10',
  phases: 'create,start,answers,care,backup,idle',
  idle: '60', // seconds
  machine: 'auto', // setting timeMachine
  backup: '100', // instances that the backup measurement covers at most
  folder: '', // a platform that is kept there, from run to run
  detail: false, // the processes behind CPU and memory
});
const counts = chosen.counts.split(',').map(Number);
const phases = new Set(chosen.phases.split(','));
const services = Array.from({ length: Number(chosen.services) }, (_, i) => `notes${i}`);
const kTimed = 20; // instances made one after the other, and timed; the others four at a time
const begun = now();
const say = text => console.error(`${((now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}`);

const platform = new Platform(chosen.folder);
platform.makeStore(services);
await platform.start();
let made = (await platform.admin.ask('GetInstances')).instances.length;
if (made === 0) {
  await platform.admin.ask('SetSetting', { name: 'storeKeys', value: platform.storeKey });
  await platform.admin.ask('SetSetting', { name: 'timeMachine', value: chosen.machine });
  await platform.admin.ask('SetSetting', { name: 'optimiseHour', value: '-1' }); // no night falls into a measurement
  for (const id of services) await platform.job('InstallApp', { id });
}
say(`${services.length} services run, ${made} instances are there`);

// One instance: until its database is made and it is entered, and until it runs with its tables.
async function createOne() {
  const number = made++;
  const started = now();
  let entered = NaN;
  const { job } = await platform.admin.ask('CreateInstance', { service: services[number % services.length], name: `team${number}`, domain: `d${number % 7}.example.com` });
  platform.steps.set(job.id, text => {
    if (text === 'start') entered = now() - started;
  });
  await platform.finish(job.id);
  platform.steps.delete(job.id);
  return { entered, whole: now() - started };
}

async function create(upTo) {
  await platform.listen();
  const worker = async () => {
    while (made < upTo - kTimed) await createOne();
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  const timed = [], bare = [], schema = [];
  const admin = platform.sql();
  const tables = (await import('node:fs')).readFileSync(new URL('../../apps/notes/schema/001_notes.sql', import.meta.url), 'utf8');
  while (made < upTo) {
    const i = made;
    timed.push(await createOne());
    bare.push((await admin.run(`CREATE DATABASE bare_${i} TEMPLATE template0`)).ms);
    // The same by hand: role, database, its tables, in a session of their own.
    const started = now();
    await admin.run(`CREATE ROLE bare_${i} LOGIN`);
    await admin.run(`GRANT ALL ON DATABASE bare_${i} TO bare_${i}`);
    const session = platform.sql(`bare_${i}`);
    await session.run(`BEGIN; SET LOCAL client_min_messages = error; ${tables}; COMMIT`);
    schema.push(bare.at(-1) + now() - started);
    await session.close();
  }
  // They stay: DROP DATABASE waits for a checkpoint, which syncs the 300 files of each database that was just made.
  await admin.close();
  if (timed.length === 0) return {};
  return { entered: median(timed.map(one => one.entered)), whole: median(timed.map(one => one.whole)), bare: median(bare), schema: median(schema) };
}

async function allReady() {
  for (;;) {
    const { instances } = await platform.admin.ask('GetInstances');
    if (instances.filter(one => one.state === 'running').length >= made) return;
    await sleep(100);
  }
}

async function answers() {
  const cli = [], list = [], tree = [], first = now();
  await platform.admin.ask('GetInstances');
  const cold = now() - first;
  for (let i = 0; i < 7; ++i) {
    let started = now();
    platform.berth('instance', 'ls', '--json');
    cli.push(now() - started);
    started = now();
    await platform.admin.ask('GetInstances');
    list.push(now() - started);
    started = now();
    await platform.admin.ask('Subscribe', { topics: ['status', 'services', 'instances', 'jobs', 'store'] });
    tree.push(now() - started);
    await sleep(900); // longer in all than anything is remembered
  }
  return { cold, cli: Math.max(...cli), list: Math.max(...list), tree: Math.max(...tree) };
}

async function idle(seconds) {
  await platform.admin.close(); // nobody looks
  await sleep(65_000); // connections that nobody uses are let go after a minute
  const pids = platform.pids();
  const before = cpuMs(pids), switched = switches(pids), started = now();
  let most = 0;
  while (now() - started < seconds * 1000) {
    await sleep(Math.min(10_000, seconds * 1000));
    const backends = platform.pids().map(nameOf).filter(name => /^postgres: berth: \S+ \S+ (\[local\]|[\d.]+\()/.test(name)).length;
    most = Math.max(most, backends);
  }
  const took = now() - started;
  const after = cpuMs(pids), later = switches(pids);
  const parts = pids.map(pid => ({ name: nameOf(pid), ms: (after.get(pid) ?? 0) - (before.get(pid) ?? 0), wakes: (later.get(pid) ?? 0) - (switched.get(pid) ?? 0), pss: pssKib([pid]) }));
  if (chosen.detail)
    for (const part of parts.sort((a, b) => b.ms - a.ms || b.pss - a.pss).slice(0, 30))
      console.error(`        ${(part.ms / took * 100).toFixed(2).padStart(6)} % CPU ${(part.wakes / took * 1000).toFixed(1).padStart(6)} wake-ups a second ${part.pss.toString().padStart(7)} KiB  ${part.name}`);
  return {
    cpu: parts.reduce((sum, part) => sum + part.ms, 0) / took * 100,
    wakes: parts.reduce((sum, part) => sum + part.wakes, 0) / took * 1000,
    pss: pssKib(platform.pids()) / 1024,
    backends: most,
  };
}

const results = [];
for (const count of counts) {
  const result = { count };
  results.push(result);
  if (phases.has('create') && made < count) {
    Object.assign(result, await create(count));
    say(`${count} instances: one until it is entered ${result.entered?.toFixed(0)} ms (bare ${result.bare?.toFixed(0)}), until it runs ${result.whole?.toFixed(0)} ms (bare with its tables ${result.schema?.toFixed(0)})`);
    await platform.quiet();
  }
  if (phases.has('start')) {
    await platform.stop();
    const startedAt = await platform.start();
    result.up = now() - startedAt;
    await allReady();
    result.ready = now() - startedAt;
    say(`all ready after ${(result.ready / 1000).toFixed(1)} s`);
  } else {
    await allReady();
  }
  if (phases.has('answers')) {
    Object.assign(result, await answers());
    say(`answers: ls ${result.cli.toFixed(0)} ms, tree ${result.tree.toFixed(0)} ms, the first list ${result.cold.toFixed(0)} ms`);
  }
  if (phases.has('care')) {
    const started = now();
    await platform.job('OptimiseDatabases');
    result.care = (now() - started) / count;
    say(`optimised, ${result.care.toFixed(0)} ms each`);
  }
  if (phases.has('backup') && Number(chosen.backup) >= count) {
    const started = now();
    const { policies } = await platform.admin.ask('GetBackupPolicies');
    await platform.job('RunBackup', { policy: policies[0].name });
    result.backup = (now() - started) / count;
    say(`backed up, ${result.backup.toFixed(0)} ms each`);
  }
  if (phases.has('idle')) {
    await sleep(25_000); // the time machine looks after itself 20 s after a start
    await platform.quiet();
    Object.assign(result, await idle(Number(chosen.idle)));
    say(`idle: ${result.cpu.toFixed(2)} % of a core, ${result.pss.toFixed(0)} MiB, ${result.backends} backends, ${result.wakes.toFixed(0)} wake-ups a second`);
    await platform.stop();
    await platform.start();
    await allReady();
  }
}

const cell = (value, digits = 0, unit = '') => (Number.isFinite(value) ? `${value.toFixed(digits)}${unit}` : '–');
const row = (what, aim, value) => [what, aim, ...results.map(value)];
console.log(table([
  ['', 'aim', ...results.map(one => `${one.count} instances`)],
  row('create one, until its database and path are there', '', one => cell(one.entered, 0, ' ms')),
  row('bare `CREATE DATABASE` in turn', '', one => cell(one.bare, 0, ' ms')),
  row('ratio', '≤ 1.5', one => cell(one.entered / one.bare, 2)),
  row('create one, until it runs with its tables', '', one => cell(one.whole, 0, ' ms')),
  row('bare role, database and the same tables by psql', '', one => cell(one.schema, 0, ' ms')),
  row('ratio', '≤ 1.5', one => cell(one.whole / one.schema, 2)),
  row('start to "running"', '', one => cell(one.up / 1000, 1, ' s')),
  row('start to all ready', '≤ 20 s', one => cell(one.ready / 1000, 1, ' s')),
  row('`berth instance ls`, worst of 7', '< 200 ms', one => cell(one.cli, 0, ' ms')),
  row('first list after a start', '< 200 ms', one => cell(one.cold, 0, ' ms')),
  row('UI tree (Subscribe), worst of 7', '< 200 ms', one => cell(one.tree, 0, ' ms')),
  row('optimise, each', 'linear', one => cell(one.care, 0, ' ms')),
  row('back up and read back, each', 'linear', one => cell(one.backup, 0, ' ms')),
  row('idle: PostgreSQL backends', '≤ 20', one => cell(one.backends)),
  row('idle: memory (PSS), all processes', '≤ 600 MiB', one => cell(one.pss, 0, ' MiB')),
  row('idle: CPU of a core', '< 1 %', one => cell(one.cpu, 2, ' %')),
]));
await platform.stop();
process.exit(0);
