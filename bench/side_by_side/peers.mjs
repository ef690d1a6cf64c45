// The peers, configured as well as we know how: the app behind them on a Unix socket, which costs them less than TCP.
import { mkdirSync, writeFileSync } from 'node:fs';
import { family, find, sleep, start, stop } from './process.mjs';

const paths = { echo: '/app/echo', quiet: '/quiet/echo', room: '/app/room', get: '/app/get', small: '/1k.bin', large: '/100k.bin' };

const nginx = {
  program: 'nginx',
  version: ['-v'],
  configure: ({ dir, app, quietApp, www, certificate, key, http, https, workers }) => ({
    file: 'nginx.conf',
    text: `
      worker_processes ${workers}; worker_rlimit_nofile 20000; daemon off; pid ${dir}/nginx.pid; error_log ${dir}/nginx.log;
      ${process.getuid() === 0 ? 'user root;' : ''}
      events { worker_connections 19900; }
      http {
        access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; default_type text/plain;
        client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p; fastcgi_temp_path ${dir}/f; scgi_temp_path ${dir}/s; uwsgi_temp_path ${dir}/u;
        map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
        upstream app { server unix:${app}; keepalive 64; }
        ${quietApp ? `upstream quiet { server unix:${quietApp}; keepalive 64; }` : ''}
        open_file_cache max=1000 inactive=60s; connection_pool_size 256; request_pool_size 1k;
        client_header_buffer_size 1k; large_client_header_buffers 4 8k;
        proxy_buffering off; proxy_buffer_size 1k; proxy_buffers 2 1k; proxy_busy_buffers_size 1k;
        ssl_certificate ${certificate}; ssl_certificate_key ${key};
        ssl_buffer_size 4k; ssl_session_tickets off; ssl_session_cache off;
        server {
          listen 127.0.0.1:${http} reuseport backlog=4096;
          listen 127.0.0.1:${https} ssl http2 reuseport backlog=4096;
          root ${www};
          location /app/ {
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
            proxy_read_timeout 1h; proxy_send_timeout 1h;
          }
          ${quietApp ? `location /quiet/ {
            proxy_pass http://quiet; proxy_http_version 1.1; proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
          }` : ''}
        }
      }`,
    args: file => ['-c', file, '-p', dir],
  }),
};

const haproxy = {
  program: 'haproxy',
  version: ['-v'],
  configure: ({ app, www, both, http, https, workers }) => ({
    file: 'haproxy.cfg',
    text: `
global
  maxconn 9900
  nbthread ${workers}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
  http-reuse always
frontend in
  bind 127.0.0.1:${http} backlog 4096
  bind 127.0.0.1:${https} ssl crt ${both} alpn h2,http/1.1 backlog 4096
  http-request return status 200 content-type text/plain file ${www}/1k.bin if { path /1k.bin }
  use_backend app if { path_beg /app/ }
backend app
  server s0 unix@${app}
`,
    args: file => ['-db', '-f', file],
  }),
  lacks: ['large'], // it has no file server, and its buffer is smaller than the file
};

const h2o = {
  program: 'h2o',
  version: ['-v'],
  configure: ({ dir, app, www, certificate, key, http, https, workers }) => ({
    file: 'h2o.conf',
    text: `
${process.getuid() === 0 ? 'user: root' : ''}
num-threads: ${workers}
max-connections: 19900
pid-file: ${dir}/h2o.pid
ssl-session-resumption: { mode: "off" }
listen: { host: 127.0.0.1, port: ${http} }
listen: { host: 127.0.0.1, port: ${https}, ssl: { certificate-file: ${certificate}, key-file: ${key} } }
hosts:
  default:
    paths:
      /app/:
        proxy.reverse.url: "http://[unix:${app}]/app/"
        proxy.preserve-host: ON
        proxy.websocket: ON
        proxy.websocket.timeout: 3600000
        proxy.timeout.keepalive: 60000
      /:
        file.dir: ${www}
`,
    args: file => ['-c', file],
  }),
};

const caddy = {
  program: 'caddy',
  version: ['version'],
  configure: ({ dir, app, www, certificate, key, http, https }) => ({
    file: 'Caddyfile',
    text: `
{
  admin off
  auto_https off
  servers { protocols h1 h2 }
}
(site) {
  handle /app/* { reverse_proxy unix/${app} }
  handle {
    root * ${www}
    file_server
  }
}
http://127.0.0.1:${http} { import site }
https://localhost:${https}, https://127.0.0.1:${https} {
  tls ${certificate} ${key}
  import site
}
`.replace(/\{ (reverse_proxy|protocols|import) ([^}]*) \}/g, '{\n    $1 $2\n  }'),
    args: file => ['run', '--config', file, '--adapter', 'caddyfile'],
    env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
  }),
};

export const peers = { nginx, haproxy, h2o, caddy };

// The bare server alone: what a connection costs without any proxy.
export async function startDirect({ dir, bin, port }) {
  const child = start(`${dir}/direct.log`, `${bin}/wsload`, ['serve', '--listen', `127.0.0.1:${port}`]);
  await listening(port);
  return { http: port, https: 0, pids: [child.pid], appPids: [], paths, stop: () => stop(child) };
}

export async function startPeer(name, setup) {
  const peer = peers[name];
  const dir = `${setup.dir}/${name}`, app = `${dir}/app.sock`;
  mkdirSync(dir);
  const backends = [start(`${dir}/app.log`, `${setup.bin}/wsload`, ['serve', '--unix', app])];
  const quietApp = setup.quiet ? `${dir}/quiet.sock` : undefined; // a second service, in a process of its own
  if (quietApp) backends.push(start(`${dir}/quiet.log`, `${setup.bin}/wsload`, ['serve', '--unix', quietApp]));
  const { file, text, args, env } = peer.configure({ ...setup, dir, app, quietApp });
  writeFileSync(`${dir}/${file}`, text);
  const child = start(`${dir}/log`, find(peer.program), args(`${dir}/${file}`), env ? { env } : {});
  const children = [child, ...backends];
  try {
    await Promise.race([
      Promise.all([listening(setup.http), listening(setup.https)]),
      child.exited.then(code => { throw new Error(`${name} ended with ${code}`); }),
    ]);
  } catch (failure) {
    for (const one of children) await stop(one);
    throw failure;
  }
  await sleep(200); // until its workers are there
  const has = Object.fromEntries(Object.entries(paths).filter(([kind]) => !peer.lacks?.includes(kind)));
  return {
    http: setup.http, https: setup.https, pids: family(child.pid), appPids: backends.map(one => one.pid), paths: has,
    async stop() { for (const one of children) await stop(one); },
  };
}

async function listening(port) {
  const { connect } = await import('node:net');
  for (let tries = 0; tries < 100; ++tries) {
    const open = await new Promise(done => {
      const socket = connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
      socket.on('error', () => done(false));
    });
    if (open) return;
    await sleep(100);
  }
  throw new Error(`nobody listens on port ${port}`);
}
