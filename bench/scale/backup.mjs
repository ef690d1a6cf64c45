// Our backups and restores beside bare pg_dump and pg_restore of the same data, in turn. See bench/README.md.
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { Platform, build, median, now, options, postgresBinaries, table } from './platform.mjs';
import { fill, run, timed, watchMemory } from './load.mjs';

const chosen = options(process.argv.slice(2), {
  sizes: '256,1024', // MiB of data
  rounds: '3',
  parts: 'file,set', // plain backup files, backup sets
});
const begun = now();
const say = text => console.error(`${((now() - begun) / 1000).toFixed(0).padStart(5)} s  ${text}`);
const rounds = Number(chosen.rounds);
const parts = chosen.parts.split(',');

const platform = new Platform();
await platform.start();
await platform.admin.ask('SetSetting', { name: 'timeMachine', value: 'off' }); // its archiver takes part of the machine
await platform.job('InstallApp', { id: 'notes' });

const cli = (...args) => run(`${build}/bin/berth`, ['--root', platform.root, ...args]);
const pg = (program, ...args) => run(`${postgresBinaries}/${program}`, ['-h', platform.sockets, '-U', 'berth', ...args]);

const results = [];
function note(what, size, bare, ours, memory = null, aim = '≥ 0.9') {
  const rate = ms => size.bytes / (1 << 20) / (ms / 1000);
  const ratios = ours.map((ms, i) => bare[i] / ms);
  const one = {
    what, size: size.bytes, aim, bare: rate(median(bare)), ours: rate(median(ours)),
    ratio: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios), memory,
  };
  results.push(one);
  say(`${what}: ${one.bare.toFixed(0)} → ${one.ours.toFixed(0)} MB/s, ratio ${one.ratio.toFixed(2)} (${one.low.toFixed(2)}–${one.high.toFixed(2)})${memory ? `, ${memory.most.toFixed(0)} MiB (${memory.detail})` : ''}`);
}
// What the restore replaced is kept for some days; here it would fill the disk.
async function dropKept(name, domain) {
  const { instance } = await platform.admin.ask('GetInstance', { name, domain });
  for (const kept of instance.kept) await platform.job('DeleteInstance', { name, domain, kept: kept.id });
}
const more = (a, b) => (!a || b.most > a.most ? b : a);

for (const megabytes of chosen.sizes.split(',').map(Number)) {
  const name = `data${megabytes}`, domain = 'example.com', key = `${name}@${domain}`;
  const created = (await platform.admin.ask('CreateInstance', { service: 'notes', name, domain }));
  await platform.finish(created.job.id);
  const { database, databaseUser } = created.instance;
  const size = await fill(platform, database, databaseUser, megabytes);
  say(`${key}: ${(size.bytes / (1 << 20)).toFixed(0)} MiB`);
  const admin = platform.sql();
  const dump = `${platform.folder}/bare.dump`, file = `${platform.folder}/ours.dump`;
  const bareDump = async () => {
    rmSync(dump, { force: true });
    return (await timed(() => pg('pg_dump', '-Fc', '-f', dump, database).then(() => execFileSync('sync', [dump])))).ms;
  };
  const dropBare = async () => {
    await admin.run('DROP DATABASE IF EXISTS bare');
    await admin.run('CHECKPOINT');
  };
  const bareRestore = async () => {
    await dropBare();
    const { ms } = await timed(async () => {
      await admin.run('CREATE DATABASE bare TEMPLATE template0');
      await pg('pg_restore', '-d', 'bare', '--no-owner', dump);
    });
    await dropBare();
    return ms;
  };

  if (parts.includes('file')) {
    const bare = { dump: [], restore: [] }, ours = { dump: [], restore: [] };
    let dumping = null, restoring = null;
    for (let round = 0; round < rounds; ++round) {
      bare.dump.push(await bareDump());
      rmSync(file, { force: true });
      let stop = watchMemory(platform.manager.pid);
      ours.dump.push((await timed(() => cli('instance', 'backup', key, '-o', file))).ms);
      dumping = more(dumping, await stop());

      bare.restore.push(await bareRestore());
      stop = watchMemory(platform.manager.pid);
      ours.restore.push((await timed(() => cli('instance', 'restore', file))).ms);
      restoring = more(restoring, await stop());
      await dropKept(name, domain);
      say(`round ${round + 1}: pg_dump ${bare.dump.at(-1).toFixed(0)} ms, ours ${ours.dump.at(-1).toFixed(0)}; pg_restore ${bare.restore.at(-1).toFixed(0)} ms, ours ${ours.restore.at(-1).toFixed(0)}`);
    }
    note(`back up into a file, ${megabytes} MiB`, size, bare.dump, ours.dump, dumping);
    note(`restore from a file, ${megabytes} MiB`, size, bare.restore, ours.restore, restoring);
  }

  if (parts.includes('set')) {
    const bare = { dump: [], restore: [] }, first = [], again = [], proof = [], restore = [];
    let writing = null, checking = null, restoring = null;
    for (let round = 0; round < rounds; ++round) {
      bare.dump.push(await bareDump());
      // A target of its own: all data are new to it.
      const target = `t${megabytes}r${round}`;
      await platform.admin.ask('SetBackupTarget', { name: target, kind: 'directory', place: `${platform.folder}/${target}` });
      await platform.admin.ask('TestBackupTarget', { name: target }); // makes the repository
      const policy = { name: target, target, enabled: true, schedule: 'never', keep: 'last=2', scope: 'instance', instance: name, domain, verify: false };
      await platform.admin.ask('SetBackupPolicy', { policy });
      let stop = watchMemory(platform.manager.pid);
      first.push((await timed(() => platform.job('RunBackup', { policy: target }))).ms);
      again.push((await timed(() => platform.job('RunBackup', { policy: target }))).ms);
      writing = more(writing, await stop());
      const { sets } = await platform.admin.ask('GetBackupSets', { policy: target });
      stop = watchMemory(platform.manager.pid);
      proof.push((await timed(() => platform.job('VerifyBackup', { set: sets[0].id }))).ms);
      checking = more(checking, await stop());

      bare.restore.push(await bareRestore());
      stop = watchMemory(platform.manager.pid);
      restore.push((await timed(() => platform.job('RestoreFromSet', { set: sets[0].id, name, domain }))).ms);
      restoring = more(restoring, await stop());
      rmSync(`${platform.folder}/${target}`, { recursive: true, force: true });
      say(`round ${round + 1}: pg_dump ${bare.dump.at(-1).toFixed(0)} ms, set ${first.at(-1).toFixed(0)}, again ${again.at(-1).toFixed(0)}, read back ${proof.at(-1).toFixed(0)}; pg_restore ${bare.restore.at(-1).toFixed(0)} ms, from the set ${restore.at(-1).toFixed(0)}`);
    }
    note(`first backup set into a folder, ${megabytes} MiB`, size, bare.dump, first, writing);
    note(`the next set, nothing changed, ${megabytes} MiB`, size, bare.dump, again);
    note(`reading it back, ${megabytes} MiB (against pg_dump)`, size, bare.dump, proof, checking, '');
    note(`restore from the set, ${megabytes} MiB`, size, bare.restore, restore, restoring);
  }
  await admin.close();
  await platform.job('DeleteInstance', { name, domain, now: true });
  for (const path of [dump, file]) rmSync(path, { force: true });
}

console.log(table([
  ['', 'bare', 'ours', 'ratio (spread)', 'aim', 'memory at most (aim 64 MiB)'],
  ...results.map(one => [
    one.what, `${one.bare.toFixed(0)} MB/s`, `${one.ours.toFixed(0)} MB/s`, `${one.ratio.toFixed(2)} (${one.low.toFixed(2)}–${one.high.toFixed(2)})`, one.aim,
    one.memory ? `${one.memory.most.toFixed(0)} MiB: ${one.memory.detail}` : '',
  ]),
]));
await platform.stop();
process.exit(0);
