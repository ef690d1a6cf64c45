// The notes page in two real browsers, against the fake service.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { closePages, launch, openPage, tryNow } from "./browser";
import { type FakeNotes, startFakeNotes, until } from "./fakes";

let browser: Browser;
let service: FakeNotes;
afterEach(closePages);
before(async () => {
  browser = await launch();
  service = await startFakeNotes();
});
after(async () => {
  await browser.close();
  await service.close();
});

async function signedIn(name: string, options = {}): Promise<{ page: Page; complaints: string[] }> {
  const opened = await openPage(browser, service.url, options);
  await opened.page.getByLabel("Your name").fill(name);
  await opened.page.getByLabel("Password").fill("pwd");
  await opened.page.keyboard.press("Enter");
  await opened.page.locator(".column").first().waitFor();
  return opened;
}

async function addNote(page: Page, column: number, text: string): Promise<void> {
  await page.locator(".column").nth(column).getByRole("button", { name: "Add note" }).click();
  await page.keyboard.type(text);
  await page.keyboard.press("Escape");
  await page.locator(".note", { hasText: text }).waitFor();
}

const stored = (text: string) => [...service.notes.values()].filter((note) => note.text === text);

test("what one writes the other sees live, with the author and who is writing", async () => {
  const ann = await signedIn("Ann");
  const ben = await signedIn("Ben");
  await ann.page.locator(".column").first().getByRole("button", { name: "Add note" }).click();
  await ann.page.keyboard.type("Order the big tent");
  await ben.page.locator(".note", { hasText: "Order the big tent" }).waitFor();
  await ben.page.getByText("Ann is writing…").waitFor();
  await ann.page.keyboard.press("Escape");
  await ben.page.getByText("Ann is writing…").waitFor({ state: "detached" });
  await ben.page
    .locator(".note", { hasText: "Order the big tent" })
    .getByText(/^Ann, /)
    .waitFor();
  await ben.page.locator(".people", { hasText: "Ann" }).waitFor();
  await ben.page.context().close();
  await until("Ben left", async () => !(await ann.page.locator(".people").textContent())?.includes("Ben"));
  assert.deepEqual([...ann.complaints, ...ben.complaints], []);
});

test("notes written offline are kept, shown, and stored once when the service is back", async () => {
  const ann = await signedIn("Ann");
  service.state.offline = true;
  service.dropAll();
  await ann.page.getByText("You can go on writing").waitFor();
  await addNote(ann.page, 1, "Written while it was away");
  await ann.page.getByText(/changes? (is|are) kept here/).waitFor();
  await ann.page.locator(".note", { hasText: "Written while" }).getByText("not sent yet").waitFor();
  service.state.offline = false;
  await tryNow(ann.page);
  await until("stored", () => stored("Written while it was away").length === 1);
  await ann.page.locator("[data-waiting]").first().waitFor({ state: "detached" });
});

test("unsent notes survive a reload of the page", async () => {
  const ann = await signedIn("Ann");
  service.state.offline = true;
  service.dropAll();
  await ann.page.getByText("You can go on writing").waitFor();
  await addNote(ann.page, 1, "Kept over the reload");
  ann.page.on("dialog", (dialog) => void dialog.accept());
  await ann.page.reload();
  service.state.offline = false;
  await until("stored", () => stored("Kept over the reload").length === 1);
});

test("an answer that got lost does not make a second note", async () => {
  const ann = await signedIn("Ann");
  await addNote(ann.page, 0, "Only once");
  await until("stored", () => stored("Only once").length === 1);
  const add = service.acknowledged.filter((one) => one.mt === "AddNote").at(-1)!;
  // The same request again, as after a connection that broke before the answer.
  await ann.page.evaluate(
    ([key, change]) => sessionStorage.setItem(key!, change!),
    ["berth.notes.outbox./example.com/team", JSON.stringify([{ ...add, src: undefined }])],
  );
  const before = service.acknowledged.length;
  await ann.page.reload();
  await until("sent again", () => service.acknowledged.length > before);
  assert.equal(stored("Only once").length, 1);
});

test("an update of the service reloads the page and keeps the login and what was not sent", async () => {
  const ann = await signedIn("Ann");
  service.state.offline = true;
  service.dropAll();
  await ann.page.getByText("You can go on writing").waitFor();
  await addNote(ann.page, 1, "Written before the update");
  service.state.build = "00010083";
  service.state.offline = false;
  await ann.page.waitForURL(/\/example\.com\/team\/00010083\/notes\.htm$/);
  await until("stored", () => stored("Written before the update").length === 1);
  await ann.page.locator(".note", { hasText: "Written before the update" }).waitFor();
  service.state.build = "";
});

test("a deleted note comes back by undo; colour and board are changed in place", async () => {
  const ann = await signedIn("Ann");
  await addNote(ann.page, 0, "Blue one");
  const note = ann.page.locator(".note", { hasText: "Blue one" });
  // A note that comes back is shown, not opened for writing.
  await note.hover();
  await note.getByRole("button", { name: "Delete note" }).click();
  await note.waitFor({ state: "detached" });
  await ann.page.getByRole("button", { name: "Undo" }).click();
  await note.waitFor();
  await note.hover();
  await note.getByRole("button", { name: "Blue", exact: true }).click();
  await ann.page.locator(".note.blue", { hasText: "Blue one" }).waitFor();
  await note.getByLabel("Move to").selectOption({ label: "Done" });
  await ann.page.locator(".column", { hasText: "Coffee machine" }).locator(".note", { hasText: "Blue one" }).waitFor();
  await note.hover();
  await note.getByRole("button", { name: "Delete note" }).click();
  await note.waitFor({ state: "detached" });
  await ann.page.getByRole("button", { name: "Undo" }).last().click();
  await note.waitFor();
});

test("a note is dragged to another board", async () => {
  const ann = await signedIn("Ann");
  await addNote(ann.page, 0, "Drag me");
  await ann.page.locator(".note", { hasText: "Drag me" }).dragTo(ann.page.locator(".column").nth(1), {
    targetPosition: { x: 100, y: 60 },
  });
  await ann.page.locator(".column").nth(1).locator(".note", { hasText: "Drag me" }).waitFor();
});

test("a file is attached, seen by others, and downloaded", async () => {
  const ann = await signedIn("Ann");
  const ben = await signedIn("Ben");
  await addNote(ann.page, 0, "With a plan");
  await ann.page
    .locator(".note", { hasText: "With a plan" })
    .locator("input[type=file]")
    .setInputFiles({ name: "plan ä.txt", mimeType: "text/plain", buffer: Buffer.from("three tents") });
  const link = ben.page.locator(".note", { hasText: "With a plan" }).getByRole("link", { name: /plan ä\.txt/ });
  await link.waitFor();
  const download = ben.page.waitForEvent("download");
  await link.click();
  assert.equal((await download).suggestedFilename(), "plan ä.txt");
});

test("the first board is made from the empty page, and an empty note leaves nothing behind", async () => {
  const empty = await startFakeNotes({ sample: false });
  const { page } = await openPage(browser, empty.url);
  await page.getByLabel("Your name").fill("Ann");
  await page.getByLabel("Password").fill("pwd");
  await page.keyboard.press("Enter");
  await page.getByText("No board yet").waitFor();
  await page.getByRole("button", { name: "Add board" }).click();
  await page.getByLabel("Title of the board").fill("Plans");
  await page.keyboard.press("Enter");
  await until("titled", () => [...empty.boards.values()].some((board) => board.title === "Plans"));
  await page.getByRole("button", { name: "Add note" }).click();
  await page.locator("textarea").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".note").waitFor({ state: "detached" });
  await until("nothing stored", () => empty.notes.size === 0);
  await empty.close();
});

test("in a portal's frame the login comes from the portal", { timeout: 60_000 }, async () => {
  // A real server on another origin: the browser does not let a made-up page frame a local address.
  const portal = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<iframe src="${service.url}?name=notes" width="900" height="600"></iframe><script>
      addEventListener("message", (event) => {
        const data = JSON.parse(event.data);
        if (data.mt === "getLogin") { window.frame = event.source; window.src = data.src; asked(data.challenge); }
      });</script>`);
  });
  await new Promise<void>((resolve) => portal.listen(0, "127.0.0.1", resolve));
  const context = await browser.newContext();
  const page = await context.newPage();
  let told: (challenge: string) => void = () => {};
  const challenge = new Promise<string>((resolve) => {
    told = resolve;
  });
  await page.exposeFunction("asked", (value: string) => told(value));
  await page.goto(`http://localhost:${(portal.address() as AddressInfo).port}/`);
  const names = { app: "notes", domain: "example.com", sip: "carla", guid: "1".repeat(32), dn: "Carla Ruiz" };
  const info = { groups: [] };
  const digest = createHash("sha256")
    .update([...Object.values(names), JSON.stringify(info), await challenge, "pwd"].join(":"))
    .digest("hex");
  await page.evaluate(
    (login) => {
      const around = window as unknown as { frame: Window; src: string };
      around.frame.postMessage(JSON.stringify({ mt: "Login", ...login, src: around.src, pbxObj: "notes" }), "*");
    },
    { ...names, info, digest, key: "" },
  );
  const frame = page.frameLocator("iframe");
  await frame.locator(".column").first().waitFor();
  await frame.locator(".people", { hasText: "Carla Ruiz" }).waitFor();
  await context.close();
  portal.close();
});

test("a wrong password is told", async () => {
  const { page } = await openPage(browser, service.url);
  await page.getByLabel("Your name").fill("Ann");
  await page.getByLabel("Password").fill("no");
  await page.keyboard.press("Enter");
  await page.getByText("This password is wrong").waitFor();
});
