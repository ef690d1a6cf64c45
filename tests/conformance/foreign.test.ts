// Clients that others wrote: curl, wrk, h2load, slowhttptest and two WebSocket libraries of Python. What is not
// installed is skipped with its reason; tools/packages names what the tests need.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../harness/process";
import { assert, test } from "../harness/test";
import { with_webserver } from "../harness/webserver";

const webserver = with_webserver({ reactors: 2, tls: true, limits: { headMs: 3000, stallMs: 3000 } });
const base = "/example.com/e";
const kPython = "/usr/bin/python3"; // Debian's, for Debian's modules

const find = (program: string) => ["/usr/bin", "/usr/local/bin", "/bin"].map((folder) => join(folder, program)).find((path) => existsSync(path));
const missing = (program: string) => (find(program) === undefined ? `${program} is not installed` : false);
async function has_module(name: string): Promise<boolean> {
  return existsSync(kPython) && (await run(kPython, ["-c", `import ${name}`])).code === 0;
}

async function succeed(program: string, args: string[], options: { input?: string | Buffer } = {}): Promise<string> {
  const done = await run(program, args, { ...options, timeoutMs: 60_000 });
  assert.equal(done.code, 0, `${program} ${args.join(" ")}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

// --- curl ---

for (const scheme of ["http", "https"] as const) {
  const url = (path: string) => `${scheme === "http" ? webserver().http_url : webserver().https_url}${base}${path}`;
  const curl = (...args: string[]) => succeed("curl", ["-sS", "-k", "--max-time", "30", ...args]);
  const skip = missing("curl");

  test(`curl fetches, resumes and asks again by tag over ${scheme}`, { skip }, async () => {
    const folder = webserver().folder;
    const whole = join(folder, `whole-${scheme}`);
    await curl("-o", whole, url("/bytes/300000"));
    assert.equal(readFileSync(whole).length, 300_000);
    const part = join(folder, `part-${scheme}`);
    writeFileSync(part, readFileSync(whole).subarray(0, 100_000));
    await curl("-C", "-", "-o", part, url("/bytes/300000"));
    assert.ok(readFileSync(part).equals(readFileSync(whole)));
    const tag = join(folder, `tag-${scheme}`);
    writeFileSync(tag, "");
    assert.equal(await curl("--etag-save", tag, "-o", "/dev/null", "-w", "%{http_code}", url("/echo.htm")), "200");
    assert.equal(await curl("--etag-compare", tag, "-o", "/dev/null", "-w", "%{http_code}", url("/echo.htm")), "304");
  });
  test(`curl uploads with and without a length, and waits for 100 over ${scheme}`, { skip }, async () => {
    const body = join(webserver().folder, `body-${scheme}`);
    writeFileSync(body, Buffer.alloc(3_000_000, "b"));
    assert.equal(await curl("--data-binary", `@${body}`, url("/sink")), '{"bytes":3000000}');
    assert.equal(await curl("-H", "Transfer-Encoding: chunked", "--data-binary", `@${body}`, url("/sink")), '{"bytes":3000000}');
    assert.equal(await curl("-H", "Expect: 100-continue", "--data-binary", `@${body}`, url("/sink")), '{"bytes":3000000}');
  });
  test(`curl decodes what it is sent compressed over ${scheme}`, { skip }, async () => {
    assert.equal(await curl("--compressed", url("/echo.htm")), await curl(url("/echo.htm")));
  });
  test(`curl keeps one connection for many requests over ${scheme}`, { skip }, async () => {
    const connects = await curl("-w", "%{num_connects} ", ...Array.from({ length: 5 }, () => ["-o", "/dev/null", url("/mirror")]).flat());
    assert.equal(connects.trim(), "1 0 0 0 0");
  });
  test(`curl speaks HTTP/1.0 over ${scheme}`, { skip }, async () => {
    assert.equal(JSON.parse(await curl("-0", url("/mirror"))).method, "GET");
    assert.equal((await curl("-0", url("/bytes/100000"))).length > 90_000, true);
  });
}

// --- WebSocket libraries of Python ---

const kWebsockets = `
import asyncio, os, ssl, sys, websockets
async def main(url):
    context = None
    if url.startswith("wss"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for compression in (None, "deflate"):
        async with websockets.connect(url, ssl=context, compression=compression, max_size=None) as socket:
            for size in (0, 1, 125, 126, 65535, 65536, 1000000):
                data = os.urandom(size)
                await socket.send(data)
                assert await socket.recv() == data, size
                text = "\\u00e4\\u20ac\\U0001f600" * (size // 9)
                await socket.send(text)
                assert await socket.recv() == text, size
            waiter = await socket.ping(b"payload")
            await waiter
            await socket.close(4321, "bye")
            assert socket.close_code == 4321, socket.close_code
    many = [await websockets.connect(url, ssl=context) for _ in range(50)]
    await asyncio.gather(*(one.send(str(i)) for i, one in enumerate(many)))
    assert await asyncio.gather(*(one.recv() for one in many)) == [str(i) for i in range(50)]
    await asyncio.gather(*(one.close() for one in many))
    print("fine")
asyncio.run(main(sys.argv[1]))
`;
for (const scheme of ["ws", "wss"] as const) {
  test(`python3-websockets talks over ${scheme}, with and without compression`, async (t) => {
    if (!(await has_module("websockets"))) return t.skip("python3-websockets is not installed");
    const url = `${scheme}://localhost:${scheme === "ws" ? webserver().http : webserver().https}${base}/echo`.replace("localhost", "127.0.0.1");
    assert.equal(await succeed(kPython, ["-c", kWebsockets, url]), "fine\n");
  });
}

const kAutobahn = `
import asyncio, os, sys
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
sizes = [0, 1, 125, 126, 65535, 65536, 500000]
result = loop.create_future()
class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.left = [(os.urandom(size), True) for size in sizes] + [("\\u20ac" * (size // 3), False) for size in sizes]
        self.next()
    def next(self):
        self.current, binary = self.left.pop(0)
        data = self.current if binary else self.current.encode()
        self.sendMessage(data, binary, fragmentSize=1000)
    def onMessage(self, payload, binary):
        got = payload if binary else payload.decode()
        if got != self.current:
            return result.set_exception(Exception("not what was sent"))
        if self.left:
            self.next()
        else:
            self.sendPing(b"ping")
    def onPong(self, payload):
        self.sendClose(1000, "done")
    def onClose(self, clean, code, reason):
        if not result.done():
            result.set_result((clean, code))
factory = WebSocketClientFactory(sys.argv[1])
factory.protocol = Client
factory.setProtocolOptions(failByDrop=False, openHandshakeTimeout=10, utf8validateIncoming=True)
host, port = sys.argv[2], int(sys.argv[3])
loop.run_until_complete(loop.create_connection(factory, host, port))
print(loop.run_until_complete(asyncio.wait_for(result, 40)))
`;
test("Autobahn's client sends fragments, pings and closes cleanly", async (t) => {
  if (!(await has_module("autobahn.asyncio.websocket"))) return t.skip("python3-autobahn is not installed");
  const url = `ws://127.0.0.1:${webserver().http}${base}/echo`;
  assert.equal(await succeed(kPython, ["-c", kAutobahn, url, "127.0.0.1", `${webserver().http}`]), "(True, 1000)\n");
});

// --- load tools: only what they count, never how fast ---

for (const [what, path] of [["a file", "/echo.htm"], ["a service", "/bytes/1024"]] as const) {
  for (const scheme of ["http", "https"] as const) {
    const url = () => `${scheme === "http" ? webserver().http_url : webserver().https_url}${base}${path}`;
    test(`wrk gets ${what} over ${scheme} without one error`, { skip: missing("wrk") }, async () => {
      const told = await succeed("wrk", ["-t1", "-c20", "-d1s", url()]);
      assert.doesNotMatch(told, /Non-2xx|Socket errors/, told);
      assert.ok(Number(/(\d+) requests in/.exec(told)?.[1]) > 50, told);
    });
    test(`h2load gets ${what} over ${scheme} without one error`, { skip: missing("h2load") }, async () => {
      for (const more of [["--h1"], ...(scheme === "https" ? [[]] : [])]) {
        const told = await succeed("h2load", ["-n500", "-c10", "-m5", ...more, url()]);
        assert.match(told, /500 total, 500 started, 500 done, 500 succeeded, 0 failed, 0 errored, 0 timeout/, told);
      }
    });
  }
}

for (const [what, args] of [["slow heads", ["-H"]], ["slow bodies", ["-B"]], ["slow reading", ["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "5", "-k", "2"]]] as const) {
  test(`slowhttptest with ${what}: the service stays available`, { skip: missing("slowhttptest") }, async () => {
    const told = await run("slowhttptest", ["-c", "100", ...args, "-i", "1", "-r", "100", "-l", "4", "-p", "3", "-u", `${webserver().http_url}${base}/${what === "slow bodies" ? "sink" : "bytes/1000000"}`, ...(what === "slow bodies" ? ["-s", "100000"] : [])], { timeoutMs: 60_000 });
    // eslint-disable-next-line no-control-regex
    const plain = told.stdout.replace(/\x1b\[[0-9;]*m/g, "");
    const states = plain.match(/service available:\s+(YES|NO)/g) ?? [];
    assert.ok(states.length > 0, plain.slice(-2000));
    assert.ok(states.every((state) => state.endsWith("YES")), plain.slice(-2000));
  });
}
