// Backups as people see them, in a real Chromium: back up, prove, restore under a new name, go back to a second, and
// a whole platform on a fresh machine. Pictures go to BERTH_SCREENSHOTS.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import type { Browser } from "playwright-core";
import { Person, open_browser } from "./harness/browser";
import { Platform } from "./harness/platform";
import { assert, test } from "./harness/test";

describe("backups in the browser", () => {
  let browser: Browser;
  let platform: Platform;
  let admin: Person;
  const kPatience = { timeout: 120_000 };

  before(async () => {
    platform = await Platform.start();
    browser = await open_browser();
    await platform.install("notes");
    await platform.create("notes", "team", "example.com");
    admin = await sign_in(platform);
  });
  after(async () => {
    await browser?.close();
    await platform?.destroy();
  });

  async function sign_in(to: Platform): Promise<Person> {
    const person = await Person.arrive(browser);
    await person.page.goto(`${to.https_url}/manager`);
    await person.page.getByLabel("Admin password").fill(to.password);
    await person.page.getByRole("button", { name: "Sign in" }).click();
    await person.page.locator(".frame").waitFor();
    return person;
  }
  const state_of = async (of: Platform, key: string) => (await of.berth("instance", "show", key, "--json")).json.state;
  const show = (address: string) => admin.page.goto(`${platform.https_url}/manager/manager.htm${address}`);

  /** Shows the page as it is when a step fails. */
  function step(name: string, body: () => Promise<void>): void {
    test(name, async () => {
      try {
        await body();
        assert.deepEqual(admin.problems, []);
      } catch (error) {
        await admin?.picture(`failed ${name}`).catch(() => {});
        throw error;
      }
    });
  }

  step("an instance without a backup is told, and a backup is one click", async () => {
    await show("#/backups");
    await admin.page.getByRole("button", { name: "Back up now" }).click();
    await admin.page.getByRole("heading", { name: "All backups are well" }).waitFor(kPatience);
    await admin.picture("backups-01-well");
  });

  step("a drill proves it", async () => {
    await platform.berth("backup", "drill", "--wait");
    await show("#/backups/instances");
    const row = admin.page.locator("tbody tr", { hasText: "team@example.com" });
    await row.filter({ hasNotText: "never proven" }).waitFor(kPatience);
    await admin.picture("backups-02-proven");
  });

  step("it is restored as another instance, beside the first", async () => {
    await show("#/restore?instance=team@example.com");
    await admin.page.getByRole("button", { name: "under a new name" }).click();
    await admin.page.getByLabel("Name", { exact: true }).fill("copy");
    await admin.page.getByText("copy@example.com is made of them").waitFor(kPatience);
    await admin.picture("backups-03-preview");
    await admin.page.getByRole("button", { name: "Restore as a new instance" }).click();
    await admin.page.getByRole("heading", { name: "copy@example.com is restored" }).waitFor(kPatience);
    assert.equal(await state_of(platform, "copy@example.com"), "running");
  });

  step("all databases are optimised from PostgreSQL's page", async () => {
    await show("#/platform/postgres");
    await admin.page.getByRole("button", { name: "Optimise now" }).click();
    await admin.page.getByText("All databases are being optimised").waitFor();
    await admin.page.getByText("The last nights").waitFor(kPatience);
    await admin.picture("backups-04-databases");
  });

  step("a fresh platform becomes this one, with the key of the sheet", async () => {
    const sheet = join(platform.folder, "keys.txt");
    await platform.berth("backup", "key-sheet", "--file", sheet);
    const told = (name: string) => new RegExp(`^${name} +(.*)$`, "m").exec(readFileSync(sheet, "utf8"))![1]!;
    const fresh = await Platform.start();
    try {
      const { page, problems } = await sign_in(fresh);
      await page.getByRole("button", { name: "Restore from a backup" }).click();
      await page.getByLabel("Place").fill(told("Place"));
      await page.getByLabel("Key of the key sheet").fill(told("Key"));
      await page.getByRole("button", { name: "Look what is there" }).click();
      await page.getByText("the manager's password will be the one of then").waitFor(kPatience);
      await page.getByRole("button", { name: "Bring the platform back" }).click();
      await page.getByRole("heading", { name: "The platform is back" }).waitFor(kPatience);
      await page.locator(".tree-instance", { hasText: "team@example.com" }).waitFor(kPatience);
      assert.equal(await state_of(fresh, "team@example.com"), "running");
      assert.deepEqual(problems, []);
    } finally {
      await fresh.destroy();
    }
  });
});
