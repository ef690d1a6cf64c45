// WCAG 2.2 AA, criterion 1.4.3 (4.5:1 for text) and 1.4.11 (3:1 for controls and marks), for every pair that is used.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const source = readFileSync("kit/css/tokens.css", "utf8");
const notes = readFileSync("../apps/notes/ui/notes.css", "utf8");

function tokens(css: string, selector: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const block of css.split(selector).slice(1)) {
    const body = block.slice(block.indexOf("{") + 1, block.indexOf("}"));
    if (!block.trimStart().startsWith("{")) continue;
    for (const [, name, value] of body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)) found[name!] = value!;
  }
  return found;
}
const light = { ...tokens(source, ":root"), ...tokens(notes, ":root") };
const dark = { ...tokens(source, ':root[data-theme="dark"]'), ...tokens(notes, ':root[data-theme="dark"]') };

function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const grounds = ["canvas", "panel", "sunken", "hover"];
const pairs: [front: string, back: string, least: number][] = [
  ...grounds.flatMap((ground): [string, string, number][] => [
    ["text", ground, 4.5],
    ["muted", ground, 4.5],
    ["accent", ground, 4.5],
    ["bad", ground, 4.5],
  ]),
  ["warn", "panel", 4.5],
  ["warn", "canvas", 4.5],
  ["warn", "hover", 3],
  ["ok", "panel", 4.5],
  ["on-accent", "accent", 4.5],
  ["on-accent", "accent-strong", 4.5],
  ["accent", "accent-soft", 4.5],
  ["ok", "ok-soft", 4.5],
  ["warn", "warn-soft", 4.5],
  ["bad", "bad-soft", 4.5],
  ["line-strong", "panel", 3],
  ["idle", "panel", 3],
  ["idle", "canvas", 3],
  ["panel", "bad", 4.5],
  ...["yellow", "green", "blue", "pink", "violet", "grey"].flatMap((paper): [string, string, number][] => [
    ["text", paper, 4.5],
    ["accent", paper, 4.5],
  ]),
];

for (const [theme, values] of [
  ["light", light],
  ["dark", dark],
] as const)
  test(`${theme}: every pair of colours has its contrast`, () => {
    const poor = pairs
      .map(([front, back, least]) => ({
        pair: `${front} on ${back}`,
        ratio: contrast(values[front]!, values[back]!),
        least,
      }))
      .filter(({ ratio, least }) => !(ratio >= least));
    assert.deepEqual(poor, []);
  });
