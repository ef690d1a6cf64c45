// The page's session: login, subscription, and the outbox that loses nothing.
import { computed, signal } from "@preact/signals";
import {
  AppWebsocket,
  ConnectionLost,
  type Credentials,
  instancePath,
  RequestFailed,
} from "../../../ui/kit/appwebsocket";
import { showToast } from "../../../ui/kit/components/toast";
import type { Board, Change, Indication, Note, Person, SubscribeResult } from "./messages";
import { addChange, applyChange, applyIndication, type Boards, kNoBoards } from "./model";
import { t } from "./texts";

const page = globalThis.location?.href ?? "http://localhost/";
const kOutbox = `berth.notes.outbox.${instancePath(page)}`;
const kPassword = `berth.notes.password.${instancePath(page)}`;
export const appName = new URL(page).searchParams.get("name") ?? "notes";
export const inPortal = typeof window !== "undefined" && window.parent !== window;

export const link = new AppWebsocket(page);
export const signedIn = signal(false);
export const myName = signal("");
export const people = signal<Person[]>([]);
export const session = signal<SubscribeResult | undefined>(undefined);

const server = signal<Boards>(kNoBoards);
const outbox = signal<readonly Change[]>(readOutbox());
let inFlight: Change | undefined;
let current = false;

/** What the user sees. */
export const boards = computed(() =>
  outbox.value.reduce((now, change) => applyChange(now, change, myName.value), server.value),
);
/** Ids of boards and notes whose last change is not yet acknowledged. */
export const unsaved = computed(() => new Set(outbox.value.map((change) => change.id)));
/** The first whole picture has arrived. */
export const loaded = signal(false);

function readOutbox(): Change[] {
  try {
    return JSON.parse(sessionStorage.getItem(kOutbox) ?? "[]") as Change[];
  } catch {
    return []; // no storage in this frame, or another version's list
  }
}

outbox.subscribe((waiting) => {
  try {
    if (waiting.length) sessionStorage.setItem(kOutbox, JSON.stringify(waiting));
    else sessionStorage.removeItem(kOutbox);
  } catch {
    // no storage in this frame: then a reload warns, see below
  }
});

// Closing the tab would lose what waits, so the browser asks. A reload of our own keeps it: no question.
let reloads = false;
link.onReload = () => {
  reloads = true;
};
if (typeof window !== "undefined")
  window.addEventListener("beforeunload", (event) => {
    if (outbox.value.length && !reloads) event.preventDefault();
  });

export function change(one: Change): void {
  outbox.value = addChange(outbox.value, one, inFlight);
  void flush();
}

/** Sends the oldest change and waits for its answer, until none is left or the connection is lost. */
async function flush(): Promise<void> {
  if (inFlight || !current) return;
  for (;;) {
    const next = outbox.value[0];
    if (!next || !current) return;
    inFlight = next;
    try {
      const { mt, ...members } = next;
      const answer = await link.request<{ note?: Note; board?: Board }>(mt, members);
      if (answer.note) apply({ mt: "NoteChanged", note: answer.note });
      if (answer.board) apply({ mt: "BoardChanged", board: answer.board });
      outbox.value = outbox.value.slice(1);
    } catch (error) {
      if (error instanceof ConnectionLost) return; // stays first in the list, goes again after the next login
      const unavailable = error instanceof RequestFailed && error.code === "unavailable";
      showToast({ tone: unavailable ? "warn" : "bad", text: (error as Error).message });
      if (unavailable) {
        setTimeout(() => void flush(), 2_000);
        return;
      }
      outbox.value = outbox.value.slice(1);
    } finally {
      inFlight = undefined;
    }
  }
}

function apply(indication: Indication): void {
  if (indication.mt === "PeopleChanged") people.value = indication.people;
  else server.value = applyIndication(server.value, indication);
}

link.onOpen = () => {
  signedIn.value = true;
  void subscribe();
};

async function subscribe(): Promise<void> {
  try {
    const early: Indication[] = [];
    let ready = false;
    const { answer } = await link.subscribe<SubscribeResult>("Subscribe", {}, (message) => {
      const indication = message as unknown as Indication;
      if (ready) apply(indication);
      else early.push(indication);
    });
    session.value = answer;
    people.value = answer.people;
    const { boards: list } = await link.request<{ boards: Board[] }>("GetBoards");
    const notes: Note[] = [];
    const last = await link.request<{ notes: Note[] }>("GetNotes", {}, (part: { notes: Note[] }) => {
      notes.push(...part.notes);
    });
    notes.push(...last.notes);
    server.value = {
      boards: new Map(list.map((board) => [board.id, board])),
      notes: new Map(notes.map((note) => [note.id, note])),
    };
    for (const indication of early) apply(indication);
    ready = true;
    loaded.value = true;
    current = true;
    void flush();
  } catch (error) {
    if (!(error instanceof ConnectionLost)) showToast({ tone: "bad", text: (error as Error).message });
  }
}

link.state.subscribe((state) => {
  if (state.name !== "open") current = false;
  if (state.name === "refused") {
    signedIn.value = false;
    forget();
  }
});

const kName = "berth.notes.name";
export function rememberedName(): string {
  try {
    return localStorage.getItem(kName) ?? "";
  } catch {
    return "";
  }
}

export function signIn(name: string, password: string): void {
  myName.value = name;
  try {
    localStorage.setItem(kName, name);
    sessionStorage.setItem(kPassword, password);
  } catch {
    // storage forbidden: signed in for as long as the page lives
  }
  link.connect({ kind: "password", app: appName, dn: name, password });
}

function forget(): void {
  try {
    sessionStorage.removeItem(kPassword);
  } catch {
    // nothing was kept then
  }
}

export function signOut(): void {
  forget();
  link.close();
  signedIn.value = false;
  loaded.value = false;
}

/** Logs in by what is around: a portal, or what this tab still knows. */
export function start(): void {
  if (inPortal) {
    const credentials: Credentials = { kind: "parent", app: appName };
    myName.value = t("me");
    link.connect(credentials);
    return;
  }
  let password: string | null = null;
  try {
    password = sessionStorage.getItem(kPassword);
  } catch {
    // ask then
  }
  const name = rememberedName();
  if (password !== null && name) signIn(name, password);
}

let writing: string | undefined;
/** Tells the others which note I am in. Only a courtesy: lost if offline. */
export function setWriting(note: string | undefined): void {
  if (writing === note) return;
  writing = note;
  link.request("SetWriting", note ? { note } : {}).catch(() => undefined);
}
