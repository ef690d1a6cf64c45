import "./browser_globals";
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import {
  AppWebsocket,
  ConnectionLost,
  instancePath,
  type Message,
  RequestFailed,
  reconnectDelay,
  socketUrl,
} from "../kit/appwebsocket";
import { type FakeManager, startFakeManager, until } from "./fakes";

Object.assign(globalThis, { WebSocket, location: { hash: "" } });

let manager: FakeManager;
before(async () => {
  manager = await startFakeManager();
});
after(() => manager.close());

const kAdmin = { kind: "password", app: "manager", dn: "Admin" } as const;

async function connected(): Promise<AppWebsocket> {
  const link = new AppWebsocket(manager.url);
  link.connect({ ...kAdmin, password: manager.state.password });
  await until("open", () => link.state.value.name === "open");
  return link;
}

test("the socket is the folder of the page, with its build directory", () => {
  assert.equal(socketUrl("https://ap/manager/1a2b/manager.htm?lang=de#/jobs"), "wss://ap/manager/1a2b");
  assert.equal(socketUrl("http://ap:8080/example.com/team/notes.htm"), "ws://ap:8080/example.com/team");
});

test("what is kept for an instance survives an update of its build", () => {
  const path = "/example.com/team";
  assert.equal(instancePath("https://ap/example.com/team/notes.htm"), path);
  assert.equal(instancePath("https://ap/example.com/team/00010082/notes.htm?name=x#y"), path);
  assert.equal(instancePath("https://ap/example.com/cafe/notes.htm"), "/example.com/cafe");
});

test("delays double from half a second and stay at 32 seconds, within a fifth", () => {
  const middle = (attempt: number) => reconnectDelay(attempt, 0.5);
  assert.deepEqual([0, 1, 2, 6, 7, 30].map(middle), [500, 1000, 2000, 32_000, 32_000, 32_000]);
  assert.equal(reconnectDelay(0, 0), 400);
  assert.equal(Math.round(reconnectDelay(0, 1)), 600);
});

test("a right password opens, requests are answered by their src", async () => {
  const link = await connected();
  const [status, jobs] = await Promise.all([
    link.request<{ status: { version: string } }>("GetStatus"),
    link.request<{ jobs: unknown[] }>("GetJobs"),
  ]);
  assert.match(status.status.version, /^\d/);
  assert.ok(jobs.jobs.length > 0);
  link.close();
});

test("a wrong password is refused and not tried again by itself", async () => {
  const link = new AppWebsocket(manager.url);
  link.connect({ ...kAdmin, password: "wrong" });
  await until("refused", () => link.state.value.name === "refused");
  assert.deepEqual(link.state.value, { name: "refused", error: "wrong password" });
});

test("a refused request rejects with the error's text and code", async () => {
  const link = await connected();
  await assert.rejects(link.request("GetInstance", { name: "no", domain: "body" }), (error) => {
    assert.ok(error instanceof RequestFailed);
    assert.equal(error.code, "not_found");
    assert.match(error.message, /no@body/);
    return true;
  });
  link.close();
});

test("indications go to the subscription whose src they carry", async () => {
  const link = await connected();
  const heard: Message[] = [];
  await link.subscribe("Subscribe", { topics: ["status"] }, (message) => heard.push(message));
  manager.world.live();
  await until("an indication", () => heard.some((message) => message.mt === "StatusChanged"));
  link.close();
});

test("a lost connection rejects what waits, comes back by itself and tells its owner", async () => {
  const link = await connected();
  let opened = 0;
  link.onOpen = () => {
    opened++;
  };
  manager.dropAll();
  await assert.rejects(
    // Sent into a socket that is already gone, or refused because it is.
    link.request("GetStatus"),
    ConnectionLost,
  );
  await until("waiting", () => link.state.value.name === "waiting");
  await assert.rejects(link.request("GetStatus"), ConnectionLost);
  link.retryNow();
  await until("open again", () => link.state.value.name === "open");
  assert.equal(opened, 1);
  link.close();
});

test("a password travels hidden and is read by the other side", async () => {
  const link = await connected();
  const hidden = link.hide('pa"ss:<wörd>');
  assert.match(hidden.value, /^[0-9a-f]+$/);
  assert.equal(link.reveal(hidden), 'pa"ss:<wörd>');
  const made = await link.request("SetInstancePassword", { name: "team", domain: "example.com" });
  assert.equal(link.reveal(made["password"]).length, 16);
  link.close();
});

test("after close nothing comes back", async () => {
  const link = await connected();
  link.close();
  assert.equal(link.state.value.name, "idle");
  manager.dropAll();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(link.state.value.name, "idle");
});
