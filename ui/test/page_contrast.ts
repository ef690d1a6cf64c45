// The contrast of every text that a page shows, as the browser computed it (WCAG 2.2, criterion 1.4.3).
import type { Page } from "playwright-core";

/** Texts with less than 4.5:1 (3:1 from 24 px, or 18.66 px bold, on) against what lies behind them. */
export function poorContrasts(page: Page): Promise<string[]> {
  // A string: the bundler must not put its helpers into what runs in the page.
  return page.evaluate(`(() => {
    const parse = (color) => {
      const numbers = color.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
      const [r, g, b, a = 1] = color.startsWith("color(") ? [...numbers.slice(0, 3).map((n) => n * 255), numbers[3]] : numbers;
      return [r, g, b, a ?? 1];
    };
    const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
    const ground = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        const layer = parse(getComputedStyle(at).backgroundColor);
        if (layer[3] > 0) layers.push(layer);
        if (layer[3] === 1) break;
      }
      return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
    };
    const luminance = (color) =>
      color.slice(0, 3).map((n) => n / 255).map((n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4))
        .reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
    const found = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (!node.data.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      if (element.closest(".visually-hidden, noscript, .app-icon, option")) continue;
      const style = getComputedStyle(element);
      const below = ground(element);
      const [high, low] = [luminance(over(parse(style.color), below)), luminance(below)].sort((a, b) => b - a);
      const ratio = (high + 0.05) / (low + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) found.add(node.data.trim().slice(0, 40) + ": " + ratio.toFixed(2));
    }
    return [...found];
  })()`);
}
