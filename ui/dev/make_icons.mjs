// SVG → PNG for the icons that stores and app lists want (50×50, store 110×110). The PNGs are committed:
// run this only after changing a drawing. `node dev/make_icons.mjs`
import { readFile, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const icons = [
  ["kit/logo.svg", "manager/manager.png", 50],
  ["../apps/notes/ui/notes.svg", "../apps/notes/ui/notes.png", 50],
  ["../apps/notes/ui/notes.svg", "../apps/notes/notes.png", 110],
];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [from, to, size] of icons) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const svg = await readFile(from, "utf8");
  await page.setContent(
    `<style>html,body{margin:0;background:none}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
  );
  await writeFile(to, await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
