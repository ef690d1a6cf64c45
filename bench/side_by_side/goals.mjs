// The goals: a row for each, from the medians of one run.

const best = (results, id, value = 'cpu') => {
  let found;
  for (const name of ['nginx', 'haproxy', 'h2o', 'caddy']) {
    const cell = results.get(id)?.[name]?.[value];
    if (cell && (!found || cell.median < found.value.median)) found = { name, value: cell };
  }
  return found;
};

const us = cell => `${cell.median.toFixed(cell.median < 10 ? 2 : 1)} µs ${spread(cell, cell.median < 10 ? 2 : 1)}`;
const bytes = cell => (Math.abs(cell.median) < 2000 ? `${cell.median.toFixed(0)} B` : `${(cell.median / 1000).toFixed(1)} kB`);
const ms = cell => `${(cell.median / 1000).toFixed(2)} ms`;
const kib = cell => `${(cell.median / 1024).toFixed(0)} KiB`;
export const spread = (cell, digits) => (cell.runs > 1 ? `[${cell.least.toFixed(digits)}–${cell.most.toFixed(digits)}]` : '');

// A row: {what, peer, ours, ratio, goal, met, floor}; `met` undefined where something was not measured, `floor` what the
// bare server without any proxy makes of the same comparison.
export function judge(results) {
  const rows = [];
  const cell = (id, name, value = 'cpu') => results.get(id)?.[name]?.[value];
  const add = (what, ours, peer, ratio, goal, met, floor) => rows.push({ what, ours, peer, ratio, goal, met, floor });

  const against = (what, id, most, { peers, direct, app } = {}) => {
    const ours = cell(id, 'ours');
    if (!ours) return add(what, 'not measured', '', '', `≤ ${most} × peer`, undefined);
    const peer = peers ? (cell(id, peers) ? { name: peers, value: cell(id, peers) } : undefined) : best(results, id);
    if (peer) {
      const ratio = ours.median / peer.value.median, floor = cell(id, 'direct');
      add(what, us(ours), `${peer.name} ${us(peer.value)}`, ratio.toFixed(2), `≤ ${most} × ${peers ?? 'best peer'}`, ratio <= most,
        floor && (floor.median / peer.value.median).toFixed(2));
    }
    const bare = cell(id, 'direct');
    if (direct && bare) {
      const ratio = ours.median / bare.median;
      add(`${what}: beside the bare server`, us(ours), `no proxy ${us(bare)}`, ratio.toFixed(2), `≤ ${direct} × bare`, ratio <= direct);
    }
    const service = cell(id, 'ours', 'app');
    if (app && service) {
      const behind = peer && cell(id, peer.name, 'app');
      add(`${what}: the service`, us(service), behind ? `behind ${peer.name} ${us(behind)}` : '', behind ? (service.median / behind.median).toFixed(2) : '', `≤ ${app} µs`, service.median <= app);
    }
  };
  const idle = (what, id, value, most, text) => {
    const ours = cell(id, 'ours', value), peer = best(results, id, value);
    if (!ours) return add(what, 'not measured', '', '', text, undefined);
    add(what, bytes(ours), peer ? `${peer.name} ${bytes(peer.value)}` : '', peer ? (ours.median / peer.value.median).toFixed(2) : '', text, ours.median <= most);
  };

  idle('idle ws: user memory, webserver', 'idle-ws', 'user', 64, '≤ 64 B');
  idle('idle ws: user and kernel, webserver and service', 'idle-ws', 'all', 4000, '≤ 4.0 kB');
  idle("idle ws: the service's end, user memory", 'idle-ws', 'app', 192, '≤ 192 B');
  idle('idle wss (TLS 1.3): user memory, webserver', 'idle-wss', 'user', 320, '≤ 320 B');
  idle('idle wss (TLS 1.2): user memory, webserver', 'idle-wss12', 'user', 15_200, '≤ 15.2 kB');
  for (const connections of [50, 1000])
    against(`echo 64 B, ws, ${connections} connections`, `echo-ws-${connections}`, 0.6, { direct: 1.25, app: 1.5 });
  for (const connections of [50, 1000])
    against(`echo 64 B, wss, ${connections} connections`, `echo-wss-${connections}`, 0.45, { app: 1.5 });
  against('new ws: connect, upgrade, echo, close', 'burst-ws', 0.6);
  against('new wss, full handshake', 'burst-wss', 0.7);
  const full = cell('burst-wss', 'ours'), resumed = cell('burst-wss-resumed', 'ours');
  if (full && resumed) {
    const ratio = resumed.median / full.median;
    add('new wss, resumed', us(resumed), `ours, full handshake ${us(full)}`, ratio.toFixed(2), '≤ 0.5 × full', ratio <= 0.5);
  }
  against('proxied GET of 1 KiB', 'get', 0.6, { peers: 'haproxy', app: 4 });
  for (const [size, text] of [['1k', '1 KiB'], ['100k', '100 KiB']])
    for (const [scheme, name] of [['http', 'http/1.1'], ['https', 'https/1.1'], ['h2', 'https/2']])
      against(`file of ${text}, ${name}`, `file-${scheme}-${size}`, 1, { peers: 'h2o' });
  const bare = cell('broadcast', 'direct'), broadcast = cell('broadcast', 'ours');
  if (bare && broadcast) {
    const ratio = broadcast.median / bare.median;
    add('broadcast of 256 B to 10,000: webserver, each', us(broadcast), `bare sends ${us(bare)}`, ratio.toFixed(2), '≤ 1.2 × bare', ratio <= 1.2);
    add('broadcast of 256 B to 10,000: service, each', us(cell('broadcast', 'ours', 'app')), '', '', '', undefined);
    const growth = cell('broadcast', 'ours', 'growth');
    // A copy for each would be 2.6 MB.
    add('broadcast of 256 B to 10,000: memory at its peak, above idle', `${(growth.median / 1024).toFixed(0)} KiB`, '', '', '≤ 1 MiB', growth.median <= 1 << 20);
  }
  const talk = results.get('talk')?.ours;
  if (talk) {
    const ratio = talk.manyP99.median / talk.fewP99.median, bare = results.get('talk').direct;
    add(`p99 of ${talk.talkers.median} that talk among ${talk.many.median} idle ones`, ms(talk.manyP99), `among ${talk.few.median}: ${ms(talk.fewP99)}`, ratio.toFixed(2), '≤ 1 × (1.1 for noise)', ratio <= 1.1,
      bare && (bare.manyP99.median / bare.fewP99.median).toFixed(2));
  }
  for (const [id, what] of [['fair-service', 'another service floods'], ['fair-client', 'a client of another floods'], ['fair-instance', 'another instance of it floods']]) {
    const fair = results.get(id)?.ours;
    if (!fair) continue;
    const ratio = fair.floodedP99.median / fair.aloneP99.median, peer = results.get(id).nginx;
    add(`p99 of a quiet service while ${what}`, ms(fair.floodedP99), `alone ${ms(fair.aloneP99)}${peer ? `; nginx ${ms(peer.floodedP99)}, alone ${ms(peer.aloneP99)}` : ''}`, ratio.toFixed(2), '< 2 × alone', ratio < 2);
  }
  for (const scheme of ['ws', 'wss']) {
    const churn = results.get(`churn-${scheme}`)?.ours;
    if (!churn) continue;
    const ratio = churn.after.median / churn.before.median, count = churn.count.median.toLocaleString('en');
    add(`memory after ${count} ${scheme} came and went in ${churn.seconds.median.toFixed(0)} s`, kib(churn.after), `before ${kib(churn.before)}`, ratio.toFixed(3), '≤ 1.01 ×; 100,000 a minute', ratio <= 1.01 && churn.count.median / churn.seconds.median >= 100_000 / 60);
  }
  const unused = results.get('unused')?.ours;
  if (unused) {
    const peer = best(results, 'unused', 'pss');
    add('unused webserver, ours in its platform: memory', `${(unused.pss.median / 1048576).toFixed(2)} MiB`, peer ? `${peer.name} ${(peer.value.median / 1048576).toFixed(2)} MiB` : '', '', '≤ 3 MiB', unused.pss.median <= 3 * 1048576);
    add('unused webserver: wake-ups a second', unused.wakeUps.median.toFixed(2), '', '', '0', unused.wakeUps.median === 0);
  }
  return rows;
}
