// What a user chose for this browser: theme, density, language. Kept in localStorage.
import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export type Density = "comfortable" | "compact";

function kept<T extends string>(name: string, choices: readonly T[], fallback: T) {
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(`berth.${name}`);
  } catch {
    // storage may be forbidden (private mode, sandboxed frame): the choice then lasts for the page
  }
  const value = signal<T>(choices.find((choice) => choice === stored) ?? fallback);
  value.subscribe((now) => {
    try {
      localStorage.setItem(`berth.${name}`, now);
    } catch {
      // as above
    }
  });
  return value;
}

const asked = new URLSearchParams(globalThis.location?.search ?? "");
const browserLanguage = globalThis.navigator?.language?.startsWith("de") ? "de" : "en";
const parentScheme = asked.get("scheme");

export const theme = kept<Theme>(
  "theme",
  ["system", "light", "dark"],
  parentScheme === "dark" || parentScheme === "light" ? parentScheme : "system",
);
export const density = kept<Density>("density", ["comfortable", "compact"], "comfortable");
export const language = kept<"en" | "de">(
  "language",
  ["en", "de"],
  asked.get("lang")?.startsWith("de") ? "de" : browserLanguage,
);

/** The language with the reader's own region where that fits: 24-hour clocks and day-first dates for en-GB. */
export function locale(): string {
  const own = globalThis.navigator?.language ?? "";
  return own.split("-")[0] === language.value ? own : language.value;
}

/** Keeps the attributes of <html> (which the style sheets ask for) as chosen. */
export function applySettings(): void {
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const dark = signal(systemDark.matches);
  systemDark.addEventListener("change", () => {
    dark.value = systemDark.matches;
  });
  effect(() => {
    const shown = theme.value === "system" ? (dark.value ? "dark" : "light") : theme.value;
    root.dataset["theme"] = shown;
    root.dataset["density"] = density.value;
    root.lang = language.value;
  });
}
