// What can be told of a log line without knowing its program: its severity, whether a filter lets it through.

export type Level = "error" | "warning" | "info";

export function levelOf(line: string): Level {
  if (/\b(ERROR|FATAL|PANIC|error:)\b/.test(line) || /\b(failed|crashed)\b/i.test(line)) return "error";
  if (/\bWARN(ING)?\b/i.test(line)) return "warning";
  return "info";
}

export interface LineFilter {
  text: string;
  regex: boolean;
  level: "" | "warning" | "error";
}

/** A test for lines, or what is wrong with the regular expression. */
export function makeFilter(filter: LineFilter): { test: (line: string) => boolean; error?: string } {
  const fitsLevel = (line: string) =>
    filter.level === "" || levelOf(line) === "error" || (filter.level === "warning" && levelOf(line) === "warning");
  if (!filter.text) return { test: fitsLevel };
  if (!filter.regex) {
    const wanted = filter.text.toLowerCase();
    return { test: (line) => fitsLevel(line) && line.toLowerCase().includes(wanted) };
  }
  try {
    const expression = new RegExp(filter.text, "i");
    return { test: (line) => fitsLevel(line) && expression.test(line) };
  } catch (error) {
    return { test: fitsLevel, error: error instanceof Error ? error.message : String(error) };
  }
}

export const kKeptLines = 5000;

/** Appends, and forgets the oldest above `kKeptLines`. */
export function appendLines(before: readonly string[], more: readonly string[]): string[] {
  return [...before, ...more].slice(-kKeptLines);
}
