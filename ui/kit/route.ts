// Every state of the page has an address: `#/part/part?name=value`.
import { signal } from "@preact/signals";

export interface Route {
  /** Decoded parts of the path; empty for the start page. */
  path: string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decode),
    query: new URLSearchParams(query),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a "%" that somebody typed
  }
}

export function formatRoute(path: string[], query: Record<string, string | undefined> = {}): string {
  // "@" may stand in a fragment as it is (RFC 3986 section 3.5) and reads better.
  const parts = path.map((part) => encodeURIComponent(part).replace(/%40/g, "@"));
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) params.set(name, value);
  const text = params.toString();
  return `#/${parts.join("/")}${text ? `?${text}` : ""}`;
}

export const route = signal<Route>(parseRoute(globalThis.location?.hash ?? ""));

if (typeof window !== "undefined") {
  window.addEventListener("hashchange", () => {
    route.value = parseRoute(location.hash);
  });
}

export function go(address: string): void {
  location.hash = address;
}

/** Changes query values of this address without a new entry in the history. */
export function setQuery(values: Record<string, string | undefined>): void {
  const query = Object.fromEntries(route.value.query);
  history.replaceState(null, "", formatRoute(route.value.path, { ...query, ...values }));
  route.value = parseRoute(location.hash);
}
