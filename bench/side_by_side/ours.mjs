// Our webserver and a service, with this program in the manager's place (docs/protocols/control.md).
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { start, stop } from './process.mjs';

const path = '/example.com/bench', quietPath = '/example.com/quiet';

function frame(message) {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

// Calls `handle(message, answer)` for each message of a control connection.
function serve(socket, handle) {
  let bytes = Buffer.alloc(0);
  socket.on('data', part => {
    bytes = Buffer.concat([bytes, part]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
      const size = bytes.readUInt32BE(0);
      handle(JSON.parse(bytes.subarray(4, 4 + size).toString()), message => socket.write(frame(message)));
      bytes = bytes.subarray(4 + size);
    }
  });
  socket.on('error', () => {});
}

// `quiet`: a second service, in a process of its own; or, `together`, a second instance of the same.
export async function startOurs({ dir, bin, certificate, reactors, quiet = false, together = false }) {
  const root = `${dir}/berth`, control = `${root}/run/berth/apps/control.sock`;
  mkdirSync(`${root}/run/berth/apps`, { recursive: true });
  mkdirSync(`${root}/log`);
  const paths = (quiet || together ? [path, quietPath] : [path]).map(path => ({ path, grant: randomBytes(32).toString('hex') }));
  let webserver, settle;
  const services = [], processes = together ? 1 : paths.length;
  let running = 0;
  const ready = new Promise((done, failed) => (settle = { done, failed }));
  const startInstance = () => {
    if (!webserver?.ready || services.length < processes) return;
    paths.forEach(({ path: webserverPath, grant }, i) =>
      services[together ? 0 : i]({ mt: 'AppStart', name: `bench${i}`, domain: 'example.com', password: 'bench', webserverPath, grant, linkSockets: webserver.linkSockets }));
  };
  const manager = createServer(socket => serve(socket, (message, answer) => {
    switch (message.mt) {
      case 'WebserverHello':
        webserver = message;
        answer({ mt: 'WebserverConfig', certificate: readFileSync(certificate, 'utf8'), redirectHttps: false, accessLog: false,
                 limits: {}, grants: paths.map(one => ({ ...one, uid: process.getuid() })) });
        break;
      case 'WebserverReady':
        webserver.ready = true;
        startInstance();
        break;
      case 'ServiceHello':
        services.push(answer);
        startInstance();
        break;
      case 'AppStarted':
        if (++running === paths.length) settle.done();
        break;
      case 'AppStartFailed':
      case 'Error':
        settle.failed(new Error(message.error));
        break;
    }
  }));
  await new Promise(done => manager.listen(control, done));
  const children = [
    start(`${dir}/webserver.log`, `${bin}/berth-webserver`, ['--root', root, '--http', '0', '--https', '0', '--bind', '127.0.0.1', '--reactors', String(reactors)]),
    ...paths.slice(0, processes).map((_, i) => start(`${dir}/echo${i}.log`, `${bin}/echo`, ['--service', 'echo', '--manager', control, '--log-dir', `${root}/log`])),
  ];
  for (const child of children) child.exited.then(() => settle.failed(new Error(`ended at once: see ${dir}`)));
  await ready;
  return {
    http: webserver.http,
    https: webserver.https,
    pids: [children[0].pid],
    appPids: children.slice(1).map(child => child.pid),
    paths: { echo: `${path}/echo`, room: `${path}/room`, get: `${path}/bytes/1024`, small: `${path}/files/1k.bin`, large: `${path}/files/100k.bin`,
             quiet: `${quietPath}/echo` },
    async stop() {
      for (const child of children) await stop(child);
      await new Promise(done => manager.close(done));
    },
  };
}
