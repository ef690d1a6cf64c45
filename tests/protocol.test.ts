// AppWebsocket and HTTP of the manager as existing clients speak them, over real sockets.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AppWebsocket,
  LoginRefused,
  type Message,
  decrypt,
  encrypt,
  keyed_hash,
  login_digest,
  password_login,
  rc4,
  session_key,
} from "./harness/appwebsocket";
import { fetch_url } from "./harness/http";
import { assert, test, with_platform } from "./harness/test";
import { until, within } from "./harness/wait";

const platform = with_platform();
const ws = () => `ws://localhost:${platform().http}`;
const wss = () => `wss://localhost:${platform().https}`;

// The values of the protocol's documents: our client must be right before it may judge the platform.
test("this client computes the documented digests", () => {
  const login = { app: "pbxadminapi" };
  const challenge = "0123456789abcdef";
  const expected: [string | undefined, string][] = [
    [undefined, "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1"],
    ["{}", "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34"],
    ['{"cn":"Test User"}', "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d"],
  ];
  for (const [info, digest] of expected) {
    assert.equal(login_digest(info === undefined ? login : { ...login, info }, challenge, "pwd"), digest);
  }
  assert.equal(
    login_digest(password_login("manager"), "4711081500000001", "pwd"),
    "7bad624c8a518fb477b028340453ea9f58cc53f72940bce8f4ff9e43f5c0ddb4",
  );
  assert.equal(
    login_digest(password_login("manager-domain", "example.com"), "4711081500000001", "-"),
    "ec9830f845a50034516ee748b980dc19cdc2f0be1141ec6384597c361e943479",
  );
  const key = session_key(challenge, "pwd");
  assert.equal(key, "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760");
  assert.equal(rc4(Buffer.from("Key"), Buffer.from("Plaintext")).toString("hex"), "bbf316e8d940af0ad3");
  assert.equal(encrypt(key, "seed1", "Geheim-äöü"), "b80a812132d2b9ab8118ba0741");
  assert.equal(
    keyed_hash(key, "seed1", "some data"),
    "179285ab2d3520062bd5e5ae37ff033e27d577dd2cf4c6cc71604083fe4ccb6b",
  );
});

for (const [name, url] of [["ws", ws], ["wss", wss]] as const) {
  test(`an admin logs in at ${name}:// and asks for the platform's version`, async () => {
    const client = await AppWebsocket.login(`${url()}/manager`, password_login("manager"), platform().password);
    const info = await client.request({ mt: "AppPlatformInfoRequest", src: "src0" });
    assert.equal(info.mt, "AppPlatformInfoResult");
    assert.equal(info.src, "src0");
    assert.ok(typeof info["version"] === "string" && info["version"].length > 0);
    client.close();
  });
}

test("the same endpoint answers at /manager/manager and below a build directory", async () => {
  for (const path of ["/manager/manager", "/manager/1a2b", "/manager/1a2b/manager"]) {
    const client = await AppWebsocket.login(ws() + path, password_login("manager"), platform().password);
    assert.equal((await client.request({ mt: "AppPlatformInfoRequest" })).mt, "AppPlatformInfoResult");
    client.close();
  }
});

test("CheckBuild and AppChallenge sent at once are answered in order, and the build directory is named", async () => {
  const client = await AppWebsocket.open(`${ws()}/manager`);
  client.send({ mt: "CheckBuild", url: "http://ap/manager/manager.htm" });
  client.send({ mt: "AppChallenge" });
  const first = await client.next(() => true);
  const second = await client.next(() => true);
  assert.equal(first.mt, "CheckBuildResult");
  assert.match(first["url"], /^http:\/\/ap\/manager\/[0-9a-fA-F]+\/manager\.htm$/);
  assert.equal(second.mt, "AppChallengeResult");
  assert.equal(typeof second["challenge"], "string");
  assert.match(second["challenge"], /^[\x21-\x7e]{1,16}$/);
  // Asked again with the address it named, there is nothing to reload.
  client.send({ mt: "CheckBuild", url: first["url"] });
  const current = await client.next((one) => one.mt === "CheckBuildResult");
  assert.equal(current["url"], undefined);
  client.close();
});

test("the login page is given in the running build's folder only, with what was asked for", async () => {
  let page = "";
  for (const path of ["/", "/manager", "/manager/", "/manager/manager.htm", "/manager/99/manager.htm"]) {
    const answer = await fetch_url(`${platform().http_url}${path}?lang=de`);
    assert.equal(answer.status, 302, path);
    assert.equal(answer.headers["cache-control"], "no-cache", path);
    page = answer.headers["location"] ?? "";
    assert.match(page, /^\/manager\/[0-9a-f]+\/manager\.htm\?lang=de$/, path);
  }
  const answer = await fetch_url(platform().http_url + page);
  assert.equal(answer.status, 200);
  assert.match(String(answer.headers["cache-control"]), /immutable/);
});

test("the manager's pages run only their own scripts and are shown in nobody's frame", async () => {
  const page = (await fetch_url(`${platform().http_url}/manager`)).headers["location"]!;
  for (const path of [page, page.replace(".htm", ".js"), page.replace(".htm", ".css")]) {
    const { status, headers, text } = await fetch_url(platform().http_url + path);
    assert.equal(status, 200, path);
    const policy = String(headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, path);
    assert.match(policy, /frame-ancestors 'self'/, path);
    assert.doesNotMatch(policy, /unsafe|\*/, path);
    assert.equal(headers["x-content-type-options"], "nosniff", path);
    assert.equal(headers["referrer-policy"], "no-referrer", path);
    assert.equal(headers["cross-origin-opener-policy"], "same-origin", path);
    if (path === page) assert.doesNotMatch(text, /<script>|<style| on[a-z]+=| style=/, "nothing inline");
  }
  const accept = await fetch_url(`${platform().http_url}/manager/fixcert.htm`);
  assert.equal(accept.status, 200);
  assert.match(String(accept.headers["content-security-policy"]), /script-src 'self'/);
  assert.match(accept.text, /<script src="fixcert.js" defer><\/script>/);
  const script = await fetch_url(`${platform().http_url}/manager/fixcert.js`);
  assert.match(String(script.headers["content-type"]), /javascript/);
  assert.match(script.text, /HostReachable/);
});

test("the machine login of the PHP client works: only app, empty info", async () => {
  const login = { app: "manager", domain: "", sip: "", guid: "", dn: "", info: "{}" };
  const client = await AppWebsocket.login(`${ws()}/manager/manager`, login, platform().password);
  client.close();
});

test("info is hashed as sent: slashes, umlauts, escaped quotes, odd order", async () => {
  for (const info of ['{"appurl":"https://1.2.3.4/x","cn":"Jürgen \\"Jo\\" Müller"}', '{"z":1,"a":{"y":[],"b":null}}']) {
    const client = await AppWebsocket.login(`${ws()}/manager`, { app: "manager", info }, platform().password);
    client.close();
  }
});

test("pbxObj is not covered by the digest, and upper-case digests are accepted", async () => {
  const client = await AppWebsocket.open(`${ws()}/manager`);
  client.send({ mt: "AppChallenge" });
  const { challenge } = await client.next((one) => one.mt === "AppChallengeResult");
  const login = password_login("manager");
  const digest = login_digest(login, challenge, platform().password).toUpperCase();
  client.send({ mt: "AppLogin", ...login, pbxObj: "something else", digest });
  assert.equal((await client.next((one) => one.mt === "AppLoginResult"))["ok"], true);
  client.close();
});

test("a challenge is good for one login on its own connection", async () => {
  const client = await AppWebsocket.open(`${ws()}/manager`);
  client.send({ mt: "AppChallenge" });
  const { challenge } = await client.next((one) => one.mt === "AppChallengeResult");
  const login = password_login("manager");
  const digest = login_digest(login, challenge, platform().password);

  const other = await AppWebsocket.open(`${ws()}/manager`);
  other.send({ mt: "AppLogin", ...login, digest });
  assert.notEqual((await other.next((one) => one.mt === "AppLoginResult"))["ok"], true);

  client.send({ mt: "AppLogin", ...login, digest: "0".repeat(64) });
  assert.notEqual((await client.next((one) => one.mt === "AppLoginResult"))["ok"], true);
  client.send({ mt: "AppLogin", ...login, digest });
  const late = await Promise.race([
    client.next((one) => one.mt === "AppLoginResult").catch(() => undefined),
    client.closed.then(() => undefined),
  ]);
  assert.notEqual((late as Message | undefined)?.["ok"], true);
  other.socket.terminate();
  client.socket.terminate();
});

test("nothing but the login's own messages is answered before it", async () => {
  const client = await AppWebsocket.open(`${ws()}/manager`);
  client.send({ mt: "AppPlatformInfoRequest", src: "early" });
  client.send({ mt: "RequestHttpKey", src: "early" });
  client.send({ mt: "GetStatus", src: "early" });
  await client.login(password_login("manager"), platform().password);
  assert.deepEqual(client.unclaimed.filter((one) => one.src === "early"), []);
  client.close();
});

test("a wrong password is refused with a reason, slowly, and slower each time", async () => {
  const taken: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const client = await AppWebsocket.open(`${ws()}/manager`);
    const started = Date.now();
    const refused = await client.login(password_login("manager"), "guess").catch((error: unknown) => error);
    assert.ok(refused instanceof LoginRefused, String(refused));
    assert.equal(typeof refused.answer["error"], "string");
    const { code } = await within("the close after a refused login", 20_000, client.closed);
    assert.equal(code, 1008);
    taken.push(Date.now() - started);
  }
  assert.ok(taken[0]! >= 100, `the first refusal and close took ${taken[0]} ms`);
  assert.ok(taken[3]! > taken[0]! * 1.5, `not slower: ${taken}`);
  // The owner still gets in, and not only after minutes.
  const started = Date.now();
  const client = await AppWebsocket.login(`${ws()}/manager`, password_login("manager"), platform().password);
  assert.ok(Date.now() - started < 20_000);
  client.close();
});

test("unknown messages and members do no harm; answers carry src unchanged", async () => {
  const client = await platform().admin();
  client.send({ mt: "NoSuchMessage", extra: [1, 2, 3] });
  client.send({ mt: "KeepAlive" });
  const src = 'odd "src" \\ ü \u{1f680} '.repeat(20);
  const answer = await client.request({ mt: "AppPlatformInfoRequest", src, unknown: { deep: true } });
  assert.equal(answer.src, src);
});

test("a message in many fragments is read as one", async () => {
  const client = await platform().admin();
  const text = JSON.stringify({ mt: "AppPlatformInfoRequest", src: "fragments" });
  for (let i = 0; i < text.length; i++) client.socket.send(text[i]!, { fin: i === text.length - 1 });
  assert.equal((await client.next((one) => one.src === "fragments")).mt, "AppPlatformInfoResult");
});

test("the store's apps arrive one by one, then the end", async () => {
  const client = await platform().admin();
  client.send({ mt: "RequestAppStore", src: "store" });
  await client.next((one) => one.mt === "AppStoreResult" && one.src === "store");
  const apps = client.unclaimed.filter((one) => one.mt === "AppStoreServiceAdded" && one.src === "store");
  const ids = apps.map((one) => one["id"]).sort();
  assert.ok(ids.includes("echo") && ids.includes("notes"), `${ids}`);
  for (const app of apps) {
    for (const name of ["id", "folder", "title", "manufacturer"]) assert.equal(typeof app[name], "string", name);
    assert.ok(Array.isArray(app["versions"]) && app["versions"].length > 0);
    for (const name of ["id", "build", "label"]) assert.equal(typeof app["versions"][0][name], "string", name);
  }
});

// The installer's steps and spellings, with passwords of the odd characters it draws.
const kPassword = "!\"#$%&()*+,-./:;";
const kDatabasePassword = "<=>?@[]^_`{|}~Zz";

test("an installer installs a service, adds an instance and starts it", async () => {
  const client = await platform().admin(true);
  client.send({ mt: "RequestAppStore", src: "store" });
  await client.next((one) => one.mt === "AppStoreResult" && one.src === "store");
  const app = client.unclaimed.find((one) => one.mt === "AppStoreServiceAdded" && one["id"] === "notes");
  assert.ok(app);
  client.unclaimed.length = 0;

  const installed = await client.request({
    mt: "InstallService",
    src: "install",
    appServiceID: app["id"],
    title: app["title"],
    folder: app["folder"],
    binary: app["binary"],
    manufacturer: app["manufacturer"],
    version: app["versions"][0],
    userAgreementAccepted: true,
  });
  const messages = [installed, ...client.unclaimed];
  if (!messages.some((one) => one.mt === "InstallServiceResult")) {
    messages.push(await client.next((one) => one.mt === "InstallServiceResult" && one.src === "install"));
  }
  messages.push(...client.unclaimed);
  const result = messages.find((one) => one.mt === "InstallServiceResult");
  assert.equal(result?.["error"], undefined, JSON.stringify(result));
  const told = messages.find((one) => one.mt === "ServiceInstalled");
  assert.equal(told?.["appServiceID"], "notes");

  const added = await client.request({
    mt: "AddInstance",
    appServiceID: "notes",
    appName: "team",
    appDomain: "example.com",
    appPassword: kPassword,
    webserverPath: "example.com/team",
    dbHost: "",
    dbName: "example.com_team",
    dbUser: "example.com_team",
    dbPassword: kDatabasePassword,
    logFlags: 0,
  });
  assert.equal(added.mt, "AddInstanceResult");
  assert.equal(added["error"], undefined, JSON.stringify(added));
  const started = await client.request({
    mt: "StartInstance",
    appServiceID: "notes",
    appName: "team",
    appDomain: "example.com",
  });
  assert.equal(started.mt, "StartInstanceResult");
  assert.equal(started["error"], undefined, JSON.stringify(started));

  const page = await fetch_url(`${platform().https_url}/example.com/team/notes.htm`);
  assert.equal(page.status, 200);
  assert.match(page.headers["content-type"] ?? "", /^text\/html/);

  const session = await AppWebsocket.login(`${ws()}/example.com/team/notes`, password_login("notes"), kPassword);
  assert.equal((await session.request({ mt: "AppInfo", app: "notes" })).mt, "AppInfoResult");
  session.close();
});

test("adding the same instance again is refused, and nothing is lost", async () => {
  const client = await platform().admin();
  const again = await client.request({
    mt: "AddInstance",
    appServiceID: "notes",
    appName: "team",
    appDomain: "example.com",
    appPassword: "other",
    webserverPath: "/example.com/team",
    dbHost: "",
    dbName: "example.com_team",
    dbUser: "example.com_team",
    dbPassword: "other",
    logFlags: 0,
  });
  assert.equal(typeof again["error"], "string");
  const session = await AppWebsocket.login(`${ws()}/example.com/team/notes`, password_login("notes"), kPassword);
  session.close();
});

test("the HTTP key opens backup, dbdump and restore while its session is open", async () => {
  const client = await platform().admin();
  const { key } = await client.request({ mt: "RequestHttpKey" });
  assert.equal(typeof key, "string");
  const base = `${platform().http_url}/manager`;
  const of_instance = `appName=team&appDomain=${encodeURIComponent("example.com")}`;

  const dump = await fetch_url(`${base}/backup?key=${encodeURIComponent(key)}&${of_instance}`);
  assert.equal(dump.status, 200);
  const file = join(platform().folder, "team.dump");
  writeFileSync(file, dump.body);
  const listed = spawnSync("/usr/lib/postgresql/15/bin/pg_restore", ["-l", file], { encoding: "utf8" });
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /TABLE DATA/);
  assert.doesNotMatch(dump.body.toString("latin1"), new RegExp(kPassword.replace(/[^a-z]/gi, "\\$&")));

  const text = await fetch_url(`${base}/backup?key=${encodeURIComponent(key)}&uncompressed=1&${of_instance}`);
  assert.equal(text.status, 200);
  assert.match(text.text, /CREATE TABLE/);

  // The same three names at the root, for clients that cut the address after the host.
  const alias = await fetch_url(`${platform().http_url}/backup?key=${encodeURIComponent(key)}&${of_instance}`);
  assert.equal(alias.status, 200);

  const xml = await fetch_url(`${base}/dbdump?key=${encodeURIComponent(key)}&app=notes`);
  assert.equal(xml.status, 200);
  assert.match(xml.text, /^<\?xml|^</);

  const whole = await fetch_url(`${base}/backup?key=${encodeURIComponent(key)}&uncompressed=1&manager=true&ignoreStatistics=true`);
  assert.equal(whole.status, 200);
  assert.match(whole.text, /config/);

  const restored = client.next((one) => one.mt === "RestoreResult" && one.src === "restore-instance-team");
  const accepted = await fetch_url(`${base}/restore?src=restore-instance-team&key=${encodeURIComponent(key)}`, {
    method: "POST",
    headers: { "content-type": "application/text", "content-length": `${dump.body.length}` },
    body: dump.body,
  });
  assert.equal(accepted.status, 200, accepted.text);
  assert.equal((await restored)["error"], undefined);
  const session = await AppWebsocket.login(`${ws()}/example.com/team/notes`, password_login("notes"), kPassword);
  session.close();

  for (const wrong of ["", "0".repeat(key.length), `${key}0`]) {
    assert.equal((await fetch_url(`${base}/backup?key=${wrong}&${of_instance}`)).status, 403);
    const post = await fetch_url(`${base}/restore?src=x&key=${wrong}`, { method: "POST", body: dump.body });
    assert.equal(post.status, 403);
  }
  client.close();
  await client.closed;
  // The webserver ends the socket with the client; the manager hears of it a moment later.
  await until("the key to end with its session", async () => {
    const late = await fetch_url(`${base}/backup?key=${encodeURIComponent(key)}&${of_instance}`);
    return late.status === 403;
  });
});

test("a PBX domain registers with the admin password and then speaks for itself only", async () => {
  const register = async (domain: string, pwd: string, manager_password: string) => {
    const client = await AppWebsocket.login(
      `${ws()}/manager/manager-domain`,
      password_login("manager-domain", domain),
      "-",
    );
    const answer = await client.request({ mt: "RegisterDomain", pwd, managerPwd: manager_password });
    client.close();
    return answer;
  };
  const refused = await register("example.com", "domainsecret", "wrong");
  assert.equal(typeof refused["error"], "string");
  const done = await register("example.com", "domainsecret", platform().password);
  assert.equal(done.mt, "RegisterDomainResult");
  assert.equal(done["error"], undefined);
  await register("other.net", "othersecret", platform().password);

  const login = { ...password_login("manager-domain-api", "example.com"), sip: "ap" };
  const api = await AppWebsocket.login(`${ws()}/manager/manager-domain-api`, login, "domainsecret");
  const info = await api.request({ mt: "AppInfo", app: "manager-domain-api" });
  assert.deepEqual(info["info"], { hidden: true, apis: { "com.innovaphone.manager": {} } });

  const named = { api: "com.innovaphone.manager" };
  const challenge = "8150000000000001";
  const given = await api.request({ mt: "GetInstanceLogin", ...named, path: "example.com/team", app: "notes", challenge });
  assert.equal(given.mt, "GetInstanceLoginResult");
  assert.equal(given["api"], "com.innovaphone.manager");
  const { app, sip, domain, guid, dn } = given as unknown as Record<string, string>;
  assert.equal(app, "notes");
  assert.equal(
    given["digest"],
    login_digest({ app: app!, sip: sip ?? "", domain: domain ?? "", guid: guid ?? "", dn: dn ?? "" }, challenge, kPassword),
  );
  if (given["key"] !== undefined) assert.equal(given["key"], session_key(challenge, kPassword));

  const stranger = await AppWebsocket.login(
    `${ws()}/manager/manager-domain-api`,
    { ...password_login("manager-domain-api", "other.net"), sip: "ap" },
    "othersecret",
  );
  const denied = await stranger.request({ mt: "GetInstanceLogin", ...named, path: "example.com/team", app: "notes", challenge });
  assert.equal(denied["digest"], undefined);
  const foreign = await stranger.request({ mt: "SetInstancePassword", ...named, path: "example.com/team", pwd: "stolen" });
  assert.equal(typeof foreign["error"], "string");

  const changed = await api.request({ mt: "SetInstancePassword", ...named, path: "example.com/team", pwd: "fresh one" });
  assert.equal(changed["error"], undefined);
  const session = await AppWebsocket.login(`${ws()}/example.com/team/notes`, password_login("notes"), "fresh one");
  session.close();
  // Registered domains may log in to instances with the domain's password.
  const by_domain = await AppWebsocket.login(
    `${ws()}/example.com/team/notes`,
    password_login("notes", "example.com"),
    "domainsecret",
  );
  by_domain.close();
  api.close();
  stranger.close();
});

test("the app installer of a domain installs for its own domain only, is listed with its plugin, and removes again", async () => {
  const login = { ...password_login("manager-domain-api", "other.net"), sip: "ap", dn: "Anna" };
  const api = await AppWebsocket.login(`${ws()}/manager/manager-domain-api`, login, "othersecret");
  const named = { api: "com.innovaphone.manager" };
  const info = await api.request({ mt: "GetManagerInfo", ...named });
  assert.equal(info.mt, "GetManagerInfoResult");
  for (const name of ["platform", "platformLabel", "build", "version", "label"]) assert.equal(typeof info[name], "string", name);

  assert.equal((await api.request({ mt: "CheckUserAgreement", ...named }))["accepted"], false);
  api.send({ mt: "RequestAppStore", src: "apps", ...named });
  await api.next((one) => one.mt === "AppStoreResult" && one.src === "apps");
  const app = api.unclaimed.find((one) => one.mt === "AppStoreServiceAdded" && one["id"] === "echo");
  assert.ok(app);
  assert.equal(app["api"], "com.innovaphone.manager");
  api.unclaimed.length = 0;

  const wanted = { ...named, appServiceID: "echo", title: "Echo", folder: "echo", binary: "echo", version: app["versions"][0] };
  const act = async (mt: string, more: object = {}) => {
    const src = `act-${Math.random()}`;
    api.send({ mt, src, ...wanted, ...more });
    return api.next((one) => one.src === src && one.mt === `${mt}Result`);
  };
  assert.match((await act("InstallService"))["error"], /agreement/);
  assert.equal((await api.request({ mt: "AcceptUserAgreement", ...named, accept: true, user: "Anna" }))["accepted"], true);
  assert.equal((await api.request({ mt: "CheckUserAgreement", ...named }))["accepted"], true);
  assert.match((await act("InstallService", { domain: "example.com" }))["error"], /other\.net/);
  const installed = await act("InstallService", { domain: "other.net" });
  assert.equal(installed["error"], undefined, JSON.stringify(installed));
  const told = api.unclaimed.find((one) => one.mt === "ServiceInstalled");
  assert.equal(told?.["appServiceID"], "echo");
  const bytes = () => fetch_url(`${platform().http_url}/other.net/echo/bytes/5`);
  assert.equal((await bytes()).text.length, 5);
  // On a shared platform the second one gets what is there.
  assert.equal((await act("InstallService", { domain: "other.net" }))["error"], undefined);

  const controls = await api.request({ mt: "ManagerControls", ...named });
  assert.equal(controls.mt, "ManagerControlsResult");
  assert.match(controls["protocol"], /^https?:$/);
  assert.deepEqual(controls["controls"], [
    {
      api: ["berth.echo"],
      uri: "other.net/echo/berth.EchoManager",
      png: "other.net/echo/echo.png",
      lang: "other.net/echo/berth.EchoManagerTexts",
    },
  ]);
  const neighbour = await AppWebsocket.login(
    `${ws()}/manager/manager-domain-api`,
    { ...password_login("manager-domain-api", "example.com"), sip: "ap" },
    "domainsecret",
  );
  assert.deepEqual((await neighbour.request({ mt: "ManagerControls", ...named }))["controls"], []);
  neighbour.close();

  const updated = await act("UpdateService", { domain: "other.net" });
  assert.match(updated["error"], /installed already/);
  const jobs = (await platform().berth("job", "ls", "--json")).json;
  const created = (jobs.jobs ?? jobs).find((one: { target: string }) => one.target === "echo@other.net");
  assert.match(created.by, /^Anna of other\.net from (127\.0\.0\.1|::1)$/);

  assert.match((await act("RemoveService", { domain: "example.com" }))["error"], /other\.net/);
  assert.equal((await act("RemoveService", { domain: "other.net" }))["error"], undefined);
  assert.notEqual((await bytes()).status, 200);
  assert.deepEqual((await api.request({ mt: "ManagerControls", ...named }))["controls"], []);
  api.close();
});

test("passwords in our own messages travel encrypted with the session key", async () => {
  const client = await platform().admin();
  const answer = await client.request({
    mt: "CreateInstance",
    service: "notes",
    name: "sealed",
    domain: "example.com",
  });
  assert.equal(answer["error"], undefined, JSON.stringify(answer));
  const { value, key } = answer["password"];
  const password = decrypt(client.session_key, key, value);
  assert.match(password, /^[\x20-\x7e]{12,}$/);
  const job = answer["job"];
  await client.request({ mt: "Subscribe", topics: ["jobs"], src: "jobs" });
  for (let state = job.state; !["done", "failed"].includes(state); ) {
    const { job: now } = await client.request({ mt: "GetJob", id: job.id });
    state = now.state;
    assert.notEqual(state, "failed", JSON.stringify(now));
  }
  const session = await AppWebsocket.login(`${ws()}/example.com/sealed/notes`, password_login("notes"), password);
  session.close();
});

test("secrets are neither in the log, nor in argv, nor in files others can read", async () => {
  const secrets = [platform().password, kPassword, kDatabasePassword, "domainsecret", "fresh one"];
  const seen = `${platform().console()}${platform().service_log("notes")}${platform().service_log("manager")}`;
  for (const secret of secrets) assert.ok(!seen.includes(secret), `${secret} is in a log`);
  for (const one of platform().own_processes()) {
    for (const secret of secrets) assert.ok(!one.arguments.join(" ").includes(secret));
  }
  const open_to_others = spawnSync("find", [platform().root, "-type", "f", "-perm", "-004"], { encoding: "utf8" });
  for (const file of open_to_others.stdout.trim().split("\n").filter(Boolean)) {
    const text = readFileSync(file, "latin1");
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is readable in ${file}`);
  }
});
