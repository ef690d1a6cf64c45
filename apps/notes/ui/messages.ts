// What the page and the service say to each other: apps/notes/README.md.

export const kColors = ["yellow", "green", "blue", "pink", "violet", "grey"] as const;
export type Color = (typeof kColors)[number];

export interface Board {
  id: string;
  title: string;
  position: number;
}

export interface NoteFile {
  id: string;
  name: string;
  type: string;
  size: number;
}

export interface Note {
  id: string;
  board: string;
  text: string;
  color: Color;
  position: number;
  author: string;
  createdAt: string;
  changedBy: string;
  changedAt: string;
  revision: number;
  files: NoteFile[];
}

export interface Person {
  session: string;
  name: string;
  note?: string;
}

export interface SubscribeResult {
  session: string;
  key: string;
  files: string;
  people: Person[];
  limits: { text: number; title: number; file: number };
}

export type Indication =
  | { mt: "BoardChanged"; board: Board }
  | { mt: "BoardRemoved"; id: string }
  | { mt: "NoteChanged"; note: Note }
  | { mt: "NoteRemoved"; id: string }
  | { mt: "PeopleChanged"; people: Person[] };

/** Changes a user makes: sent in this order, one after the other, and again if their answer got lost. */
export type Change =
  | { mt: "AddBoard"; id: string; title: string; position: number }
  | { mt: "EditBoard"; id: string; title?: string; position?: number }
  | { mt: "RemoveBoard"; id: string }
  | { mt: "RestoreBoard"; id: string }
  | { mt: "AddNote"; id: string; board: string; text: string; color: Color; position: number }
  | { mt: "EditNote"; id: string; text?: string; color?: Color; board?: string; position?: number }
  | { mt: "RemoveNote"; id: string }
  | { mt: "RestoreNote"; id: string }
  | { mt: "RemoveFile"; id: string };
