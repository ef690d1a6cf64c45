// The page's one AppWebsocket to the manager, the subscription that keeps `platform` current, and typed requests.
import { batch, effect, signal } from "@preact/signals";
import { AppWebsocket, ConnectionLost } from "../kit/appwebsocket";
import { showToast } from "../kit/components/toast";
import type { Indications, Requests, SubscribeResult } from "./api";
import { sample } from "./history";
import { fromSnapshot, platform, reduce } from "./platform";
import { t } from "./texts";

const kKept = "berth.manager.password";

export const link = new AppWebsocket(globalThis.location?.href ?? "http://localhost/");

/** True once a login worked: from then on a loss shows a banner, not the login page. */
export const signedIn = signal(false);

/** Typed but not yet proven while the page had to be loaded anew. */
const kHandover = "berth.manager.handover";

let candidate: { password: string; keep: boolean } | undefined;

link.onReload = () => {
  if (candidate && !signedIn.value) sessionStorage.setItem(kHandover, JSON.stringify(candidate));
};

link.onOpen = () => {
  signedIn.value = true;
  if (candidate) keepPassword(candidate.keep ? candidate.password : undefined);
  void subscribe();
};

async function subscribe(): Promise<void> {
  // Several indications of one moment are applied in one go.
  let waiting: Indications[keyof Indications][] = [];
  const apply = () => {
    const arrived = waiting;
    waiting = [];
    if (!platform.value) return;
    platform.value = arrived.reduce(reduce, platform.value);
    sample(platform.value);
  };
  try {
    const { answer } = await link.subscribe<SubscribeResult>(
      "Subscribe",
      { topics: ["status", "services", "instances", "jobs", "store"] },
      (message) => {
        if (waiting.length === 0) queueMicrotask(apply);
        waiting.push(message as unknown as Indications[keyof Indications]);
      },
    );
    batch(() => {
      platform.value = fromSnapshot(answer);
      sample(platform.value);
    });
  } catch (error) {
    if (!(error instanceof ConnectionLost)) fail(error);
  }
}

export function signIn(password: string, keep: boolean): void {
  candidate = { password, keep };
  link.connect({ kind: "password", app: "manager", dn: "Admin", password });
}

export function signOut(): void {
  keepPassword(undefined);
  link.close();
  signedIn.value = false;
  platform.value = undefined;
}

/** Logs in again after a reload of this tab. The password stays in the tab's own storage, never on disk. */
export function resume(): boolean {
  const handover = sessionStorage.getItem(kHandover);
  sessionStorage.removeItem(kHandover);
  if (handover !== null) {
    const { password, keep } = JSON.parse(handover) as { password: string; keep: boolean };
    signIn(password, keep);
    return true;
  }
  const password = sessionStorage.getItem(kKept);
  if (password === null) return false;
  signIn(password, true);
  return true;
}

function keepPassword(password: string | undefined): void {
  if (password === undefined) sessionStorage.removeItem(kKept);
  else sessionStorage.setItem(kKept, password);
}

/** The password changed: the next reconnect needs the new one. */
export function useNewPassword(password: string): void {
  signIn(password, sessionStorage.getItem(kKept) !== null);
}

effect(() => {
  // The password was changed by somebody else meanwhile: back to the login page.
  if (link.state.value.name === "refused") {
    signedIn.value = false;
    keepPassword(undefined);
  }
});

export type Members<K extends keyof Requests> = Omit<Requests[K]["request"], "mt" | "src">;

/** One request to the manager. Rejects with `RequestFailed` or `ConnectionLost`. */
export function ask<K extends keyof Requests>(mt: K, members: Members<K>): Promise<Requests[K]["answer"]> {
  return link.request<Requests[K]["answer"]>(mt, members);
}

/** The platform's text as a sentence; a name at its front keeps its letters. */
export function asSentence(text: string): string {
  return /^[a-z]+ /.test(text) ? text[0]!.toUpperCase() + text.slice(1) : text;
}

/** Shows why something did not work. */
export function fail(error: unknown): void {
  const text =
    error instanceof ConnectionLost ? t("error.connection") : error instanceof Error ? error.message : String(error);
  showToast({ tone: "bad", text: asSentence(text) });
}

/** Does `work`; a failure is shown. True if it worked. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
}
