// The fakes of dev/ as the tests see them. Loaded at run time, so that they are not bundled into each test.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

export interface FakeManager {
  port: number;
  url: string;
  state: { password: string; offline: boolean; build: string };
  world: { live(): void; onChange(message: object): void };
  dropAll(): void;
  /** As an admin elsewhere does. */
  set(name: string, value: string): void;
  close(): Promise<void>;
}

export interface FakeNotes {
  port: number;
  url: string;
  state: { password: string; offline: boolean; build: string };
  boards: Map<string, { id: string; title: string }>;
  notes: Map<string, { id: string; text: string; author: string; files: { name: string }[] }>;
  acknowledged: { mt: string; id: string; text?: string }[];
  dropAll(): void;
  close(): Promise<void>;
}

const load = (name: string) => import(pathToFileURL(resolve("dev", name)).href);

export const startFakeManager = async (options: object = {}): Promise<FakeManager> =>
  (await load("fake_manager.mjs")).startFakeManager({ stepMs: 60, lively: false, ...options });
export const startFakeNotes = async (options: object = {}): Promise<FakeNotes> =>
  (await load("fake_notes.mjs")).startFakeNotes(options);

/** Waits until `ready` holds; fails after half a minute with what was waited for. */
export async function until(what: string, ready: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await ready())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
