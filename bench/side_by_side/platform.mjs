// Our webserver where it always is: below its manager, beside PostgreSQL, which map the same libraries.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { family, sleep, start, stop } from './process.mjs';

export async function startPlatform({ dir, bin }) {
  const password = `${dir}/password`;
  writeFileSync(password, 'bench password\n', { mode: 0o600 });
  mkdirSync(`${dir}/store`);
  const manager = start(`${dir}/manager.log`, `${bin}/berth-manager`,
                        ['--root', `${dir}/root`, '--http', '18180', '--https', '18143', '--password-file', password, '--store', `${dir}/store`]);
  let over = false;
  manager.exited.then(() => (over = true));
  const webserver = () => family(manager.pid).find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`${bin}/berth-webserver`));
  for (let waited = 0; !readFileSync(`${dir}/manager.log`, 'utf8').includes('running'); waited += 50) {
    if (over || waited > 60_000) {
      await stop(manager);
      throw new Error(`the platform did not start: see ${dir}`);
    }
    await sleep(50);
  }
  return { pids: [webserver()], appPids: [], stop: () => stop(manager) };
}
