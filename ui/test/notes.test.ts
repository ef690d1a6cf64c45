// What the notes page shows while changes are on their way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { initials } from "../../apps/notes/ui/head";
import type { Change, Note } from "../../apps/notes/ui/messages";
import {
  addChange,
  applyChange,
  applyIndication,
  type Boards,
  kNoBoards,
  notesOf,
  positionAt,
} from "../../apps/notes/ui/model";
import { splitLinks } from "../../apps/notes/ui/note_text";

const note = (id: string, more: Partial<Note> = {}): Note => ({
  id,
  board: "b",
  text: "",
  color: "yellow",
  position: 0,
  author: "Ann",
  createdAt: "",
  changedBy: "Ann",
  changedAt: "",
  revision: 1,
  files: [],
  ...more,
});
const start: Boards = {
  boards: new Map([["b", { id: "b", title: "Board", position: 0 }]]),
  notes: new Map([["n", note("n")]]),
};

test("an unanswered change shows at once, and vanishes when it is dropped from the list", () => {
  const changes: Change[] = [
    { mt: "AddNote", id: "new", board: "b", text: "hello", color: "blue", position: 1 },
    { mt: "EditNote", id: "new", text: "hello world" },
    { mt: "RemoveNote", id: "n" },
  ];
  const shown = changes.reduce((now, change) => applyChange(now, change, "me"), start);
  assert.equal(shown.notes.get("new")?.text, "hello world");
  assert.equal(shown.notes.get("new")?.author, "me");
  assert.equal(shown.notes.has("n"), false);
  assert.equal(start.notes.has("n"), true);
});

test("the service's note stays if a change adds the same id again", () => {
  const shown = applyChange(
    start,
    { mt: "AddNote", id: "n", board: "b", text: "again", color: "blue", position: 1 },
    "me",
  );
  assert.equal(shown.notes.get("n")?.text, "");
});

test("an older revision does not overwrite a newer one", () => {
  const newer = applyIndication(start, { mt: "NoteChanged", note: note("n", { revision: 5, text: "new" }) });
  const late = applyIndication(newer, { mt: "NoteChanged", note: note("n", { revision: 4, text: "old" }) });
  assert.equal(late.notes.get("n")?.text, "new");
});

test("a removed board takes its notes along", () => {
  const shown = applyIndication(start, { mt: "BoardRemoved", id: "b" });
  assert.equal(shown.boards.size + shown.notes.size, 0);
});

test("edits that wait together go as one, but never with the one on its way", () => {
  const first: Change = { mt: "EditNote", id: "n", text: "a" };
  const merged = addChange([first], { mt: "EditNote", id: "n", text: "ab", color: "pink" }, undefined);
  assert.deepEqual(merged, [{ mt: "EditNote", id: "n", text: "ab", color: "pink" }]);
  assert.equal(addChange([first], { mt: "EditNote", id: "n", text: "ab" }, first).length, 2);
  assert.equal(addChange([first], { mt: "EditNote", id: "other", text: "x" }, undefined).length, 2);
});

test("a place between two notes is between their positions", () => {
  const list = [{ position: 1 }, { position: 2 }, { position: 4 }];
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => positionAt(list, index)),
    [0, 1.5, 3, 5],
  );
  assert.equal(positionAt([], 0), 0);
});

test("notes with one position have one order everywhere", () => {
  const notes = new Map([
    ["y", note("y")],
    ["x", note("x")],
  ]);
  assert.deepEqual(
    notesOf({ ...kNoBoards, notes }, "b").map((one) => one.id),
    ["x", "y"],
  );
});

test("addresses in a text become links, without the full stop behind them", () => {
  assert.deepEqual(splitLinks("see https://example.com/a?b=1, or (http://x.org)."), [
    { text: "see " },
    { text: "https://example.com/a?b=1", href: "https://example.com/a?b=1" },
    { text: ", or (" },
    { text: "http://x.org", href: "http://x.org" },
    { text: ")." },
  ]);
  assert.deepEqual(splitLinks("javascript:alert(1)"), [{ text: "javascript:alert(1)" }]);
});

test("initials come from the first and the last word", () => {
  assert.deepEqual(["Anna Berg", "rico", "Anna van Berg", ""].map(initials), ["AB", "RI", "AB", "?"]);
});
