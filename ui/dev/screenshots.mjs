// Pictures of every page against the fake manager, to be looked at: `node dev/screenshots.mjs [folder] [filter]`.
import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";
import { startFakeManager } from "./fake_manager.mjs";

const folder = process.argv[2] ?? "dist/screenshots";
const only = process.argv[3] ?? "";
await mkdir(folder, { recursive: true });
const fake = await startFakeManager({ stepMs: 4000 });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

const routes = {
  overview: "#/",
  instance: "#/instance/team@example.com",
  access: "#/instance/team@example.com/access",
  data: "#/instance/team@example.com/data",
  log: "#/instance/team@example.com/log",
  edit: "#/instance/team@example.com/settings",
  isolated: "#/instance/sales@example.com",
  service: "#/service/events",
  processes: "#/service/notes",
  store: "#/store",
  app: "#/store/files",
  new: "#/new?service=notes&domain=example.com",
  jobs: "#/jobs",
  job: "#/jobs/41",
  backups: "#/backups",
  proven: "#/backups/instances",
  policies: "#/backups/policies",
  targets: "#/backups/targets",
  timemachine: "#/backups/timemachine",
  restore: "#/restore?instance=team@example.com",
  moment: "#/restore?instance=team@example.com&at=now",
  "restore-platform": "#/restore-platform",
  monitoring: "#/monitoring",
  "monitoring-30d": "#/monitoring?range=30d",
  disk: "#/monitoring/disk",
  usage: "#/monitoring/usage",
  curves: "#/service/notes/monitoring",
  "instance-curves": "#/instance/team@example.com/monitoring?range=24h",
  alarms: "#/alarms",
  "alarm-history": "#/alarms/history",
  channels: "#/alarms/channels",
  bin: "#/bin",
  crashes: "#/crashes",
  crash: "#/crashes/events-20261122-221403-4711",
  settings: "#/settings",
  certificate: "#/settings/certificate",
  process: "#/platform/postgres",
};
const looks = [
  ["light", { width: 1360, height: 800 }, "light", "en-GB"],
  ["dark", { width: 1360, height: 800 }, "dark", "en-GB"],
  ["narrow", { width: 360, height: 740 }, "light", "en-GB"],
  ["german", { width: 1360, height: 800 }, "light", "de-DE"],
  ["narrow-german", { width: 360, height: 740 }, "dark", "de-DE"],
];
for (const [look, viewport, colorScheme, locale] of looks) {
  const context = await browser.newContext({ viewport, colorScheme, locale });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") console.log(look, page.url(), message.text());
  });
  page.on("pageerror", (error) => console.log(look, page.url(), error.stack));
  await page.goto(`http://127.0.0.1:${fake.port}/manager/manager.htm`);
  await page.waitForSelector(".login form");
  if (`login-${look}`.includes(only)) await page.screenshot({ path: `${folder}/login-${look}.png` });
  await page.fill("input[type=password]", "pwd");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tree-instance", { state: "attached" });
  for (const [name, route] of Object.entries(routes)) {
    if (!`${name}-${look}`.includes(only)) continue;
    await page.evaluate((to) => {
      location.hash = to;
    }, route);
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${folder}/${name}-${look}.png` });
  }
  if (`palette-${look}`.includes(only)) {
    await page.keyboard.press("Control+k");
    await page.keyboard.type("team");
    await page.screenshot({ path: `${folder}/palette-${look}.png` });
    await page.keyboard.press("Escape");
  }
  await context.close();
}
await browser.close();
await fake.close();
