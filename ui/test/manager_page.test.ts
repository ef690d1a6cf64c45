// The manager's pages in a real browser, against the fake manager.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, test } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { closePages, launch, openPage, tryNow } from "./browser";
import { type FakeManager, startFakeManager, until } from "./fakes";
import { poorContrasts } from "./page_contrast";

let browser: Browser;
let manager: FakeManager;
afterEach(closePages);
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function signedIn(
  route = "",
  options: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const opened = await openPage(browser, `${manager.url}${route}`, options);
  await opened.page.locator("input[type=password]").fill("pwd");
  await opened.page.locator("button[type=submit]").click();
  await opened.page.locator(".frame").waitFor();
  return opened;
}

describe("manager page", () => {
  before(async () => {
    manager = await startFakeManager();
  });
  after(() => manager.close());

  test("a wrong password is told clearly, the right one then works", async () => {
    const { page, complaints } = await openPage(browser, manager.url);
    await page.getByLabel("Admin password").fill("guess");
    await page.keyboard.press("Enter");
    await page.getByText("This password is wrong").waitFor();
    assert.equal(await page.getByLabel("Admin password").getAttribute("aria-invalid"), "true");
    await page.getByLabel("Admin password").fill("pwd");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "events@acme.org is down" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("a reload keeps the session and the address", async () => {
    const { page } = await signedIn("#/instance/team@example.com/data");
    await page.getByRole("button", { name: "Download backup" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Download backup" }).waitFor();
    assert.match(page.url(), /#\/instance\/team@example.com\/data$/);
  });

  test("developer mode stands on top of every page, with its end, until somebody switches it off", async () => {
    const { page } = await signedIn();
    const banner = page.locator('.banner[data-mode="developerMode"]');
    assert.equal(await banner.count(), 0);
    manager.set("developerMode", "true");
    await banner.getByText("Developer mode is on: unsigned apps can be installed.").waitFor();
    assert.match((await banner.textContent()) ?? "", /It ends by itself in (1 h|59 min|60 min)/);
    await page.goto(page.url().replace(/#.*$/, "#/settings"));
    await banner.getByRole("button", { name: "Switch off" }).click();
    await banner.waitFor({ state: "detached" });
  });

  test("the overview tells what is worth a look, why and what to do; what is known is folded away for everybody", async () => {
    const { page } = await signedIn();
    const finding = page.locator(".checks li", { hasText: "The certificate is self-signed" });
    await finding.getByText("Set a certificate of an authority").waitFor();
    await finding.getByRole("button", { expanded: false }).click();
    await finding.getByText("Browsers warn everybody who comes").waitFor();
    await finding.getByText("berth cert set chain.pem").waitFor();
    const pill = page.locator(".health-pill");
    assert.match((await pill.textContent()) ?? "", /^4 things to do$/);
    await finding.getByRole("button", { name: "I know" }).click();
    await finding.waitFor({ state: "detached" });
    await until("one thing less", async () => (await pill.textContent()) === "3 things to do");
    const other = await signedIn();
    await other.page.getByRole("button", { name: "1 known finding" }).click();
    const known = other.page.locator(".checks li", { hasText: "self-signed" });
    await known.getByText("known", { exact: true }).waitFor();
    await known.getByRole("button", { expanded: false }).click();
    await other.page.getByRole("button", { name: "Remind me again" }).click();
    await finding.getByRole("button", { expanded: false }).click();
    await finding.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/#\/settings\/certificate$/);
  });

  test("an app is installed with visible progress and shows up in the tree", async () => {
    const { page } = await signedIn("#/store");
    const card = page.locator("article", { hasText: "Portal" });
    await card.getByRole("button", { name: "Install" }).click();
    await card.getByRole("progressbar").waitFor();
    await card.getByText("installed").waitFor();
    await page.locator(".tree-service", { hasText: "Portal" }).waitFor();
  });

  test("the store is searched, and the search is part of the address", async () => {
    const { page } = await signedIn("#/store");
    await page.getByLabel("Search the store").fill("alarms");
    await until("one card", async () => (await page.locator("article").count()) === 1);
    assert.match(page.url(), /#\/store\?q=alarms$/);
    await page.getByLabel("Search the store").fill("zzz");
    await page.getByText("No app fits").waitFor();
  });

  test("a new instance: names suggested, the 63-byte rule explained while typing, passwords shown once", async () => {
    const { page, complaints } = await signedIn("#/new?service=notes&domain=example.com");
    const name = page.getByLabel("Name", { exact: true });
    await until("a suggestion", async () => (await name.inputValue()) === "notes");
    const create = page.getByRole("button", { name: "Create instance" });
    await name.fill("n".repeat(60));
    await page.getByText("72 of 63 bytes: it will be shortened").waitFor();
    await page.getByText(/^example\.com_n{42}_[0-9a-f]{8}$/).waitFor();
    assert.equal(await create.getAttribute("aria-disabled"), null, "what the manager accepts is not refused here");
    await name.fill("team");
    await page.getByText("team@example.com is there already").first().waitFor();
    await name.fill("board");
    await page.getByText("example.com_board").first().waitFor();
    await page.getByText("berth instance create notes --name board --domain example.com").waitFor();
    await until("the button works", async () => (await create.getAttribute("aria-disabled")) === null);
    await create.click();
    await page.getByText("Made just now and shown only here").waitFor();
    const secret = page.locator("[data-secret]").first();
    assert.match((await secret.textContent()) ?? "", /^•+$/);
    await page.getByRole("button", { name: "Show" }).first().click();
    assert.match((await secret.textContent()) ?? "", /^[\w=]{16}$/);
    await page.getByRole("link", { name: "Open app" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("stop tells how to take it back, and start brings it back", async () => {
    const { page } = await signedIn("#/instance/sales@example.com");
    await page.getByRole("button", { name: "Stop" }).click();
    const toast = page.locator(".toast", { hasText: "sales@example.com stops" });
    await page.locator(".title-line .pill", { hasText: "stopped" }).waitFor();
    const open = page.getByRole("button", { name: "Open app" });
    assert.equal(await open.getAttribute("data-tip"), "It does not run");
    await toast.getByRole("button", { name: "Start again" }).click();
    await page.locator(".title-line .pill", { hasText: "running" }).waitFor();
  });

  test("delete goes to the bin and comes back by undo", async () => {
    const { page } = await signedIn("#/instance/team@acme.org");
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Undo" }).waitFor();
    await page.locator(".tree-instance", { hasText: "team@acme.org" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator(".tree-instance", { hasText: "team@acme.org" }).waitFor();
  });

  test("delete for good wants the name typed", async () => {
    const { page } = await signedIn("#/bin");
    await page.getByRole("button", { name: "Delete for good…" }).click();
    const dialog = page.getByRole("dialog");
    const button = dialog.getByRole("button", { name: "Delete for good", exact: true });
    assert.equal(await button.getAttribute("aria-disabled"), "true");
    await dialog.getByText("berth instance rm trial@umbrella.example --now").waitFor();
    await dialog.getByLabel("Type trial@umbrella.example to confirm").fill("trial@umbrella.example");
    await button.click();
    await page.getByText("The bin is empty").waitFor();
  });

  test("a crash report tells where and what was before, and goes", async () => {
    const { page, complaints } = await signedIn("#/crashes");
    await page.getByRole("link", { name: "events::Calendar::merge (calendar.cc:214)" }).first().click();
    await page.getByRole("heading", { name: /report$/ }).waitFor();
    await page.getByText("events::Instance::received").waitFor();
    await page.getByText("check failed: a rule without an end").waitFor();
    await page.getByText("berth crash core events-20261122-221403-4711").waitFor();
    assert.deepEqual(await poorContrasts(page), []);
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("heading", { name: "Crash reports" }).waitFor();
    await page.getByRole("link", { name: "events-20261119-030211-302" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "events-20261122-221403-4711", exact: true }).count(), 0);
    assert.deepEqual(complaints, []);
  });

  test("a core dump is downloaded where there is one", async () => {
    const { page, complaints } = await signedIn("#/crashes/events-20261119-030211-302");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download core dump" }).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), "events-20261119-030211-302.core");
    assert.equal(readFileSync(await file.path(), "latin1"), "\x7fELF");
    assert.doesNotMatch(page.url(), /key=/, "the address is nowhere on the page");
    await page.goto(page.url().replace(/#.*$/, "#/crashes/notes-20261122-091530-812"));
    await page.getByRole("heading", { name: "Notes: report" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Download core dump" }).count(), 0);
    assert.deepEqual(complaints, []);
  });

  test("a support bundle is downloaded, with core dumps only if somebody says so", async () => {
    const { page, complaints } = await signedIn("#/crashes");
    for (const cores of [false, true]) {
      await page.getByRole("button", { name: "Support bundle" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("berth support-bundle").waitFor();
      if (cores) {
        await dialog.getByLabel("With core dumps").check();
        await dialog.getByText("Core dumps hold whatever was in memory").waitFor();
        await dialog.getByText("berth support-bundle --cores").waitFor();
      }
      assert.deepEqual(await poorContrasts(page), []);
      const download = page.waitForEvent("download");
      await dialog.getByRole("button", { name: "Make and download" }).click();
      const file = await download;
      assert.equal(file.suggestedFilename(), "berth-support.tar.zst");
      assert.equal(readFileSync(await file.path(), "utf8"), cores ? "with cores" : "without cores");
      await dialog.waitFor({ state: "detached" });
    }
    assert.deepEqual(complaints, []);
  });

  test("more is traced for a while, beside the log, and as usual again", async () => {
    const { page } = await signedIn("#/instance/team@example.com/log");
    await page.getByText("Trace more for a while").click();
    await page.getByLabel("Database", { exact: true }).check();
    await page.getByText("2 hours").click();
    await page.getByText("berth trace set team@example.com 0x8003 --for 120m").waitFor();
    await page.getByRole("button", { name: "Trace", exact: true }).click();
    await page.getByText("More is traced until").waitFor();
    await page.getByRole("button", { name: "As usual again" }).click();
    await page.getByText("Trace more for a while").waitFor();
  });

  test("a backup is downloaded and restored; a file that is none is refused with a reason", async () => {
    const { page } = await signedIn("#/instance/team@example.com/data");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download backup" }).click();
    assert.match((await download).suggestedFilename(), /example\.com_team\.dump$/);
    const picker = page.locator("input[type=file]");
    await picker.setInputFiles({ name: "x.dump", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await page.getByText("This file is not a backup").waitFor();
    await picker.setInputFiles({
      name: "team.dump",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("PGDMP…"),
    });
    await page.getByText("team.dump has arrived").waitFor();
    await page.locator(".foot-job", { hasText: "Restore team@example.com: done" }).waitFor();
  });

  test("backups tell their state, are made now, and what is in a set can be seen", async () => {
    const { page, complaints } = await signedIn("#/backups");
    await page.getByRole("heading", { name: /^\d instances? ha(s|ve) no backup yet$/ }).waitFor();
    await page.locator(".notice", { hasText: "team@acme.org" }).getByText("berth backup run").waitFor();
    await page.getByRole("button", { name: "Back up now" }).click();
    await page.getByRole("heading", { name: "All backups are well" }).waitFor();
    await page.locator("tbody tr").first().getByRole("link").click();
    await page.getByText("The platform's own data").waitFor();
    const row = page.locator("tbody tr", { hasText: "team@example.com" });
    const download = page.waitForEvent("download");
    await row.getByRole("button", { name: "Download team@example.com" }).click();
    assert.match((await download).suggestedFilename(), /example\.com_team\.dump$/);
    await row.getByRole("button", { name: "Restore" }).click();
    await page.waitForURL(/#\/restore\?instance=team%40example.com&set=/);
    assert.deepEqual(complaints, []);
  });

  test("a policy is made by choices, shows its command, and says what it would remove", async () => {
    const { page } = await signedIn("#/backups/policies");
    await page.getByRole("button", { name: "New policy" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name of the policy").fill("acme");
    await dialog.getByLabel("What", { exact: true }).selectOption("domain");
    const save = dialog.getByRole("button", { name: "Save" });
    assert.equal(await save.getAttribute("data-tip"), "Say which domain");
    await dialog.getByLabel("Domain").fill("acme.org");
    await dialog.getByRole("button", { name: "Weekly" }).click();
    await dialog.getByLabel("Day of the week").selectOption("mon");
    await dialog.getByText("every Monday at 02:00").waitFor();
    await dialog.getByLabel("monthly").fill("12");
    await dialog
      .getByText(/berth backup policy set acme --target local --of acme.org --schedule 'weekly mon 02:00'/)
      .waitFor();
    await save.click();
    const card = page.locator(".card", { hasText: "the instances of acme.org" });
    await card.getByText("one a month for 12 months").waitFor();
    const daily = page.locator(".card", { has: page.getByRole("heading", { name: "daily" }) });
    await daily.getByRole("button", { name: "What would go?" }).click();
    await dialog.getByText("no rule keeps it").first().waitFor();
    await dialog.getByText("the newest").first().waitFor();
    await page.keyboard.press("Escape");
    await card.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Undo" }).click();
    await card.waitFor();
  });

  test("a target that does not work says why; keys are hidden until asked for", async () => {
    const { page } = await signedIn("#/backups/targets");
    await page.getByRole("button", { name: "New target" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name of the target").fill("disk");
    await dialog.getByLabel("Place").fill("/mnt/nowhere");
    await dialog.getByRole("button", { name: "Save and test" }).click();
    await dialog.getByText("its disk is not mounted").waitFor();
    await dialog.getByLabel("Place").fill("/mnt/disk");
    await dialog.getByRole("button", { name: "Save and test" }).click();
    await dialog.waitFor({ state: "detached" });
    const card = page.locator(".card", { has: page.getByRole("heading", { name: "disk" }) });
    await card.getByRole("button", { name: "Test", exact: true }).click();
    await card.getByText(/It works/).waitFor();
    assert.equal(await page.getByText("c0ffee").count(), 0);
    await page.getByRole("button", { name: "Show the key sheet" }).click();
    await page.locator(".key-sheet [data-secret=hidden]").first().waitFor();
    assert.equal(await page.locator(".key-sheet").getByText("c0ffee").first().isVisible(), false);
    await page.locator(".key-sheet").getByRole("button", { name: "Show" }).first().click();
    assert.equal(await page.locator("[data-secret=shown]").textContent(), "c0ffee00c0ffee00c0ffee00c0ffee00");
  });

  test("a restore says what will happen, runs, and can be undone; or makes a new instance", async () => {
    const { page, complaints } = await signedIn("#/restore?instance=sales@example.com");
    await page.getByText("Then they take the place of the present data of sales@example.com").waitFor();
    await page.getByText("can be brought back for 7 days").waitFor();
    await page.getByText(/berth instance restore sales@example.com --from/).waitFor();
    await page.getByRole("button", { name: "under a new name" }).click();
    await page.getByLabel("Name", { exact: true }).fill("sales");
    await page.getByText("There is already an instance sales@example.com").first().waitFor();
    await page.getByLabel("Name", { exact: true }).fill("copy");
    await page.getByText("copy@example.com is made of them").waitFor();
    await page.getByRole("button", { name: "Restore as a new instance" }).click();
    await page.getByRole("heading", { name: "copy@example.com is restored" }).waitFor();
    await page.locator(".tree-instance", { hasText: "copy@example.com" }).waitFor();
    await page.goto(`${manager.url}#/restore?instance=sales@example.com`);
    await page.reload();
    await page.getByRole("button", { name: "Restore and replace" }).click();
    await page.getByRole("heading", { name: "sales@example.com is restored" }).waitFor();
    await page.getByRole("button", { name: "Bring back what was before" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("an instance goes back to a second chosen by keys", async () => {
    const { page, complaints } = await signedIn("#/restore?instance=sales@example.com&at=now");
    await page.getByLabel("To which moment").waitFor();
    const command = page.locator(".command code");
    const before = await command.textContent();
    await page.getByLabel("To which moment").focus();
    await page.keyboard.press("ArrowLeft");
    await until("one second earlier", async () => (await command.textContent()) !== before);
    await page.getByText("Log to go through").waitFor();
    await page.getByRole("button", { name: "Restore and replace" }).click();
    await page.getByRole("heading", { name: "sales@example.com is restored" }).waitFor();
    await page.getByRole("button", { name: "Bring back what was before" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("an instance is moved to another platform, after a look; its requests are passed on until that is ended", async () => {
    const { page, complaints } = await signedIn("#/instance/sales@example.com/settings");
    const check = page.getByRole("button", { name: "Check", exact: true });
    const move = page.getByRole("button", { name: "Move it there" });
    await page.getByLabel("The other platform's manager").fill("https://other");
    assert.equal(await check.getAttribute("data-tip"), "An address like wss://other.example.com/manager");
    await page.getByLabel("The other platform's manager").fill("wss://old.example.com/manager");
    await page.getByLabel("Admin password there").fill("secret");
    assert.equal(await move.getAttribute("data-tip"), "Check first whether it can be done");
    await check.click();
    await page.getByText("Notes is not installed").waitFor();
    await page.getByLabel("The other platform's manager").fill("wss://other.example.com/manager");
    await check.click();
    await page.getByText("It can be moved").waitFor();
    await page.getByText(/berth instance move sales@example.com --to wss:/).waitFor();
    await move.click();
    await page.getByText("Requests are passed on until").waitFor();
    await page.getByRole("button", { name: "End the forwarding" }).click();
    await page.getByText("not any more").first().waitFor();
    await page.getByRole("button", { name: "Run it here again" }).click();
    await page.getByRole("dialog").getByText("stays there").waitFor();
    await page.getByRole("dialog").getByRole("textbox").fill("sales@example.com");
    await page.getByRole("dialog").getByRole("button", { name: "Run it here again" }).click();
    await page.getByRole("button", { name: "Move it there" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("a whole domain is renamed after a look at what becomes of each", async () => {
    const { page, complaints } = await signedIn("#/instance/team@example.com/settings");
    await page.getByRole("link", { name: "Rename the whole domain…" }).click();
    assert.equal(await page.getByLabel("Domain today").inputValue(), "example.com");
    const rename = page.locator("form").getByRole("button", { name: /^Rename/ });
    assert.equal(await rename.getAttribute("data-tip"), "Type the new domain or a new path first");
    await page.getByLabel("New domain").fill("new.example");
    await page.getByRole("cell", { name: /team@new.example/ }).waitFor();
    await page.getByText("berth instance rename --of example.com --domain new.example").waitFor();
    await page.getByRole("button", { name: /Rename \d+ instances/ }).click();
    await page.getByRole("heading", { name: "Rename instances" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  test("all databases are optimised or cleaned up from PostgreSQL's page", async () => {
    const { page, complaints } = await signedIn("#/platform/postgres");
    await page.getByText("14 of 100").waitFor();
    await page.getByRole("button", { name: "Optimise now" }).click();
    await page.getByText("All databases are being optimised").waitFor();
    const shrink = page.getByRole("button", { name: "Clean up all…" });
    await until("the job is done", async () => (await shrink.getAttribute("data-tip")) === null);
    await shrink.click();
    await page.getByRole("dialog").getByText("one database after the other").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Clean up all" }).click();
    await page.getByText("All databases are being cleaned up").waitFor();
    assert.deepEqual(complaints, []);
  });

  test("the database of an instance: growth, a clean-up that says what it does, and why not where there is no room", async () => {
    const { page } = await signedIn("#/instance/team@example.com/data");
    await page.getByText(/a day, over 30 days/).waitFor();
    await page.getByRole("button", { name: "Clean up…" }).click();
    await page.getByRole("dialog").getByText("12 tables are rewritten").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Clean up" }).click();
    await page.getByText("team@example.com is being cleaned up").waitFor();
    await page.goto(`${manager.url}#/instance/files@example.com/data`);
    const refused = page.getByRole("button", { name: "Clean up…" });
    await until("the numbers", async () => /7\.4 GB/.test((await refused.getAttribute("data-tip")) ?? ""));
  });

  test("data move to another server only after a test that went well", async () => {
    const { page } = await signedIn("#/instance/team@example.com/data");
    await page.getByRole("button", { name: "Keep the data on another server…" }).click();
    const card = page.locator(".card", { hasText: "Where the data are" });
    await card.getByLabel("Server", { exact: true }).fill("nowhere.example.com");
    await card.getByLabel("Password").fill("secret");
    await card.getByRole("button", { name: "Test" }).click();
    await card.getByText("the name service has no such name").waitFor();
    const move = card.getByRole("button", { name: "Move the data" });
    assert.equal(await move.getAttribute("data-tip"), "Test it first");
    await card.getByRole("button", { name: "SQL to make it there" }).click();
    await card.getByText("create database").waitFor();
    await card.getByLabel("Server", { exact: true }).fill("db.example.com");
    await card.getByRole("button", { name: "Test" }).click();
    await card.getByText("It works").waitFor();
    await move.click();
    await page.getByText("another server", { exact: true }).waitFor();
  });

  test("passwords are generated and can be copied", async () => {
    const { page } = await signedIn("#/instance/team@example.com/access");
    await page.getByRole("button", { name: "Generate a new password" }).first().click();
    await page.getByText("Shown only now").waitFor();
    await page.getByRole("button", { name: "Copy", exact: true }).first().click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
  });

  test("the log pauses when one scrolls up and goes on at the end", async () => {
    const { page } = await signedIn("#/service/notes/log");
    const box = page.locator(".log-lines");
    await until("lines", async () => (await box.locator("div").count()) >= 400);
    const atEnd = () => box.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 24);
    await until("at the end", atEnd);
    await box.evaluate((element) => {
      element.scrollTop = 100;
    });
    await page.getByRole("button", { name: /^Follow/ }).waitFor();
    await page.getByRole("button", { name: /^Follow/ }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await until("at the end again", atEnd);
    await page.getByLabel("Filter lines").fill("board");
    await until("only lines that fit", async () =>
      (await box.locator("div").allTextContents()).every((line) => /board/i.test(line)),
    );
    await page.getByLabel("Regular expression").click();
    await page.getByLabel("Filter lines").fill("(");
    await page.getByText("Not a regular expression").waitFor();
  });

  test("settings show what is unsaved, refuse what does not fit, and save", async () => {
    const { page } = await signedIn("#/settings");
    const days = page.getByLabel("Days a deleted instance can be brought back");
    await days.fill("900");
    await page.getByText("At most 90").first().waitFor();
    const save = page.getByRole("button", { name: "Save" });
    assert.equal(await save.getAttribute("aria-disabled"), "true");
    await days.fill("14");
    await page.getByText("1 unsaved change").waitFor();
    await page.getByText("berth config set binDays 14").waitFor();
    await save.click();
    await page.getByText("Settings saved").waitFor();
  });

  test("the palette opens by Ctrl-K and runs by Enter; Escape gives the focus back", async () => {
    const { page } = await signedIn();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("log team@acme");
    await page.keyboard.press("Enter");
    await until("the log's address", () => page.url().endsWith("#/instance/team@acme.org/log"));
    await page.keyboard.press("Control+k");
    await page.locator("[role=combobox]:focus").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("combobox").waitFor({ state: "detached" });
  });

  test("the tree is walked and filtered by keyboard", async () => {
    const { page } = await signedIn();
    await page.getByLabel("Filter the tree").fill("acme failed");
    await until("one instance", async () => (await page.locator(".tree-instance").count()) === 1);
    await page.getByLabel("Filter the tree").press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByText("password authentication failed").first().waitFor();
  });

  test("the first Tab leads past the tree", async () => {
    const { page } = await signedIn();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
  });

  test("an instance that is gone and an unknown page explain themselves", async () => {
    const { page } = await signedIn("#/instance/nobody@example.com");
    await page.getByText("There is no instance nobody@example.com").waitFor();
    await page.goto(`${manager.url}#/nowhere`);
    await page.getByText("There is no such page").waitFor();
  });

  test("the theme follows the system until it is chosen, and the choice stays", async () => {
    const { page } = await signedIn("", { colorScheme: "dark" });
    const theme = () => page.evaluate(() => document.documentElement.dataset["theme"]);
    assert.equal(await theme(), "dark");
    await page.emulateMedia({ colorScheme: "light" });
    await until("light", async () => (await theme()) === "light");
    await page.getByRole("button", { name: "Account and appearance" }).click();
    await page.getByRole("button", { name: "Dark", exact: true }).click();
    await page.reload();
    await page.locator(".frame").waitFor();
    assert.equal(await theme(), "dark");
  });

  const routes = [
    "#/",
    "#/store",
    "#/store/files",
    "#/service/events",
    "#/service/notes/log",
    "#/instance/team@example.com",
    "#/instance/team@example.com/access",
    "#/instance/team@example.com/data",
    "#/instance/team@example.com/log",
    "#/instance/team@example.com/settings",
    "#/new",
    "#/jobs",
    "#/jobs/41",
    "#/backups",
    "#/backups/instances",
    "#/backups/policies",
    "#/backups/targets",
    "#/backups/timemachine",
    "#/restore?instance=team@example.com",
    "#/restore?instance=team@example.com&at=now",
    "#/restore-platform",
    "#/bin",
    "#/monitoring/usage",
    "#/monitoring/usage?rows=instances&days=1",
    "#/monitoring/usage?limits=example.org",
    "#/settings",
    "#/settings/certificate",
    "#/settings/password",
    "#/platform/postgres",
  ];
  for (const language of ["en-GB", "de-DE"])
    test(`360 pixels are enough for every page (${language})`, async () => {
      const { page, complaints } = await signedIn("", { viewport: { width: 360, height: 740 }, locale: language });
      for (const route of routes) {
        await page.evaluate((to) => {
          location.hash = to;
        }, route);
        await page.locator("main h1").waitFor();
        await page.evaluate(() => new Promise(requestAnimationFrame));
        const wide = await page.evaluate(() => {
          const main = document.querySelector("main")!;
          // Tables and logs scroll in their own boxes; the page itself must not.
          return [...main.querySelectorAll("*")]
            .filter((element) => !element.closest(".table-scroll, .log-lines, .tabs, .visually-hidden"))
            .filter((element) => element.getBoundingClientRect().right > 361)
            .map((element) => `${element.tagName}.${element.className}`);
        });
        assert.deepEqual(wide, [], route);
      }
      assert.deepEqual(complaints, []);
    });

  test("a text that is too pale for its ground is found", async () => {
    const page = await browser.newPage(); // an empty one: the manager's pages allow no styles in the text
    await page.setContent(`<body style="background:#fff"><p style="color:#999">pale</p><p style="color:#595959">dark enough</p>
      <h1 style="font-size:24px;color:#8a8a8a">pale but large</h1><div style="background:#000"><b style="color:#555">dim</b></div>`);
    assert.deepEqual(await poorContrasts(page), ["pale: 2.85", "dim: 2.82"]);
  });

  for (const colorScheme of ["light", "dark"] as const)
    test(`every text of every page can be read (${colorScheme})`, async () => {
      const { page } = await openPage(browser, manager.url, { colorScheme });
      const submit = page.locator("button[type=submit]");
      await submit.hover();
      assert.deepEqual(await poorContrasts(page), [], "login, its button at rest under the pointer");
      await page.locator("input[type=password]").fill("pwd");
      await submit.click();
      await page.locator(".frame").waitFor();
      for (const route of routes) {
        await page.evaluate((to) => {
          location.hash = to;
        }, route);
        await page.locator("main h1").waitFor();
        await page.evaluate(() => new Promise(requestAnimationFrame));
        let poor = await poorContrasts(page);
        if (poor.length) {
          // A control that an answer has just enabled is on its way from one colour to another.
          await page.evaluate(() => {
            const transitions = document.getAnimations().filter((one) => one instanceof CSSTransition);
            return Promise.allSettled(transitions.map((one) => one.finished));
          });
          poor = await poorContrasts(page);
        }
        assert.deepEqual(poor, [], route);
      }
    });

  test("every control shows where the keyboard is", async () => {
    const { page } = await signedIn("#/instance/team@example.com/settings");
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const without: string[] = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const bare = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        if (element === document.body || element.id === "main") return undefined;
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        const shows = (outlineStyle !== "none" && outlineWidth !== "0px") || boxShadow !== "none";
        return shows ? undefined : element.outerHTML.slice(0, 80);
      });
      if (bare) without.push(bare);
    }
    assert.deepEqual(without, []);
  });

  test("on a small screen the tree is a drawer that closes after a choice", async () => {
    const { page } = await signedIn("", { viewport: { width: 360, height: 740 } });
    const entry = page.locator(".tree-instance", { hasText: "sales@example.com" });
    assert.equal(await entry.isVisible(), false);
    await page.getByRole("button", { name: "Menu" }).click();
    await entry.click();
    await page.getByRole("heading", { name: "sales@example.com" }).waitFor();
    await until("closed", async () => !(await entry.isVisible()));
  });
});

describe("manager page, fresh platform", () => {
  before(async () => {
    manager = await startFakeManager({ isFresh: true });
  });
  after(() => manager.close());

  test("a whole platform is looked at first, then brought back", async () => {
    const { page, complaints } = await signedIn();
    await page.getByRole("button", { name: "Restore from a backup" }).click();
    const look = page.getByRole("button", { name: "Look what is there" });
    assert.equal(await look.getAttribute("data-tip"), "Say where");
    await page.getByLabel("Place").fill("/mnt/nowhere");
    await page.getByLabel("Key of the key sheet").fill("c0ffee");
    await look.click();
    await page.getByText("/mnt/nowhere: there is no such folder").waitFor();
    await page.getByLabel("Place").fill("/mnt/disk/berth");
    await look.click();
    await page.getByText("The time machine begins anew").waitFor();
    await page.getByText(/berth platform restore --from \/mnt\/disk\/berth .* --set/).waitFor();
    await page.getByRole("button", { name: "Bring the platform back" }).click();
    await page.getByRole("heading", { name: "The platform is back" }).waitFor();
    assert.deepEqual(complaints, []);
  });
});

describe("manager page, platform away", () => {
  before(async () => {
    manager = await startFakeManager();
  });
  after(() => manager.close());

  test("a lost connection shows a banner with a count-down, buttons say why they rest, and all comes back", async () => {
    const { page, complaints } = await signedIn("#/instance/team@example.com");
    await page.getByRole("button", { name: "Stop" }).waitFor();
    manager.state.offline = true;
    manager.dropAll();
    await page.getByText("The platform does not answer").waitFor();
    const stop = page.getByRole("button", { name: "Stop" });
    assert.equal(await stop.getAttribute("data-tip"), "No connection to the platform");
    manager.state.offline = false;
    await tryNow(page);
    await page.locator(".banner").waitFor({ state: "detached" });
    assert.equal(await stop.getAttribute("data-tip"), null);
    assert.deepEqual(complaints, []);
  });

  test("a page of another build loads the running one with the login, and nobody types twice", async () => {
    manager.state.build = "00010082";
    const { page } = await openPage(browser, `${manager.url}#/jobs`);
    await page.getByLabel("Admin password").fill("pwd");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/manager\/00010082\/manager\.htm#\/jobs$/);
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    manager.state.build = "00010083";
    manager.dropAll();
    await page.waitForURL(/\/manager\/00010083\/manager\.htm#\/jobs$/);
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    manager.state.build = "";
  });

  test("a password changed elsewhere leads back to the login", async () => {
    const { page } = await signedIn();
    manager.state.password = "other";
    manager.dropAll();
    await page.getByRole("heading", { name: "Sign in to Berth" }).waitFor();
    manager.state.password = "pwd";
  });
});
