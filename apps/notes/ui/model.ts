// The boards as the service has them, and as the user sees them: with the unanswered changes on top.
// A change that is refused is simply dropped from the list; nothing has to be taken back by hand.
import type { Board, Change, Indication, Note } from "./messages";

export interface Boards {
  boards: ReadonlyMap<string, Board>;
  notes: ReadonlyMap<string, Note>;
}

export const kNoBoards: Boards = { boards: new Map(), notes: new Map() };

const put = <V>(map: ReadonlyMap<string, V>, key: string, value: V) => new Map(map).set(key, value);
function without<V>(map: ReadonlyMap<string, V>, key: string): Map<string, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/** What the service tells, applied. A note older than the one at hand changes nothing. */
export function applyIndication(now: Boards, indication: Indication): Boards {
  switch (indication.mt) {
    case "BoardChanged":
      return { ...now, boards: put(now.boards, indication.board.id, indication.board) };
    case "BoardRemoved":
      return {
        boards: without(now.boards, indication.id),
        notes: new Map([...now.notes].filter(([, note]) => note.board !== indication.id)),
      };
    case "NoteChanged": {
      const { note } = indication;
      const known = now.notes.get(note.id);
      return known && known.revision > note.revision ? now : { ...now, notes: put(now.notes, note.id, note) };
    }
    case "NoteRemoved":
      return { ...now, notes: without(now.notes, indication.id) };
    default:
      return now;
  }
}

/** What a change will make of it, as far as the page can know: shown until the service answers. */
export function applyChange(now: Boards, change: Change, me: string, at = new Date().toISOString()): Boards {
  switch (change.mt) {
    case "AddBoard": {
      const { id, title, position } = change;
      return now.boards.has(id) ? now : { ...now, boards: put(now.boards, id, { id, title, position }) };
    }
    case "EditBoard": {
      const board = now.boards.get(change.id);
      if (!board) return now;
      const { mt: _, ...members } = change;
      return { ...now, boards: put(now.boards, change.id, { ...board, ...members }) };
    }
    case "RemoveBoard":
      return applyIndication(now, { mt: "BoardRemoved", id: change.id });
    case "AddNote": {
      if (now.notes.has(change.id)) return now;
      const { mt: _, ...members } = change;
      const note = {
        ...members,
        author: me,
        createdAt: at,
        changedBy: me,
        changedAt: at,
        revision: 0,
        files: [],
      };
      return { ...now, notes: put(now.notes, change.id, note) };
    }
    case "EditNote": {
      const note = now.notes.get(change.id);
      if (!note) return now;
      const { mt: _, ...members } = change;
      return { ...now, notes: put(now.notes, change.id, { ...note, ...members, changedBy: me, changedAt: at }) };
    }
    case "RemoveNote":
      return { ...now, notes: without(now.notes, change.id) };
    case "RemoveFile":
      return {
        ...now,
        notes: new Map(
          [...now.notes].map(([id, note]) => [
            id,
            { ...note, files: note.files.filter((file) => file.id !== change.id) },
          ]),
        ),
      };
    case "RestoreBoard":
    case "RestoreNote":
      return now; // only the service still has them
  }
}

/** The list with one more change. Edits of the same thing that wait together go as one. */
export function addChange(waiting: readonly Change[], change: Change, inFlight: Change | undefined): Change[] {
  const last = waiting.at(-1);
  const mergeable = change.mt === "EditNote" || change.mt === "EditBoard";
  if (last && last !== inFlight && mergeable && last.mt === change.mt && last.id === change.id)
    return [...waiting.slice(0, -1), { ...last, ...change }];
  return [...waiting, change];
}

export function sortedBoards(now: Boards): Board[] {
  return [...now.boards.values()].sort((a, b) => a.position - b.position || a.id.localeCompare(b.id));
}

export function notesOf(now: Boards, board: string): Note[] {
  return [...now.notes.values()]
    .filter((note) => note.board === board)
    .sort((a, b) => a.position - b.position || a.id.localeCompare(b.id));
}

/** A position that puts something in front of element `index` of a sorted list. */
export function positionAt(sorted: readonly { position: number }[], index: number): number {
  const before = sorted[index - 1]?.position;
  const after = sorted[index]?.position;
  if (before === undefined) return after === undefined ? 0 : after - 1;
  return after === undefined ? before + 1 : (before + after) / 2;
}
