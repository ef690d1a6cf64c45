// The whole story as people see it, in a real Chromium: log in, store, install Notes, new instance, open, two
// people see each other's notes live, back up, delete, bring back. Pictures go to BERTH_SCREENSHOTS.
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe } from "node:test";
import type { Browser, Page } from "playwright-core";
import { Person, open_browser } from "./harness/browser";
import { Platform } from "./harness/platform";
import { run } from "./harness/process";
import { assert, test } from "./harness/test";
import { until, within } from "./harness/wait";

describe("in the browser", () => {
  let platform: Platform;
  let browser: Browser;
  let admin: Person;
  let password = "";
  let backup_file = "";
  const manager = () => `${platform.https_url}/manager`;
  const instance_page = () => `${manager()}/manager.htm#/instance/team@example.com`;

  before(async () => {
    platform = await Platform.start();
    browser = await open_browser();
    admin = await Person.arrive(browser);
  });
  after(async () => {
    await browser?.close();
    try {
      await platform?.stop();
    } finally {
      await platform?.destroy();
    }
  });

  /** Shows the page as it is when a step fails. */
  function step(name: string, body: () => Promise<void>): void {
    test(name, async () => {
      try {
        await body();
      } catch (error) {
        await admin?.picture(`failed ${name}`).catch(() => {});
        throw error;
      }
    });
  }

  async function sign_in(page: Page, word: string): Promise<void> {
    await page.getByLabel("Admin password").fill(word);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  step("the root leads to the manager, which asks for the password", async () => {
    await admin.page.goto(platform.https_url);
    await admin.page.getByRole("heading", { name: "Sign in to Berth" }).waitFor();
    await admin.picture("01-login");
  });

  step("the page is the running build's at once: what is typed early stays", async () => {
    for (const path of ["", "/manager", "/manager/", "/manager/manager.htm"]) {
      const arrived = await admin.page.goto(platform.https_url + path);
      assert.match(admin.page.url(), /\/manager\/[0-9a-f]+\/manager\.htm$/, path);
      assert.equal(arrived?.status(), 200);
    }
    let loads = 0;
    admin.page.on("load", () => loads++);
    await admin.page.getByLabel("Admin password").fill("typed early");
    await admin.page.waitForLoadState("networkidle");
    assert.equal(await admin.page.getByLabel("Admin password").inputValue(), "typed early");
    assert.equal(loads, 0);
  });

  step("a wrong password is refused with words, and they say that guessing gets slow", async () => {
    // That they get slower is measured where nothing else takes time: sdk/session/login_throttle_test.cc.
    for (const guess of ["not this one", "nor this"]) {
      const refused = new Promise<void>((resolve) => {
        admin.page.once("websocket", (socket) => {
          socket.on("framereceived", ({ payload }) => String(payload).includes("AppLoginResult") && resolve());
        });
      });
      await sign_in(admin.page, guess);
      await within("the refusal", 30_000, refused);
      await admin.page.getByText("This password is wrong").waitFor();
      await admin.page.getByText("each further try takes longer").waitFor();
    }
    await admin.picture("02-wrong-password");
  });

  step("the right one opens the overview of an empty platform", async () => {
    await sign_in(admin.page, platform.password);
    await admin.page.getByText("No app is installed yet").first().waitFor();
    await admin.picture("03-empty-platform");
  });

  step("the store offers Notes, and installing it shows progress and ends well", async () => {
    await admin.page.goto(`${manager()}/manager.htm#/store`);
    const card = admin.page.locator("article", { hasText: "Notes" });
    await card.waitFor();
    await admin.picture("04-store");
    await card.getByRole("button", { name: "Install" }).click();
    await card.getByText("installed").waitFor({ timeout: 120_000 });
    await admin.picture("05-installed");
    assert.equal((await platform.status()).processes.some((one: { name: string }) => one.name === "notes"), true);
  });

  step("a new instance: the 63-byte rule is explained while typing, then it is made", async () => {
    await admin.page.locator("article", { hasText: "Notes" }).getByRole("button", { name: "New instance" }).click();
    await admin.page.getByLabel("Domain").fill("example.com");
    await admin.page.getByLabel("Name", { exact: true }).fill("n".repeat(60));
    await admin.page.getByText("72 of 63 bytes: it will be shortened").waitFor();
    await admin.page.getByText(/^example\.com_n+_[0-9a-f]{8}$/).waitFor();
    await admin.picture("06-too-long");
    await admin.page.getByLabel("Name", { exact: true }).fill("team");
    await admin.page.getByText("example.com_team").first().waitFor();
    await admin.page.getByRole("button", { name: "Create instance" }).click();
    await admin.page.getByText("Made just now and shown only here").waitFor({ timeout: 60_000 });
    await admin.page.getByRole("link", { name: "Open app" }).waitFor({ timeout: 60_000 });
    await admin.page.getByRole("button", { name: "Show" }).first().click();
    await admin.picture("07-made");
    // A password an admin chose, to go on with.
    password = "the team's own password";
    const file = join(platform.folder, "team.txt");
    writeFileSync(file, `${password}\n`, { mode: 0o600 });
    await platform.berth("instance", "passwd", "team@example.com", "--password-file", file);
  });

  let ann: Person;
  let ben: Person;

  async function open_notes(person: Person, name: string): Promise<void> {
    await person.page.goto(`${platform.https_url}/example.com/team/notes.htm`);
    await person.page.locator("input[name=username]").fill(name);
    await person.page.locator("input[name=password]").fill(password);
    await person.page.locator("button[type=submit]").click();
    await person.page.locator(".notes").waitFor();
  }

  async function write_note(person: Person, text: string, board = 0): Promise<void> {
    await person.page.getByRole("button", { name: "Add note" }).nth(board).click();
    await person.page.getByRole("textbox", { name: "Edit note" }).waitFor();
    await person.page.keyboard.type(text);
    await person.page.keyboard.press("Escape");
    await person.page.getByText(text).first().waitFor();
  }

  async function add_board(person: Person, title: string): Promise<void> {
    const before = await person.page.getByLabel("Title of the board").count();
    await person.page.getByRole("button", { name: "Add board" }).click();
    const field = person.page.getByLabel("Title of the board").nth(before);
    await field.fill(title);
    await field.press("Enter");
  }

  step("two people open the notes and see each other's live", async () => {
    ann = await Person.arrive(browser);
    ben = await Person.arrive(browser, { dark: true });
    await open_notes(ann, "Ann");
    await open_notes(ben, "Ben");
    await add_board(ann, "Summer party");
    await add_board(ann, "Who brings what");
    await write_note(ann, "Order the big tent");
    await ben.page.getByText("Order the big tent").waitFor({ timeout: 5_000 });
    await write_note(ben, "Ask the band");
    await ann.page.getByText("Ask the band").waitFor({ timeout: 5_000 });
    await write_note(ben, "Ben: salads for twenty, and the long table from the cellar", 1);
    await ann.page.getByText("salads for twenty").waitFor({ timeout: 5_000 });
    await ann.picture("08-notes-ann");
    await ben.picture("09-notes-ben");
  });

  step("their pages live through the death of the service", async () => {
    const { pid } = (await platform.status()).processes.find((one: { name: string }) => one.name === "notes");
    process.kill(pid, "SIGKILL");
    await write_note(ann, "Written while it was away");
    await ben.page.getByText("Written while it was away").waitFor({ timeout: 20_000 });
  });

  step("a name that is taken is told while typing", async () => {
    await admin.page.goto(`${manager()}/manager.htm#/new?service=notes&domain=example.com`);
    const name = admin.page.getByLabel("Name", { exact: true });
    await name.fill("team");
    await admin.page.getByText("there is already an instance team@example.com").first().waitFor();
    const create = admin.page.getByRole("button", { name: "Create instance" });
    assert.equal(await create.getAttribute("aria-disabled"), "true");
    await name.fill("büro");
    await admin.page.getByText("17 of 63 bytes").first().waitFor();
    await admin.page.getByText("Letters like ü or é count two").waitFor();
  });

  step("the overview tells what is worth a look, and what is known is folded away", async () => {
    await admin.page.goto(`${manager()}/manager.htm#/`);
    const finding = admin.page.locator(".checks li", { hasText: "The certificate is self-signed" });
    await finding.getByRole("button", { expanded: false }).click();
    await finding.getByText("Browsers warn everybody").waitFor();
    await admin.picture("10-findings");
    await finding.getByRole("button", { name: "I know" }).click();
    await finding.waitFor({ state: "detached" });
    const { checks } = await platform.status();
    const accepted = checks.filter((one: { accepted: boolean }) => one.accepted).map((one: { id: string }) => one.id);
    assert.deepEqual(accepted, ["certificate-self-signed"]);
  });

  step("the overview and the instance's page show it all", async () => {
    await admin.page.goto(`${manager()}/manager.htm#/`);
    await admin.page.getByText("Everything runs").first().waitFor();
    await admin.picture("10-overview");
    await admin.page.goto(instance_page());
    await admin.page.getByRole("link", { name: "Open app" }).waitFor();
    await admin.picture("11-instance");
  });

  step("the backup downloads as a file that pg_restore reads", async () => {
    await admin.page.goto(`${instance_page()}/data`);
    const download = admin.page.waitForEvent("download");
    await admin.page.getByRole("button", { name: "Download backup" }).click();
    backup_file = join(platform.folder, "browser.dump");
    await (await download).saveAs(backup_file);
    assert.ok(statSync(backup_file).size > 1_000);
    const listed = await run("/usr/lib/postgresql/15/bin/pg_restore", ["-l", backup_file]);
    assert.equal(listed.code, 0, listed.stderr);
    await admin.page.locator(".facts", { hasText: "Last backup" }).getByText(/^(now|\d+ seconds? ago)$/).waitFor();
    await admin.picture("12-backup");
  });

  step("a file that is no backup is refused with the reason, and nothing changes", async () => {
    const odd = join(platform.folder, "holiday.jpg");
    writeFileSync(odd, Buffer.alloc(5_000, 7));
    await admin.page.locator("input[type=file]").setInputFiles(odd);
    await admin.page.locator(".toast", { hasText: /not a backup|no backup/i }).waitFor();
    await admin.picture("12-no-backup");
    await ann.page.getByText("Order the big tent").waitFor();
  });

  step("deleting goes to the bin with an undo; for good asks for the name", async () => {
    await write_note(ann, "Newer than the backup");
    await admin.page.goto(instance_page());
    await admin.page.getByRole("button", { name: "Delete" }).click();
    await admin.page.getByRole("button", { name: "Undo" }).waitFor();
    await admin.picture("13-deleted");
    await admin.page.getByRole("button", { name: "Undo" }).click();
    await until("the instance to be back", async () => {
      const list = (await platform.berth("instance", "ls", "--json")).json;
      return (list.instances ?? list).some((one: { name: string; state: string }) => one.name === "team" && one.state === "running");
    });
    await admin.page.goto(instance_page());
    await admin.page.getByRole("button", { name: "Delete" }).click();
    await admin.page.goto(`${manager()}/manager.htm#/bin`);
    await admin.page.getByRole("button", { name: "Delete for good…" }).click();
    await admin.page.getByLabel("Type team@example.com to confirm").fill("team@example.com");
    await admin.picture("14-for-good");
    await admin.page.getByRole("dialog").getByRole("button", { name: "Delete for good", exact: true }).click();
    await admin.page.getByText("The bin is empty").waitFor({ timeout: 30_000 });
  });

  step("the backup brings it back: same password, same notes, and the open pages find it again", async () => {
    await admin.page.locator("input[type=file]").setInputFiles(backup_file);
    await until("the instance to be back", async () => {
      const list = (await platform.berth("instance", "ls", "--json")).json;
      return (list.instances ?? list).some((one: { name: string; state: string }) => one.name === "team" && one.state === "running");
    }, 60_000);
    await admin.picture("15-restored");
    const third = await Person.arrive(browser);
    await open_notes(third, "Carla");
    await third.page.getByText("Order the big tent").waitFor();
    assert.equal(await third.page.getByText("Newer than the backup").count(), 0);
    await third.picture("16-notes-restored");
    await ann.page.getByText("Order the big tent").waitFor();
    await third.context.close();
  });

  step("dark, narrow and German", async () => {
    const narrow = await Person.arrive(browser, { width: 360, height: 740, dark: true, locale: "de-DE" });
    await narrow.page.goto(`${manager()}/manager.htm`);
    await narrow.page.locator("input[type=password]").fill(platform.password);
    await narrow.page.locator("button[type=submit]").click();
    await narrow.page.locator(".login").waitFor({ state: "detached" });
    await narrow.page.getByText("Alles läuft").first().waitFor();
    await narrow.picture("17-narrow-dark-german");
    const wide = await narrow.page.evaluate("document.documentElement.scrollWidth");
    assert.ok(Number(wide) <= 360, `the page is ${wide} px wide on a screen of 360`);
    await narrow.context.close();
  });

  step("no page logged an error", async () => {
    // A refused login or backup file and requests that met a killed service are told by the browser itself.
    const expected = /WebSocket connection|status of (400|403|404|502|503)|ERR_|net::/;
    const odd = [admin, ann, ben].flatMap((one) => one.problems).filter((text) => !expected.test(text));
    assert.deepEqual(odd, []);
  });
});
