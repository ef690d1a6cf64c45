// One large instance among many small ones, brought back to a moment: time and disk; base backups beside pg_basebackup.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { Platform, now, options, postgresBinaries, sleep, table } from './platform.mjs';
import { fill, run, timed, watchMemory } from './load.mjs';

const chosen = options(process.argv.slice(2), { small: '99', megabytes: '1024', rounds: '1' });
const begun = now();
const say = text => console.error(`${((now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const platform = new Platform();
await platform.start();
await platform.admin.ask('SetSetting', { name: 'timeMachine', value: 'off' }); // while the data are made
await platform.job('InstallApp', { id: 'notes' });
for (let i = 0; i < Number(chosen.small); ++i) await platform.job('CreateInstance', { service: 'notes', name: `small${i}`, domain: 'example.com' });
const created = await platform.admin.ask('CreateInstance', { service: 'notes', name: 'large', domain: 'example.com' });
await platform.finish(created.job.id);
const { database, databaseUser } = created.instance;
const size = await fill(platform, database, databaseUser, Number(chosen.megabytes));
const admin = platform.sql();
const cluster = Number((await admin.run('SELECT sum(pg_database_size(oid)) FROM pg_database')).rows[0]);
say(`${Number(chosen.small) + 1} instances, the large one ${(size.bytes / (1 << 20)).toFixed(0)} MiB, the cluster ${(cluster / (1 << 20)).toFixed(0)} MiB`);

const disk = path => Number(execFileSync('du', ['-skx', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\t')[0]) / 1024;
const safeDisk = path => {
  try {
    return disk(path);
  } catch {
    return NaN; // something went away while it looked
  }
};

const seconds = ms => `${(ms / 1000).toFixed(1)} s`;
const mib = value => `${value.toFixed(0)} MiB`;
const rows = [['', 'pg_basebackup', 'ours']];

await platform.admin.ask('SetSetting', { name: 'timeMachine', value: 'on' });
await sleep(1500);
await platform.quiet(); // it makes its first base backup by itself
const { timeMachine } = await platform.admin.ask('GetTimeMachine');
if (timeMachine.bases.length === 0) await platform.job('MakeBaseBackup');
const baseJob = (await platform.admin.ask('GetJobs', { limit: 20 })).jobs.find(job => job.kind === 'base' || /Base backup/.test(job.title));
const firstBase = new Date(baseJob.endedAt) - new Date(baseJob.startedAt);
const archive = `${platform.root}/var/lib/berth/archive`;
const archived = disk(`${archive}`);

// Neither compressed, and compressed as ours is.
const plain = `${platform.folder}/plain`, packed = `${platform.folder}/packed`;
mkdirSync(plain, { mode: 0o700 });
const bareArgs = ['-h', platform.sockets, '-U', 'berth', '-X', 'none', '-c', 'fast', '--no-sync'];
const barePlain = (await timed(() => run(`${postgresBinaries}/pg_basebackup`, [...bareArgs, '-D', plain]))).ms;
const plainDisk = disk(plain);
rmSync(plain, { recursive: true, force: true });
const barePacked = (await timed(() => run(`${postgresBinaries}/pg_basebackup`, [...bareArgs, '-D', packed, '-Ft', '--compress=client-zstd:1']))).ms;
const packedDisk = disk(packed);
const unpacked = `${platform.folder}/unpacked`;
mkdirSync(unpacked);
const unpack = (await timed(() => run('tar', ['-C', unpacked, '-I', 'zstd', '-xf', `${packed}/base.tar.zst`]))).ms;
const unpackedDisk = disk(unpacked);
rmSync(unpacked, { recursive: true, force: true });
rmSync(packed, { recursive: true, force: true });
rows.push(['first base backup', `${seconds(barePacked)} as zstd (${seconds(barePlain)} plain)`, `${seconds(firstBase)} (clock of 1 s)`]);
rows.push(['on disk', `${mib(packedDisk)} as zstd (${mib(plainDisk)} plain)`, mib(archived)]);

const next = (await timed(() => platform.job('MakeBaseBackup'))).ms;
rows.push(['the next one, nothing written', 'as the first', `${seconds(next)}, ${mib(disk(archive) - archived)} more`]);
rows.push(['files for one database', `${seconds(unpack)}, ${mib(unpackedDisk)}: unpacks all`, 'below']);
say(`base backups made: ours ${seconds(firstBase)}, pg_basebackup ${seconds(barePacked)}`);

for (let round = 0; round < Number(chosen.rounds); ++round) {
  // Some writing after the base backup, a moment, and a mistake.
  const sql = platform.sql(database);
  await sql.run("UPDATE ballast SET author = 'before the mistake' WHERE id % 100 = 0");
  const expected = (await sql.run("SELECT count(*) FROM ballast WHERE author = 'before the mistake'")).rows[0];
  await sleep(2000);
  const at = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString().replace('.000Z', 'Z');
  await sleep(2000);
  await sql.run("UPDATE ballast SET author = 'oh no' WHERE id % 50 = 0");
  await sql.close();

  const before = disk(platform.root);
  let most = before, measuring = true;
  const watching = (async () => {
    while (measuring) {
      const value = safeDisk(platform.root);
      if (Number.isFinite(value)) most = Math.max(most, value);
      await sleep(1000);
    }
  })();
  const steps = [];
  const listen = platform.admin.on;
  platform.admin.on = message => {
    if (message.mt === 'JobChanged' && steps.at(-1)?.text !== message.job.stepText) steps.push({ text: message.job.stepText, at: now() });
    listen(message);
  };
  const stop = watchMemory(platform.manager.pid);
  const whole = await timed(() => platform.job('RewindInstance', { name: 'large', domain: 'example.com', at }));
  const memory = await stop();
  platform.admin.on = listen;
  measuring = false;
  await watching;
  const check = platform.sql(database);
  const found = (await check.run("SELECT count(*) FROM ballast WHERE author = 'before the mistake'")).rows[0];
  await check.close();
  if (found !== expected) throw new Error(`wrong data: ${found} rows instead of ${expected}`);
  say(`rewound: ${seconds(whole.ms)}, ${mib(most - before)} of disk`);
  rows.push([`one instance of ${mib(size.bytes / (1 << 20))} back to a second`, '–', `${seconds(whole.ms)} (${(whole.ms / 60000).toFixed(1)} minutes)`]);
  for (let i = 0; i < steps.length; ++i)
    if (steps[i].text) rows.push([`  ${steps[i].text}`, '', seconds((steps[i + 1]?.at ?? steps[i].at) - steps[i].at)]);
  rows.push(['  disk needed meanwhile', '', mib(most - before)]);
  rows.push(['  memory of manager and helpers', '', `${mib(memory.most)}: ${memory.detail}`]);
}
console.log(table(rows));
await admin.close();
await platform.stop();
process.exit(0);
