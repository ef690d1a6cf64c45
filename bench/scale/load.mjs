// Data for an instance, and what a piece of work takes in time and memory.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { nameOf, now, sleep } from './platform.mjs';

// Rows of about 1 KiB, half of each noise, the other half the same words in every row: zlib makes some 45 % of it.
export async function fill(platform, database, owner, megabytes) {
  const sql = platform.sql(database);
  await sql.run('CREATE TABLE IF NOT EXISTS ballast (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), author text NOT NULL, text text NOT NULL)');
  await sql.run(`ALTER TABLE ballast OWNER TO "${owner}"`);
  await sql.run(`INSERT INTO ballast SELECT n, now(), 'author ' || n % 997,
    (SELECT string_agg(md5(n::text || ':' || i), ' ') FROM generate_series(1, 14) i) || repeat(' and some words that are in every row', 12)
    FROM generate_series(coalesce((SELECT max(id) FROM ballast), 0) + 1, coalesce((SELECT max(id) FROM ballast), 0) + ${Math.round(megabytes * 1024 * 0.97)}) n`);
  await sql.run('CREATE INDEX IF NOT EXISTS ballast_author ON ballast (author)');
  await sql.run('VACUUM (ANALYZE) ballast'); // nothing is left for autovacuum to write later
  await sql.run('CHECKPOINT');
  const bytes = Number((await sql.run('SELECT pg_database_size(current_database())')).rows[0]);
  const rows = Number((await sql.run('SELECT count(*) FROM ballast')).rows[0]);
  await sql.close();
  return { bytes, rows };
}

const status = (pid, name) => {
  try {
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  } catch {
    return 0;
  }
};

function children(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(thread => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number));
  } catch {
    return [];
  }
}

// The most that the manager grew by, and its helpers (not the daemons) took, at one time, in MiB, by their highest
// marks; with the most of each helper.
export function watchMemory(pid) {
  const daemons = new Set(children(pid));
  const base = status(pid, 'VmRSS');
  const helpers = new Map();
  let most = 0, running = true;
  const watching = (async () => {
    while (running) {
      let sum = Math.max(0, status(pid, 'VmRSS') - base);
      for (const child of children(pid)) {
        if (daemons.has(child)) continue;
        const high = status(child, 'VmHWM');
        const name = nameOf(child);
        if (name === 'berth-manager') continue; // before its exec
        sum += high;
        helpers.set(name, Math.max(helpers.get(name) ?? 0, high));
      }
      most = Math.max(most, sum);
      await sleep(20);
    }
  })();
  return async () => {
    running = false;
    await watching;
    const detail = [...helpers].map(([name, kib]) => `${name} ${(kib / 1024).toFixed(0)}`).join(', ');
    return { most: most / 1024, detail };
  };
}

export async function timed(act) {
  const begun = now();
  const value = await act();
  return { ms: now() - begun, value };
}

// A program to its end; its messages are the reason if it fails.
export const run = (program, args) =>
  new Promise((done, fail) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', piece => (errors += piece));
    child.once('exit', code => (code === 0 ? done() : fail(new Error(`${program}: ${errors}`))));
  });
