// The pages of monitoring, disk and alarms in a real browser, against the fake manager.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { closePages, launch, openPage } from "./browser";
import { type FakeManager, startFakeManager, until } from "./fakes";
import { poorContrasts } from "./page_contrast";

let browser: Browser;
let manager: FakeManager & { world: { disk: { appsHeld: boolean; level: string } } };
afterEach(closePages);
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function signedIn(
  route: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const opened = await openPage(browser, `${manager.url}${route}`, options);
  await opened.page.locator("input[type=password]").fill("pwd");
  await opened.page.locator("button[type=submit]").click();
  await opened.page.locator(".frame").waitFor();
  return opened;
}

describe("monitoring", () => {
  before(async () => {
    manager = (await startFakeManager()) as typeof manager;
  });
  after(() => manager.close());

  test("curves of the machine, processes, webserver and PostgreSQL are drawn, and the range is part of the address", async () => {
    const { page, complaints } = await signedIn("#/monitoring");
    await page.locator(".chart svg path.line").first().waitFor();
    assert.equal(await page.locator(".chart").count(), 16);
    await page.getByRole("button", { name: "30 d" }).click();
    await page.waitForURL(/range=30d$/);
    await page.locator(".mark-backup circle").first().waitFor();
    await page.getByText("Events ended by itself: signal 11").waitFor();
    assert.deepEqual(complaints, []);
  });

  test("one crosshair points at the same moment in all charts, and the legends say the values", async () => {
    const { page } = await signedIn("#/monitoring");
    const charts = page.locator(".chart");
    await charts.first().locator("path.line").first().waitFor();
    await charts.first().hover({ position: { x: 200, y: 60 } });
    await until("every chart to point", async () => (await page.locator(".chart .crosshair").count()) === 16);
    assert.match((await page.locator(".card header span").first().textContent()) ?? "", /^\d\d:\d\d/);
  });

  test("arrow keys read the values", async () => {
    const { page } = await signedIn("#/monitoring");
    const chart = page.getByRole("slider", { name: "CPU, curve" }).first();
    await chart.focus();
    const now = await chart.getAttribute("aria-valuetext");
    assert.match(now ?? "", /programs \d/);
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await until("another moment", async () => (await chart.getAttribute("aria-valuetext")) !== now);
    assert.equal(
      Number(await chart.getAttribute("aria-valuenow")),
      Number(await chart.getAttribute("aria-valuemax")) - 2,
    );
  });

  test("a service and an instance have their own curves", async () => {
    const { page } = await signedIn("#/service/notes/monitoring");
    await page.locator(".chart").first().waitFor();
    assert.equal(await page.locator(".chart").count(), 6);
    await page.getByText("berth monitor show service/notes").waitFor();
    await page.goto(`${manager.url}#/instance/team@example.com/monitoring?range=24h`);
    await page.getByText("berth monitor show instance/team@example.com --since 24h").waitFor();
    await page.getByText("Size of the database").first().waitFor();
  });

  test("what was used is a table by domain, instance and day, that can be filtered and taken along", async () => {
    const { page, complaints } = await signedIn("#/monitoring/usage");
    await page.getByRole("cell", { name: "example.org" }).waitFor();
    await page.getByRole("button", { name: "Instances" }).click();
    await page.locator("table.usage").getByRole("link", { name: "team@example.com" }).waitFor();
    await page.getByText("--by-instance").waitFor();
    await page.getByLabel("Find a domain or an instance").fill("school");
    await until("one row", async () => (await page.locator("table.usage tbody tr").count()) === 1);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download CSV" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^usage-\d{4}-\d\d-01-\d{4}-\d\d-\d\d\.csv$/);
    assert.deepEqual(complaints, []);
  });

  test("an instance gets limits, and what is near its limit says so", async () => {
    const { page } = await signedIn("#/instance/team@example.com/settings");
    await page.getByText("Its database is near its limit.").waitFor();
    await page.getByLabel("Size of the database, MB").fill("x");
    await page.getByText("A whole number is expected.").first().waitFor();
    await page.getByLabel("Size of the database, MB").fill("900");
    await page
      .getByText("berth limit set team@example.com --clear --database-bytes 900000000 --messages 200")
      .waitFor();
    await page.getByRole("button", { name: "Save limits" }).click();
    await page.getByText("The limits of team@example.com hold now.").first().waitFor();
    await page.getByText("Its database is near its limit.").waitFor({ state: "detached" });
  });

  test("a domain gets limits for each of its instances and all its databases, from the table of what was used", async () => {
    const { page, complaints } = await signedIn("#/monitoring/usage");
    await page.locator("table.usage").getByRole("link", { name: "example.org" }).click();
    await page.getByText("All its databases take 463 MB.").waitFor();
    assert.match(page.url(), /limits=example\.org/);
    await page.getByLabel("Size of all databases together, MB").fill("20000");
    await page.getByLabel("WebSockets at once").fill("5000");
    await page
      .getByText("berth limit set example.org --clear --database-bytes 20000000000 --websockets 5000")
      .waitFor();
    await page.getByRole("button", { name: "Save limits" }).click();
    await page.getByText("The limits of example.org hold now.").first().waitFor();
    await page.reload();
    await until("what was saved", async () => (await page.getByLabel("WebSockets at once").inputValue()) === "5000");
    await page.getByLabel("Domain", { exact: true }).selectOption("example.com");
    await until("another domain's", async () => (await page.getByLabel("WebSockets at once").inputValue()) === "");
    assert.deepEqual(complaints, []);
  });

  test("the disk tells when it is full and starts what ran before with one click", async () => {
    const { page, complaints } = await signedIn("#/monitoring/disk");
    await page.getByText("Full in 9 days.").waitFor();
    await page.getByText("team@example.com grows 1.2 GB a day.").waitFor();
    manager.world.disk.appsHeld = true;
    await page.reload();
    await page.getByText("All apps are stopped because the disk was full.").waitFor();
    await page.getByRole("button", { name: "Start what ran before" }).click();
    await page.getByText("The apps are started").waitFor();
    assert.equal(manager.world.disk.appsHeld, false);
    assert.deepEqual(complaints, []);
  });

  test("an alarm is acknowledged and silenced, and the bell counts what nobody has seen", async () => {
    const { page } = await signedIn("#/alarms");
    const bell = page.locator(".bell");
    await until("two", async () => (await bell.getAttribute("aria-label")) === "2 new alarms");
    const row = page.locator(".alarms li", { hasText: "The mail gateway refuses" });
    await row.getByRole("button", { name: "Acknowledge" }).click();
    await row.getByText("acknowledged by Admin from 127.0.0.1").waitFor();
    await until("one", async () => (await bell.getAttribute("aria-label")) === "1 new alarm");
    const other = page.locator(".alarms li", { hasText: "Backups to the target nas" });
    await other.getByRole("button", { name: "Silence" }).click();
    await other.getByRole("button", { name: "For 8 h" }).click();
    await other.getByText(/silent for/).waitFor();
    await other.getByRole("button", { name: "Speak again" }).click();
    await other.getByText(/silent for/).waitFor({ state: "detached" });
    await other.getByRole("button", { expanded: false }).first().click();
    await other.getByText("berth backup target test nas").waitFor();
  });

  test("the history has events and what is over; channels say what does not get through and are tried", async () => {
    const { page } = await signedIn("#/alarms/history");
    await page.getByText("Events ended by itself").waitFor();
    await page.getByText(/lasted 6 h/).waitFor();
    await page.getByRole("link", { name: "Channels" }).click();
    await page.getByText("hooks.example.org: no answer in 10 s").waitFor();
    await page.getByRole("button", { name: "Send a test event" }).click();
    await page.getByText("A test event goes by Mail, Webhook 1").first().waitFor();
    await page.getByLabel("To", { exact: true }).fill("nobody");
    await page.getByRole("button", { name: "Send a test mail" }).click();
    await page.getByText("Nobody is no mail address").waitFor();
  });

  for (const colorScheme of ["light", "dark"] as const)
    test(`all texts can be read and everything fits a telephone, ${colorScheme}`, async () => {
      const { page } = await signedIn("#/monitoring", { colorScheme, viewport: { width: 360, height: 740 } });
      for (const route of ["#/monitoring", "#/monitoring/disk", "#/alarms", "#/alarms/history", "#/alarms/channels"]) {
        await page.goto(`${manager.url}${route}`);
        await page.locator(".page .card:not(.skeleton)").first().waitFor();
        assert.deepEqual(await poorContrasts(page), [], route);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.equal(wide, false, route);
      }
    });
});
