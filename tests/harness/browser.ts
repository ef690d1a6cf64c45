// Debian's Chromium, driven by playwright-core.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { temporary_folder } from "./platform";

export const chromium_path = process.env["BERTH_CHROMIUM"] ?? "/usr/bin/chromium";
/** Where pictures go; without BERTH_SCREENSHOTS nowhere that lasts. */
export const pictures = process.env["BERTH_SCREENSHOTS"] ?? temporary_folder("berth-pictures");

export async function open_browser(): Promise<Browser> {
  if (!existsSync(chromium_path)) throw new Error(`there is no ${chromium_path}`);
  return chromium.launch({
    executablePath: chromium_path,
    headless: true,
    // Root cannot use Chromium's own sandbox; containers and small machines have little /dev/shm and no GPU.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"],
  });
}

/** A person: own cookies and storage; fails the test by `problems` if the page logs an error. */
export class Person {
  readonly problems: string[] = [];
  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    page.on("pageerror", (error) => this.problems.push(`exception: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(`console: ${message.text()}`);
    });
  }

  static async arrive(
    browser: Browser,
    options: { width?: number; height?: number; dark?: boolean; locale?: string } = {},
  ): Promise<Person> {
    const context = await browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
      colorScheme: options.dark ? "dark" : "light",
      locale: options.locale ?? "en-GB",
      reducedMotion: "reduce",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    return new Person(context, page);
  }

  async picture(name: string): Promise<void> {
    mkdirSync(pictures, { recursive: true });
    await this.page.mouse.move(0, 0);
    await this.page.screenshot({ path: join(pictures, `${name}.png`) });
  }
}
